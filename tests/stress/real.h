/* The epoll host in this process, for clients on real sockets in another. */
#ifndef HERMES_SSE_TESTS_REAL_H
#define HERMES_SSE_TESTS_REAL_H
#include "../../examples/hosts/epoll.h"
#include "../bench/clients.h"

typedef struct real {
  host host;
  hermes_sse_bus *bus;
  uint16_t port;
} real;

/* `send_buffer`: of the clients' sockets, 0: the system's choice. */
static inline void real_start(real *r, const hermes_sse_topic_options *topic, int send_buffer)
{
  struct sockaddr_in any = { .sin_family = AF_INET };
  socklen_t len = sizeof any;
  struct epoll_event listening = { .events = EPOLLIN, .data.ptr = NULL };
  hermes_sse_hub_options o = { .size = sizeof o, .writev = conn_writev };

  r->host = (host){ .topic = "stress", .epoll = epoll_create1(EPOLL_CLOEXEC) };
  r->host.server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (send_buffer)
    setsockopt(r->host.server, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
  if (bind(r->host.server, (struct sockaddr *)&any, sizeof any) || listen(r->host.server, 4096))
    fail("listen");
  getsockname(r->host.server, (struct sockaddr *)&any, &len);
  r->port = ntohs(any.sin_port);
  epoll_ctl(r->host.epoll, EPOLL_CTL_ADD, r->host.server, &listening);
  if (hermes_sse_bus_new(NULL, &r->bus) || hermes_sse_bus_topic(r->bus, r->host.topic, topic) ||
      hermes_sse_hub_new(r->bus, &o, &r->host.hub))
    fail("hub");
}

static inline hermes_sse_stats real_stats(const real *r)
{
  hermes_sse_stats s = { .size = sizeof s };

  hermes_sse_bus_stats(r->bus, &s);
  return s;
}

static inline void real_turn(real *r, uint64_t until_ms)
{
  host_wait(&r->host, until_ms);
  host_run(&r->host);
}

/* Turns until so many streams are open. */
static inline void real_wait_streams(real *r, uint64_t n)
{
  for (uint64_t end = now_ms() + 60000; real_stats(r).streams != n;) {
    if (now_ms() > end)
      fail("clients do not come, or do not go");
    real_turn(r, now_ms() + 10);
  }
}

static inline void real_publish(real *r, const void *data, size_t len)
{
  hermes_sse_message m = { .size = sizeof m, .topic = hermes_sse_str(r->host.topic), .data = { data, len } };

  if (hermes_sse_bus_publish(r->bus, &m) < 0)
    fail("publish");
}

/* All clients must be gone. */
static inline void real_stop(real *r)
{
  real_wait_streams(r, 0);
  hermes_sse_hub_free(r->host.hub);
  hermes_sse_bus_free(r->bus);
  close(r->host.server);
  close(r->host.epoll);
}

static inline uint64_t monotonic_ns(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#endif
