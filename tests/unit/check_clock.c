#include "suite.h"
#include "world.h"

enum { N = 200, HEARTBEAT = 1000 };
static sink sinks[N];

static const hermes_sse_event *beat(hermes_sse_hub *hub, void *user)
{
  static const hermes_sse_event event = { .size = sizeof event, .type = { "heartbeat", 9 }, .data = { "{}", 2 } };

  (void)hub;
  ++*(int *)user;
  return &event;
}

static const hermes_sse_event *broken_beat(hermes_sse_hub *hub, void *user)
{
  static const hermes_sse_event event = { .size = sizeof event, .id = { "1", 1 } };

  (void)hub, (void)user;
  return &event;
}

static void open_all(world *w, const char *topic)
{
  for (int i = 0; i < N; i++)
    world_open(w, &sinks[i], topic, NULL);
  world_run(w, 0);
}

static void close_all(world *w)
{
  for (int i = 0; i < N; i++) {
    hermes_sse_stream_free(sinks[i].stream);
    sink_clear(&sinks[i]);
  }
  world_clear(w);
}

START_TEST(heartbeats_are_for_the_idle_in_time_and_spread)
{
  int asked = 0;
  hermes_sse_hub_options o = {
    .size = sizeof o, .user = &asked, .writev = sink_writev, .heartbeat = beat, .heartbeat_ms = HEARTBEAT
  };
  world w;
  uint64_t last[N];
  size_t most = 0;

  world_init(&w, &o);
  open_all(&w, "idle");
  for (int i = 0; i < N; i++)
    last[i] = w.now;
  for (uint64_t end = w.now + 10 * HEARTBEAT; w.now < end;) {
    size_t together = 0;

    /* as late as the library allows, and a little later, as loops are */
    world_run(&w, (w.next > w.now ? w.next - w.now : 0) + 5);
    for (int i = 0; i < N; i++) {
      ck_assert_uint_le(w.now - last[i], HEARTBEAT);
      if (sinks[i].n > 0) {
        received r[2];

        ck_assert_uint_eq(sink_read(&sinks[i], r, 2, NULL), 1);
        ck_assert_str_eq(r[0].type, "heartbeat");
        ck_assert_uint_eq(world_last_id(&sinks[i]).lo, 0);
        ck_assert_uint_ge(w.now - last[i], HEARTBEAT / 4);
        last[i] = w.now;
        together++;
        sink_forget(&sinks[i]);
      }
    }
    if (together > most)
      most = together;
  }
  ck_assert_uint_lt(most, N / 4);
  ck_assert_int_gt(asked, 0);
  close_all(&w);
}
END_TEST

START_TEST(busy_streams_hear_no_heartbeat)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev, .heartbeat_ms = HEARTBEAT };
  hermes_sse_stats s = { .size = sizeof s };
  world w;

  world_init(&w, &o);
  open_all(&w, "busy");
  for (int i = 0; i < 100; i++) {
    world_publish(&w, "busy", NULL, "x");
    world_run(&w, HEARTBEAT / 5);
  }
  hermes_sse_bus_stats(w.bus, &s);
  ck_assert_uint_eq(s.heartbeats, 0);
  close_all(&w);
}
END_TEST

