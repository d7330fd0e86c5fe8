/* Patterns, subscriptions that come and go on a live stream, filters. */
#include "suite.h"
#include "world.h"

static world w;

static hermes_sse_subscription sub(const char *topic, const char *key)
{
  return (hermes_sse_subscription){ .topic = hermes_sse_str(topic), .key = hermes_sse_str(key) };
}

START_TEST(a_pattern_follows_topics_that_are_and_that_come)
{
  sink all, some, both;
  const hermes_sse_subscription twice[] = { sub("download:*", NULL), sub("download:1", NULL), sub("queue", NULL) };
  hermes_sse_stream_options o = { .size = sizeof o, .topics = twice, .n_topics = 3, .user = &both };

  world_init(&w, NULL);
  world_publish(&w, "download:1", NULL, "before");
  world_run(&w, 0);
  world_open(&w, &all, "*", NULL);
  world_open(&w, &some, "download:*", "k");
  sink_init(&both);
  ck_assert_int_eq(hermes_sse_stream_open(w.hub, &o, &both.stream), HERMES_SSE_OK);
  world_publish(&w, "download:1", "k", "a");
  world_publish(&w, "download:2", NULL, "b");
  world_publish(&w, "downloads", "k", "c");
  world_publish(&w, "queue", NULL, "d");
  world_publish(&w, "download:3", "k", "e");
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&all), "a,b,c,d,e");
  ck_assert_str_eq(world_data(&some), "a,e");
  ck_assert_str_eq(world_data(&both), "a,b,d,e");
  world_leave(&all);
  world_leave(&some);
  world_leave(&both);
  world_clear(&w);
}
END_TEST

START_TEST(a_pattern_replays_what_its_topics_hold)
{
  hermes_sse_topic_options tight = { .size = sizeof tight, .max_entries = 2 };
  hermes_sse_id start;
  char id[HERMES_SSE_ID_MAX];
  sink s, late, behind;
  received events[32];

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_bus_topic(w.bus, "t:small", &tight), HERMES_SSE_OK);
  hermes_sse_bus_head(w.bus, &start);
  hermes_sse_id_format(&start, id, sizeof id);
  for (int i = 0; i < 6; i++) {
    char data[16];

    snprintf(data, sizeof data, "%d", i);
    world_publish(&w, i % 2 ? "t:small" : "t:large", i < 3 ? "k" : NULL, data);
    world_run(&w, 0);
    if (i == 1) {
      hermes_sse_bus_head(w.bus, &start);
      hermes_sse_id_format(&start, id, sizeof id);
    }
  }
  sink_init(&s);
  world_open_with(&w, &s, "t:*", NULL, (hermes_sse_stream_options){ .last_event_id = hermes_sse_str(id) });
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&s), "2,3,4,5");
  sink_init(&late);
  world_open_with(&w, &late, "t:*", "k", (hermes_sse_stream_options){ .last_event_id = hermes_sse_str(id) });
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&late), "2");
  world_open(&w, &behind, "t:*", NULL);
  behind.room = 0;
  for (int i = 0; i < 5; i++) {
    world_publish(&w, "t:small", NULL, "s");
    world_publish(&w, "t:large", NULL, "l");
    world_run(&w, 0);
  }
  behind.room = SIZE_MAX;
  hermes_sse_stream_writable(behind.stream);
  world_run(&w, 0);
  ck_assert_uint_eq(sink_read(&behind, events, 32, NULL), 1 + 5 + 2);
  ck_assert_str_eq(events[0].type, "gap");
  world_leave(&s);
  world_leave(&late);
  world_leave(&behind);
  world_clear(&w);
}
END_TEST

