/* What a relay says may be missing: who is told, when, in which words, and who is not. */
#include "relay.h"
#include "suite.h"

static world w;

START_TEST(all_are_told_once_byte_for_byte)
{
  sink s, nothing;

  world_init(&w, NULL);
  world_open(&w, &s, "t", NULL);
  world_open(&w, &nothing, NULL, NULL);
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  relay_bridge_gap(&w, "*");
  world_run(&w, 0);
  relay_expect_bytes(
      &s,
      "data: x\nid: %s\n\n"
      "event: gap\ndata: {\"from\":\"%s\",\"to\":null,\"missed\":null,\"reason\":\"bridge\"}\nid: %s\n\n",
      relay_at(&w, 1), relay_at(&w, 1), relay_at(&w, 1));
  for (int i = 0; i < 3; i++)
    world_run(&w, 1000);
  world_publish(&w, "t", NULL, "y");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "x <bridge> y");
  ck_assert_uint_eq(world_last_id(&s).lo, 3); /* the mark has a place of its own */
  ck_assert_uint_eq(nothing.n, 0);
  ck_assert_uint_eq(world_stats(&w).gaps, 1);
  ck_assert_uint_eq(world_stats(&w).gaps_bridge, 1);
  ck_assert_uint_eq(world_stats(&w).published, 2);
  ck_assert_int_eq(hermes_sse_stream_reason(s.stream), 0);
  world_leave(&s);
  world_leave(&nothing);
  world_clear(&w);
}
END_TEST

/* Opens one stream for each way to follow; `told` of them have to be told of `mark`, and the others not. */
static void expect_told(const char *mark, const char *const (*follows)[2], size_t n, size_t told)
{
  sink s[16];

  world_init(&w, NULL);
  for (size_t i = 0; i < n; i++) {
    world_open(&w, &s[i], follows[i][0], follows[i][1]);
    world_publish(&w, follows[i][0], NULL, "x"); /* also as a topic, its last byte perhaps a '*' */
  }
  world_run(&w, 0);
  for (size_t i = 0; i < n; i++)
    sink_forget(&s[i]);
  relay_bridge_gap(&w, mark);
  for (int i = 0; i < 3; i++)
    world_run(&w, 1000);
  for (size_t i = 0; i < n; i++)
    ck_assert_msg(strcmp(relay_seen(&s[i]), i < told ? "<bridge>" : "") == 0, "%s: %s %s saw \"%s\"", mark,
                  follows[i][0], follows[i][1], relay_seen(&s[i]));
  ck_assert_uint_eq(world_stats(&w).gaps_bridge, told);
  for (size_t i = 0; i < n; i++)
    world_leave(&s[i]);
  world_clear(&w);
}

START_TEST(of_one_topic_who_follows_it_is_told)
{
  static const char *const follows[][2] = { { "news/1", NULL }, { "news/1", "k" },    { "news/*", NULL },
                                            { "news/*", "k" },  { "news/1*", NULL },  { "*", NULL },
                                            { "*", "k" },       { "news/12", NULL },  { "news/", NULL },
                                            { "news/2", "k" },  { "news/12*", NULL }, { "sport/*", NULL },
                                            { "n", NULL },      { "news/2*", "k" } };

  expect_told("news/1", follows, sizeof follows / sizeof *follows, 7);
}
END_TEST

START_TEST(of_a_pattern_who_follows_any_of_its_topics_is_told)
{
  static const char *const follows[][2] = { { "news/1", NULL },  { "news/2", "k" }, { "news/*", NULL },
                                            { "news/1*", "k" },  { "n*", NULL },    { "*", "k" },
                                            { "news/", NULL },   { "news", NULL },  { "new", "k" },
                                            { "sport/*", NULL }, { "news0*", NULL } };

  expect_told("news/*", follows, sizeof follows / sizeof *follows, 7);
}
END_TEST

START_TEST(of_a_topic_without_a_log_patterns_that_show_it_are_told)
{
  sink all, other;

  world_init(&w, NULL);
  world_open(&w, &all, "a*", NULL);
  world_open(&w, &other, "b*", NULL);
  relay_bridge_gap(&w, "a1");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&all), "<bridge>");
  ck_assert_str_eq(relay_seen(&other), "");
  world_publish(&w, "a1", NULL, "x");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&all), "<bridge> x");
  world_leave(&all);
  world_leave(&other);
  world_clear(&w);
}
END_TEST

