/* Slow clients: told of gaps, conflation, the snapshot, throttling, the bound over all topics. */
#include "suite.h"
#include "world.h"

static world w;

static void topic(const char *pattern, uint64_t max_entries, uint64_t flags)
{
  hermes_sse_topic_options o = { .size = sizeof o, .max_entries = max_entries, .flags = flags };

  ck_assert_int_eq(hermes_sse_bus_topic(w.bus, pattern, &o), HERMES_SSE_OK);
}

/* "type:data" of all that was dispatched, joined by blanks; data of gaps left out. */
static const char *told(const sink *s)
{
  static char text[8192];
  static received events[1024];
  size_t n = sink_read(s, events, 1024, NULL), len = 0;

  text[0] = 0;
  for (size_t i = 0; i < n; i++)
    if (events[i].dispatched)
      len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len ? " " : "",
                              strcmp(events[i].type, "gap") == 0 ? "gap" : events[i].data);
  return text;
}

static void unblock(sink *s)
{
  s->room = SIZE_MAX;
  hermes_sse_stream_writable(s->stream);
  world_run(&w, 0);
}

static void publish_numbers(const char *name, const char *key, int from, int to)
{
  for (int i = from; i <= to; i++) {
    char data[16];

    snprintf(data, sizeof data, "%d", i);
    world_publish(&w, name, key, data);
    world_run(&w, 0);
  }
}

START_TEST(P13_P21_a_slow_client_is_told_before_anything_newer)
{
  sink slow;
  received events[16];
  size_t before;

  world_init(&w, NULL);
  topic("t", 3, 0);
  world_open(&w, &slow, "t", NULL);
  publish_numbers("t", NULL, 1, 1);
  slow.room = 10;
  publish_numbers("t", NULL, 2, 9);
  before = slow.n;
  unblock(&slow);
  /* 2 was half taken, 3 to 6 are gone */
  ck_assert_str_eq(told(&slow), "1 2 gap 7 8 9");
  sink_read(&slow, events, 16, NULL);
  ck_assert_ptr_nonnull(strstr(events[2].data, "\"reason\":\"slow\""));
  ck_assert_str_eq(events[2].id, events[1].id);
  ck_assert_uint_gt(slow.n, before);
  ck_assert_uint_eq(world_stats(&w).gaps_slow, 1);
  /* told once */
  publish_numbers("t", NULL, 10, 11);
  ck_assert_str_eq(told(&slow), "1 2 gap 7 8 9 10 11");
  world_leave(&slow);
  world_clear(&w);
}
END_TEST

START_TEST(P14_a_client_that_comes_back_with_the_gap_s_id_loses_nothing_more)
{
  sink slow, back;
  received events[16];

  world_init(&w, NULL);
  topic("t", 3, 0);
  world_open(&w, &slow, "t", NULL);
  slow.room = 0;
  publish_numbers("t", NULL, 1, 9);
  slow.room = 150; /* the gap, and little more */
  hermes_sse_stream_writable(slow.stream);
  world_run(&w, 0);
  sink_read(&slow, events, 16, NULL);
  ck_assert_str_eq(events[0].type, "gap");
  sink_init(&back);
  world_open_with(&w, &back, "t", NULL, (hermes_sse_stream_options){ .last_event_id = hermes_sse_str(events[0].id) });
  world_run(&w, 0);
  ck_assert_str_eq(told(&back), "gap 7 8 9");
  world_leave(&slow);
  world_leave(&back);
  world_clear(&w);
}
END_TEST

