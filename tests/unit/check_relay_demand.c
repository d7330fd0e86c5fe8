/* What a relay hears of who follows what: the first and the last of each hub, and nothing between. */
#include "relay.h"
#include "suite.h"

static world w;
static relay r;

static void init(void)
{
  world_init(&w, NULL);
  memset(&r, 0, sizeof r);
  ck_assert_int_eq(relay_set(w.bus, &r, 0), HERMES_SSE_OK);
  world_run(&w, 0);
}

static hermes_sse_subscription sub(const char *topic, const char *key)
{
  return (hermes_sse_subscription){ .topic = hermes_sse_str(topic), .key = hermes_sse_str(key) };
}

static void subscribe(sink *s, const char *topic, const char *key)
{
  hermes_sse_subscription to = sub(topic, key);

  ck_assert_int_eq(hermes_sse_stream_subscribe(s->stream, &to), HERMES_SSE_OK);
}

static void unsubscribe(sink *s, const char *topic, const char *key)
{
  hermes_sse_subscription to = sub(topic, key);

  ck_assert_int_eq(hermes_sse_stream_unsubscribe(s->stream, &to), HERMES_SSE_OK);
}

START_TEST(the_first_and_the_last_follower_are_told)
{
  sink a, b;

  init();
  world_open(&w, &a, "t", NULL);
  ck_assert_str_eq(relay_told(&r), "+t");
  world_open(&w, &b, "t", NULL);
  world_leave(&a);
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  ck_assert_str_eq(relay_told(&r), "");
  world_leave(&b);
  ck_assert_str_eq(relay_told(&r), "-t");
  world_open(&w, &a, "t", NULL);
  ck_assert_str_eq(relay_told(&r), "+t");
  world_leave(&a);
  ck_assert_str_eq(relay_told(&r), "-t");
  world_clear(&w);
  ck_assert_str_eq(relay_told(&r), "");
}
END_TEST

START_TEST(who_follows_a_key_follows_its_topic)
{
  sink topic, key, other;

  init();
  world_open(&w, &key, "t", "k");
  ck_assert_str_eq(relay_told(&r), "+t");
  world_open(&w, &topic, "t", NULL);
  world_open(&w, &other, "t", "other");
  world_leave(&key);
  world_leave(&topic);
  ck_assert_str_eq(relay_told(&r), "");
  world_leave(&other);
  ck_assert_str_eq(relay_told(&r), "-t");
  world_clear(&w);
}
END_TEST

START_TEST(patterns_are_told_as_they_are)
{
  sink all, some, key, one;

  init();
  world_open(&w, &one, "news/1", NULL);
  ck_assert_str_eq(relay_told(&r), "+news/1");
  world_open(&w, &some, "news/*", NULL);
  ck_assert_str_eq(relay_told(&r), "+news/*");
  world_open(&w, &key, "news/*", "k");
  ck_assert_str_eq(relay_told(&r), "");
  world_open(&w, &all, "*", NULL);
  ck_assert_str_eq(relay_told(&r), "+*");
  world_leave(&one);
  ck_assert_str_eq(relay_told(&r), "-news/1");
  world_leave(&some);
  ck_assert_str_eq(relay_told(&r), "");
  world_leave(&key);
  ck_assert_str_eq(relay_told(&r), "-news/*");
  for (int i = 0; i < 40; i++)
    world_run(&w, 1000); /* the view goes, too */
  world_leave(&all);
  ck_assert_str_eq(relay_told(&r), "-*");
  world_open(&w, &some, "news/*", NULL);
  ck_assert_str_eq(relay_told(&r), "+news/*");
  world_leave(&some);
  world_clear(&w);
}
END_TEST

START_TEST(each_topic_of_a_stream_counts)
{
  hermes_sse_subscription topics[] = { sub("a", NULL), sub("b", "k"), sub("a", "k"), sub("c*", NULL), sub("a", NULL) };
  hermes_sse_stream_options o = { .size = sizeof o, .topics = topics, .n_topics = 5 };
  sink s, b;

  init();
  world_open(&w, &b, "b", NULL);
  sink_init(&s);
  world_open_with(&w, &s, NULL, NULL, o);
  ck_assert_str_eq(relay_told(&r), "+b +a +c*");
  world_leave(&s);
  ck_assert_str_eq(relay_told(&r), "-c* -a");
  world_leave(&b);
  ck_assert_str_eq(relay_told(&r), "-b");
  world_clear(&w);
}
END_TEST

