/* What a relay says may be missing: who comes back from before it is told, who begins after it is not. */
#include "relay.h"
#include "suite.h"

static world w;
static uint64_t run_of_bus;

static void init(void)
{
  hermes_sse_id id;

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_bus_head(w.bus, &id), HERMES_SSE_OK);
  run_of_bus = id.hi;
}

/* The id of a place, as text. */
static const char *at(uint64_t lo)
{
  static char room[8][HERMES_SSE_ID_MAX];
  static unsigned next;
  char *text = room[next++ % 8];

  snprintf(text, HERMES_SSE_ID_MAX, "%llu-%llu", (unsigned long long)run_of_bus, (unsigned long long)lo);
  return text;
}

static void bridge_gap(const char *topic)
{
  ck_assert_int_eq(relay_gap(w.bus, topic, HERMES_SSE_GAP_BRIDGE, NULL), HERMES_SSE_OK);
}

static hermes_sse_stats stats(void)
{
  hermes_sse_stats s = { .size = sizeof s };

  ck_assert_int_eq(hermes_sse_bus_stats(w.bus, &s), HERMES_SSE_OK);
  return s;
}

/* Who comes back to `topic` with the id of this place sees exactly that. */
static void expect_back(const char *topic, const char *key, uint64_t place, const char *seen)
{
  sink s;

  relay_come(&w, &s, topic, key, at(place));
  world_run(&w, 0);
  ck_assert_msg(strcmp(relay_seen(&s), seen) == 0, "%s back at %llu: \"%s\", not \"%s\"", topic,
                (unsigned long long)place, relay_seen(&s), seen);
  relay_leave(&s);
}

START_TEST(who_comes_back_from_before_is_told)
{
  static const char *const marks[] = { "*", "n/1", "n/*" };
  sink stays, other, view;

  for (int i = 0; i < 3; i++) {
    init();
    world_open(&w, &stays, "n/1", NULL);
    world_open(&w, &other, "o", NULL);
    world_open(&w, &view, "n/*", NULL);
    world_publish(&w, "n/1", "k", "1");
    world_publish(&w, "n/1", "k", "2");
    bridge_gap(marks[i]); /* at 3 */
    world_publish(&w, "n/1", "k", "4");
    world_run(&w, 0);
    expect_back("n/1", NULL, 1, "<bridge> 2 4");
    expect_back("n/1", NULL, 2, "<bridge> 4");
    expect_back("n/1", "k", 2, "<bridge> 4");
    expect_back("n/1", "another", 2, "<bridge>");
    expect_back("n/*", NULL, 2, "<bridge> 4");
    expect_back("n/*", "k", 2, "<bridge> 4");
    expect_back("n/1", NULL, 3, "4");
    expect_back("n/*", "k", 3, "4");
    expect_back("n/1", NULL, 4, "");
    relay_leave(&stays);
    relay_leave(&other);
    relay_leave(&view);
    world_clear(&w);
  }
}
END_TEST

START_TEST(who_comes_back_from_before_is_told_in_the_head)
{
  const char *name, *value = NULL;
  sink stays, s;

  init();
  world_open(&w, &stays, "t", NULL);
  world_publish(&w, "t", NULL, "1");
  bridge_gap("t");
  world_run(&w, 0);
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL, (hermes_sse_stream_options){ .last_event_id = hermes_sse_str(at(1)), .http = 10 });
  world_run(&w, 0);
  sink_take(&s, "", 1);
  ck_assert_ptr_nonnull(strstr(s.bytes, "\r\nhermes-sse-gap: bridge\r\n"));
  for (size_t i = 0; hermes_sse_stream_header(s.stream, i, &name, &value) == HERMES_SSE_OK; i++)
    if (strcmp(name, "hermes-sse-gap") == 0)
      break;
  ck_assert_str_eq(value, "bridge");
  ck_assert_uint_eq(stats().gaps_bridge, 2);
  ck_assert_uint_eq(stats().gaps, 2);
  ck_assert_uint_eq(stats().gaps_expired, 0);
  relay_leave(&stays);
  relay_leave(&s);
  world_clear(&w);
}
END_TEST