/* The reader is told that b lost 3; only then a loses 1 and 2, which come before that in the order. */
START_TEST(a_loss_in_one_topic_does_not_cover_a_later_loss_in_another)
{
  static const char *const follows[2] = { "a", "b" };
  hermes_sse_subscription both[2] = { { .topic = hermes_sse_str("a") }, { .topic = hermes_sse_str("b") } };
  hermes_sse_subscription all = { .topic = hermes_sse_str("*") };

  for (int pattern = 0; pattern < 2; pattern++) {
    hermes_sse_stream_options o = { .size = sizeof o };
    sink slow;

    world_init(&w, NULL);
    topic("*", 2, 0);
    sink_init(&slow);
    o.topics = pattern ? &all : both;
    o.n_topics = pattern ? 1 : 2;
    world_open_with(&w, &slow, NULL, NULL, o);
    slow.room = 0;
    publish_numbers(follows[0], NULL, 1, 2);
    publish_numbers(follows[1], NULL, 3, 5); /* b keeps 4, 5 */
    slow.room = strlen("event: gap") + 100;  /* the gap is under way, 1 follows it in part */
    hermes_sse_stream_writable(slow.stream);
    world_run(&w, 0);
    slow.room = 0;
    world_run(&w, 0);
    publish_numbers(follows[0], NULL, 6, 7); /* a has lost 1 and 2, and keeps 6, 7 */
    unblock(&slow);
    ck_assert_msg(strcmp(told(&slow), "gap 1 gap 4 5 6 7") == 0 || strcmp(told(&slow), "gap gap 4 5 6 7") == 0,
                  "pattern %d: %s", pattern, told(&slow));
    world_leave(&slow);
    world_clear(&w);
  }
}
END_TEST

START_TEST(P22_conflated_topics_keep_the_newest_of_each_key)
{
  sink slow, fast;

  world_init(&w, NULL);
  topic("t", 100, HERMES_SSE_TOPIC_CONFLATE);
  world_open(&w, &slow, "t", NULL);
  world_open(&w, &fast, "t", NULL);
  slow.room = 0;
  for (int i = 0; i < 300; i++) {
    char data[16];

    snprintf(data, sizeof data, "%d", i);
    world_publish(&w, "t", i % 3 == 0 ? "a" : i % 3 == 1 ? "b" : NULL, data);
    if (i == 297)
      world_publish(&w, "t", "c", "only");
    world_run(&w, 0);
  }
  ck_assert_uint_eq(world_stats(&w).conflated, 100 - 1 + 100 - 1);
  unblock(&slow);
  ck_assert_ptr_nonnull(strstr(told(&slow), "296 297 only 298 299"));
  ck_assert_ptr_nonnull(strstr(told(&fast), "294 295 296 297 only 298 299"));
  world_leave(&slow);
  world_leave(&fast);
  world_clear(&w);
}
END_TEST

START_TEST(conflated_events_are_no_gap_and_survivors_keep_their_order)
{
  sink slow;

  world_init(&w, NULL);
  topic("t", 100, HERMES_SSE_TOPIC_CONFLATE);
  world_open(&w, &slow, "t", NULL);
  slow.room = 0;
  for (int i = 0; i < 1000; i++) {
    char key[8], data[16];

    snprintf(key, sizeof key, "%d", i * 7 % 10);
    snprintf(data, sizeof data, "%d", i);
    world_publish(&w, "t", key, data);
    if (i % 50 == 0)
      world_run(&w, 0);
  }
  world_run(&w, 0);
  ck_assert_uint_eq(world_stats(&w).retained_entries, 10);
  unblock(&slow);
  ck_assert_str_eq(told(&slow), "990 991 992 993 994 995 996 997 998 999");
  ck_assert_uint_eq(world_stats(&w).gaps, 0);
  world_leave(&slow);
  world_clear(&w);
}
END_TEST

START_TEST(readers_that_keep_up_see_every_event_of_a_conflated_topic)
{
  sink fast, key;

  world_init(&w, NULL);
  topic("t", 100, HERMES_SSE_TOPIC_CONFLATE);
  world_open(&w, &fast, "t", NULL);
  world_open(&w, &key, "t", "k");
  for (int i = 0; i < 5; i++)
    world_publish(&w, "t", "k", "same turn");
  world_run(&w, 0);
  ck_assert_uint_eq(world_stats(&w).delivered, 10);
  ck_assert_uint_eq(world_stats(&w).retained_entries, 1);
  world_leave(&fast);
  world_leave(&key);
  world_clear(&w);
}
END_TEST

START_TEST(a_topic_may_become_a_conflated_one_and_back)
{
  world_init(&w, NULL);
  publish_numbers("t", "a", 1, 5);
  publish_numbers("t", "b", 1, 5);
  ck_assert_uint_eq(world_stats(&w).retained_entries, 10);
  topic("t", 100, HERMES_SSE_TOPIC_CONFLATE);
  world_run(&w, 0);
  ck_assert_uint_eq(world_stats(&w).retained_entries, 2);
  topic("t", 100, 0);
  publish_numbers("t", "a", 6, 9);
  ck_assert_uint_eq(world_stats(&w).retained_entries, 6);
  world_clear(&w);
}
END_TEST