START_TEST(subscriptions_come_and_go_on_a_live_stream)
{
  sink s, other;

  init();
  world_open(&w, &s, NULL, NULL);
  world_open(&w, &other, "b", NULL);
  relay_told(&r);
  subscribe(&s, "a", NULL);
  ck_assert_str_eq(relay_told(&r), "+a");
  subscribe(&s, "a", NULL); /* it does already */
  subscribe(&s, "a", "k");
  subscribe(&s, "b", NULL);
  unsubscribe(&s, "b", NULL);
  unsubscribe(&s, "a", NULL);
  ck_assert_str_eq(relay_told(&r), "");
  unsubscribe(&s, "a", "k");
  ck_assert_str_eq(relay_told(&r), "-a");
  subscribe(&s, "p*", NULL);
  unsubscribe(&s, "p*", NULL);
  ck_assert_str_eq(relay_told(&r), "+p* -p*");
  world_leave(&s);
  world_leave(&other);
  ck_assert_str_eq(relay_told(&r), "-b");
  world_clear(&w);
}
END_TEST

/* An end is the end of following, whoever frees the stream and when. */
START_TEST(streams_that_end_follow_nothing)
{
  sink peer, closed, kept;

  init();
  world_open(&w, &peer, "a", NULL);
  world_open(&w, &closed, "b", NULL);
  world_open(&w, &kept, "c", NULL);
  relay_told(&r);
  ck_assert_int_eq(hermes_sse_stream_gone(peer.stream), HERMES_SSE_OK);
  ck_assert_str_eq(relay_told(&r), "-a");
  ck_assert_int_eq(hermes_sse_stream_close(closed.stream), HERMES_SSE_OK);
  world_run(&w, 0);
  ck_assert_str_eq(relay_told(&r), "-b");
  hermes_sse_stream_free(peer.stream);
  hermes_sse_stream_free(closed.stream);
  ck_assert_int_eq(hermes_sse_bus_drain(w.bus, NULL), HERMES_SSE_OK);
  world_run(&w, 0);
  ck_assert_str_eq(relay_told(&r), "-c");
  hermes_sse_stream_free(kept.stream);
  sink_clear(&peer);
  sink_clear(&closed);
  sink_clear(&kept);
  world_clear(&w);
  ck_assert_str_eq(relay_told(&r), "");
}
END_TEST

START_TEST(a_stream_that_does_not_open_leaves_no_demand)
{
  hermes_sse_subscription topics[] = { sub("a", NULL), sub("", NULL) };
  hermes_sse_event greeting = { .size = sizeof greeting, .type = hermes_sse_str("two\nlines") };
  hermes_sse_stream_options o = { .size = sizeof o, .topics = topics, .n_topics = 2 };
  hermes_sse_stream *stream = NULL;

  init();
  ck_assert_int_eq(hermes_sse_stream_open(w.hub, &o, &stream), HERMES_SSE_ERR_BAD_TOPIC);
  ck_assert_str_eq(relay_told(&r), "");
  o.n_topics = 1;
  o.greeting = &greeting;
  ck_assert_int_eq(hermes_sse_stream_open(w.hub, &o, &stream), HERMES_SSE_ERR_BAD_TYPE);
  ck_assert_str_eq(relay_told(&r), "+a -a");
  world_clear(&w);
}
END_TEST

START_TEST(each_hub_tells_for_itself)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev };
  hermes_sse_subscription t = sub("t", NULL);
  hermes_sse_stream_options so = { .size = sizeof so, .topics = &t, .n_topics = 1 };
  hermes_sse_hub *second = NULL;
  sink a;
  sink b, late;

  init();
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, &o, &second), HERMES_SSE_OK);
  world_open(&w, &a, "t", NULL);
  ck_assert_str_eq(relay_told(&r), "+t");
  sink_init(&b);
  so.user = &b;
  ck_assert_int_eq(hermes_sse_stream_open(second, &so, &b.stream), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_hub_run(second, 1, 0, NULL), HERMES_SSE_OK); /* at the latest now */
  ck_assert_str_eq(relay_told(&r), "+t");
  world_leave(&a);
  ck_assert_str_eq(relay_told(&r), "-t");
  sink_init(&late);
  so.user = &late;
  ck_assert_int_eq(hermes_sse_stream_open(second, &so, &late.stream), HERMES_SSE_OK);
  ck_assert_str_eq(relay_told(&r), "");
  hermes_sse_hub_free(second); /* with streams that still follow */
  ck_assert_str_eq(relay_told(&r), "-t");
  world_leave(&b);
  world_leave(&late);
  ck_assert_str_eq(relay_told(&r), "");
  world_clear(&w);
}
END_TEST

