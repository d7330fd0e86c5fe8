/* Every allocation of whole scenarios fails once: alone, and with all later ones. Nothing leaks, nothing is silently lost. */
#include "suite.h"
#include "world.h"

enum { STREAMS = 6, EVENTS = 12 };

static const hermes_sse_event greeting = { .size = sizeof greeting, .data = { "hello", 5 } };

static int survived(int status, const memory *m)
{
  ck_assert_msg(status == HERMES_SSE_OK || (status == HERMES_SSE_ERR_NOMEM && m->failed > 0), "%s",
                hermes_sse_status_name(status));
  return status == HERMES_SSE_OK;
}

static void open_streams(hermes_sse_hub *hub, sink *sinks, const memory *m)
{
  hermes_sse_subscription topics[] = { { .topic = hermes_sse_str("a") },
                                       { .topic = hermes_sse_str("b"), .key = hermes_sse_str("k") },
                                       { .topic = hermes_sse_str("c") } };

  for (int i = 0; i < STREAMS; i++) {
    hermes_sse_stream_options o = { .size = sizeof o,
                                    .user = &sinks[i],
                                    .http = i % 2 ? 11 : 0,
                                    .flags = i == 5 ? HERMES_SSE_STREAM_PULL : 0,
                                    .topics = topics,
                                    .n_topics = (size_t)(1 + i % 3),
                                    .last_event_id = hermes_sse_str(i == 3 ? "unknown" : ""),
                                    .greeting = i % 2 ? &greeting : NULL };

    sink_init(&sinks[i]);
    sinks[i].head = sinks[i].chunked = i % 2;
    sinks[i].per_call = i == 4 ? 11 : 0;
    if (!survived(hermes_sse_stream_open(hub, &o, &sinks[i].stream), m))
      ck_assert_ptr_null(sinks[i].stream);
  }
}

static void run_until_quiet(hermes_sse_hub *hub, sink *sinks, memory *m, uint64_t *now)
{
  uint64_t next;

  for (int i = 0; i < 200; i++) {
    survived(hermes_sse_hub_run(hub, *now += 20, 0, &next), m);
    ck_assert_uint_ge(next, *now);
    for (int k = 0; k < STREAMS; k++)
      if (sinks[k].stream && k != 5)
        hermes_sse_stream_writable(sinks[k].stream);
      else if (sinks[k].stream)
        world_pull(&sinks[k]);
  }
}

static void scenario(const hermes_sse_environment *environment, memory *m, void *user)
{
  hermes_sse_bus_options bo = { .size = sizeof bo, .environment = environment };
  hermes_sse_hub_options ho = { .size = sizeof ho,
                                .writev = sink_writev,
                                .heartbeat_ms = 1000,
                                .heartbeat_bytes = hermes_sse_str(user ? ":\n\n" : "") };
  hermes_sse_topic_options to = { .size = sizeof to, .max_entries = 5 };
  hermes_sse_bus *bus = NULL;
  hermes_sse_hub *hub = NULL;
  hermes_sse_event private = { .size = sizeof private, .data = hermes_sse_str("private") };
  sink sinks[STREAMS];
  uint64_t now = 1000;
  int published[3] = { 0, 0, 0 }, sent = 0;

  memset(sinks, 0, sizeof sinks);
  if (!survived(hermes_sse_bus_new(&bo, &bus), m))
    return;
  if (!survived(hermes_sse_hub_new(bus, &ho, &hub), m)) {
    ck_assert_ptr_null(hub);
    hermes_sse_bus_free(bus);
    return;
  }
  survived(hermes_sse_bus_topic(bus, "a", &to), m);
  open_streams(hub, sinks, m);
  for (int i = 0; i < EVENTS; i++) {
    hermes_sse_message message = { .size = sizeof message,
                                   .topic = hermes_sse_str((const char *[]){ "a", "b", "c" }[i % 3]),
                                   .key = hermes_sse_str(i % 2 ? "k" : "other"),
                                   .data = hermes_sse_str("x") };

    published[i % 3] += survived(hermes_sse_bus_publish(bus, &message), m);
    if (i % 4 == 3)
      survived(hermes_sse_hub_run(hub, now, 2, NULL), m);
  }
  if (sinks[1].stream)
    sent = survived(hermes_sse_stream_send(sinks[1].stream, &private), m);
  run_until_quiet(hub, sinks, m, &now);
  /* a single failure is made up for: whoever follows "a" has all of it that was published */
  if (sinks[0].stream && !m->fail_from) {
    const char *data = world_data(&sinks[0]);
    int got = 0;

    for (const char *at = data; (at = strchr(at, 'x')); at++)
      got++;
    ck_assert_int_eq(got, published[0]);
  }
  if (sent && !m->fail_from)
    ck_assert_ptr_nonnull(strstr(world_data(&sinks[1]), "private"));
  survived(hermes_sse_bus_kick(bus, "user", hermes_sse_str("u")), m);
  ck_assert_int_eq(hermes_sse_bus_drain(bus, NULL), HERMES_SSE_OK);
  run_until_quiet(hub, sinks, m, &now);
  for (int i = 0; i < STREAMS; i++) {
    if (sinks[i].stream && !m->fail_from) /* without any memory, what was published cannot be sent before the end */
      ck_assert_int_eq(hermes_sse_stream_reason(sinks[i].stream), HERMES_SSE_CLOSE_DRAIN);
    hermes_sse_stream_free(sinks[i].stream);
    sink_clear(&sinks[i]);
  }
  hermes_sse_hub_free(hub);
  hermes_sse_bus_free(bus);
}

START_TEST(a_hub_survives_every_failure)
{
  ck_assert_uint_gt(memory_sweep(scenario, NULL), 60);
}
END_TEST

START_TEST(so_does_one_with_own_heartbeats)
{
  ck_assert_uint_gt(memory_sweep(scenario, (void *)1), 60);
}
END_TEST

SUITE_MAIN("memory failures", a_hub_survives_every_failure, so_does_one_with_own_heartbeats)
