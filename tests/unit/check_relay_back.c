/* What a relay says may be missing: who comes back from before it is told, who begins after it is not. */
#include "relay.h"
#include "suite.h"

static world w;

/* Who comes back to `topic` with the id of this place sees exactly that. */
static void expect_back(const char *topic, const char *key, uint64_t place, const char *seen)
{
  sink s;

  relay_come(&w, &s, topic, key, relay_at(&w, place));
  world_run(&w, 0);
  ck_assert_msg(strcmp(relay_seen(&s), seen) == 0, "%s back at %llu: \"%s\", not \"%s\"", topic,
                (unsigned long long)place, relay_seen(&s), seen);
  world_leave(&s);
}

START_TEST(who_comes_back_from_before_is_told)
{
  static const char *const marks[] = { "*", "n/1", "n/*" };
  sink stays, other, view;

  for (int i = 0; i < 3; i++) {
    world_init(&w, NULL);
    world_open(&w, &stays, "n/1", NULL);
    world_open(&w, &other, "o", NULL);
    world_open(&w, &view, "n/*", NULL);
    world_publish(&w, "n/1", "k", "1");
    world_publish(&w, "n/1", "k", "2");
    relay_bridge_gap(&w, marks[i]); /* at 3 */
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
    world_leave(&stays);
    world_leave(&other);
    world_leave(&view);
    world_clear(&w);
  }
}
END_TEST

START_TEST(who_comes_back_from_before_is_told_in_the_head)
{
  const char *name, *value = NULL;
  sink stays, s;

  world_init(&w, NULL);
  world_open(&w, &stays, "t", NULL);
  world_publish(&w, "t", NULL, "1");
  relay_bridge_gap(&w, "t");
  world_run(&w, 0);
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL,
                  (hermes_sse_stream_options){ .last_event_id = hermes_sse_str(relay_at(&w, 1)), .http = 10 });
  world_run(&w, 0);
  sink_take(&s, "", 1);
  ck_assert_ptr_nonnull(strstr(s.bytes, "\r\nhermes-sse-gap: bridge\r\n"));
  for (size_t i = 0; hermes_sse_stream_header(s.stream, i, &name, &value) == HERMES_SSE_OK; i++)
    if (strcmp(name, "hermes-sse-gap") == 0)
      break;
  ck_assert_str_eq(value, "bridge");
  ck_assert_uint_eq(world_stats(&w).gaps_bridge, 2);
  ck_assert_uint_eq(world_stats(&w).gaps, 2);
  ck_assert_uint_eq(world_stats(&w).gaps_expired, 0);
  world_leave(&stays);
  world_leave(&s);
  world_clear(&w);
}
END_TEST

/* In whatever words: a mark of its topic, or one that the hub cannot go back behind. */
static void expect_told_back(const char *topic, const char *key, uint64_t place, const char *rest)
{
  sink s;

  relay_come(&w, &s, topic, key, relay_at(&w, place));
  world_run(&w, 0);
  ck_assert_msg(relay_seen(&s)[0] == '<' && strcmp(strchr(relay_seen(&s), '>'), rest) == 0,
                "%s back at %llu: \"%s\", not told", topic, (unsigned long long)place, relay_seen(&s));
  world_leave(&s);
}

/* Nobody followed by this pattern when the mark came: what it shows has gaps all the same. */
START_TEST(a_pattern_that_is_followed_later_knows_of_the_mark)
{
  static const char *const marks[] = { "n/1", "n/*" };
  sink stays;

  for (int i = 0; i < 2; i++) {
    world_init(&w, NULL);
    world_open(&w, &stays, "n/1", NULL);
    world_publish(&w, "n/1", "k", "1");
    relay_bridge_gap(&w, marks[i]); /* at 2 */
    world_publish(&w, "n/1", "k", "3");
    world_run(&w, 0);
    expect_told_back("n/*", NULL, 1, "> 3");
    expect_told_back("*", "k", 1, "> 3");
    expect_back("n/*", "k", 2, "3");
    expect_back("*", NULL, 3, "");
    world_leave(&stays);
    world_clear(&w);
  }
}
END_TEST

/* The topic has no log, or it went with its last follower: then the hub cannot tell any more what there was. */
START_TEST(a_topic_without_a_log_is_not_forgotten)
{
  sink s;

  world_init(&w, NULL);
  world_publish(&w, "kept", NULL, "1");
  relay_bridge_gap(&w, "t"); /* at 2 */
  world_run(&w, 0);
  expect_back("t", NULL, 1, "<expired>");
  expect_back("t", NULL, 2, "");
  world_open(&w, &s, "u", NULL);
  relay_bridge_gap(&w, "u"); /* at 3 */
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "<bridge>");
  world_leave(&s);
  world_run(&w, 1000);
  relay_come(&w, &s, "u", NULL, relay_at(&w, 2));
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "<expired>");
  world_leave(&s);
  expect_back("u", NULL, 3, "");
  world_clear(&w);
}
END_TEST

START_TEST(who_follows_from_later_on_is_not_told)
{
  hermes_sse_subscription t = { .topic = { "t", 1 } };
  sink late, more;

  world_init(&w, NULL);
  world_open(&w, &more, "other", NULL);
  world_publish(&w, "other", NULL, "o");
  relay_bridge_gap(&w, "t");        /* at 2 */
  world_open(&w, &late, "t", NULL); /* before the hub has come to the mark, and yet after it */
  ck_assert_int_eq(hermes_sse_stream_subscribe(more.stream, &t), HERMES_SSE_OK);
  world_publish(&w, "t", NULL, "3");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&late), "3");
  ck_assert_str_eq(relay_seen(&more), "o 3");
  relay_bridge_gap(&w, "t");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&late), "3 <bridge>");
  ck_assert_str_eq(relay_seen(&more), "o 3 <bridge>");
  world_leave(&late);
  world_leave(&more);
  world_clear(&w);
}
END_TEST

/* It followed nothing that could have had a gap. */
START_TEST(who_followed_nothing_before_is_not_told)
{
  hermes_sse_subscription t = { .topic = { "t", 1 } };
  sink s;

  world_init(&w, NULL);
  world_open(&w, &s, NULL, NULL);
  relay_bridge_gap(&w, "*");
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_subscribe(s.stream, &t), HERMES_SSE_OK);
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "x");
  world_leave(&s);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("relay back", who_comes_back_from_before_is_told, who_comes_back_from_before_is_told_in_the_head,
           a_pattern_that_is_followed_later_knows_of_the_mark, a_topic_without_a_log_is_not_forgotten,
           who_follows_from_later_on_is_not_told, who_followed_nothing_before_is_not_told)
