/* Every figure of hermes_sse_bus_stats() and the histograms, each moved by the thing it counts and by nothing else. */
#include "suite.h"
#include "world.h"

static uint64_t closed(const hermes_sse_stats *s)
{
  return s->closed_host + s->closed_peer + s->closed_timeout + s->closed_lifetime + s->closed_slow + s->closed_kicked +
         s->closed_drain;
}

/* Opens a stream, ends it by `how`, and looks which figure moved. */
static void ends(int reason, size_t member, void (*how)(world *w, sink *s))
{
  hermes_sse_hub_options o = {
    .size = sizeof o, .writev = sink_writev, .heartbeat_ms = HERMES_SSE_NEVER, .timeout_ms = 1000, .lifetime_ms = 100000
  };
  hermes_sse_topic_options keep = { .size = sizeof keep, .max_entries = 2 };
  hermes_sse_histogram h;
  hermes_sse_stats before, after;
  uint64_t one;
  world w;
  sink s;

  world_init(&w, &o);
  ck_assert_int_eq(hermes_sse_bus_topic(w.bus, "t", &keep), HERMES_SSE_OK);
  sink_init(&s);
  how(&w, NULL);
  before = world_stats(&w);
  how(&w, &s);
  after = world_stats(&w);
  ck_assert_msg(after.streams == 0 && after.opened == 1, "%s: %llu open", hermes_sse_close_name(reason),
                (unsigned long long)after.streams);
  memcpy(&one, (const char *)&after + member, sizeof one);
  ck_assert_msg(one == 1, "%s: counted %llu", hermes_sse_close_name(reason), (unsigned long long)one);
  ck_assert_uint_eq(closed(&after), 1);
  ck_assert_uint_eq(closed(&before), 0);
  if (s.stream)
    ck_assert_int_eq(hermes_sse_stream_reason(s.stream), reason);
  ck_assert_int_eq(hermes_sse_bus_histogram(w.bus, HERMES_SSE_HISTOGRAM_LIFETIME, &h), HERMES_SSE_OK);
  ck_assert_uint_eq(h.count, 1);
  hermes_sse_stream_free(s.stream);
  after = world_stats(&w);
  ck_assert_uint_eq(closed(&after), 1); /* freeing counts nothing a second time */
  sink_clear(&s);
  world_clear(&w);
}

static void by_host(world *w, sink *s)
{
  if (!s)
    return;
  world_open(w, s, "t", NULL);
  hermes_sse_stream_close(s->stream);
  world_run(w, 1);
}

static void by_freeing(world *w, sink *s)
{
  if (!s)
    return;
  world_open(w, s, "t", NULL);
  hermes_sse_stream_free(s->stream);
  s->stream = NULL;
}

static void by_peer(world *w, sink *s)
{
  if (!s)
    return;
  world_open(w, s, "t", NULL);
  s->act_at = 1;
  s->gives = HERMES_SSE_ERR_PEER;
  world_publish(w, "t", NULL, "x");
  world_run(w, 1);
}

static void by_time(world *w, sink *s)
{
  if (!s)
    return;
  world_open(w, s, "t", NULL);
  s->room = 0;
  world_publish(w, "t", NULL, "x");
  for (int i = 0; i < 20; i++)
    world_run(w, 100);
}

static void by_age(world *w, sink *s)
{
  if (!s)
    return;
  world_open(w, s, "t", NULL);
  for (int i = 0; i < 130; i++)
    world_run(w, 1000);
}

static void by_slowness(world *w, sink *s)
{
  hermes_sse_topic_options o = { .size = sizeof o, .max_entries = 1, .flags = HERMES_SSE_TOPIC_CLOSE_SLOW };

  if (!s)
    return;
  ck_assert_int_eq(hermes_sse_bus_topic(w->bus, "t", &o), HERMES_SSE_OK);
  world_open(w, s, "t", NULL);
  s->room = 3;
  for (int i = 0; i < 5; i++) {
    world_publish(w, "t", NULL, "x");
    world_run(w, 0);
  }
  s->room = SIZE_MAX;
  hermes_sse_stream_writable(s->stream);
  world_run(w, 0);
}

