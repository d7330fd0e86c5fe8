#include "suite.h"
#include "world.h"

static char id_text[HERMES_SSE_ID_MAX];

static void attach(world *w, sink *s, const char *topic, const char *key, const char *id)
{
  sink_init(s);
  world_open_with(w, s, topic, key, (hermes_sse_stream_options){ .last_event_id = hermes_sse_str(id) });
  world_run(w, 0);
}

static const char *id_at(const world *w, uint64_t lo)
{
  hermes_sse_id id;

  hermes_sse_bus_head(w->bus, &id);
  id.lo = lo;
  hermes_sse_id_format(&id, id_text, sizeof id_text);
  return id_text;
}

START_TEST(P17_every_place_resumes_exactly)
{
  world w;
  sink s;
  const char *rest[] = { "1,2,3,4,5,live", "2,3,4,5,live", "3,4,5,live", "4,5,live", "5,live", "live" };

  world_init(&w, NULL);
  for (int i = 1; i <= 5; i++)
    world_publish(&w, "t", i % 2 ? "odd" : "even", (char[]){ (char)('0' + i), 0 });
  world_run(&w, 0);
  for (uint64_t lo = 0; lo <= 5; lo++) {
    attach(&w, &s, "t", NULL, id_at(&w, lo));
    sink_take(&s, "data: live\n\n", 12);
    ck_assert_str_eq(world_data(&s), rest[lo]);
    world_leave(&s);
  }
  attach(&w, &s, "t", "even", id_at(&w, 2));
  ck_assert_str_eq(world_data(&s), "4");
  world_leave(&s);
  attach(&w, &s, "t", "odd", id_at(&w, 0));
  ck_assert_str_eq(world_data(&s), "1,3,5");
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(P10_P11_history_and_live_meet_without_a_seam)
{
  world w;
  sink s;

  world_init(&w, NULL);
  world_publish(&w, "t", NULL, "1");
  world_run(&w, 0);
  world_publish(&w, "t", NULL, "2"); /* in the ring when it attaches */
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL, (hermes_sse_stream_options){ .last_event_id = hermes_sse_str(id_at(&w, 0)) });
  world_publish(&w, "t", NULL, "3");
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&s), "1,2,3");
  world_leave(&s);
  sink_init(&s);
  world_open(&w, &s, "t", NULL);
  world_publish(&w, "t", NULL, "4");
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&s), "4"); /* without an id: from now */
  world_leave(&s);
  world_clear(&w);
}
END_TEST

static void expect_gap(world *w, const char *topic, const char *id, const char *from, const char *reason,
                       const char *rest)
{
  sink s;
  received r[64];
  const char *name, *value;
  char data[256];
  size_t n, header = 0;

  attach(w, &s, topic, NULL, id);
  n = sink_read(&s, r, 64, NULL);
  ck_assert_uint_gt(n, 0);
  ck_assert_str_eq(r[0].type, "gap");
  ck_assert(strncmp(r[0].data, "{\"from\":", 8) == 0);
  snprintf(data, sizeof data, "{\"from\":%s,\"to\":", from);
  ck_assert_msg(strncmp(r[0].data, data, strlen(data)) == 0, "%s", r[0].data);
  snprintf(data, sizeof data, ",\"missed\":null,\"reason\":\"%s\"}", reason);
  ck_assert_msg(strstr(r[0].data, data) != NULL, "%s", r[0].data);
  ck_assert_str_eq(strchr(world_data(&s), '}') + 1, rest);
  for (size_t i = 0; hermes_sse_stream_header(s.stream, i, &name, &value) == HERMES_SSE_OK; i++)
    if (strcmp(name, "hermes-sse-gap") == 0) {
      ck_assert_str_eq(value, reason);
      header++;
    }
  ck_assert_uint_eq(header, 1);
  world_leave(&s);
}

START_TEST(P12_what_cannot_be_resumed_is_told)
{
  world w;
  char quoted[64];
  static char garbage[65536];

  memset(garbage, '9', sizeof garbage - 1);
  world_init(&w, NULL);
  hermes_sse_bus_topic(w.bus, "t",
                       &(hermes_sse_topic_options){ .size = sizeof(hermes_sse_topic_options), .max_entries = 2 });
  for (int i = 1; i <= 5; i++)
    world_publish(&w, "t", NULL, (char[]){ (char)('0' + i), 0 });
  world_publish(&w, "quiet", NULL, "q");
  world_run(&w, 0);
  snprintf(quoted, sizeof quoted, "\"%s\"", id_at(&w, 1));
  expect_gap(&w, "t", id_at(&w, 1), quoted, "expired", ",4,5"); /* told before any newer event */
  expect_gap(&w, "t", "17-4", "\"17-4\"", "restarted", "");
  expect_gap(&w, "t", "garbage", "null", "unknown", "");
  expect_gap(&w, "t", garbage, "null", "unknown", "");
  snprintf(quoted, sizeof quoted, "\"%s\"", id_at(&w, 1000));
  expect_gap(&w, "t", id_at(&w, 1000), quoted, "unknown", "");
  world_clear(&w);
}
END_TEST

