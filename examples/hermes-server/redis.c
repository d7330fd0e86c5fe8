#include "redis.h"
#include <hermes_sse/adapters/libevent.h>
#include <stdio.h>
#include <string.h>

/* As many as the stream keeps, so that who comes from another server misses nothing; their bytes and age are bounded as by default. */
enum { HISTORY = 10000 };

static hermes_sse_libevent watcher;

int redis_start(server *s)
{
  static const char *const channels[] = { "download:updates", "queue:updates", "system:notifications",
                                          "analytics:updates" };
  hermes_sse_redis_options o = { .size = sizeof o, .environment = &s->environment, .user = &watcher };
  const hermes_sse_topic_options history = { .size = sizeof history, .max_entries = HISTORY };
  int is_on = setting(s, "HERMES_ENABLE_SSE") != 0, rv;

  o.url = hermes_sse_settings_get(s->settings, "HERMES_REDIS_URL");
  if (!*o.url)
    return 0;
  o.watch = hermes_sse_libevent_watch;
  o.client_name = "hermes";
  if (is_on) {
    o.channels = channels;
    o.n_channels = sizeof channels / sizeof *channels;
  } else {
    o.flags = HERMES_SSE_REDIS_PUBLISH_ONLY;
  }
  if (strcmp(hermes_sse_settings_get(s->settings, "HERMES_REDIS_MODE"), "streams") == 0) {
    o.mode = HERMES_SSE_REDIS_STREAMS;
    o.flags |= is_on ? HERMES_SSE_REDIS_IMPORT : 0u;
    o.max_entries = o.read_back = HISTORY;
    rv = hermes_sse_bus_topic(s->bus, "*", &history);
    if (rv < 0)
      return rv;
  }
  watcher.base = s->base;
  rv = hermes_sse_redis_new(s->hub, &o, &s->redis);
  watcher.redis = s->redis;
  if (rv < 0)
    fprintf(stderr, "hermes-server: HERMES_REDIS_URL: not usable: %s\n", hermes_sse_strerror(rv));
  return rv;
}

int redis_store(const server *s, hermes_sse_store *store)
{
  return s->redis && hermes_sse_redis_store(s->redis, store) == HERMES_SSE_OK;
}

void redis_report(server *s)
{
  hermes_sse_report report = { .size = sizeof report };

  if (s->redis && hermes_sse_redis_report(s->redis, &report) == HERMES_SSE_OK)
    hermes_sse_service_report(s->service, &report);
}

void redis_stop(server *s)
{
  hermes_sse_redis_free(s->redis);
  s->redis = NULL;
}
