/* Many clients on one epoll loop, an event a second on the topic "clock".
   epoll [PORT]; curl -N http://127.0.0.1:PORT/ */
#include "epoll.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

/* A listening socket whose clients inherit TCP_USER_TIMEOUT: the kernel takes bytes for a dead peer for many minutes, so
   that no write would ever tell. */
static int listen_on(uint16_t port)
{
  struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(port) };
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, dead_ms = 300000;

  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof dead_ms);
  return bind(fd, (struct sockaddr *)&here, sizeof here) || listen(fd, 4096) ? -1 : fd;
}

int main(int argc, char **argv)
{
  host h = { .topic = "clock" };
  hermes_sse_hub_options options = { .size = sizeof options, .writev = conn_writev };
  hermes_sse_message tick = { .size = sizeof tick, .topic = hermes_sse_str(h.topic), .data = hermes_sse_str("tick") };
  struct epoll_event listening = { .events = EPOLLIN, .data.ptr = NULL };
  hermes_sse_bus *bus = NULL;
  uint64_t next_tick = 0;

  h.epoll = epoll_create1(EPOLL_CLOEXEC);
  h.server = listen_on((uint16_t)(argc > 1 ? atoi(argv[1]) : 8000));
  if (h.server < 0 || epoll_ctl(h.epoll, EPOLL_CTL_ADD, h.server, &listening) < 0) {
    perror("epoll");
    return 1;
  }
  if (hermes_sse_bus_new(NULL, &bus) || hermes_sse_hub_new(bus, &options, &h.hub))
    return 1;
  for (;;) {
    host_wait(&h, next_tick);
    if (now_ms() >= next_tick) {
      next_tick = now_ms() + 1000;
      hermes_sse_bus_publish(bus, &tick);
    }
    host_run(&h);
  }
}
