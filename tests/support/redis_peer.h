/* A connection to Redis and its peer, which the test plays, in one thread with a clock that the test moves. */
#ifndef HERMES_SSE_TESTS_REDIS_PEER_H
#define HERMES_SSE_TESTS_REDIS_PEER_H
#include "assertions.h"
#include "memory.h"
#include "redis/connection.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <hermes_sse/redis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PEER_WATCHED = 8, PEER_TURNS = 400 };

typedef struct peer {
  memory memory;
  hermes_sse_environment env;
  hermes_sse__url url;
  hermes_sse__connection_options options;
  hermes_sse__connection *connection;
  uint64_t now, next;

  int listener, port;
  int kept_port; /* bound to it, so that while nobody listens there no other program does */
  int fd;        /* the accepted one; -1: none */

  struct {
    int fd, events;
  } watched[PEER_WATCHED];
  int n_watched, refuse_watch; /* so manieth call of watch from now fails */

  int ups, downs, was_up;
  char why[400];
  char replies[4096]; /* texts and numbers, each with a blank */
  size_t n_replies;
  const char *say_when_up; /* one word */
  const char *say_back;    /* one word, for each reply */
  int drop_when_up, drop_at_reply;
  int asked; /* times that the host was asked for addresses */
  int (*resolve)(struct peer *p);
} peer;

static inline int peer_watch(int fd, int was, int want, void *user)
{
  peer *p = user;
  int i = 0;

  while (i < p->n_watched && p->watched[i].fd != fd)
    i++;
  ck_assert_int_ne(was, want);
  ck_assert_int_eq(was, i < p->n_watched ? p->watched[i].events : 0);
  ck_assert_int_ge(fcntl(fd, F_GETFD), 0); /* not closed yet */
  if (want && p->refuse_watch > 0 && --p->refuse_watch == 0)
    return -1;
  if (i == p->n_watched) {
    ck_assert_int_lt(i, PEER_WATCHED);
    p->n_watched++;
  }
  p->watched[i].fd = fd;
  p->watched[i].events = want;
  if (!want)
    p->watched[i] = p->watched[--p->n_watched];
  return 0;
}

static inline int peer_resolve(hermes_sse__connection *c, const char *host, uint16_t port, void *user)
{
  peer *p = user;

  ck_assert_ptr_eq(c, p->connection);
  ck_assert_str_eq(host, p->url.host);
  ck_assert_uint_eq(port, p->url.port);
  p->asked++;
  return p->resolve(p);
}

static inline void peer_up(hermes_sse__connection *c, void *user)
{
  peer *p = user;

  p->ups++;
  ck_assert_int_eq(hermes_sse__connection_is_up(c), 1);
  if (p->say_when_up)
    (void)hermes_sse__connection_say(c, (const char *[]){ p->say_when_up, NULL });
  if (p->drop_when_up)
    hermes_sse__connection_drop(c, "dropped when up");
}

static inline void peer_reply(hermes_sse__connection *c, const hermes_sse__reply *reply, void *user)
{
  peer *p = user;

  if (p->n_replies + 64 < sizeof p->replies)
    p->n_replies += (size_t)(reply->text ? snprintf(p->replies + p->n_replies, 64, "%.50s ", reply->text)
                                         : snprintf(p->replies + p->n_replies, 64, "%lld ", (long long)reply->integer));
  if (p->say_back)
    ck_assert_int_eq(hermes_sse__connection_say(c, (const char *[]){ p->say_back, NULL }), HERMES_SSE_OK);
  if (p->drop_at_reply > 0 && --p->drop_at_reply == 0) {
    hermes_sse__connection_drop(c, "dropped at a reply");
    hermes_sse__connection_drop(c, "and again");
    ck_assert_int_eq(hermes_sse__connection_say(c, (const char *[]){ "X", NULL }), HERMES_SSE_ERR_STATE);
  }
}

