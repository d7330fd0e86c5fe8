/* The parts of the epoll host that know the library: a client's head and writes, and one turn of the loop. The benchmark
 * (tests/bench) drives these same functions. */
#ifndef HERMES_SSE_EXAMPLES_EPOLL_H
#define HERMES_SSE_EXAMPLES_EPOLL_H
#include <errno.h>
#include <hermes_sse/hermes_sse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct host {
  int epoll, server;
  int full; /* out of descriptors: clients wait in the backlog */
  const char *topic;
  hermes_sse_hub *hub;
  uint64_t next_ms; /* when the hub wants to run again */
} host;

typedef struct conn {
  hermes_sse_stream *stream; /* NULL until the request head is complete */
  char *head;                /* NULL after that: an idle client costs no buffer */
  size_t have;
  int fd;
} conn;

enum { HEAD_MAX = 4096 };

static inline uint64_t now_ms(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

/* One send() for one piece, which is the usual case; a vector costs the kernel more. */
static inline hermes_sse_ssize conn_writev(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  const conn *c = user;
  struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };
  ssize_t w = n == 1 ? send(c->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL) : sendmsg(c->fd, &m, MSG_NOSIGNAL);

  (void)stream;
  return w > 0 ? w : w < 0 && errno == EAGAIN ? HERMES_SSE_ERR_AGAIN : HERMES_SSE_ERR_PEER;
}

static inline void conn_free(conn *c)
{
  hermes_sse_stream_free(c->stream); /* nothing calls back for it from now on */
  close(c->fd);
  free(c->head);
  free(c);
}

/* The value of a header as the client sent it, or empty. */
static inline hermes_sse_slice conn_header(const conn *c, const char *name)
{
  size_t len = strlen(name);

  for (const char *line = c->head; (line = strstr(line, "\r\n"));) {
    line += 2;
    if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
      const char *value = line + len + 1 + strspn(line + len + 1, " \t");

      return (hermes_sse_slice){ .ptr = value, .len = strcspn(value, "\r") };
    }
  }
  return hermes_sse_str(NULL);
}

/* The head is whole. "GET / HTTP/1.1" follows all of the topic, "GET /name HTTP/1.1" what has the key "name". */
static inline int conn_open(const host *h, conn *c)
{
  hermes_sse_subscription topic = { .topic = hermes_sse_str(h->topic) };
  hermes_sse_stream_options o = { .size = sizeof o, .user = c, .http = 11, .topics = &topic, .n_topics = 1 };

  if (strncmp(c->head, "GET /", 5) != 0)
    return -1;
  topic.key = (hermes_sse_slice){ .ptr = c->head + 5, .len = strcspn(c->head + 5, " ?\r") };
  o.last_event_id = conn_header(c, "Last-Event-ID"); /* unchecked: the library judges it */
  if (hermes_sse_stream_open(h->hub, &o, &c->stream) != HERMES_SSE_OK)
    return -1;
  free(c->head);
  c->head = NULL;
  return 0;
}

/* -1: the client is gone, or what it says is not understood. */
static inline int conn_read(const host *h, conn *c)
{
  char sink[512];
  ssize_t n = 0;

  if (!c->stream && !c->head && !(c->head = calloc(1, HEAD_MAX)))
    return -1;
  while (!c->stream && (n = recv(c->fd, c->head + c->have, HEAD_MAX - 1 - c->have, 0)) > 0) {
    c->have += (size_t)n;
    if (strstr(c->head, "\r\n\r\n") ? conn_open(h, c) < 0 : c->have == HEAD_MAX - 1)
      return -1;
  }
  while (c->stream && (n = recv(c->fd, sink, sizeof sink, 0)) > 0) /* whatever it says later is thrown away */
    ;
  return n == 0 || errno != EAGAIN ? -1 : 0;
}

static inline void conn_event(const host *h, conn *c, uint32_t events)
{
  if (events & (EPOLLHUP | EPOLLERR) || (events & (EPOLLIN | EPOLLRDHUP) && conn_read(h, c) < 0))
    conn_free(c);
  else if (c->stream && events & EPOLLOUT)
    hermes_sse_stream_writable(c->stream);
}

/* Accepts all that wait. Edge-triggered, so that a delivery needs no epoll_ctl(). */
static inline void host_accept(host *h)
{
  int fd;

  while ((fd = accept4(h->server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    conn *c = calloc(1, sizeof *c);
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c };

    if (!c || (c->fd = fd, epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &e) < 0)) {
      close(fd);
      free(c);
    }
  }
  h->full = errno != EAGAIN;
}

/* A turn of the loop, first half: waits for clients, at most until `until_ms` or what the hub wants. Between the halves the
   host publishes. */
static inline void host_wait(host *h, uint64_t until_ms)
{
  struct epoll_event events[256];
  uint64_t next = h->next_ms < until_ms ? h->next_ms : until_ms;
  int n = epoll_wait(h->epoll, events, 256, hermes_sse_poll_timeout(next, now_ms()));

  for (int i = 0; i < n; i++)
    if (events[i].data.ptr)
      conn_event(h, events[i].data.ptr, events[i].events);
  if (h->full || n > 0)
    host_accept(h);
}

/* Second half: writes what is due, to at most 4096 clients before the loop turns again. */
static inline void host_run(host *h)
{
  hermes_sse_stream *over;

  hermes_sse_hub_run(h->hub, now_ms(), 4096, &h->next_ms);
  while ((over = hermes_sse_hub_next(h->hub)))
    conn_free(hermes_sse_stream_user(over));
}

#endif
