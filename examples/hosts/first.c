/* The first event: one browser, one event a second, six calls. curl -N http://127.0.0.1:8000/ */
#include <hermes_sse/hermes_sse.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static uint64_t now_ms(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static hermes_sse_ssize write_client(hermes_sse_stream *stream, const struct iovec *iov, int n, void *fd)
{
  struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };
  ssize_t written = sendmsg(*(int *)fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
  (void)stream;
  return written > 0 ? written : HERMES_SSE_ERR_PEER; /* a client that stalls is dropped: enough for a first program */
}

int main(int argc, char **argv)
{
  struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  hermes_sse_hub_options hub_options = { .size = sizeof hub_options, .writev = write_client };
  hermes_sse_subscription clock = { .topic = hermes_sse_str("clock") };
  hermes_sse_message tick = { .size = sizeof tick, .topic = clock.topic, .data = hermes_sse_str("tick") };
  int server = socket(AF_INET, SOCK_STREAM, 0), client, on = 1;
  hermes_sse_stream_options options = {
    .size = sizeof options, .user = &client, .http = 11, .topics = &clock, .n_topics = 1
  };
  hermes_sse_bus *bus = NULL;
  hermes_sse_hub *hub = NULL;
  hermes_sse_stream *stream = NULL;
  char request[4096];

  here.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 8000));
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(server, (struct sockaddr *)&here, sizeof here) || listen(server, 1) ||
      (client = accept(server, NULL, NULL)) < 0 || recv(client, request, sizeof request, 0) <= 0)
    return perror("first"), 1;
  if (hermes_sse_bus_new(NULL, &bus) || hermes_sse_hub_new(bus, &hub_options, &hub) ||
      hermes_sse_stream_open(hub, &options, &stream))
    return 1;
  do {
    hermes_sse_bus_publish(bus, &tick);
    hermes_sse_hub_run(hub, now_ms(), 0, NULL);
    poll(NULL, 0, 1000);
  } while (!hermes_sse_hub_next(hub)); /* lists a stream that has ended: the browser left */
  hermes_sse_stream_free(stream);
  hermes_sse_hub_free(hub);
  hermes_sse_bus_free(bus);
  return 0;
}
