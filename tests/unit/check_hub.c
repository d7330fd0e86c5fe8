#include "suite.h"
#include "world.h"
#include <hermes_sse/extend.h>

START_TEST(P15_one_order_and_one_sequence_of_ids)
{
  world w;
  sink all, key, two;
  hermes_sse_subscription both[] = { { .topic = hermes_sse_str("a") },
                                     { .topic = hermes_sse_str("a"), .key = hermes_sse_str("k") },
                                     { .topic = hermes_sse_str("b"), .key = hermes_sse_str("k") },
                                     { .topic = hermes_sse_str("a") } };
  hermes_sse_stream_options o = { .size = sizeof o, .user = &two, .topics = both, .n_topics = 4 };

  world_init(&w, NULL);
  world_open(&w, &all, "a", NULL);
  world_open(&w, &key, "a", "k");
  sink_init(&two);
  ck_assert_int_eq(hermes_sse_stream_open(w.hub, &o, &two.stream), HERMES_SSE_OK);
  for (int round = 0; round < 2; round++) {
    world_publish(&w, "a", "k", "1");
    world_publish(&w, "b", "k", "2");
    world_publish(&w, "a", "other", "3");
    world_publish(&w, "b", NULL, "4");
    world_publish(&w, "a", NULL, "5");
    world_publish(&w, "a", "k", "6");
    world_run(&w, 0);
  }
  ck_assert_str_eq(world_data(&all), "1,3,5,6,1,3,5,6");
  ck_assert_str_eq(world_data(&key), "1,6,1,6");
  ck_assert_str_eq(world_data(&two), "1,2,3,5,6,1,2,3,5,6"); /* an entry that matches twice comes once */
  ck_assert_uint_eq(all.calls, 2);                           /* what came in one turn leaves in one write */
  hermes_sse_stream_free(two.stream);
  world_publish(&w, "a", NULL, "7");
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&all), "1,3,5,6,1,3,5,6,7");
  ck_assert_uint_eq(world_last_id(&all).lo, 13); /* of all that was published, whoever follows it */
  hermes_sse_stream_free(all.stream);
  hermes_sse_stream_free(key.stream);
  sink_clear(&all);
  sink_clear(&key);
  sink_clear(&two);
  world_clear(&w);
}
END_TEST

START_TEST(a_budget_spreads_a_fan_out)
{
  enum { N = 1000 };
  world w;
  static sink s[N];
  uint64_t next;
  int runs = 0, served, before = 0;

  world_init(&w, NULL);
  for (int i = 0; i < N; i++)
    world_open(&w, &s[i], "t", NULL);
  world_publish(&w, "t", NULL, "1");
  do {
    if (runs == 50)
      world_publish(&w, "t", NULL, "2"); /* in the middle of a lap */
    ck_assert_int_eq(hermes_sse_hub_run(w.hub, w.now, 10, &next), HERMES_SSE_OK);
    runs++;
    for (served = 0; served < N && s[served].calls > 0; served++)
      ;
    ck_assert_int_le(served - before, 10); /* in the order they came */
    before = served;
  } while (next == w.now);
  ck_assert_int_gt(runs, 100);
  for (int i = 0; i < N; i++) {
    ck_assert_str_eq(world_data(&s[i]), "1,2");
    hermes_sse_stream_free(s[i].stream);
    sink_clear(&s[i]);
  }
  world_clear(&w);
}
END_TEST

START_TEST(H13_leaving_during_a_lap_costs_nobody_an_event)
{
  enum { N = 64 };
  world w;
  static sink s[N];
  uint64_t next;

  world_init(&w, NULL);
  for (int i = 0; i < N; i++)
    world_open(&w, &s[i], "t", NULL);
  world_publish(&w, "t", NULL, "1");
  for (int i = 0; i < N; i += 2) {
    hermes_sse_hub_run(w.hub, w.now, 1, &next);
    hermes_sse_stream_free(s[i].stream);
    s[i].stream = NULL;
  }
  world_run(&w, 0);
  for (int i = 0; i < N; i++) {
    if (s[i].stream)
      ck_assert_str_eq(world_data(&s[i]), "1");
    hermes_sse_stream_free(s[i].stream);
    sink_clear(&s[i]);
  }
  world_clear(&w);
}
END_TEST

static hermes_sse_bus *publish_on;

static void publish_more(sink *s)
{
  hermes_sse_message m = { .size = sizeof m, .topic = hermes_sse_str("t"), .data = hermes_sse_str("nested") };

  (void)s;
  ck_assert_int_eq(hermes_sse_bus_publish(publish_on, &m), HERMES_SSE_OK);
}

