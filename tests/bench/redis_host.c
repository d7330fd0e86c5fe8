#include "redis.h"
#include <poll.h>
#include <sys/eventfd.h>

static void on_wake(hermes_sse_hub *hub, void *user)
{
  const bridge_host *h = user;
  uint64_t one = 1;

  (void)hub;
  if (write(h->wake_fd, &one, sizeof one) < 0)
    abort();
}

static void quiet(int level, const char *text, size_t len, void *user)
{
  (void)user;
  if (level <= HERMES_SSE_LOG_WARNING)
    fprintf(stderr, "%.*s\n", (int)len, text);
}

void bridge_host_open(bridge_host *h, const char *url, const char *const *channels, size_t n_channels,
                      hermes_sse_ssize (*writev)(hermes_sse_stream *, const struct iovec *, int, void *))
{
  hermes_sse_environment env = { .size = sizeof env, .log = quiet };
  hermes_sse_bus_options bo = { .size = sizeof bo, .environment = &env };
  hermes_sse_hub_options ho = { .size = sizeof ho, .user = h, .wake = on_wake, .writev = writev };
  hermes_sse_redis_options o = { .size = sizeof o, .environment = &env, .user = &h->set, .url = url };

  memset(h, 0, sizeof *h);
  h->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  o.watch = hermes_sse_poll_watch;
  o.channels = channels;
  o.n_channels = n_channels;
  o.mode = channels ? HERMES_SSE_REDIS_PUBSUB : HERMES_SSE_REDIS_STREAMS;
  o.probe_ms = HERMES_SSE_NEVER;
  if (hermes_sse_bus_new(&bo, &h->bus) || hermes_sse_hub_new(h->bus, &ho, &h->hub))
    fail("hub");
  if (url && hermes_sse_redis_new(h->hub, &o, &h->redis))
    fail("bridge");
}

static uint64_t now(void)
{
  return (uint64_t)(wall_ns() / 1e6);
}

void bridge_host_turn(bridge_host *h, int most_ms, uint64_t now_ms)
{
  struct pollfd polled[HERMES_SSE_POLL_MAX + 1];
  int n = hermes_sse_poll_fill(&h->set, polled, HERMES_SSE_POLL_MAX);
  uint64_t woken;

  polled[n] = (struct pollfd){ .fd = h->wake_fd, .events = POLLIN };
  poll(polled, (nfds_t)n + 1, most_ms);
  if (polled[n].revents && read(h->wake_fd, &woken, sizeof woken) < 0)
    fail("wake");
  if (h->redis)
    hermes_sse_poll_dispatch(h->redis, polled, n);
  hermes_sse_hub_run(h->hub, now_ms ? now_ms : now(), 0, &h->next_ms);
}

void bridge_host_wait(bridge_host *h)
{
  for (int i = 0; hermes_sse_redis_state(h->redis) != HERMES_SSE_REDIS_STATE_THROUGH; i++) {
    if (i > 500)
      fail("the bridge does not come up");
    bridge_host_turn(h, 10, 0);
  }
}

void bridge_host_close(bridge_host *h)
{
  hermes_sse_redis_free(h->redis);
  hermes_sse_hub_free(h->hub);
  hermes_sse_bus_free(h->bus);
  close(h->wake_fd);
}

uint64_t bridge_host_published(const bridge_host *h)
{
  hermes_sse_stats s = { .size = sizeof s };

  hermes_sse_bus_stats(h->bus, &s);
  return s.published;
}
