#include "suite.h"
#include "world.h"

static void keep(world *w, const char *pattern, uint64_t entries, uint64_t bytes, uint64_t age_ms)
{
  hermes_sse_topic_options o = { .size = sizeof o, .max_entries = entries, .max_bytes = bytes, .max_age_ms = age_ms };

  ck_assert_int_eq(hermes_sse_bus_topic(w->bus, pattern, &o), HERMES_SSE_OK);
}

START_TEST(H2_readers_that_keep_up_are_never_ahead_of_retention)
{
  world w;
  sink push, key, pull;

  world_init(&w, NULL);
  keep(&w, "t", 100, 0, 0);
  world_open(&w, &push, "t", NULL);
  world_open(&w, &key, "t", "k");
  sink_init(&pull);
  world_open_with(&w, &pull, "t", NULL, (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_PULL });
  for (int i = 0; i < 500; i++)
    world_publish(&w, "t", "k", "x");
  world_run(&w, 0);
  ck_assert_ptr_eq(hermes_sse_hub_next(w.hub), pull.stream);
  ck_assert_int_eq(world_pull(&pull), 0);
  ck_assert_uint_eq(strlen(world_data(&push)), 2 * 500 - 1);
  ck_assert_uint_eq(strlen(world_data(&key)), 2 * 500 - 1);
  ck_assert_uint_eq(strlen(world_data(&pull)), 2 * 500 - 1);
  world_run(&w, 100);
  ck_assert_uint_eq(world_stats(&w).retained_entries, 100);
  hermes_sse_stream_free(push.stream);
  hermes_sse_stream_free(key.stream);
  hermes_sse_stream_free(pull.stream);
  sink_clear(&push);
  sink_clear(&key);
  sink_clear(&pull);
  world_clear(&w);
}
END_TEST

START_TEST(a_budgeted_sweep_holds_its_entries)
{
  enum { N = 50 };
  world w;
  static sink s[N];
  uint64_t next;

  world_init(&w, NULL);
  keep(&w, "t", 1, 0, 0);
  for (int i = 0; i < N; i++)
    world_open(&w, &s[i], "t", NULL);
  world_run(&w, 0);
  for (int i = 0; i < 5; i++)
    world_publish(&w, "t", NULL, "x");
  do {
    hermes_sse_hub_run(w.hub, w.now, 7, &next);
    ck_assert_uint_eq(world_stats(&w).retained_entries, next == w.now ? 5 : 1);
  } while (next == w.now);
  for (int i = 0; i < N; i++) {
    ck_assert_str_eq(world_data(&s[i]), "x,x,x,x,x");
    hermes_sse_stream_free(s[i].stream);
    sink_clear(&s[i]);
  }
  world_clear(&w);
}
END_TEST

START_TEST(entries_bytes_and_age_each_bound_a_log)
{
  world w;
  char large[1000];

  memset(large, 'x', sizeof large - 1);
  large[sizeof large - 1] = 0;
  world_init(&w, NULL);
  keep(&w, "entries", 3, 0, 0);
  keep(&w, "bytes", 0, 5000, 0);
  keep(&w, "age", 0, 0, 60000);
  for (int i = 0; i < 10; i++) {
    world_publish(&w, "entries", NULL, "x");
    world_run(&w, 0);
  }
  ck_assert_uint_eq(world_stats(&w).retained_entries, 3);
  for (int i = 0; i < 10; i++)
    world_publish(&w, "bytes", NULL, large);
  world_run(&w, 0);
  ck_assert(world_stats(&w).retained_entries > 3 + 2 && world_stats(&w).retained_entries <= 3 + 4);
  keep(&w, "bytes", 1, 0, 0); /* an existing topic follows in the next run */
  world_run(&w, 0);
  ck_assert_uint_eq(world_stats(&w).retained_entries, 4);
  world_publish(&w, "age", "k", "x");
  world_run(&w, 0);
  world_run(&w, 30000);
  world_publish(&w, "age", "k", "x");
  world_run(&w, 0);
  world_run(&w, 30000);
  ck_assert_uint_eq(world_stats(&w).retained_entries, 6);
  world_run(&w, 1000);
  ck_assert_uint_eq(world_stats(&w).retained_entries, 5);
  ck_assert_uint_le(w.next, w.now + 1000);
  world_run(&w, 400000);
  ck_assert_uint_eq(world_stats(&w).retained_entries, 0);
  ck_assert_uint_eq(world_stats(&w).topics, 0);
  ck_assert_uint_eq(w.next, HERMES_SSE_NEVER);
  world_clear(&w);
}
END_TEST