START_TEST(of_several_topics_each_loss_is_told)
{
  hermes_sse_subscription topics[] = { { .topic = { "a", 1 } }, { .topic = { "b", 1 }, .key = { "k", 1 } } };
  hermes_sse_stream_options o = { .size = sizeof o, .topics = topics, .n_topics = 2 };
  sink s;

  world_init(&w, NULL);
  sink_init(&s);
  world_open_with(&w, &s, NULL, NULL, o);
  world_publish(&w, "a", NULL, "1");
  world_run(&w, 0);
  relay_bridge_gap(&w, "b");
  world_run(&w, 0);
  world_publish(&w, "a", NULL, "2");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "1 <bridge> 2");
  relay_bridge_gap(&w, "a");
  relay_bridge_gap(&w, "b"); /* both in one run: one word for both */
  world_publish(&w, "b", "k", "3");
  relay_bridge_gap(&w, "c");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "1 <bridge> 2 <bridge> 3");
  relay_bridge_gap(&w, "*");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "1 <bridge> 2 <bridge> 3 <bridge>");
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(it_is_told_before_anything_newer)
{
  sink s, slow;

  world_init(&w, NULL);
  world_open(&w, &s, "t", NULL);
  world_open(&w, &slow, "t", NULL);
  slow.room = 10;
  world_publish(&w, "t", NULL, "1");
  world_run(&w, 0);
  world_publish(&w, "t", NULL, "2"); /* waits for the slow one */
  relay_bridge_gap(&w, "t");
  world_publish(&w, "t", NULL, "3");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "1 <bridge> 2 3"); /* of one run: nobody can tell when it left the other server */
  relay_bridge_gap(&w, "*");
  world_publish(&w, "t", NULL, "4");
  world_run(&w, 0);
  slow.room = SIZE_MAX;
  hermes_sse_stream_writable(slow.stream);
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&slow), "1 <bridge> 2 3 4"); /* both marks at once */
  ck_assert_str_eq(relay_seen(&s), "1 <bridge> 2 3 <bridge> 4");
  world_leave(&s);
  world_leave(&slow);
  world_clear(&w);
}
END_TEST

/* Streams in step share what is written: none of them may share its way past the mark. */
START_TEST(streams_in_step_are_all_told)
{
  enum { N = 20 };
  static sink s[N];

  world_init(&w, NULL);
  for (int i = 0; i < N; i++)
    world_open(&w, &s[i], "t", NULL);
  for (int i = 0; i < 3; i++)
    world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  relay_bridge_gap(&w, "t");
  for (int i = 0; i < 3; i++)
    world_publish(&w, "t", NULL, "y");
  for (int i = 0; i < 30; i++)
    ck_assert_int_eq(hermes_sse_hub_run(w.hub, w.now, 7, &w.next), HERMES_SSE_OK); /* few at a time */
  for (int i = 0; i < N; i++) {
    ck_assert_str_eq(relay_seen(&s[i]), "x x x <bridge> y y y");
    world_leave(&s[i]);
  }
  world_clear(&w);
}
END_TEST

static int only_even(const hermes_sse_message *message, void *user)
{
  (void)user;
  return message->meta % 2 == 0;
}

START_TEST(streams_of_every_kind_are_told)
{
  sink pull, throttled, filtered, chunked;

  world_init(&w, NULL);
  sink_init(&pull);
  sink_init(&throttled);
  sink_init(&filtered);
  sink_init(&chunked);
  chunked.head = chunked.chunked = 1;
  world_open_with(&w, &pull, "t", NULL, (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_PULL });
  world_open_with(&w, &throttled, "t", NULL, (hermes_sse_stream_options){ .throttle_ms = 1000 });
  world_open_with(&w, &filtered, "t", NULL, (hermes_sse_stream_options){ .filter = only_even });
  world_open_with(&w, &chunked, "t", NULL, (hermes_sse_stream_options){ .http = 11 });
  world_run(&w, 0);
  world_publish(&w, "t", "k", "1");
  world_run(&w, 0);
  world_pull(&pull);
  world_publish(&w, "t", "k", "2");
  world_run(&w, 0); /* the throttled one rests, the pull one has something to fetch */
  relay_bridge_gap(&w, "t");
  world_run(&w, 0);
  world_pull(&pull);
  ck_assert_str_eq(relay_seen(&throttled), "1 <bridge>");
  ck_assert_str_eq(relay_seen(&pull), "1 <bridge> 2");
  ck_assert_str_eq(relay_seen(&filtered), "1 2 <bridge>");
  ck_assert_str_eq(relay_seen(&chunked), "1 2 <bridge>");
  relay_bridge_gap(&w, "t");
  world_run(&w, 0);
  ck_assert_ptr_eq(hermes_sse_hub_next(w.hub), pull.stream); /* an idle one is listed for a mark alone */
  world_pull(&pull);
  world_run(&w, 2000);
  ck_assert_str_eq(relay_seen(&pull), "1 <bridge> 2 <bridge>");
  ck_assert_str_eq(relay_seen(&throttled), "1 <bridge> <bridge> 2");
  world_leave(&pull);
  world_leave(&throttled);
  world_leave(&filtered);
  world_leave(&chunked);
  world_clear(&w);
}
END_TEST

/* HERMES_SSE_TOPIC_CLOSE_SLOW is for the log that moved past a stream; here it is not the stream that was slow. */
START_TEST(a_mark_closes_nobody)
{
  hermes_sse_topic_options o = { .size = sizeof o, .flags = HERMES_SSE_TOPIC_CLOSE_SLOW };
  sink s, view;

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_bus_topic(w.bus, "*", &o), HERMES_SSE_OK);
  world_open(&w, &s, "t", NULL);
  world_open(&w, &view, "*", NULL);
  relay_bridge_gap(&w, "t");
  world_run(&w, 0);
  relay_bridge_gap(&w, "*");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "<bridge> <bridge>");
  ck_assert_str_eq(relay_seen(&view), "<bridge> <bridge>");
  ck_assert_int_eq(hermes_sse_stream_reason(s.stream), 0);
  world_leave(&s);
  world_leave(&view);
  world_clear(&w);
}
END_TEST