/* In whatever words: a mark of its topic, or one that the hub cannot go back behind. */
static void expect_told_back(const char *topic, const char *key, uint64_t place, const char *rest)
{
  sink s;

  relay_come(&w, &s, topic, key, at(place));
  world_run(&w, 0);
  ck_assert_msg(relay_seen(&s)[0] == '<' && strcmp(strchr(relay_seen(&s), '>'), rest) == 0,
                "%s back at %llu: \"%s\", not told", topic, (unsigned long long)place, relay_seen(&s));
  relay_leave(&s);
}

/* Nobody followed by this pattern when the mark came: what it shows has gaps all the same. */
START_TEST(a_pattern_that_is_followed_later_knows_of_the_mark)
{
  static const char *const marks[] = { "n/1", "n/*" };
  sink stays;

  for (int i = 0; i < 2; i++) {
    init();
    world_open(&w, &stays, "n/1", NULL);
    world_publish(&w, "n/1", "k", "1");
    bridge_gap(marks[i]); /* at 2 */
    world_publish(&w, "n/1", "k", "3");
    world_run(&w, 0);
    expect_told_back("n/*", NULL, 1, "> 3");
    expect_told_back("*", "k", 1, "> 3");
    expect_back("n/*", "k", 2, "3");
    expect_back("*", NULL, 3, "");
    relay_leave(&stays);
    world_clear(&w);
  }
}
END_TEST

/* The topic has no log, or it went with its last follower: then the hub cannot tell any more what there was. */
START_TEST(a_topic_without_a_log_is_not_forgotten)
{
  sink s;

  init();
  world_publish(&w, "kept", NULL, "1");
  bridge_gap("t"); /* at 2 */
  world_run(&w, 0);
  expect_back("t", NULL, 1, "<expired>");
  expect_back("t", NULL, 2, "");
  world_open(&w, &s, "u", NULL);
  bridge_gap("u"); /* at 3 */
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "<bridge>");
  relay_leave(&s);
  world_run(&w, 1000);
  relay_come(&w, &s, "u", NULL, at(2));
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "<expired>");
  relay_leave(&s);
  expect_back("u", NULL, 3, "");
  world_clear(&w);
}
END_TEST

START_TEST(who_follows_from_later_on_is_not_told)
{
  hermes_sse_subscription t = { .topic = { "t", 1 } };
  sink late, more;

  init();
  world_open(&w, &more, "other", NULL);
  world_publish(&w, "other", NULL, "o");
  bridge_gap("t");                  /* at 2 */
  world_open(&w, &late, "t", NULL); /* before the hub has come to the mark, and yet after it */
  ck_assert_int_eq(hermes_sse_stream_subscribe(more.stream, &t), HERMES_SSE_OK);
  world_publish(&w, "t", NULL, "3");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&late), "3");
  ck_assert_str_eq(relay_seen(&more), "o 3");
  bridge_gap("t");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&late), "3 <bridge>");
  ck_assert_str_eq(relay_seen(&more), "o 3 <bridge>");
  relay_leave(&late);
  relay_leave(&more);
  world_clear(&w);
}
END_TEST

/* It followed nothing that could have had a gap. */
START_TEST(who_followed_nothing_before_is_not_told)
{
  hermes_sse_subscription t = { .topic = { "t", 1 } };
  sink s;

  init();
  world_open(&w, &s, NULL, NULL);
  bridge_gap("*");
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_subscribe(s.stream, &t), HERMES_SSE_OK);
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "x");
  relay_leave(&s);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("relay back", who_comes_back_from_before_is_told, who_comes_back_from_before_is_told_in_the_head,
           a_pattern_that_is_followed_later_knows_of_the_mark, a_topic_without_a_log_is_not_forgotten,
           who_follows_from_later_on_is_not_told, who_followed_nothing_before_is_not_told)