START_TEST(the_most_specific_policy_wins)
{
  world w;

  world_init(&w, NULL);
  keep(&w, "*", 1, 0, 0);
  keep(&w, "download:*", 2, 0, 0);
  keep(&w, "download:a", 4, 0, 0);
  keep(&w, "down*", 8, 0, 0);
  keep(&w, "download:*", 3, 0, 0); /* replaces */
  for (int i = 0; i < 20; i++) {
    world_publish(&w, "other", NULL, "x");
    world_publish(&w, "download:a", NULL, "x");
    world_publish(&w, "download:b", NULL, "x");
    world_publish(&w, "downtown", NULL, "x");
  }
  world_run(&w, 0);
  ck_assert_uint_eq(world_stats(&w).retained_entries, 1 + 4 + 3 + 8);
  ck_assert_int_eq(hermes_sse_bus_topic(w.bus, "download:a", NULL), HERMES_SSE_OK);
  world_run(&w, 0);
  ck_assert_uint_eq(world_stats(&w).retained_entries, 1 + 3 + 3 + 8);
  ck_assert_int_eq(hermes_sse_bus_topic(w.bus, "", NULL), HERMES_SSE_ERR_BAD_TOPIC);
  ck_assert_int_eq(hermes_sse_bus_topic(w.bus, NULL, NULL), HERMES_SSE_ERR_BAD_TOPIC);
  ck_assert_int_eq(hermes_sse_bus_topic(w.bus, "x", &(hermes_sse_topic_options){ .size = 1 }), HERMES_SSE_ERR_OPTION);
  world_clear(&w);
}
END_TEST

START_TEST(a_client_that_fell_out_of_the_log_is_closed_where_the_topic_says_so)
{
  hermes_sse_topic_options o = { .size = sizeof o, .max_entries = 3, .flags = HERMES_SSE_TOPIC_CLOSE_SLOW };
  world w;
  sink slow, fast, pull;

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_bus_topic(w.bus, "t", &o), HERMES_SSE_OK);
  world_open(&w, &slow, "t", NULL);
  world_open(&w, &fast, "t", NULL);
  sink_init(&pull);
  world_open_with(&w, &pull, "t", NULL, (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_PULL });
  slow.room = 0;
  for (int i = 0; i < 10; i++) {
    world_publish(&w, "t", NULL, "x");
    world_run(&w, 0);
  }
  ck_assert_int_eq(hermes_sse_stream_reason(slow.stream), 0);
  slow.room = SIZE_MAX;
  hermes_sse_stream_writable(slow.stream);
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_reason(slow.stream), HERMES_SSE_CLOSE_SLOW);
  ck_assert_int_eq(hermes_sse_stream_reason(fast.stream), 0);
  ck_assert_int_eq(world_pull(&pull), HERMES_SSE_ERR_EOF);
  ck_assert_int_eq(hermes_sse_stream_reason(pull.stream), HERMES_SSE_CLOSE_SLOW);
  hermes_sse_stream_free(pull.stream);
  ck_assert_uint_eq(world_reap(&w), 1);
  hermes_sse_stream_free(fast.stream);
  sink_clear(&slow);
  sink_clear(&fast);
  sink_clear(&pull);
  world_clear(&w);
}
END_TEST

