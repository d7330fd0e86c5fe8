/* Many clients on one epoll loop, an event a second on the topic "clock".
   epoll [PORT]; curl -N http://127.0.0.1:PORT/ */
#include "epoll.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <time.h>

static uint64_t now_ms(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

/* A listening socket whose clients inherit TCP_USER_TIMEOUT: the kernel takes bytes for a dead peer for many minutes, so
   that no write would ever tell. */
static int listen_on(uint16_t port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, dead_ms = 300000;

  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof dead_ms);
  return bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096) ? -1 : fd;
}

int main(int argc, char **argv)
{
  hermes_sse_hub_options hub_options = { .size = sizeof hub_options, .writev = conn_writev };
  hermes_sse_message tick = { .size = sizeof tick, .topic = hermes_sse_str("clock"), .data = hermes_sse_str("tick") };
  hermes_sse_subscription topics[] = { { .topic = tick.topic }, { .topic = hermes_sse_str("news") } };
  hermes_sse_stream_options options = { .size = sizeof options, .http = 11, .topics = topics, .n_topics = 2 };
  int epoll = epoll_create1(EPOLL_CLOEXEC), server = listen_on((uint16_t)(argc > 1 ? atoi(argv[1]) : 8000));
  struct epoll_event listening = { .events = EPOLLIN, .data.ptr = NULL }, events[256];
  hermes_sse_bus *bus = NULL;
  hermes_sse_hub *hub = NULL;
  uint64_t next = 0, next_tick = 0;

  if (server < 0 || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, server, &listening) < 0 ||
      hermes_sse_bus_new(NULL, &bus) || hermes_sse_hub_new(bus, &hub_options, &hub)) {
    perror("epoll");
    return 1;
  }
  for (;;) {
    hermes_sse_stream *over;
    uint64_t now = now_ms();
    int n = epoll_wait(epoll, events, 256, hermes_sse_poll_timeout(next < next_tick ? next : next_tick, now));

    for (int i = 0; i < n; i++)
      if (events[i].data.ptr)
        conn_event(events[i].data.ptr, events[i].events, hub, &options);
      else
        conn_accept(epoll, server);
    now = now_ms();
    if (now >= next_tick) {
      next_tick = now + 1000;
      hermes_sse_bus_publish(bus, &tick);
    }
    hermes_sse_hub_run(hub, now, 4096, &next);
    while ((over = hermes_sse_hub_next(hub)))
      conn_free(hermes_sse_stream_user(over));
  }
}