START_TEST(each_hub_tells_its_own)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev };
  hermes_sse_subscription t = { .topic = { "t", 1 } };
  hermes_sse_stream_options so = { .size = sizeof so, .topics = &t, .n_topics = 1 };
  hermes_sse_hub *second = NULL, *third = NULL;
  sink a, b;

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, &o, &second), HERMES_SSE_OK);
  world_open(&w, &a, "t", NULL);
  sink_init(&b);
  so.user = &b;
  ck_assert_int_eq(hermes_sse_stream_open(second, &so, &b.stream), HERMES_SSE_OK);
  world_publish(&w, "t", NULL, "1");
  relay_bridge_gap(&w, "t");
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_hub_run(second, 1, 0, NULL), HERMES_SSE_OK);
  ck_assert_str_eq(relay_seen(&a), "<bridge> 1");
  ck_assert_str_eq(relay_seen(&b), "<bridge> 1");
  world_leave(&b);
  /* a hub that comes after the mark knows nothing of before */
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, &o, &third), HERMES_SSE_OK);
  sink_init(&b);
  so.user = &b;
  so.last_event_id = hermes_sse_str(relay_at(&w, 1));
  ck_assert_int_eq(hermes_sse_stream_open(third, &so, &b.stream), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_hub_run(third, 1, 0, NULL), HERMES_SSE_OK);
  ck_assert_str_eq(relay_seen(&b), "<expired>");
  world_leave(&a);
  world_leave(&b);
  hermes_sse_hub_free(second);
  hermes_sse_hub_free(third);
  world_clear(&w);
}
END_TEST

START_TEST(other_reasons_are_told_as_they_are)
{
  static const char *const seen[] = { "<expired>", "<restarted>", "<unknown>", "<slow>", "<bridge>" };
  sink t, all;

  for (int reason = HERMES_SSE_GAP_EXPIRED; reason <= HERMES_SSE_GAP_BRIDGE; reason++) {
    world_init(&w, NULL);
    world_open(&w, &t, "t", NULL);
    world_open(&w, &all, "*", NULL);
    ck_assert_int_eq(relay_gap(w.bus, reason % 2 ? "t" : "*", reason, NULL), HERMES_SSE_OK);
    world_run(&w, 0);
    ck_assert_str_eq(relay_seen(&t), seen[reason - 1]);
    ck_assert_str_eq(relay_seen(&all), seen[reason - 1]);
    world_leave(&t);
    world_leave(&all);
    world_clear(&w);
  }
  ck_assert_str_eq(hermes_sse_gap_name(HERMES_SSE_GAP_BRIDGE), "bridge");
}
END_TEST

START_TEST(a_gap_of_nothing_is_refused)
{
  static char long_topic[HERMES_SSE_TOPIC_MAX + 2];
  hermes_sse_id head;

  world_init(&w, NULL);
  memset(long_topic, 't', sizeof long_topic - 1);
  ck_assert_int_eq(relay_gap(w.bus, "", HERMES_SSE_GAP_BRIDGE, NULL), HERMES_SSE_ERR_BAD_TOPIC);
  ck_assert_int_eq(relay_gap(w.bus, long_topic, HERMES_SSE_GAP_BRIDGE, NULL), HERMES_SSE_ERR_BAD_TOPIC);
  ck_assert_int_eq(relay_gap(w.bus, "t", 0, NULL), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(relay_gap(w.bus, "t", -1, NULL), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(relay_gap(w.bus, "t", HERMES_SSE_GAP_BRIDGE + 1, NULL), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(relay_gap(w.bus, "t", 256 + HERMES_SSE_GAP_BRIDGE, NULL), HERMES_SSE_ERR_OPTION);
  hermes_sse_bus_head(w.bus, &head);
  ck_assert_uint_eq(head.lo, 0);
  world_clear(&w);
}
END_TEST

/* As everywhere: a topic is any bytes but NUL. */
START_TEST(a_gap_of_a_topic_with_a_zero_byte_is_refused)
{
  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_bus_gap(w.bus, (hermes_sse_slice){ "t\0u", 3 }, HERMES_SSE_GAP_BRIDGE, NULL),
                   HERMES_SSE_ERR_BAD_TOPIC);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("relay gaps", all_are_told_once_byte_for_byte, of_one_topic_who_follows_it_is_told,
           of_a_pattern_who_follows_any_of_its_topics_is_told, of_a_topic_without_a_log_patterns_that_show_it_are_told,
           of_several_topics_each_loss_is_told, it_is_told_before_anything_newer, streams_in_step_are_all_told,
           streams_of_every_kind_are_told, a_mark_closes_nobody, each_hub_tells_its_own,
           other_reasons_are_told_as_they_are, a_gap_of_nothing_is_refused,
           a_gap_of_a_topic_with_a_zero_byte_is_refused)
