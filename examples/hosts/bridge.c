/* One stream of events over many processes, through Redis: each line of standard input, one JSON value, is published, and what any of
 * them publishes is printed as an event stream. bridge redis://127.0.0.1:6379 */
#include <hermes_sse/adapters/poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ms(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static hermes_sse_ssize print(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  (void)stream, (void)user;
  return writev(STDOUT_FILENO, iov, n);
}

static void log_line(int level, const char *text, size_t len, void *user)
{
  (void)level, (void)user;
  fprintf(stderr, "%.*s\n", (int)len, text);
}

/* 0 at the end of the input. */
static int publish_line(hermes_sse_bus *bus)
{
  hermes_sse_message message = { .size = sizeof message,
                                 .topic = hermes_sse_str("queue:updates"),
                                 .type = hermes_sse_str("line") };
  char line[4096];
  int rv;

  if (!fgets(line, sizeof line, stdin))
    return 0;
  message.data = (hermes_sse_slice){ .ptr = line, .len = strcspn(line, "\n") };
  rv = hermes_sse_bus_publish(bus, &message);
  if (rv < 0)
    fprintf(stderr, "not published: %s\n", hermes_sse_strerror(rv));
  return 1;
}

int main(int argc, char **argv)
{
  hermes_sse_environment environment = { .size = sizeof environment, .log = log_line };
  hermes_sse_bus_options bus_options = { .size = sizeof bus_options, .environment = &environment };
  hermes_sse_hub_options hub_options = { .size = sizeof hub_options, .writev = print };
  hermes_sse_subscription all = { .topic = hermes_sse_str("queue:*") };
  hermes_sse_stream_options stream_options = { .size = sizeof stream_options, .topics = &all, .n_topics = 1 };
  hermes_sse_bus *bus;
  hermes_sse_hub *hub;
  hermes_sse_stream *stream;
  hermes_sse_redis *redis;
  uint64_t next = 0;

  if (argc != 2)
    return fprintf(stderr, "usage: bridge URL\n"), 2;
  setvbuf(stdin, NULL, _IONBF, 0); /* what poll() sees is all there is */
  if (hermes_sse_bus_new(&bus_options, &bus) || hermes_sse_hub_new(bus, &hub_options, &hub))
    return 1;
  /* the bridge: the rest is as without it */
  hermes_sse_poll_set set = { .n = 0 };
  hermes_sse_redis_options options = { .size = sizeof options, .url = argv[1] };
  options.environment = &environment;
  options.watch = hermes_sse_poll_watch;
  options.user = &set;
  if (hermes_sse_redis_new(hub, &options, &redis) || hermes_sse_stream_open(hub, &stream_options, &stream))
    return 1;
  for (int is_open = 1; is_open;) {
    struct pollfd fds[HERMES_SSE_POLL_MAX + 1] = { { .fd = STDIN_FILENO, .events = POLLIN } };
    int n = hermes_sse_poll_fill(&set, fds + 1, HERMES_SSE_POLL_MAX);

    poll(fds, (nfds_t)n + 1, hermes_sse_poll_timeout(next, now_ms()));
    hermes_sse_poll_dispatch(redis, fds + 1, n);
    if (fds[0].revents)
      is_open = publish_line(bus);
    hermes_sse_hub_run(hub, now_ms(), 0, &next);
  }
  hermes_sse_redis_free(redis);
  hermes_sse_stream_free(stream);
  hermes_sse_hub_free(hub);
  hermes_sse_bus_free(bus);
  return 0;
}