START_TEST(a_later_relay_learns_in_the_next_run)
{
  static relay later;
  hermes_sse_relay deaf = { .size = sizeof deaf, .publish = relay_publish };
  size_t wakes;
  sink a, b, c, gone;

  world_init(&w, NULL);
  memset(&r, 0, sizeof r);
  memset(&later, 0, sizeof later);
  world_open(&w, &a, "a", "k");
  world_open(&w, &b, "b*", NULL);
  world_open(&w, &gone, "gone", NULL);
  world_publish(&w, "nobody follows this", NULL, "x");
  world_run(&w, 0);
  wakes = w.wakes;
  ck_assert_int_eq(relay_set(w.bus, &r, 0), HERMES_SSE_OK);
  ck_assert_uint_gt(w.wakes, wakes);
  world_leave(&gone); /* was never told, so nothing to take back */
  world_open(&w, &c, "a", NULL);
  ck_assert_str_eq(relay_told(&r), "");
  world_run(&w, 0);
  ck_assert_str_eq(relay_told(&r), "+a +b*");
  world_run(&w, 0);
  ck_assert_str_eq(relay_told(&r), "");
  ck_assert_int_eq(hermes_sse_bus_relay(w.bus, NULL, NULL), HERMES_SSE_OK);
  world_leave(&a);
  world_leave(&c);
  world_run(&w, 0);
  ck_assert_str_eq(relay_told(&r), "");
  ck_assert_int_eq(relay_set(w.bus, &later, 0), HERMES_SSE_OK);
  world_run(&w, 0);
  ck_assert_str_eq(relay_told(&later), "+b*");
  /* and one in place of another without a run between */
  ck_assert_int_eq(hermes_sse_bus_relay(w.bus, NULL, NULL), HERMES_SSE_OK);
  ck_assert_int_eq(relay_set(w.bus, &r, 0), HERMES_SSE_OK);
  world_leave(&b);
  world_run(&w, 0);
  ck_assert_str_eq(relay_told(&r), "");
  ck_assert_str_eq(relay_told(&later), "");
  ck_assert_int_eq(hermes_sse_bus_relay(w.bus, NULL, NULL), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_bus_relay(w.bus, &deaf, &r), HERMES_SSE_OK);
  world_run(&w, 0);
  world_open(&w, &a, "a", NULL);
  world_leave(&a);
  ck_assert_str_eq(relay_told(&r), "");
  world_clear(&w);
}
END_TEST

START_TEST(a_hub_that_comes_later_tells_what_is_followed_there)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev };
  hermes_sse_subscription t = sub("t", NULL);
  hermes_sse_stream_options so = { .size = sizeof so, .topics = &t, .n_topics = 1 };
  hermes_sse_hub *hub = NULL;
  sink s;

  init();
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, &o, &hub), HERMES_SSE_OK);
  sink_init(&s);
  so.user = &s;
  ck_assert_int_eq(hermes_sse_stream_open(hub, &so, &s.stream), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_hub_run(hub, 1, 0, NULL), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_hub_run(hub, 2, 0, NULL), HERMES_SSE_OK);
  ck_assert_str_eq(relay_told(&r), "+t");
  world_leave(&s);
  ck_assert_str_eq(relay_told(&r), "-t");
  hermes_sse_hub_free(hub);
  ck_assert_str_eq(relay_told(&r), "");
  world_clear(&w);
}
END_TEST

/* What a relay cannot bring is not followed in silence. */
START_TEST(who_is_refused_by_the_relay_does_not_open)
{
  hermes_sse_subscription both[] = { sub("t", NULL), sub("u", NULL) };
  hermes_sse_stream_options o = { .size = sizeof o, .topics = both, .n_topics = 2 };
  hermes_sse_stream *stream = NULL;
  hermes_sse_hub *late;
  sink s;

  init();
  world_open(&w, &s, "t", NULL);
  relay_told(&r);
  r.refuses = 1;
  ck_assert_int_eq(hermes_sse_stream_open(w.hub, &o, &stream), HERMES_SSE_ERR_FULL);
  ck_assert_ptr_null(stream);
  ck_assert_int_eq(hermes_sse_stream_subscribe(s.stream, &both[1]), HERMES_SSE_ERR_FULL);
  ck_assert_str_eq(relay_told(&r), "+u +u");
  world_leave(&s);
  ck_assert_str_eq(relay_told(&r), "-t");
  /* a hub whose first run is refused says it again */
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, NULL, &late), HERMES_SSE_OK);
  o.flags = HERMES_SSE_STREAM_PULL;
  ck_assert_int_eq(hermes_sse_stream_open(late, &o, &stream), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_hub_run(late, 1, 0, NULL), HERMES_SSE_ERR_FULL);
  relay_told(&r);
  r.refuses = 0;
  ck_assert_int_eq(hermes_sse_hub_run(late, 2, 0, NULL), HERMES_SSE_OK);
  ck_assert_uint_eq(strlen(relay_told(&r)), strlen("+t +u"));
  hermes_sse_stream_free(stream);
  hermes_sse_hub_free(late);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("relay demand", who_is_refused_by_the_relay_does_not_open, the_first_and_the_last_follower_are_told,
           who_follows_a_key_follows_its_topic, patterns_are_told_as_they_are, each_topic_of_a_stream_counts,
           subscriptions_come_and_go_on_a_live_stream, streams_that_end_follow_nothing,
           a_stream_that_does_not_open_leaves_no_demand, each_hub_tells_for_itself,
           a_later_relay_learns_in_the_next_run, a_hub_that_comes_later_tells_what_is_followed_there)