static void by_kick(world *w, sink *s)
{
  hermes_sse_limits *limits = NULL;
  hermes_sse_limit_key key = { .key_class = "user", .key = hermes_sse_str("u") };
  hermes_sse_stream_options o = { .size = 0 };

  if (!s)
    return;
  ck_assert_int_eq(hermes_sse_limits_new(NULL, &limits), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_limits_admit(limits, &key, 1, 0, NULL, &o.ticket), HERMES_SSE_OK);
  world_open_with(w, s, "t", NULL, o);
  ck_assert_int_eq(hermes_sse_bus_kick(w->bus, "user", hermes_sse_str("u")), HERMES_SSE_OK);
  world_run(w, 1);
  ck_assert_int_eq(hermes_sse_limits_audit(limits), HERMES_SSE_OK);
  hermes_sse_limits_free(limits);
}

static void by_drain(world *w, sink *s)
{
  if (!s)
    return;
  world_open(w, s, "t", NULL);
  ck_assert_int_eq(hermes_sse_bus_drain(w->bus, NULL), HERMES_SSE_OK);
  world_run(w, 1);
}

START_TEST(each_end_is_counted_once_under_its_reason)
{
  ends(HERMES_SSE_CLOSE_HOST, offsetof(hermes_sse_stats, closed_host), by_host);
  ends(HERMES_SSE_CLOSE_HOST, offsetof(hermes_sse_stats, closed_host), by_freeing);
  ends(HERMES_SSE_CLOSE_PEER, offsetof(hermes_sse_stats, closed_peer), by_peer);
  ends(HERMES_SSE_CLOSE_TIMEOUT, offsetof(hermes_sse_stats, closed_timeout), by_time);
  ends(HERMES_SSE_CLOSE_LIFETIME, offsetof(hermes_sse_stats, closed_lifetime), by_age);
  ends(HERMES_SSE_CLOSE_SLOW, offsetof(hermes_sse_stats, closed_slow), by_slowness);
  ends(HERMES_SSE_CLOSE_KICKED, offsetof(hermes_sse_stats, closed_kicked), by_kick);
  ends(HERMES_SSE_CLOSE_DRAIN, offsetof(hermes_sse_stats, closed_drain), by_drain);
}
END_TEST

START_TEST(bytes_are_what_hosts_took)
{
  static const hermes_sse_event greeting = { .size = sizeof greeting, .data = { "hello", 5 } };
  hermes_sse_event private = { .size = sizeof private, .data = { "private", 7 } };
  world w;
  sink push, drip, pull;
  hermes_sse_stats s;

  world_init(&w, NULL);
  sink_init(&push);
  sink_init(&drip);
  sink_init(&pull);
  drip.per_call = 7;
  world_open_with(&w, &push, "t", NULL, (hermes_sse_stream_options){ .http = 11, .greeting = &greeting });
  world_open_with(&w, &drip, "t", NULL, (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_CHUNKED });
  world_open_with(&w, &pull, "t", NULL, (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_PULL });
  for (int i = 0; i < 3; i++)
    world_publish(&w, "t", NULL, "x");
  ck_assert_int_eq(hermes_sse_stream_send(pull.stream, &private), HERMES_SSE_OK);
  for (int i = 0; i < 5; i++) {
    char buf[11];
    hermes_sse_ssize n;

    world_run(&w, 1);
    n = hermes_sse_stream_read(pull.stream, buf, sizeof buf);
    sink_take(&pull, buf, (size_t)n);
    hermes_sse_stream_writable(drip.stream);
    ck_assert_uint_eq(world_stats(&w).bytes, push.n + drip.n + pull.n);
  }
  world_pull(&pull);
  drip.per_call = 0;
  hermes_sse_stream_writable(drip.stream);
  world_run(&w, 1);
  s = world_stats(&w);
  ck_assert_uint_eq(s.bytes, push.n + drip.n + pull.n);
  ck_assert_uint_eq(s.published, 3);
  ck_assert_uint_eq(s.delivered, 9); /* greetings and private words are no deliveries */
  ck_assert_uint_eq(s.heartbeats, 0);
  ck_assert_uint_eq(s.gaps, 0);
  hermes_sse_stream_free(push.stream);
  hermes_sse_stream_free(drip.stream);
  hermes_sse_stream_free(pull.stream);
  sink_clear(&push);
  sink_clear(&drip);
  sink_clear(&pull);
  world_clear(&w);
}
END_TEST