/* A topic that drops much does not shorten what others hold. */
START_TEST(a_snapshot_of_a_pattern_is_all_that_its_topics_hold)
{
  hermes_sse_topic_options few = { .size = sizeof few, .max_entries = 1 };
  hermes_sse_subscription all = { .topic = hermes_sse_str("*"), .flags = HERMES_SSE_SUBSCRIPTION_SNAPSHOT };
  hermes_sse_stream_options o = { .size = sizeof o, .topics = &all, .n_topics = 1 };
  sink s;

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_bus_topic(w.bus, "few", &few), HERMES_SSE_OK);
  world_publish(&w, "many", NULL, "1");
  world_publish(&w, "many", NULL, "2");
  for (int i = 0; i < 5; i++)
    world_publish(&w, "few", NULL, "3");
  world_run(&w, 0);
  world_run(&w, 0);
  sink_init(&s);
  world_open_with(&w, &s, NULL, NULL, o);
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&s), "1,2,3");
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(a_pattern_nobody_follows_leaves_nothing_behind)
{
  size_t before;

  world_init(&w, NULL);
  for (int i = 0; i < 100; i++)
    world_publish(&w, i % 2 ? "a:1" : "a:2", "k", "x");
  world_run(&w, 0);
  before = w.memory.live_bytes;
  for (int round = 0; round < 20; round++) {
    sink s;

    world_open(&w, &s, round % 2 ? "a:*" : "a*", round % 3 ? "k" : NULL);
    world_run(&w, 1000);
    world_leave(&s);
  }
  for (int i = 0; i < 40; i++)
    world_run(&w, 1000);
  ck_assert_uint_le(w.memory.live_bytes, before + 60000); /* slabs */
  world_clear(&w);
}
END_TEST

START_TEST(a_view_keeps_no_more_than_its_topics)
{
  hermes_sse_topic_options conflated = { .size = sizeof conflated, .flags = HERMES_SSE_TOPIC_CONFLATE };
  hermes_sse_stats stats = { .size = sizeof stats };
  sink s, slow;

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_bus_topic(w.bus, "*", &conflated), HERMES_SSE_OK);
  world_open(&w, &s, "p*", NULL);
  world_open(&w, &slow, "p*", NULL);
  slow.room = 0;
  for (int i = 0; i < 5000; i++) {
    char data[16];

    snprintf(data, sizeof data, "%d", i);
    world_publish(&w, i % 2 ? "p1" : "p2", i % 3 ? "a" : "b", data);
    if (i % 7 == 0)
      world_run(&w, 0);
  }
  world_run(&w, 0);
  hermes_sse_bus_stats(w.bus, &stats);
  ck_assert_uint_eq(stats.retained_entries, 4);
  slow.room = SIZE_MAX;
  hermes_sse_stream_writable(slow.stream);
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&slow), "4995,4996,4998,4999");
  world_leave(&s);
  world_leave(&slow);
  world_clear(&w);
}
END_TEST

START_TEST(subscriptions_come_and_go_on_a_live_stream)
{
  sink s;
  hermes_sse_subscription b = sub("b", NULL), k = sub("c", "k"), p = sub("d*", NULL), a = sub("a", NULL), got;

  world_init(&w, NULL);
  world_open(&w, &s, "a", NULL);
  world_publish(&w, "b", NULL, "too early");
  ck_assert_int_eq(hermes_sse_stream_subscribe(s.stream, &b), HERMES_SSE_OK);
  world_publish(&w, "b", NULL, "b1");
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_subscribe(s.stream, &b), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_stream_subscribe(s.stream, &k), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_stream_subscribe(s.stream, &p), HERMES_SSE_OK);
  ck_assert_uint_eq(hermes_sse_hub_followers(w.hub, hermes_sse_str("d*"), hermes_sse_str("")), 1);
  ck_assert_int_eq(hermes_sse_stream_subscription(s.stream, 3, &got), HERMES_SSE_OK);
  ck_assert_mem_eq(got.topic.ptr, "d*", 2);
  ck_assert_uint_eq(got.topic.len, 2);
  ck_assert_int_eq(hermes_sse_stream_subscription(s.stream, 4, &got), HERMES_SSE_ERR_NOT_FOUND);
  world_publish(&w, "a", NULL, "a1");
  world_publish(&w, "c", "k", "c1");
  world_publish(&w, "c", "other", "no");
  world_publish(&w, "d1", NULL, "d1");
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_unsubscribe(s.stream, &a), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_stream_unsubscribe(s.stream, &a), HERMES_SSE_ERR_NOT_FOUND);
  world_publish(&w, "a", NULL, "no");
  world_publish(&w, "b", NULL, "b2");
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_unsubscribe(s.stream, &b), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_stream_unsubscribe(s.stream, &k), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_stream_unsubscribe(s.stream, &p), HERMES_SSE_OK);
  world_publish(&w, "b", NULL, "no");
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_subscribe(s.stream, &a), HERMES_SSE_OK);
  world_publish(&w, "a", NULL, "again");
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&s), "b1,a1,c1,d1,b2,again");
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(what_came_before_a_subscription_is_no_gap_either)
{
  hermes_sse_topic_options tight = { .size = sizeof tight, .max_entries = 1 };
  hermes_sse_subscription t = sub("t", NULL);
  sink s;

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_bus_topic(w.bus, "t", &tight), HERMES_SSE_OK);
  world_open(&w, &s, "quiet", NULL);
  for (int i = 0; i < 10; i++) {
    world_publish(&w, "t", NULL, "x");
    world_run(&w, 0);
  }
  ck_assert_int_eq(hermes_sse_stream_subscribe(s.stream, &t), HERMES_SSE_OK);
  world_publish(&w, "t", NULL, "y");
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&s), "y");
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(sixty_four_and_no_more)
{
  sink s;
  hermes_sse_subscription t;
  char name[16];

  world_init(&w, NULL);
  world_open(&w, &s, "0", NULL);
  for (int i = 1; i < HERMES_SSE_SUBSCRIPTIONS_MAX; i++) {
    snprintf(name, sizeof name, "%d", i);
    t = sub(name, NULL);
    ck_assert_int_eq(hermes_sse_stream_subscribe(s.stream, &t), HERMES_SSE_OK);
  }
  t = sub("one more", NULL);
  ck_assert_int_eq(hermes_sse_stream_subscribe(s.stream, &t), HERMES_SSE_ERR_FULL);
  t = sub("", NULL);
  ck_assert_int_eq(hermes_sse_stream_subscribe(s.stream, &t), HERMES_SSE_ERR_BAD_TOPIC);
  t = (hermes_sse_subscription){ .topic = { "x", 1 }, .flags = 2 };
  ck_assert_int_eq(hermes_sse_stream_subscribe(s.stream, &t), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_stream_subscribe(s.stream, NULL), HERMES_SSE_ERR_OPTION);
  hermes_sse_stream_close(s.stream);
  t = sub("1", NULL);
  ck_assert_int_eq(hermes_sse_stream_subscribe(s.stream, &t), HERMES_SSE_ERR_STATE);
  world_leave(&s);
  world_clear(&w);
}
END_TEST