static inline void peer_down(hermes_sse__connection *c, int was_up, const char *why, void *user)
{
  peer *p = user;

  p->downs++;
  p->was_up = was_up;
  snprintf(p->why, sizeof p->why, "%s", why);
  ck_assert_ptr_null(strchr(why, '\n'));
  ck_assert_int_eq(p->n_watched, 0);
  ck_assert_int_eq(hermes_sse__connection_is_up(c), 0);
  ck_assert_int_eq(hermes_sse__connection_say(c, (const char *[]){ "X", NULL }), HERMES_SSE_ERR_STATE);
  hermes_sse__connection_drop(c, "nothing to drop");
}

/* ---- the peer ---- */

/* The socket, of the peer's port or a free one; -1: no such address, or the port is taken. */
static inline int peer_bind(peer *p, const char *address)
{
  struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)p->port) };
  struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)p->port) };
  int six = strchr(address, ':') != NULL, on = 1, fd;
  struct sockaddr *at = six ? (struct sockaddr *)&ipv6 : (struct sockaddr *)&ipv4;
  socklen_t len = six ? sizeof ipv6 : sizeof ipv4;

  inet_pton(at->sa_family, address, six ? (void *)&ipv6.sin6_addr : (void *)&ipv4.sin_addr);
  fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, at, len) < 0) {
    close(fd);
    return -1;
  }
  ck_assert_int_eq(getsockname(fd, at, &len), 0);
  p->port = ntohs(six ? ipv6.sin6_port : ipv4.sin_port);
  return fd;
}

/* On `address` ("127.0.0.1", "::1"), a free port; 0: this machine has no such address. */
static inline int peer_listen(peer *p, const char *address)
{
  if (p->kept_port < 0)
    p->kept_port = peer_bind(p, address);
  p->listener = peer_bind(p, address);
  if (p->listener < 0)
    return 0;
  ck_assert_int_eq(listen(p->listener, 8), 0);
  return 1;
}

static inline void peer_stop_listening(peer *p)
{
  if (p->listener >= 0)
    close(p->listener);
  p->listener = -1;
}

static inline void peer_init(peer *p)
{
  memset(p, 0, sizeof *p);
  p->fd = p->listener = p->kept_port = -1;
  p->now = 1000;
  memory_init(&p->memory);
  p->env = memory_environment(&p->memory);
  p->options = (hermes_sse__connection_options){ .env = &p->env,
                                                 .url = &p->url,
                                                 .role = "tests",
                                                 .max_reply_bytes = 1 << 20,
                                                 .max_pending_bytes = 1 << 20,
                                                 .connect_ms = 5000,
                                                 .retry_min_ms = 100,
                                                 .retry_max_ms = 1000,
                                                 .random = 7,
                                                 .user = p,
                                                 .watch = peer_watch,
                                                 .up = peer_up,
                                                 .reply = peer_reply,
                                                 .down = peer_down };
}

/* A connection to `format` with the port in it; allocations may fail later, not here. */
static inline void peer_connection(peer *p, const char *format)
{
  char text[256];

  snprintf(text, sizeof text, format, p->port);
  ck_assert_msg(hermes_sse__url_parse(&p->env, text, &p->url) == HERMES_SSE_OK, "%s", p->memory.last_log);
  ck_assert_int_eq(hermes_sse__connection_new(&p->options, &p->connection), HERMES_SSE_OK);
}

/* Both, and the peer listens; `name`: the client's, may be NULL. */
static inline void peer_open_named(peer *p, const char *name, const char *format)
{
  peer_init(p);
  p->options.client_name = name;
  ck_assert_int_eq(peer_listen(p, "127.0.0.1"), 1);
  peer_connection(p, format);
}

static inline void peer_open(peer *p, const char *format)
{
  peer_open_named(p, NULL, format);
}

static inline void peer_hang_up(peer *p)
{
  if (p->fd >= 0)
    close(p->fd);
  p->fd = -1;
}

/* So that the connection gets ECONNRESET and not the end of it. */
static inline void peer_reset(peer *p)
{
  struct linger at_once = { .l_onoff = 1 };

  setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  peer_hang_up(p);
}