START_TEST(publishing_inside_a_callback_waits_for_the_next_run)
{
  world w;
  sink a, b;

  world_init(&w, NULL);
  publish_on = w.bus;
  world_open(&w, &a, "t", NULL);
  world_open(&w, &b, "t", NULL);
  world_publish(&w, "t", NULL, "1");
  a.act_at = 1;
  a.act = publish_more;
  w.wakes = 0;
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&b), "1");
  ck_assert_uint_eq(w.wakes, 1);
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&a), "1,nested");
  ck_assert_str_eq(world_data(&b), "1,nested");
  hermes_sse_stream_free(a.stream);
  hermes_sse_stream_free(b.stream);
  sink_clear(&a);
  sink_clear(&b);
  world_clear(&w);
}
END_TEST

START_TEST(wakes_coalesce)
{
  world w;
  sink s;

  world_init(&w, NULL);
  world_open(&w, &s, "t", NULL);
  world_run(&w, 0);
  w.wakes = 0;
  for (int i = 0; i < 10; i++)
    world_publish(&w, "t", NULL, "x");
  ck_assert_uint_eq(w.wakes, 1);
  world_run(&w, 0);
  world_publish(&w, "t", NULL, "x");
  ck_assert_uint_eq(w.wakes, 2);
  hermes_sse_hub_wake(w.hub);
  ck_assert_uint_eq(w.wakes, 2);
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(an_event_before_the_first_run_wakes)
{
  world w;
  hermes_sse_hub *second = NULL;
  hermes_sse_hub_options o = { .size = sizeof o, .user = &w, .wake = world_wake };

  world_init(&w, NULL);
  world_publish(&w, "t", NULL, "x");
  ck_assert_uint_eq(w.wakes, 1);
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, &o, &second), HERMES_SSE_OK);
  world_publish(&w, "t", NULL, "x");
  ck_assert_uint_eq(w.wakes, 2);
  hermes_sse_hub_free(second);
  world_publish(&w, "t", NULL, "x");
  ck_assert_uint_eq(w.wakes, 2);
  world_clear(&w);
}
END_TEST

START_TEST(P39_a_drain_closes_all_and_spreads_their_return)
{
  enum { N = 100 };
  world w;
  static sink s[N];
  sink late;
  hermes_sse_message m = { .size = sizeof m, .topic = hermes_sse_str("t") };
  hermes_sse_drain_options o = { .size = sizeof o, .within_ms = 1000, .retry_min_ms = 2000, .retry_max_ms = 4000 };
  hermes_sse_stream_options so = { .size = sizeof so, .user = &late };
  hermes_sse_stats stats = { .size = sizeof stats };
  hermes_sse_hub *hub = NULL;
  size_t closed = 0, distinct = 0;
  long last = -1;

  world_init(&w, NULL);
  for (int i = 0; i < N; i++) {
    sink_init(&s[i]);
    s[i].chunked = 1;
    world_open_with(&w, &s[i], "t", NULL, (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_CHUNKED });
  }
  world_publish(&w, "t", NULL, "last");
  ck_assert_int_eq(hermes_sse_bus_drain(w.bus, &o), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_ERR_CLOSED);
  ck_assert_int_eq(hermes_sse_stream_open(w.hub, &so, &late.stream), HERMES_SSE_ERR_CLOSED);
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, NULL, &hub), HERMES_SSE_ERR_CLOSED);
  for (int step = 0; step <= 10; step++) {
    world_run(&w, step ? 100 : 0);
    closed += world_reap(&w);
    ck_assert_uint_eq(closed, (size_t)(step * N / 10));
  }
  for (int i = 0; i < N; i++) {
    received r[4];
    int ended = 0;

    ck_assert_uint_eq(sink_read(&s[i], r, 4, &ended), 2);
    ck_assert_int_eq(ended, 1);
    ck_assert_str_eq(r[0].data, "last");
    ck_assert(r[1].retry >= 2000 && r[1].retry <= 4000 && !r[1].dispatched);
    distinct += r[1].retry != last;
    last = r[1].retry;
    sink_clear(&s[i]);
  }
  ck_assert_uint_gt(distinct, N * 9 / 10);
  hermes_sse_bus_stats(w.bus, &stats);
  ck_assert(stats.closed_drain == N && stats.streams == 0);
  o.retry_min_ms = 5000;
  ck_assert_int_eq(hermes_sse_bus_drain(w.bus, &o), HERMES_SSE_ERR_OPTION);
  world_clear(&w);
}
END_TEST