START_TEST(H3_a_quiet_topic_beside_a_busy_one_tells_no_false_gap)
{
  world w;
  sink s;

  world_init(&w, NULL);
  hermes_sse_bus_topic(w.bus, "busy",
                       &(hermes_sse_topic_options){ .size = sizeof(hermes_sse_topic_options), .max_entries = 2 });
  world_publish(&w, "quiet", "k", "q");
  for (int i = 0; i < 50; i++)
    world_publish(&w, "busy", "k", "b");
  world_run(&w, 0);
  attach(&w, &s, "quiet", NULL, id_at(&w, 0));
  ck_assert_str_eq(world_data(&s), "q");
  world_leave(&s);
  attach(&w, &s, "quiet", "k", id_at(&w, 1));
  ck_assert_uint_eq(s.n, 0);
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(H1_a_client_that_heard_only_heartbeats_resumes_exactly)
{
  world w;
  sink s;
  hermes_sse_id id;
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev, .heartbeat_ms = 1000 };

  world_init(&w, &o);
  hermes_sse_bus_topic(w.bus, "*",
                       &(hermes_sse_topic_options){ .size = sizeof(hermes_sse_topic_options), .max_entries = 2 });
  world_open(&w, &s, "quiet", NULL);
  for (int i = 0; i < 50; i++)
    world_publish(&w, "busy", NULL, "b");
  for (int i = 0; i < 20; i++)
    world_run(&w, 100);
  id = world_last_id(&s);
  ck_assert_uint_eq(id.lo, 50);
  world_leave(&s);
  world_publish(&w, "quiet", NULL, "missed");
  attach(&w, &s, "quiet", NULL, id_at(&w, id.lo));
  ck_assert_str_eq(world_data(&s), "missed");
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(H8_a_client_ahead_of_its_hub_waits)
{
  world w;
  sink a, b;
  hermes_sse_hub *second = NULL;
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev };
  hermes_sse_subscription t = { .topic = hermes_sse_str("t") };
  hermes_sse_stream_options so = { .size = sizeof so, .user = &b, .topics = &t, .n_topics = 1 };

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, &o, &second), HERMES_SSE_OK);
  world_open(&w, &a, "t", NULL);
  world_publish(&w, "t", NULL, "1");
  world_publish(&w, "t", NULL, "2");
  world_run(&w, 0);
  sink_init(&b);
  so.last_event_id = hermes_sse_str(id_at(&w, 2));
  ck_assert_int_eq(hermes_sse_stream_open(second, &so, &b.stream), HERMES_SSE_OK); /* its hub has read nothing yet */
  ck_assert_int_eq(hermes_sse_hub_run(second, 1, 0, NULL), HERMES_SSE_OK);
  ck_assert_uint_eq(b.n, 0);
  world_publish(&w, "t", NULL, "3");
  hermes_sse_hub_run(second, 1, 0, NULL);
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&a), "1,2,3");
  ck_assert_str_eq(world_data(&b), "3");
  world_leave(&a);
  world_leave(&b);
  hermes_sse_hub_free(second);
  world_clear(&w);
}
END_TEST

START_TEST(a_hub_that_joined_late_tells_what_it_never_had)
{
  world w;
  sink s;
  hermes_sse_hub *first;

  world_init(&w, NULL);
  world_publish(&w, "t", NULL, "1");
  world_publish(&w, "t", NULL, "2");
  first = w.hub;
  ck_assert_int_eq(hermes_sse_hub_new(w.bus,
                                      &(hermes_sse_hub_options){ .size = sizeof(hermes_sse_hub_options),
                                                                 .writev = sink_writev,
                                                                 .heartbeat_ms = HERMES_SSE_NEVER },
                                      &w.hub),
                   HERMES_SSE_OK);
  world_run(&w, 0);
  attach(&w, &s, "t", NULL, id_at(&w, 1));
  ck_assert_ptr_nonnull(strstr(world_data(&s), "expired"));
  world_leave(&s);
  attach(&w, &s, "t", NULL, id_at(&w, 2));
  ck_assert_uint_eq(s.n, 0);
  world_leave(&s);
  hermes_sse_hub_free(first);
  world_clear(&w);
}
END_TEST

START_TEST(what_the_first_run_reads_is_kept)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev };
  world w = { .now = 1 };
  sink s;

  ck_assert_int_eq(hermes_sse_bus_new(NULL, &w.bus), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, &o, &w.hub), HERMES_SSE_OK);
  world_publish(&w, "t", NULL, "1");
  world_run(&w, 0);
  attach(&w, &s, "t", NULL, id_at(&w, 0));
  ck_assert_str_eq(world_data(&s), "1");
  world_leave(&s);
  hermes_sse_hub_free(w.hub);
  hermes_sse_bus_free(w.bus);
}
END_TEST

START_TEST(the_head_is_a_cursor_for_snapshots)
{
  world w;
  sink s;
  hermes_sse_id id;
  char text[HERMES_SSE_ID_MAX];

  world_init(&w, NULL);
  world_publish(&w, "t", NULL, "in the snapshot");
  ck_assert_int_eq(hermes_sse_bus_head(w.bus, &id), HERMES_SSE_OK);
  hermes_sse_id_format(&id, text, sizeof text);
  world_publish(&w, "t", NULL, "between");
  attach(&w, &s, "t", NULL, text);
  world_publish(&w, "t", NULL, "live");
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&s), "between,live");
  ck_assert_int_eq(hermes_sse_stream_position(s.stream, &id), HERMES_SSE_OK);
  ck_assert_uint_eq(id.lo, 3);
  ck_assert_uint_ge(id.hi, UINT64_C(1000000000000000)); /* H9: sixteen digits */
  ck_assert_uint_lt(id.hi, UINT64_C(10000000000000000));
  world_leave(&s);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("replay", P17_every_place_resumes_exactly, P10_P11_history_and_live_meet_without_a_seam,
           P12_what_cannot_be_resumed_is_told, H3_a_quiet_topic_beside_a_busy_one_tells_no_false_gap,
           H1_a_client_that_heard_only_heartbeats_resumes_exactly, H8_a_client_ahead_of_its_hub_waits,
           a_hub_that_joined_late_tells_what_it_never_had, what_the_first_run_reads_is_kept,
           the_head_is_a_cursor_for_snapshots)