static hermes_sse_stream_options with_topics(const hermes_sse_subscription *topics, size_t n, sink *s)
{
  return (hermes_sse_stream_options){
    .size = sizeof(hermes_sse_stream_options), .topics = topics, .n_topics = n, .user = s
  };
}

START_TEST(P22_a_newcomer_may_ask_for_the_snapshot)
{
  const hermes_sse_subscription both[] = {
    { .topic = hermes_sse_str("state"), .flags = HERMES_SSE_SUBSCRIPTION_SNAPSHOT },
    { .topic = hermes_sse_str("news") },
  };
  static const hermes_sse_event greeting = { .size = sizeof greeting, .data = { "hello", 5 } };
  hermes_sse_stream_options o;
  received events[16];
  sink s, foreign;

  world_init(&w, NULL);
  topic("state", 100, HERMES_SSE_TOPIC_CONFLATE);
  publish_numbers("news", NULL, 1, 3);
  publish_numbers("state", "a", 11, 13);
  publish_numbers("state", "b", 21, 23);
  publish_numbers("news", NULL, 4, 5);
  sink_init(&s);
  o = with_topics(both, 2, &s);
  o.greeting = &greeting;
  ck_assert_int_eq(hermes_sse_stream_open(w.hub, &o, &s.stream), HERMES_SSE_OK);
  publish_numbers("news", NULL, 6, 6);
  publish_numbers("state", "a", 14, 14);
  ck_assert_str_eq(told(&s), "hello 13 23 6 14");
  sink_read(&s, events, 16, NULL);
  ck_assert_str_eq(events[0].id, ""); /* cut off here it would come back as a newcomer */
  sink_init(&foreign);
  o = with_topics(both, 2, &foreign);
  o.last_event_id = hermes_sse_str("1-1");
  ck_assert_int_eq(hermes_sse_stream_open(w.hub, &o, &foreign.stream), HERMES_SSE_OK);
  world_run(&w, 0);
  ck_assert_str_eq(told(&foreign), "gap 23 14");
  world_leave(&s);
  world_leave(&foreign);
  world_clear(&w);
}
END_TEST

START_TEST(a_throttled_stream_gets_the_first_at_once_and_the_last_always)
{
  hermes_sse_stream_options o = { .throttle_ms = 200 };
  sink s;

  world_init(&w, NULL);
  world_run(&w, 1000);
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL, o);
  world_publish(&w, "t", "a", "first");
  world_run(&w, 0);
  ck_assert_str_eq(told(&s), "first");
  for (int i = 0; i < 10; i++) {
    char data[16];

    snprintf(data, sizeof data, "%d", i);
    world_publish(&w, "t", i % 2 ? "a" : "b", data);
    world_publish(&w, "t", NULL, "x");
    world_run(&w, 10);
  }
  ck_assert_str_eq(told(&s), "first");
  ck_assert_uint_le(w.next, w.now + 200);
  for (int i = 0; i < 50; i++)
    world_run(&w, 10);
  ck_assert_str_eq(told(&s), "first x x x x x x x x 8 x 9 x");
  ck_assert_uint_eq(world_stats(&w).throttled, 8);
  ck_assert_uint_eq(world_stats(&w).gaps, 0);
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(a_throttled_stream_starts_at_most_one_batch_in_its_interval)
{
  hermes_sse_stream_options o = { .throttle_ms = 100 };
  sink s, pull;
  size_t batches = 0;

  world_init(&w, NULL);
  sink_init(&s);
  sink_init(&pull);
  world_open_with(&w, &s, "t", NULL, o);
  o.flags = HERMES_SSE_STREAM_PULL;
  world_open_with(&w, &pull, "t", NULL, o);
  for (int ms = 0; ms < 10000; ms++) {
    size_t calls = s.calls;

    world_publish(&w, "t", "k", "x");
    world_run(&w, 1);
    batches += s.calls > calls;
    while (hermes_sse_hub_next(w.hub))
      world_pull(&pull);
  }
  ck_assert_uint_le(batches, 101);
  ck_assert_uint_ge(batches, 80);
  ck_assert_uint_le(world_stats(&w).delivered, 2 * 101);
  ck_assert_uint_ge(world_stats(&w).delivered, 2 * 80);
  world_leave(&s);
  world_leave(&pull);
  world_clear(&w);
}
END_TEST

