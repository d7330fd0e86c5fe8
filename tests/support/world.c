#include "world.h"

enum { MAX_EVENTS = 4096 };

void world_wake(hermes_sse_hub *hub, void *user)
{
  (void)hub;
  ((world *)user)->wakes++;
}

void world_init(world *w, const hermes_sse_hub_options *options)
{
  hermes_sse_hub_options standard = { .size = sizeof standard,
                                      .user = w,
                                      .wake = world_wake,
                                      .writev = sink_writev,
                                      .want_write = sink_want_write,
                                      .heartbeat_ms = HERMES_SSE_NEVER };
  hermes_sse_bus_options bus_options = { .size = sizeof bus_options };

  memset(w, 0, sizeof *w);
  memory_init(&w->memory);
  w->environment = memory_environment(&w->memory);
  w->now = 1000000;
  bus_options.environment = &w->environment;
  ck_assert_int_eq(hermes_sse_bus_new(&bus_options, &w->bus), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_hub_new(w->bus, options ? options : &standard, &w->hub), HERMES_SSE_OK);
  world_run(w, 0);
}

void world_clear(world *w)
{
  hermes_sse_hub_free(w->hub);
  hermes_sse_bus_free(w->bus);
  ck_assert_uint_eq(w->memory.live_blocks, 0);
}

void world_open_with(world *w, sink *s, const char *topic, const char *key, hermes_sse_stream_options options)
{
  hermes_sse_subscription followed = { .topic = hermes_sse_str(topic), .key = hermes_sse_str(key) };

  options.size = sizeof options;
  options.user = s;
  if (topic) {
    options.topics = &followed;
    options.n_topics = 1;
  }
  ck_assert_int_eq(hermes_sse_stream_open(w->hub, &options, &s->stream), HERMES_SSE_OK);
}

void world_open(world *w, sink *s, const char *topic, const char *key)
{
  sink_init(s);
  world_open_with(w, s, topic, key, (hermes_sse_stream_options){ .size = 0 });
}

void world_leave(sink *s)
{
  hermes_sse_stream_free(s->stream);
  sink_clear(s);
}

void world_publish(world *w, const char *topic, const char *key, const char *data)
{
  hermes_sse_message m = {
    .size = sizeof m, .topic = hermes_sse_str(topic), .key = hermes_sse_str(key), .data = hermes_sse_str(data)
  };

  ck_assert_int_eq(hermes_sse_bus_publish(w->bus, &m), HERMES_SSE_OK);
}

void world_run(world *w, uint64_t ms)
{
  w->now += ms;
  ck_assert_int_eq(hermes_sse_hub_run(w->hub, w->now, 0, &w->next), HERMES_SSE_OK);
}

hermes_sse_ssize world_pull(sink *s)
{
  char buf[777];
  hermes_sse_ssize n;

  while ((n = hermes_sse_stream_read(s->stream, buf, sizeof buf)) > 0)
    sink_take(s, buf, (size_t)n);
  return n;
}

size_t world_reap(world *w)
{
  hermes_sse_stream *stream;
  size_t n = 0;

  while ((stream = hermes_sse_hub_next(w->hub)))
    if (hermes_sse_stream_reason(stream)) {
      ((sink *)hermes_sse_stream_user(stream))->stream = NULL;
      hermes_sse_stream_free(stream);
      n++;
    }
  return n;
}

hermes_sse_stats world_stats(const world *w)
{
  hermes_sse_stats s = { .size = sizeof s };

  ck_assert_int_eq(hermes_sse_bus_stats(w->bus, &s), HERMES_SSE_OK);
  return s;
}

static received events[MAX_EVENTS];

const char *world_data(const sink *s)
{
  static char text[65536];
  size_t n = sink_read(s, events, MAX_EVENTS, NULL), len = 0;

  text[0] = 0;
  for (size_t i = 0; i < n; i++)
    if (events[i].dispatched)
      len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len > 0 ? "," : "", events[i].data);
  return text;
}

hermes_sse_id world_last_id(const sink *s)
{
  size_t n = sink_read(s, events, MAX_EVENTS, NULL);
  hermes_sse_id id = { 0, 0 };

  ck_assert_uint_gt(n, 0);
  ck_assert_int_eq(hermes_sse_id_parse(events[n - 1].id, strlen(events[n - 1].id), &id), HERMES_SSE_OK);
  return id;
}