static int even_meta(const hermes_sse_message *m, void *user)
{
  (void)user;
  ck_assert_uint_eq(m->topic.len, 1);
  ck_assert_uint_eq(m->data.len, 0);
  ck_assert_mem_eq(m->type.ptr, "kind", 4);
  ck_assert_uint_eq(m->type.len, 4);
  return m->meta % 2 == 0;
}

START_TEST(a_filter_applies_live_and_in_replay)
{
  hermes_sse_stats stats = { .size = sizeof stats };
  hermes_sse_id id;
  char text[HERMES_SSE_ID_MAX];
  sink live, replay;

  world_init(&w, NULL);
  hermes_sse_bus_head(w.bus, &id);
  hermes_sse_id_format(&id, text, sizeof text);
  sink_init(&live);
  world_open_with(&w, &live, "t", NULL, (hermes_sse_stream_options){ .filter = even_meta });
  for (uint64_t i = 0; i < 9; i++) {
    char data[16];
    hermes_sse_message m = { .size = sizeof m, .topic = { "t", 1 }, .type = { "kind", 4 }, .meta = i };

    m.data = (hermes_sse_slice){ .ptr = data, .len = (size_t)snprintf(data, sizeof data, "%d", (int)i) };
    ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_OK);
    world_run(&w, 0);
  }
  sink_init(&replay);
  world_open_with(&w, &replay, "t", NULL,
                  (hermes_sse_stream_options){ .filter = even_meta, .last_event_id = hermes_sse_str(text) });
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&live), "0,2,4,6,8");
  ck_assert_str_eq(world_data(&replay), "0,2,4,6,8");
  hermes_sse_bus_stats(w.bus, &stats);
  ck_assert_uint_eq(stats.filtered, 8);
  ck_assert_uint_eq(stats.gaps, 0);
  world_leave(&live);
  world_leave(&replay);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("subscriptions", a_pattern_follows_topics_that_are_and_that_come, a_pattern_replays_what_its_topics_hold,
           a_snapshot_of_a_pattern_is_all_that_its_topics_hold, a_pattern_nobody_follows_leaves_nothing_behind,
           a_view_keeps_no_more_than_its_topics, subscriptions_come_and_go_on_a_live_stream,
           what_came_before_a_subscription_is_no_gap_either, sixty_four_and_no_more,
           a_filter_applies_live_and_in_replay)