START_TEST(P19_a_slow_client_costs_its_position_and_half_a_frame)
{
  world w;
  sink slow;
  size_t before;

  world_init(&w, NULL);
  keep(&w, "t", 10, 0, 0);
  world_open(&w, &slow, "t", NULL);
  slow.room = 5;
  for (int i = 0; i < 20; i++) {
    world_publish(&w, "t", NULL, "0123456789");
    world_run(&w, 0);
  }
  before = w.memory.live_bytes;
  for (int i = 0; i < 1000; i++) {
    world_publish(&w, "t", NULL, "0123456789");
    world_run(&w, 0);
  }
  ck_assert_uint_le(w.memory.live_bytes, before + 64);
  hermes_sse_stream_free(slow.stream);
  sink_clear(&slow);
  world_clear(&w);
}
END_TEST

START_TEST(topics_used_once_leave_no_memory)
{
  world w;
  size_t before;

  world_init(&w, NULL);
  keep(&w, "*", 1, 0, 1000);
  world_publish(&w, "first", "k", "x");
  world_run(&w, 0);
  world_run(&w, 5000);
  before = w.memory.live_bytes;
  for (int i = 0; i < 20000; i++) {
    char topic[32];

    snprintf(topic, sizeof topic, "topic %d", i);
    world_publish(&w, topic, topic, "x");
    if (i % 1000 == 0)
      world_run(&w, 10);
  }
  ck_assert_uint_gt(w.memory.live_bytes, before + 1000000);
  for (int i = 0; i < 60; i++)
    world_run(&w, 1000);
  ck_assert_uint_eq(world_stats(&w).topics, 0);
  ck_assert_uint_le(w.memory.live_bytes, before + 8 * 65536); /* the ring's array stays */
  world_clear(&w);
}
END_TEST

START_TEST(P20_H14_publishers_never_wait_for_a_hub_that_was_lapped)
{
  hermes_sse_bus_options bo = { .size = sizeof bo, .max_pending_entries = 8 };
  hermes_sse_hub_options ho = { .size = sizeof ho, .writev = sink_writev };
  hermes_sse_stats stats = { .size = sizeof stats };
  received events[16];
  world w = { .now = 1 };
  sink s, other;

  ck_assert_int_eq(hermes_sse_bus_new(&bo, &w.bus), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, &ho, &w.hub), HERMES_SSE_OK);
  world_run(&w, 0);
  world_open(&w, &s, "t", NULL);
  for (int i = 0; i < 20; i++)
    world_publish(&w, "t", NULL, "x");
  world_open(&w, &other, "t", NULL);
  world_publish(&w, "t", NULL, "y");
  world_run(&w, 1);
  ck_assert_int_eq(hermes_sse_stream_reason(s.stream), 0);
  ck_assert_uint_eq(sink_read(&s, events, 16, NULL), 1 + 8);
  ck_assert_str_eq(events[0].type, "gap");
  ck_assert_str_eq(world_data(&other), "y"); /* it asked for nothing of what was lost */
  hermes_sse_bus_stats(w.bus, &stats);
  ck_assert_uint_eq(stats.lapped, 21 - 8);
  hermes_sse_stream_free(s.stream);
  hermes_sse_stream_free(other.stream);
  hermes_sse_hub_free(w.hub);
  hermes_sse_bus_free(w.bus);
  sink_clear(&s);
  sink_clear(&other);
}
END_TEST

SUITE_MAIN("retention", H2_readers_that_keep_up_are_never_ahead_of_retention, a_budgeted_sweep_holds_its_entries,
           entries_bytes_and_age_each_bound_a_log, the_most_specific_policy_wins,
           a_client_that_fell_out_of_the_log_is_closed_where_the_topic_says_so,
           P19_a_slow_client_costs_its_position_and_half_a_frame, topics_used_once_leave_no_memory,
           P20_H14_publishers_never_wait_for_a_hub_that_was_lapped)