static inline void peer_clear(peer *p)
{
  hermes_sse__connection_free(p->connection);
  ck_assert_int_eq(p->n_watched, 0);
  hermes_sse__url_clear(&p->env, &p->url);
  peer_hang_up(p);
  peer_stop_listening(p);
  if (p->kept_port >= 0)
    close(p->kept_port);
  ck_assert_uint_eq(p->memory.live_blocks, 0);
}

/* ---- turns ---- */

static inline void peer_run(peer *p)
{
  p->next = hermes_sse__connection_run(p->connection, p->now);
  ck_assert_uint_ge(p->next, p->now);
}

/* What is ready now, then a run; waits up to `wait_ms` of real time for something. */
static inline int peer_turn(peer *p, int wait_ms)
{
  struct pollfd fds[PEER_WATCHED];
  int n = p->n_watched, ready;

  for (int i = 0; i < n; i++)
    fds[i] = (struct pollfd){ .fd = p->watched[i].fd,
                              .events = (short)((p->watched[i].events & HERMES_SSE_READ ? POLLIN : 0) |
                                                (p->watched[i].events & HERMES_SSE_WRITE ? POLLOUT : 0)) };
  ready = poll(fds, (nfds_t)n, wait_ms);
  for (int i = 0; i < n && ready > 0; i++) {
    int events = (fds[i].revents & (POLLIN | POLLHUP | POLLERR) ? HERMES_SSE_READ : 0) |
                 (fds[i].revents & POLLOUT ? HERMES_SSE_WRITE : 0);

    if (events)
      (void)hermes_sse__connection_ready(p->connection, p->now, fds[i].fd, events);
  }
  peer_run(p);
  return ready > 0;
}

/* Turns until nothing more happens. */
static inline void peer_settle(peer *p)
{
  peer_run(p);
  for (int i = 0; i < PEER_TURNS && peer_turn(p, 20); i++)
    ;
}

#define PEER_UNTIL(p, condition)                                                                                       \
  do {                                                                                                                 \
    int turns_ = 0, done_;                                                                                             \
    while (!(done_ = (condition)) && turns_++ < PEER_TURNS)                                                            \
      peer_turn(p, 5);                                                                                                 \
    ck_assert_msg(done_, "%s; why: %s", #condition, (p)->why);                                                         \
  } while (0)

/* 1 when the connection has come. */
static inline int peer_accept(peer *p)
{
  struct pollfd come = { .fd = p->listener, .events = POLLIN };
  int on = 1;

  if (p->fd < 0 && poll(&come, 1, 0) > 0) {
    p->fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return p->fd >= 0;
}

static inline void peer_send(peer *p, const void *bytes, size_t len)
{
  const char *at = bytes;

  for (int i = 0; len > 0 && i < PEER_TURNS; i++) {
    ssize_t n = send(p->fd, at, len, MSG_NOSIGNAL);

    if (n > 0) {
      at += n;
      len -= (size_t)n;
    } else {
      peer_turn(p, 5);
    }
  }
  ck_assert_uint_eq(len, 0);
}

static inline void peer_say(peer *p, const char *text)
{
  peer_send(p, text, strlen(text));
}

/* What comes is exactly this. */
static inline void peer_expect(peer *p, const char *text)
{
  size_t len = strlen(text), got = 0;
  char *buf = calloc(1, len + 1);

  ck_assert_ptr_nonnull(buf);
  for (int i = 0; got < len && i < PEER_TURNS; i++) {
    ssize_t n = recv(p->fd, buf + got, len - got, 0);

    if (n > 0)
      got += (size_t)n;
    else
      peer_turn(p, 5);
  }
  ck_assert_str_eq(buf, text);
  free(buf);
}

/* To the end of a greeting without AUTH and SELECT. */
static inline void peer_greet(peer *p)
{
  int ups = p->ups;

  PEER_UNTIL(p, peer_accept(p));
  PEER_UNTIL(p, p->ups == ups + 1);
}

#endif
