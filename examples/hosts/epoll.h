/* The parts of the epoll host that know the library: one client, its writes, its request head. tests/bench drives them. */
#ifndef HERMES_SSE_EXAMPLES_EPOLL_H
#define HERMES_SSE_EXAMPLES_EPOLL_H
#include <errno.h>
#include <hermes_sse/hermes_sse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct conn {
  hermes_sse_stream *stream; /* NULL until the request head is complete */
  char *head;                /* NULL after that: an idle client costs no buffer */
  size_t have;
  int fd;
} conn;

enum { HEAD_MAX = 4096 };

static inline hermes_sse_ssize conn_writev(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  const conn *c = user;
  struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };
  ssize_t w = n == 1 ? send(c->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL) : sendmsg(c->fd, &m, MSG_NOSIGNAL);

  (void)stream;
  return w > 0 ? w : w < 0 && (errno == EAGAIN || errno == EINTR) ? HERMES_SSE_ERR_AGAIN : HERMES_SSE_ERR_PEER;
}

static inline void conn_free(conn *c)
{
  hermes_sse_stream_free(c->stream); /* gives the ticket back; nothing calls back */
  close(c->fd);
  free(c->head);
  free(c);
}

/* Accepts all that wait; edge-triggered, so that a delivery needs no epoll_ctl(). */
static inline void conn_accept(int epoll, int server)
{
  int fd;

  while ((fd = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    conn *c = calloc(1, sizeof *c);
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c };

    if (!c || (c->fd = fd, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0)) {
      close(fd);
      free(c);
    }
  }
}

/* The value of a header as the client sent it, or "". */
static inline hermes_sse_slice conn_header(const conn *c, const char *name)
{
  const char *line = strstr(c->head, "\r\n");
  size_t len = strlen(name);

  for (; line; line = strstr(line, "\r\n")) {
    line += 2;
    if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
      const char *value = line + len + 1 + strspn(line + len + 1, " \t");

      return (hermes_sse_slice){ .ptr = value, .len = strcspn(value, "\r") };
    }
  }
  return hermes_sse_str("");
}

/* Opens the stream once the head is whole. `options` says what it follows. -1: the client is gone or not understood. */
static inline int conn_read(conn *c, hermes_sse_hub *hub, hermes_sse_stream_options options)
{
  char sink[512];
  ssize_t n = 0;

  if (!c->stream && !c->head && !(c->head = calloc(1, HEAD_MAX)))
    return -1;
  while (!c->stream && (n = recv(c->fd, c->head + c->have, HEAD_MAX - 1 - c->have, 0)) > 0) {
    c->have += (size_t)n;
    c->head[c->have] = 0;
    if (strstr(c->head, "\r\n\r\n")) {
      options.user = c;
      options.last_event_id = conn_header(c, "Last-Event-ID");
      if (hermes_sse_stream_open(hub, &options, &c->stream) != HERMES_SSE_OK)
        return -1;
      free(c->head);
      c->head = NULL;
    } else if (c->have == HEAD_MAX - 1) {
      return -1;
    }
  }
  while (c->stream && (n = recv(c->fd, sink, sizeof sink, 0)) > 0) /* whatever a client says later is thrown away */
    ;
  return n == 0 || (errno != EAGAIN && errno != EINTR) ? -1 : 0;
}

/* One epoll event. A client that leaves is freed. */
static inline void conn_event(conn *c, uint32_t events, hermes_sse_hub *hub, const hermes_sse_stream_options *options)
{
  if (events & (EPOLLHUP | EPOLLERR) || (events & (EPOLLIN | EPOLLRDHUP) && conn_read(c, hub, *options) < 0))
    conn_free(c);
  else if (c->stream && events & EPOLLOUT)
    hermes_sse_stream_writable(c->stream);
}

#endif