START_TEST(a_kick_closes_the_key_after_what_was_published)
{
  world w;
  sink a, b;
  hermes_sse_limits *limits = NULL;
  hermes_sse_limit_key ka = { .key_class = "user", .key = hermes_sse_str("a") };
  hermes_sse_limit_key kb = { .key_class = "user", .key = hermes_sse_str("b") };
  hermes_sse_stream_options oa = { .size = 0 }, ob = { .size = 0 };

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_limits_new(NULL, &limits), HERMES_SSE_OK);
  hermes_sse_limits_admit(limits, &ka, 1, 0, NULL, &oa.ticket);
  hermes_sse_limits_admit(limits, &kb, 1, 0, NULL, &ob.ticket);
  sink_init(&a);
  sink_init(&b);
  world_open_with(&w, &a, "t", NULL, oa);
  world_open_with(&w, &b, "t", NULL, ob);
  world_publish(&w, "t", NULL, "before");
  ck_assert_int_eq(hermes_sse_bus_kick(w.bus, "user", hermes_sse_str("a")), HERMES_SSE_OK);
  world_publish(&w, "t", NULL, "after");
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&a), "before");
  ck_assert_str_eq(world_data(&b), "before,after");
  ck_assert_int_eq(hermes_sse_stream_reason(a.stream), HERMES_SSE_CLOSE_KICKED);
  ck_assert_int_eq(hermes_sse_stream_reason(b.stream), 0);
  ck_assert_int_eq(hermes_sse_bus_kick(w.bus, "", hermes_sse_str("a")), HERMES_SSE_ERR_OPTION);
  ck_assert_uint_eq(world_reap(&w), 1);
  hermes_sse_stream_free(b.stream);
  hermes_sse_limits_free(limits);
  sink_clear(&a);
  sink_clear(&b);
  world_clear(&w);
}
END_TEST

START_TEST(figures_add_up)
{
  world w;
  sink a, b;
  hermes_sse_stats s = { .size = sizeof s }, old = { .size = offsetof(hermes_sse_stats, opened), .opened = 77 };
  hermes_sse_histogram h;

  world_init(&w, NULL);
  world_open(&w, &a, "t", NULL);
  world_open(&w, &b, "t", NULL);
  world_publish(&w, "t", NULL, "x");
  world_publish(&w, "t", "k", "y");
  world_run(&w, 0);
  hermes_sse_stream_free(a.stream);
  ck_assert_int_eq(hermes_sse_bus_stats(w.bus, &s), HERMES_SSE_OK);
  ck_assert(s.streams == 1 && s.opened == 2 && s.closed_host == 1 && s.published == 2 && s.delivered == 4);
  ck_assert_uint_eq(s.bytes, a.n + b.n);
  ck_assert(s.topics == 1 && s.retained_entries == 2 && s.retained_bytes > a.n);
  ck_assert_int_eq(hermes_sse_bus_stats(w.bus, &old), HERMES_SSE_OK);
  ck_assert(old.streams == 1 && old.opened == 77);
  ck_assert_int_eq(hermes_sse_bus_histogram(w.bus, HERMES_SSE_HISTOGRAM_LATENCY, &h), HERMES_SSE_OK);
  ck_assert_uint_eq(h.count, 4);
  ck_assert_int_eq(hermes_sse_bus_histogram(w.bus, HERMES_SSE_HISTOGRAM_LIFETIME, &h), HERMES_SSE_OK);
  ck_assert_uint_eq(h.count, 1);
  ck_assert_int_eq(hermes_sse_bus_histogram(w.bus, 9, &h), HERMES_SSE_ERR_NOT_FOUND);
  hermes_sse_hub_free(w.hub);
  w.hub = NULL;
  hermes_sse_bus_stats(w.bus, &s);
  ck_assert(s.streams == 0 && s.opened == 2 && s.delivered == 4 && s.retained_entries == 0 && s.topics == 0);
  hermes_sse_stream_free(b.stream);
  sink_clear(&a);
  sink_clear(&b);
  world_clear(&w);
}
END_TEST

START_TEST(messages_are_judged)
{
  world w;
  static char text[2 << 20];
  hermes_sse_message m = { .size = sizeof m };

  memset(text, 'x', sizeof text);
  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, NULL), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_ERR_BAD_TOPIC);
  m.topic = (hermes_sse_slice){ .ptr = text, .len = HERMES_SSE_TOPIC_MAX + 1 };
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_ERR_BAD_TOPIC);
  m.topic = (hermes_sse_slice){ .ptr = "a\0b", .len = 3 };
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_ERR_BAD_TOPIC);
  m.topic = hermes_sse_str("t");
  m.key = (hermes_sse_slice){ .ptr = text, .len = HERMES_SSE_KEY_MAX + 1 };
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_ERR_BAD_KEY);
  m.key.len = HERMES_SSE_KEY_MAX;
  m.type = hermes_sse_str("a\nb");
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_ERR_BAD_TYPE);
  m.type = hermes_sse_str("");
  m.data = (hermes_sse_slice){ .ptr = text, .len = sizeof text };
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_ERR_TOO_LARGE);
  m.data.len = 1 << 19;
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_OK);
  m.size = 0;
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_ERR_OPTION);
  world_run(&w, 0);
  world_clear(&w);
}
END_TEST