START_TEST(a_resting_stream_still_has_a_heart)
{
  hermes_sse_hub_options ho = { .size = sizeof ho, .writev = sink_writev, .heartbeat_ms = 100 };
  hermes_sse_stream_options o = { .throttle_ms = 10000 };
  received events[64];
  sink s;
  size_t n, hearts = 0;

  world_init(&w, &ho);
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL, o);
  publish_numbers("t", NULL, 1, 2);
  for (int i = 0; i < 500; i++)
    world_run(&w, 10);
  n = sink_read(&s, events, 64, NULL);
  for (size_t i = 0; i < n; i++)
    hearts += strcmp(events[i].comment, "heartbeat") == 0;
  ck_assert_uint_ge(hearts, 45);
  ck_assert_str_eq(told(&s), "1");
  for (int i = 0; i < 700; i++)
    world_run(&w, 10);
  ck_assert_str_eq(told(&s), "1 2");
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(H18_the_oldest_of_all_topics_goes_first_beyond_the_bus_s_bound)
{
  hermes_sse_bus_options bo = { .size = sizeof bo, .max_retained_bytes = 20000 };
  sink slow, fast;

  world_init(&w, NULL);
  hermes_sse_hub_free(w.hub);
  hermes_sse_bus_free(w.bus);
  bo.environment = &w.environment;
  ck_assert_int_eq(hermes_sse_bus_new(&bo, &w.bus), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_hub_new(w.bus,
                                      &(hermes_sse_hub_options){ .size = sizeof(hermes_sse_hub_options),
                                                                 .writev = sink_writev,
                                                                 .heartbeat_ms = HERMES_SSE_NEVER },
                                      &w.hub),
                   HERMES_SSE_OK);
  world_open(&w, &slow, "old", NULL);
  world_open(&w, &fast, "new", NULL);
  slow.room = 0;
  publish_numbers("old", NULL, 1, 20);
  for (int i = 0; i < 1000; i++) {
    char name[16];

    snprintf(name, sizeof name, "topic %d", i % 50);
    world_publish(&w, i % 3 ? name : "new", NULL, "x");
    world_run(&w, 0);
    ck_assert_uint_le(world_stats(&w).retained_bytes, 20000);
  }
  ck_assert_uint_gt(world_stats(&w).retained_bytes, 19000);
  unblock(&slow);
  ck_assert_str_eq(told(&slow), "gap");
  ck_assert_uint_eq(sink_read(&fast, (received[512]){ { .retry = 0 } }, 512, NULL), 334);
  world_leave(&slow);
  world_leave(&fast);
  world_clear(&w);
}
END_TEST

START_TEST(P19_half_written_frames_are_shared)
{
  enum { STALLED = 1000 };
  static sink stalled[STALLED];
  static char large[65536];
  size_t before;

  memset(large, 'x', sizeof large - 1);
  world_init(&w, NULL);
  topic("t", 2, 0);
  for (int i = 0; i < STALLED; i++) {
    world_open(&w, &stalled[i], "t", NULL);
    stalled[i].room = 100;
  }
  world_publish(&w, "t", NULL, large);
  world_run(&w, 0);
  before = w.memory.live_bytes;
  for (int i = 0; i < 100; i++) {
    world_publish(&w, "t", NULL, large);
    world_run(&w, 0);
  }
  ck_assert_uint_le(w.memory.live_bytes, before + 4 * sizeof large);
  for (int i = 0; i < STALLED; i++)
    world_leave(&stalled[i]);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("slow", a_loss_in_one_topic_does_not_cover_a_later_loss_in_another,
           P13_P21_a_slow_client_is_told_before_anything_newer,
           P14_a_client_that_comes_back_with_the_gap_s_id_loses_nothing_more,
           P22_conflated_topics_keep_the_newest_of_each_key, conflated_events_are_no_gap_and_survivors_keep_their_order,
           readers_that_keep_up_see_every_event_of_a_conflated_topic, a_topic_may_become_a_conflated_one_and_back,
           P22_a_newcomer_may_ask_for_the_snapshot, a_throttled_stream_gets_the_first_at_once_and_the_last_always,
           a_throttled_stream_starts_at_most_one_batch_in_its_interval, a_resting_stream_still_has_a_heart,
           H18_the_oldest_of_all_topics_goes_first_beyond_the_bus_s_bound, P19_half_written_frames_are_shared)
