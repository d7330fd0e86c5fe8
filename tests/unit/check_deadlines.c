/* A host that sleeps exactly as long as it is told misses nothing: each deadline comes through `next_ms` alone. */
#include "suite.h"
#include "world.h"
#include <hermes_sse/extend.h>

enum { STREAMS = 40, HEARTBEAT = 1000 };

static void init(world *w, hermes_sse_hub_options o)
{
  o.size = sizeof o;
  o.user = w;
  o.wake = world_wake; /* without one the host runs every turn */
  o.writev = sink_writev;
  o.heartbeat_ms = o.heartbeat_ms ? o.heartbeat_ms : HERMES_SSE_NEVER;
  o.timeout_ms = o.timeout_ms ? o.timeout_ms : HERMES_SSE_NEVER;
  world_init(w, &o);
}

/* Sleeps until the deadline, or until `end_ms` if that is earlier; 0 at the end. */
static int sleep_and_run(world *w, uint64_t end_ms)
{
  if (w->next > end_ms) {
    w->now = end_ms;
    return 0;
  }
  world_run(w, w->next - w->now);
  ck_assert_uint_gt(w->next, w->now); /* all that was due is done: a host may not spin */
  return 1;
}

START_TEST(without_work_there_is_no_deadline)
{
  world w;
  sink s;

  init(&w, (hermes_sse_hub_options){ .size = 0 });
  ck_assert_uint_eq(w.next, HERMES_SSE_NEVER);
  world_open(&w, &s, "t", NULL);
  world_run(&w, 0);
  ck_assert_uint_eq(w.next, HERMES_SSE_NEVER);
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(a_silence_is_never_longer_than_the_interval)
{
  world w;
  static sink s[STREAMS];
  uint64_t last[STREAMS], end;
  size_t runs = 0;

  init(&w, (hermes_sse_hub_options){ .heartbeat_ms = HEARTBEAT });
  for (int i = 0; i < STREAMS; i++) { /* each comes at another time, so that some come just behind the hand */
    uint64_t step = w.now + 37;

    w.wakes = 0;
    world_open(&w, &s[i], "t", NULL);
    ck_assert_uint_le(w.wakes, 1);
    last[i] = w.now;
    world_run(&w, 0);
    while (sleep_and_run(&w, step))
      ;
  }
  for (end = w.now + 20 * HEARTBEAT; w.now < end;) {
    runs += (size_t)sleep_and_run(&w, end);
    for (int i = 0; i < STREAMS; i++) {
      ck_assert_msg(w.now - last[i] <= HEARTBEAT || s[i].n > 0, "stream %d was silent", i);
      if (s[i].n == 0)
        continue;
      last[i] = w.now;
      sink_forget(&s[i]);
    }
  }
  ck_assert_uint_lt(runs, 20 * 200); /* a hand that walks, not a timer per stream */
  for (int i = 0; i < STREAMS; i++) {
    hermes_sse_stream_free(s[i].stream);
    sink_clear(&s[i]);
  }
  world_clear(&w);
}
END_TEST

/* Runs by deadlines until `s` has ended; when, after `start`. */
static uint64_t until_ended(world *w, const sink *s, uint64_t start, uint64_t at_most, int reason)
{
  while (hermes_sse_stream_reason(s->stream) == 0)
    ck_assert_msg(sleep_and_run(w, start + at_most), "not over in time");
  ck_assert_int_eq(hermes_sse_stream_reason(s->stream), reason);
  return w->now - start;
}

START_TEST(a_streams_own_lifetime_needs_no_other_clock)
{
  static const uint64_t lives[] = { 10, 999, 1000, 5000, 61234 };

  for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
    world w;
    sink s;
    uint64_t start, lived;

    init(&w, (hermes_sse_hub_options){ .size = 0 });
    sink_init(&s);
    start = w.now;
    world_open_with(&w, &s, "t", NULL, (hermes_sse_stream_options){ .lifetime_ms = lives[i] });
    world_run(&w, 0);
    lived = until_ended(&w, &s, start, lives[i] + 1000, HERMES_SSE_CLOSE_LIFETIME);
    ck_assert_msg(lived >= lives[i], "%llu ended after %llu", (unsigned long long)lives[i], (unsigned long long)lived);
    ck_assert_uint_eq(world_reap(&w), 1);
    sink_clear(&s);
    world_clear(&w);
  }
}
END_TEST