START_TEST(options_of_bus_and_hub_are_judged)
{
  hermes_sse_bus_options bo = { .size = sizeof bo, .max_event_bytes = UINT64_C(1) << 31 };
  hermes_sse_hub_options ho = { .size = sizeof ho, .heartbeat_ms = 9 };
  hermes_sse_environment broken = { .size = 3 };
  hermes_sse_bus *bus = NULL;
  hermes_sse_hub *hub = NULL;
  world w;

  ck_assert_int_eq(hermes_sse_bus_new(&bo, &bus), HERMES_SSE_ERR_OPTION);
  bo = (hermes_sse_bus_options){ .size = sizeof bo, .environment = &broken };
  ck_assert_int_eq(hermes_sse_bus_new(&bo, &bus), HERMES_SSE_ERR_OPTION);
  ck_assert_ptr_null(bus);
  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, &ho, &hub), HERMES_SSE_ERR_OPTION);
  ho = (hermes_sse_hub_options){ .size = sizeof ho, .timeout_ms = UINT64_C(1) << 40 };
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, &ho, &hub), HERMES_SSE_ERR_OPTION);
  ck_assert_ptr_null(hub);
  ck_assert_int_eq(hermes_sse_poll_timeout(HERMES_SSE_NEVER, 5), -1);
  ck_assert_int_eq(hermes_sse_poll_timeout(5, 5), 0);
  ck_assert_int_eq(hermes_sse_poll_timeout(4, 5), 0);
  ck_assert_int_eq(hermes_sse_poll_timeout(15, 5), 10);
  ck_assert_int_eq(hermes_sse_poll_timeout(UINT64_MAX - 1, 5), INT32_MAX);
  ck_assert_ptr_eq(hermes_sse_hub_user(w.hub), &w);
  world_clear(&w);
}
END_TEST

typedef struct part_state {
  int runs, gone;
  int leave_at;
} part_state;

static void part_run(hermes_sse_hub *hub, uint64_t now_ms, uint64_t *next_ms, void *user)
{
  part_state *p = user;

  ck_assert_int_eq(hermes_sse_hub_run(hub, now_ms, 0, NULL), HERMES_SSE_ERR_REENTRANT);
  *next_ms = now_ms + 5;
  if (++p->runs == p->leave_at)
    ck_assert_int_eq(hermes_sse_hub_detach(hub, p), HERMES_SSE_OK);
}

static void part_gone(hermes_sse_hub *hub, void *user)
{
  (void)hub;
  ((part_state *)user)->gone++;
}

START_TEST(parts_run_in_the_hubs_turns)
{
  world w;
  hermes_sse_part part = { .size = sizeof part, .run = part_run, .gone = part_gone };
  part_state a = { .leave_at = 2 }, b = { .leave_at = 0 };

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_hub_attach(w.hub, &part, &a), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_hub_attach(w.hub, &part, &b), HERMES_SSE_OK);
  part.gone = NULL;
  ck_assert_int_eq(hermes_sse_hub_attach(w.hub, &part, &b), HERMES_SSE_ERR_OPTION);
  for (int i = 0; i < 3; i++) {
    world_run(&w, 1);
    ck_assert_uint_eq(w.next, w.now + 5);
  }
  ck_assert(a.runs == 2 && b.runs == 3);
  ck_assert_int_eq(hermes_sse_hub_detach(w.hub, &a), HERMES_SSE_ERR_NOT_FOUND);
  world_clear(&w);
  ck_assert(a.gone == 0 && b.gone == 1);
}
END_TEST

SUITE_MAIN("hub", P15_one_order_and_one_sequence_of_ids, a_budget_spreads_a_fan_out,
           H13_leaving_during_a_lap_costs_nobody_an_event, publishing_inside_a_callback_waits_for_the_next_run,
           wakes_coalesce, an_event_before_the_first_run_wakes, P39_a_drain_closes_all_and_spreads_their_return,
           a_kick_closes_the_key_after_what_was_published, figures_add_up, messages_are_judged,
           options_of_bus_and_hub_are_judged, parts_run_in_the_hubs_turns)