START_TEST(a_heartbeat_is_a_comment_or_own_bytes)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev, .heartbeat_ms = HEARTBEAT };
  world w;
  sink s;
  received r[8];

  world_init(&w, &o);
  world_open(&w, &s, "t", NULL);
  world_publish(&w, "other", NULL, "x");
  world_run(&w, 0);
  world_run(&w, HEARTBEAT);
  ck_assert_uint_eq(sink_read(&s, r, 8, NULL), 1);
  ck_assert_str_eq(r[0].comment, "heartbeat");
  ck_assert_int_eq(r[0].dispatched, 0);
  ck_assert_uint_eq(world_last_id(&s).lo, 1);
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  world_clear(&w);

  o.heartbeat = broken_beat;
  world_init(&w, &o);
  world_open(&w, &s, "t", NULL);
  world_run(&w, HEARTBEAT);
  ck_assert_uint_eq(sink_read(&s, r, 8, NULL), 1);
  ck_assert_str_eq(r[0].comment, "heartbeat");
  ck_assert_uint_eq(w.memory.logs, 1);
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  world_clear(&w);

  o.heartbeat_bytes = hermes_sse_str(":\n\n");
  world_init(&w, &o);
  sink_init(&s);
  s.chunked = 1;
  world_open_with(&w, &s, "t", NULL, (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_CHUNKED });
  world_run(&w, HEARTBEAT);
  ck_assert_uint_eq(s.n, 3 + 3 + 2);
  ck_assert(memcmp(s.bytes, "3\r\n:\n\n\r\n", 8) == 0);
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(pull_streams_are_kept_alive_too)
{
  hermes_sse_hub_options o = { .size = sizeof o, .heartbeat_ms = HEARTBEAT, .timeout_ms = 5 * HEARTBEAT };
  world w;
  sink s;

  world_init(&w, &o);
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL, (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_PULL });
  for (int i = 0; i < 20; i++) {
    world_run(&w, HEARTBEAT);
    ck_assert_ptr_eq(hermes_sse_hub_next(w.hub), s.stream);
    ck_assert_int_eq(world_pull(&s), 0);
  }
  ck_assert_uint_eq(sink_read(&s, (received[32]){ { .retry = 0 } }, 32, NULL), 20);
  for (int i = 0; i < 60; i++) /* nobody pulls any more */
    world_run(&w, HEARTBEAT / 10 * 2);
  ck_assert_int_eq(hermes_sse_stream_reason(s.stream), HERMES_SSE_CLOSE_TIMEOUT);
  ck_assert_uint_eq(world_reap(&w), 1);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(a_client_that_takes_nothing_times_out)
{
  hermes_sse_hub_options o = {
    .size = sizeof o, .writev = sink_writev, .heartbeat_ms = HERMES_SSE_NEVER, .timeout_ms = 2000
  };
  world w;
  sink stuck, healthy, drips;

  world_init(&w, &o);
  world_open(&w, &stuck, "t", NULL);
  world_open(&w, &healthy, "t", NULL);
  world_open(&w, &drips, "t", NULL);
  world_run(&w, 100000); /* silence is no crime: nothing waited */
  stuck.room = 3;
  drips.per_call = 1;
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  for (int i = 0; i < 19; i++) {
    world_run(&w, 100);
    hermes_sse_stream_writable(drips.stream);
  }
  ck_assert_int_eq(hermes_sse_stream_reason(stuck.stream), 0);
  for (int i = 0; i < 7; i++) {
    world_run(&w, 100);
    hermes_sse_stream_writable(drips.stream);
  }
  ck_assert_int_eq(hermes_sse_stream_reason(stuck.stream), HERMES_SSE_CLOSE_TIMEOUT);
  ck_assert_int_eq(hermes_sse_stream_reason(healthy.stream), 0);
  ck_assert_int_eq(hermes_sse_stream_reason(drips.stream), 0);
  ck_assert_uint_eq(world_reap(&w), 1);
  hermes_sse_stream_free(healthy.stream);
  hermes_sse_stream_free(drips.stream);
  sink_clear(&stuck);
  sink_clear(&healthy);
  sink_clear(&drips);
  world_clear(&w);
}
END_TEST

START_TEST(lifetimes_end_a_fifth_either_way)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev, .lifetime_ms = 100000 };
  world w;
  uint64_t start, first = 0, last = 0;
  int open = N;

  world_init(&w, &o);
  open_all(&w, "t");
  start = w.now;
  while (open > 0) {
    world_run(&w, 1000);
    for (int i = 0; i < N; i++)
      if (sinks[i].stream && hermes_sse_stream_reason(sinks[i].stream)) {
        ck_assert_int_eq(hermes_sse_stream_reason(sinks[i].stream), HERMES_SSE_CLOSE_LIFETIME);
        first = first ? first : w.now - start;
        last = w.now - start;
        open--;
        hermes_sse_stream_free(sinks[i].stream);
        sinks[i].stream = NULL;
      }
  }
  ck_assert(first >= 80000 && first < 85000 && last > 115000 && last <= 122000);
  close_all(&w);
}
END_TEST

START_TEST(a_streams_own_lifetime_is_exact_to_a_second)
{
  world w;
  sink s;
  int ended;

  world_init(&w, NULL);
  sink_init(&s);
  s.chunked = 1;
  world_open_with(&w, &s, "t", NULL,
                  (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_CHUNKED, .lifetime_ms = 5000 });
  world_run(&w, 4999);
  ck_assert_int_eq(hermes_sse_stream_reason(s.stream), 0);
  world_publish(&w, "t", NULL, "last");
  world_run(&w, 1001);
  ck_assert_int_eq(hermes_sse_stream_reason(s.stream), HERMES_SSE_CLOSE_LIFETIME);
  ck_assert_str_eq(world_data(&s), "last");
  sink_read(&s, (received[4]){ { .retry = 0 } }, 4, &ended);
  ck_assert_int_eq(ended, 1);
  ck_assert_uint_eq(world_reap(&w), 1);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(time_that_goes_back_stands_still)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev, .heartbeat_ms = HEARTBEAT };
  world w;
  sink s;
  uint64_t next;

  world_init(&w, &o);
  world_open(&w, &s, "t", NULL);
  world_run(&w, 100);
  ck_assert_int_eq(hermes_sse_hub_run(w.hub, w.now - 50, 0, &next), HERMES_SSE_OK);
  ck_assert_uint_ge(next, w.now - 50);
  ck_assert_uint_le(next, w.now - 50 + HEARTBEAT);
  ck_assert_uint_eq(s.n, 0);
  hermes_sse_stream_free(s.stream);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("clock", heartbeats_are_for_the_idle_in_time_and_spread, busy_streams_hear_no_heartbeat,
           a_heartbeat_is_a_comment_or_own_bytes, pull_streams_are_kept_alive_too,
           a_client_that_takes_nothing_times_out, lifetimes_end_a_fifth_either_way,
           a_streams_own_lifetime_is_exact_to_a_second, time_that_goes_back_stands_still)