START_TEST(the_earlier_of_two_lifetimes_ends_a_stream)
{
  world w;
  sink s;
  uint64_t start, lived;

  init(&w, (hermes_sse_hub_options){ .lifetime_ms = 10000 });
  start = w.now;
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL, (hermes_sse_stream_options){ .lifetime_ms = 100000 });
  world_run(&w, 0);
  lived = until_ended(&w, &s, start, 13000, HERMES_SSE_CLOSE_LIFETIME);
  ck_assert(lived >= 8000 && lived <= 13000);
  ck_assert_uint_eq(world_reap(&w), 1);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(P38_lifetimes_are_random_and_repeat_with_the_environment)
{
  uint64_t lived[2][STREAMS];
  size_t distinct = 0;

  for (int round = 0; round < 2; round++) {
    world w;
    static sink s[STREAMS];
    uint64_t start;
    int open = STREAMS;

    init(&w, (hermes_sse_hub_options){ .lifetime_ms = 100000 });
    for (int i = 0; i < STREAMS; i++)
      world_open(&w, &s[i], "t", NULL);
    start = w.now;
    world_run(&w, 0);
    while (open > 0) {
      ck_assert(sleep_and_run(&w, start + 125000));
      for (int i = 0; i < STREAMS; i++)
        if (s[i].stream && hermes_sse_stream_reason(s[i].stream)) {
          lived[round][i] = w.now - start;
          open--;
          hermes_sse_stream_free(s[i].stream);
          s[i].stream = NULL;
        }
    }
    for (int i = 0; i < STREAMS; i++)
      sink_clear(&s[i]);
    world_clear(&w);
  }
  ck_assert(memcmp(lived[0], lived[1], sizeof lived[0]) == 0);
  for (int i = 1; i < STREAMS; i++)
    distinct += lived[0][i] != lived[0][i - 1];
  ck_assert_uint_gt(distinct, STREAMS / 2);
}
END_TEST