START_TEST(heartbeats_are_counted_as_such)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev, .heartbeat_ms = 1000 };
  world w;
  sink s;
  hermes_sse_stats stats;

  world_init(&w, &o);
  world_open(&w, &s, "t", NULL);
  for (int i = 0; i < 5; i++)
    world_run(&w, 1000);
  stats = world_stats(&w);
  ck_assert_uint_eq(stats.heartbeats, sink_read(&s, (received[16]){ { .retry = 0 } }, 16, NULL));
  ck_assert_uint_eq(stats.heartbeats, 5);
  ck_assert(stats.delivered == 0 && stats.published == 0 && stats.bytes == s.n);
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(refused_events_are_not_published)
{
  world w;
  hermes_sse_message m = { .size = sizeof m, .topic = hermes_sse_str("t"), .type = hermes_sse_str("\n") };

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_ERR_BAD_TYPE);
  ck_assert_uint_eq(world_stats(&w).published, 0);
  world_publish(&w, "t", NULL, "x");
  ck_assert_uint_eq(world_stats(&w).published, 1);
  ck_assert_uint_eq(world_stats(&w).topics, 0); /* no hub has read it */
  world_run(&w, 0);
  ck_assert_uint_eq(world_stats(&w).topics, 1);
  world_clear(&w);
}
END_TEST

START_TEST(figures_of_freed_hubs_remain)
{
  world w;
  hermes_sse_hub *second = NULL;
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev };
  hermes_sse_subscription t = { .topic = hermes_sse_str("t") };
  sink s;
  hermes_sse_stream_options so = { .size = sizeof so, .user = &s, .topics = &t, .n_topics = 1 };
  hermes_sse_stats stats;

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, &o, &second), HERMES_SSE_OK);
  sink_init(&s);
  ck_assert_int_eq(hermes_sse_stream_open(second, &so, &s.stream), HERMES_SSE_OK);
  hermes_sse_hub_run(second, 1, 0, NULL);
  world_publish(&w, "t", NULL, "x");
  hermes_sse_hub_run(second, 1, 0, NULL);
  world_run(&w, 0);
  ck_assert_uint_eq(world_stats(&w).topics, 2);
  ck_assert_uint_eq(world_stats(&w).streams, 1);
  hermes_sse_hub_free(second);
  stats = world_stats(&w);
  ck_assert(stats.streams == 0 && stats.opened == 1 && stats.closed_host == 1 && stats.delivered == 1);
  ck_assert(stats.topics == 1 && stats.bytes == s.n);
  hermes_sse_stream_free(s.stream);
  ck_assert_uint_eq(world_stats(&w).closed_host, 1);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(histograms_sort_by_powers_of_two)
{
  world w;
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev, .lifetime_ms = HERMES_SSE_NEVER };
  static const uint64_t seconds[] = { 0, 1, 2, 3, 4, 5, 1000 };
  static const int bucket[] = { 0, 0, 1, 2, 2, 3, 10 };
  uint64_t expected[HERMES_SSE_HISTOGRAM_BUCKETS] = { 0 }, sum = 0;
  hermes_sse_histogram h;

  world_init(&w, &o);
  for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
    sink s;

    world_open(&w, &s, "t", NULL);
    world_run(&w, 0);
    world_run(&w, seconds[i] * 1000);
    hermes_sse_stream_free(s.stream);
    sink_clear(&s);
    expected[bucket[i]]++;
    sum += seconds[i];
  }
  ck_assert_int_eq(hermes_sse_bus_histogram(w.bus, HERMES_SSE_HISTOGRAM_LIFETIME, &h), HERMES_SSE_OK);
  ck_assert_uint_eq(h.count, sizeof seconds / sizeof *seconds);
  ck_assert_uint_eq(h.sum, sum);
  for (int i = 0; i < HERMES_SSE_HISTOGRAM_BUCKETS; i++)
    ck_assert_msg(h.buckets[i] == expected[i], "bucket %d: %llu", i, (unsigned long long)h.buckets[i]);
  world_clear(&w);
}
END_TEST

START_TEST(latency_is_from_publish_to_write)
{
  world w;
  sink s;
  hermes_sse_histogram h;

  world_init(&w, NULL);
  world_open(&w, &s, "t", NULL);
  world_publish(&w, "t", NULL, "x");
  w.memory.clock_ns += UINT64_C(3000000); /* 3 ms pass */
  world_run(&w, 3);
  ck_assert_int_eq(hermes_sse_bus_histogram(w.bus, HERMES_SSE_HISTOGRAM_LATENCY, &h), HERMES_SSE_OK);
  ck_assert_uint_eq(h.count, 1);
  ck_assert(h.sum >= 3000 && h.sum <= 3100);
  ck_assert_uint_eq(h.buckets[12], 1); /* more than 2048, at most 4096 */
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("counters", each_end_is_counted_once_under_its_reason, bytes_are_what_hosts_took,
           heartbeats_are_counted_as_such, refused_events_are_not_published, figures_of_freed_hubs_remain,
           histograms_sort_by_powers_of_two, latency_is_from_publish_to_write)
