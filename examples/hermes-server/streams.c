/* A stream's socket leaves evhttp, which costs 3.5 KB a connection and twice the CPU a delivery, for an epoll of its own. */
#include "server.h"
#include <errno.h>
#include <event2/bufferevent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct client {
  hermes_sse_stream *stream;
  int fd;
} client;

enum { EVENTS = 256 };

hermes_sse_ssize streams_writev(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user);

hermes_sse_ssize streams_writev(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  const client *c = user;
  struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };
  ssize_t w = n == 1 ? send(c->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL) : sendmsg(c->fd, &m, MSG_NOSIGNAL);

  (void)stream;
  return w > 0 ? w : w < 0 && (errno == EAGAIN || errno == EINTR) ? HERMES_SSE_ERR_AGAIN : HERMES_SSE_ERR_PEER;
}

static void client_free(client *c)
{
  hermes_sse_stream_free(c->stream);
  if (c->fd >= 0)
    close(c->fd);
  free(c);
}

void streams_ended(hermes_sse_stream *stream)
{
  client_free(hermes_sse_stream_user(stream));
}

static void on_event(client *c, uint32_t events)
{
  char sink[256];
  ssize_t n = 1;

  if (events & (EPOLLIN | EPOLLRDHUP)) {
    while ((n = recv(c->fd, sink, sizeof sink, 0)) > 0) /* nothing a client says later is meant for anyone */
      ;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      n = 1;
  }
  if (n <= 0 || events & (EPOLLHUP | EPOLLERR)) {
    hermes_sse_stream_gone(c->stream);
    client_free(c);
  } else if (events & EPOLLOUT) {
    hermes_sse_stream_writable(c->stream);
  }
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
  struct epoll_event events[EVENTS];
  int n = epoll_wait(fd, events, EVENTS, 0);

  (void)what, (void)arg;
  for (int i = 0; i < n; i++)
    on_event(events[i].data.ptr, events[i].events);
}

int streams_start(server *s)
{
  s->streams_epoll = epoll_create1(EPOLL_CLOEXEC);
  if (s->streams_epoll < 0)
    return -1;
  s->watch = event_new(s->base, s->streams_epoll, EV_READ | EV_PERSIST, on_ready, s);
  return s->watch && event_add(s->watch, NULL) == 0 ? 0 : -1;
}

void streams_stop(server *s)
{
  if (s->watch)
    event_free(s->watch);
  if (s->streams_epoll >= 0)
    close(s->streams_epoll);
}

/* evhttp keeps its own copy of the descriptor's number, shuts that down and closes it. So the description behind the number is
   exchanged for another before the connection is freed. The socket, or -1. */
static int leave_evhttp(struct evhttp_request *http)
{
  struct evhttp_connection *connection = evhttp_request_get_connection(http);
  struct bufferevent *bev = evhttp_connection_get_bufferevent(connection);
  int fd = bufferevent_getfd(bev), ours = fcntl(fd, F_DUPFD_CLOEXEC, 0), null = open("/dev/null", O_RDWR | O_CLOEXEC);

  if (ours < 0 || null < 0) {
    if (ours >= 0)
      close(ours);
    if (null >= 0)
      close(null);
    return -1;
  }
  evhttp_connection_set_closecb(connection, NULL, NULL);
  bufferevent_disable(bev, EV_READ | EV_WRITE);
  bufferevent_setfd(bev, -1); /* out of epoll before the description changes */
  dup3(null, fd, O_CLOEXEC);
  close(null);
  bufferevent_setfd(bev, fd);
  evhttp_connection_free(connection);
  return ours;
}

static int watch(const server *s, client *c)
{
  struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c };
  int dead_ms = (int)(1000 * setting(s, "HERMES_SSE_CONNECTION_TIMEOUT")), on = 1;

  /* the kernel takes bytes for a dead peer for many minutes: no write would tell */
  setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof dead_ms);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return epoll_ctl(s->streams_epoll, EPOLL_CTL_ADD, c->fd, &e);
}

void streams_take(server *s, struct evhttp_request *http, hermes_sse_request *request)
{
  client *c = calloc(1, sizeof *c);
  hermes_sse_stream_options o = { .size = sizeof o, .user = c, .http = http->major == 1 && http->minor == 0 ? 10 : 11 };

  if (c)
    c->fd = -1;
  if (!c || hermes_sse_request_open(request, &o, &c->stream) < 0) {
    free(c);
    http_answer(s, http, request); /* the request now holds the refusal */
    return;
  }
  c->fd = leave_evhttp(http); /* the first write is in a later run: the socket is there in time */
  if (c->fd < 0 || watch(s, c) < 0)
    client_free(c);
}