START_TEST(P02_a_dead_peer_ends_without_another_clock)
{
  world w;
  sink s;
  uint64_t start, lived;

  init(&w, (hermes_sse_hub_options){ .timeout_ms = 3000 });
  world_open(&w, &s, "t", NULL);
  s.room = 2;
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  start = w.now;
  lived = until_ended(&w, &s, start, 3000 + 1000, HERMES_SSE_CLOSE_TIMEOUT);
  ck_assert_uint_ge(lived, 3000);
  ck_assert_uint_eq(world_reap(&w), 1);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(old_events_go_by_themselves)
{
  world w;
  hermes_sse_topic_options o = { .size = sizeof o, .max_age_ms = 7000 };
  hermes_sse_stats stats = { .size = sizeof stats };
  uint64_t start;

  init(&w, (hermes_sse_hub_options){ .size = 0 });
  ck_assert_int_eq(hermes_sse_bus_topic(w.bus, "*", &o), HERMES_SSE_OK);
  start = w.now;
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  do {
    ck_assert(sleep_and_run(&w, start + 10000));
    hermes_sse_bus_stats(w.bus, &stats);
  } while (stats.retained_entries > 0);
  ck_assert_uint_ge(w.now - start, 7000);
  ck_assert_uint_eq(stats.retained_bytes, 0);
  ck_assert_uint_eq(stats.topics, 0);
  ck_assert_uint_eq(w.next, HERMES_SSE_NEVER);
  world_clear(&w);
}
END_TEST

START_TEST(a_drain_ends_by_its_own_deadlines)
{
  world w;
  static sink s[STREAMS];
  hermes_sse_drain_options o = { .size = sizeof o, .within_ms = 2000 };
  uint64_t start;
  size_t closed = 0;

  init(&w, (hermes_sse_hub_options){ .size = 0 });
  for (int i = 0; i < STREAMS; i++)
    world_open(&w, &s[i], "t", NULL);
  world_run(&w, 0);
  w.wakes = 0;
  ck_assert_int_eq(hermes_sse_bus_drain(w.bus, &o), HERMES_SSE_OK);
  ck_assert_uint_eq(w.wakes, 1);
  start = w.now;
  world_run(&w, 0);
  while ((closed += world_reap(&w)) < STREAMS)
    ck_assert_msg(sleep_and_run(&w, start + 2010), "%zu of %d closed", closed, STREAMS);
  ck_assert_uint_ge(w.now - start, 1900);
  for (int i = 0; i < STREAMS; i++) {
    received r[2];

    ck_assert_uint_eq(sink_read(&s[i], r, 2, NULL), 1);
    ck_assert(r[0].retry >= 1000 && r[0].retry <= 5000); /* the default */
    sink_clear(&s[i]);
  }
  world_run(&w, 0);
  ck_assert_uint_eq(w.next, HERMES_SSE_NEVER);
  world_clear(&w);
}
END_TEST

/* A machine that slept for an hour: idle clients hear one heartbeat, nobody is blamed for the silence. */
START_TEST(a_long_sleep_is_no_time_out)
{
  world w;
  sink idle, busy;

  init(&w, (hermes_sse_hub_options){ .heartbeat_ms = 30000, .timeout_ms = 300000 });
  world_open(&w, &idle, "idle", NULL);
  world_open(&w, &busy, "busy", NULL);
  world_publish(&w, "busy", NULL, "x");
  world_run(&w, 0);
  world_publish(&w, "busy", NULL, "y");
  world_run(&w, 3600000);
  world_run(&w, 1000);
  ck_assert_int_eq(hermes_sse_stream_reason(idle.stream), 0);
  ck_assert_int_eq(hermes_sse_stream_reason(busy.stream), 0);
  ck_assert_uint_eq(sink_read(&idle, (received[4]){ { .retry = 0 } }, 4, NULL), 1);
  ck_assert_str_eq(world_data(&busy), "x,y");
  hermes_sse_stream_free(idle.stream);
  hermes_sse_stream_free(busy.stream);
  sink_clear(&idle);
  sink_clear(&busy);
  world_clear(&w);
}
END_TEST

START_TEST(a_small_budget_asks_to_be_called_again_for_everything)
{
  world w;
  static sink s[STREAMS];
  uint64_t start;
  int turns = 0;

  init(&w, (hermes_sse_hub_options){ .heartbeat_ms = HEARTBEAT });
  for (int i = 0; i < STREAMS; i++)
    world_open(&w, &s[i], "t", NULL);
  start = w.now;
  w.next = w.now;
  while (w.next < start + 5 * HEARTBEAT) {
    w.now = w.next > w.now ? w.next : w.now;
    ck_assert_int_eq(hermes_sse_hub_run(w.hub, w.now, 1, &w.next), HERMES_SSE_OK);
    ck_assert_int_lt(++turns, 100000);
  }
  for (int i = 0; i < STREAMS; i++) {
    size_t n = sink_read(&s[i], (received[64]){ { .retry = 0 } }, 64, NULL);

    ck_assert_msg(n >= 4, "stream %d heard %zu heartbeats in five intervals", i, n);
    hermes_sse_stream_free(s[i].stream);
    sink_clear(&s[i]);
  }
  world_clear(&w);
}
END_TEST

SUITE_MAIN("deadlines", without_work_there_is_no_deadline, a_silence_is_never_longer_than_the_interval,
           a_streams_own_lifetime_needs_no_other_clock, the_earlier_of_two_lifetimes_ends_a_stream,
           P38_lifetimes_are_random_and_repeat_with_the_environment, P02_a_dead_peer_ends_without_another_clock,
           old_events_go_by_themselves, a_drain_ends_by_its_own_deadlines, a_long_sleep_is_no_time_out,
           a_small_budget_asks_to_be_called_again_for_everything)
