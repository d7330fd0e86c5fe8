/* A bus whose relay brings the ids: what they may be, and what an id that comes back is worth. */
#include "relay.h"
#include "suite.h"

static world w;
static relay r;

static void init(void)
{
  world_init(&w, NULL);
  relay_set_with_ids(&w, &r);
}

START_TEST(events_carry_the_ids_that_they_came_with)
{
  hermes_sse_id head;
  sink s;

  init();
  relay_live(&w);
  world_run(&w, 0);
  world_open(&w, &s, "t", NULL);
  relay_bring(&w, "1800000000000-0", "t", NULL, "1");
  relay_bring(&w, "1800000000000-1", "u", NULL, "no");
  relay_bring(&w, "1800000000000-2097151", "t", NULL, "2");
  relay_bring(&w, "1800000000001-0", "t", NULL, "3");
  relay_bring(&w, "4398046511103-2097150", "t", NULL, "4");
  world_run(&w, 0);
  relay_expect_bytes(&s, "data: 1\nid: 1800000000000-0\n\n"
                         "data: 2\nid: 1800000000000-2097151\n\n"
                         "data: 3\nid: 1800000000001-0\n\n"
                         "data: 4\nid: 4398046511103-2097150\n\n");
  ck_assert_str_eq(relay_position(&s), "4398046511103-2097150");
  ck_assert_int_eq(hermes_sse_bus_head(w.bus, &head), HERMES_SSE_OK);
  ck_assert_uint_eq(head.hi, UINT64_C(4398046511103));
  ck_assert_uint_eq(head.lo, 2097150);
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(ids_that_are_none_are_refused)
{
  static const char *const bad[] = { "0-0",
                                     "4398046511104-0",
                                     "18446744073709551615-0",
                                     "5-2097152",
                                     "5-18446744073709551615",
                                     "4398046511103-2097151",
                                     "8796093022208-7" };
  hermes_sse_message m = { .size = sizeof m, .topic = { "t", 1 } };
  hermes_sse_id head;

  init();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ck_assert_int_eq(relay_ingest(w.bus, bad[i], "t", NULL, "x"), HERMES_SSE_ERR_BAD_ID);
    ck_assert_int_eq(relay_gap(w.bus, "t", HERMES_SSE_GAP_BRIDGE, bad[i]), HERMES_SSE_ERR_BAD_ID);
  }
  ck_assert_int_eq(hermes_sse_bus_ingest(w.bus, NULL, &m), HERMES_SSE_ERR_BAD_ID);
  relay_bring(&w, "5-5", "t", NULL, "x");
  ck_assert_int_eq(relay_ingest(w.bus, "5-5", "t", NULL, "x"), HERMES_SSE_ERR_BAD_ID);
  ck_assert_int_eq(relay_ingest(w.bus, "5-4", "t", NULL, "x"), HERMES_SSE_ERR_BAD_ID);
  ck_assert_int_eq(relay_ingest(w.bus, "4-9", "t", NULL, "x"), HERMES_SSE_ERR_BAD_ID);
  ck_assert_int_eq(relay_gap(w.bus, "t", HERMES_SSE_GAP_BRIDGE, "5-4"), HERMES_SSE_ERR_BAD_ID);
  ck_assert_int_eq(relay_gap(w.bus, "t", HERMES_SSE_GAP_BRIDGE, "5-5"), HERMES_SSE_OK);
  ck_assert_int_eq(relay_gap(w.bus, "t", HERMES_SSE_GAP_BRIDGE, "5-7"), HERMES_SSE_OK);
  ck_assert_int_eq(relay_ingest(w.bus, "5-7", "t", NULL, "x"), HERMES_SSE_ERR_BAD_ID);
  relay_bring(&w, "5-8", "t", NULL, "x");
  hermes_sse_bus_head(w.bus, &head);
  ck_assert_uint_eq(head.hi, 5);
  ck_assert_uint_eq(head.lo, 8);
  world_clear(&w);
}
END_TEST

/* Half an event is none: the place before "7-0" is still in order. */
START_TEST(half_taken_a_stream_stands_before_the_event)
{
  sink s, back;
  char id[HERMES_SSE_ID_MAX];

  init();
  relay_live(&w);
  world_run(&w, 0);
  world_open(&w, &s, "t", NULL);
  s.room = 3;
  relay_bring(&w, "7-0", "t", NULL, "1");
  world_run(&w, 0);
  snprintf(id, sizeof id, "%s", relay_position(&s));
  ck_assert_str_eq(id, "6-2097151");
  relay_come(&w, &back, "t", NULL, id);
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&back), "1");
  world_leave(&s);
  world_leave(&back);
  world_clear(&w);
}
END_TEST

START_TEST(who_comes_back_gets_what_is_read_back_after_its_id)
{
  static const char *const topics[] = { "t", "t*", "*" };
  sink early, between, late, other, key;

  for (int i = 0; i < 3; i++) {
    init();
    relay_come(&w, &early, topics[i], NULL, "1000-1");
    relay_come(&w, &key, topics[i], "k", "1000-0");
    relay_come(&w, &other, "other", NULL, "1000-1");
    world_run(&w, 0);
    relay_bring(&w, "1000-0", "t", "k", "0");
    relay_bring(&w, "1000-1", "t", "k", "1");
    world_run(&w, 0);
    relay_bring(&w, "1000-2", "t", "k", "2");
    relay_come(&w, &between, topics[i], NULL, "1000-0");
    relay_bring(&w, "1000-3", "t", NULL, "3");
    world_run(&w, 0);
    ck_assert_str_eq(relay_seen(&early), "2 3");
    relay_live(&w);
    world_run(&w, 0);
    relay_come(&w, &late, topics[i], NULL, "1000-2");
    relay_bring(&w, "1001-0", "t", NULL, "4");
    world_run(&w, 0);
    ck_assert_str_eq(relay_seen(&early), "2 3 4");
    ck_assert_str_eq(relay_seen(&between), "1 2 3 4");
    ck_assert_str_eq(relay_seen(&late), "3 4");
    ck_assert_str_eq(relay_seen(&key), "1 2");
    ck_assert_str_eq(relay_seen(&other), "");
    ck_assert_str_eq(relay_position(&other), "1001-0");
    world_leave(&early);
    world_leave(&between);
    world_leave(&late);
    world_leave(&other);
    world_leave(&key);
    world_clear(&w);
  }
}
END_TEST

/* What Redis has trimmed away: the relay says so before it brings the first that is left. */
START_TEST(an_id_older_than_the_start_is_told)
{
  sink early, early_key, just, late, now;

  init();
  relay_come(&w, &early, "t", NULL, "900-0");
  relay_come(&w, &early_key, "t", "k", "999-2097150");
  relay_come(&w, &just, "t", NULL, "999-2097151");
  relay_come(&w, &now, "t", NULL, NULL);
  world_run(&w, 0);
  ck_assert_int_eq(relay_gap(w.bus, "*", HERMES_SSE_GAP_EXPIRED, "999-2097151"), HERMES_SSE_OK);
  relay_bring(&w, "1000-0", "t", "k", "1");
  world_run(&w, 0);
  relay_come(&w, &late, "t", NULL, "950-3");
  world_run(&w, 0);
  relay_live(&w);
  relay_bring(&w, "1001-0", "t", "k", "2");
  world_run(&w, 0);
  relay_expect_bytes(&early, "event: gap\n"
                             "data: {\"from\":\"900-0\",\"to\":\"1000-0\",\"missed\":null,\"reason\":\"expired\"}\n"
                             "id: 900-0\n\n"
                             "data: 1\nid: 1000-0\n\ndata: 2\nid: 1001-0\n\n");
  ck_assert_str_eq(relay_seen(&early_key), "<expired> 1 2");
  ck_assert_str_eq(relay_seen(&just), "1 2");
  ck_assert_str_eq(relay_seen(&late), "<expired> 1 2");
  ck_assert_str_eq(relay_seen(&now), "<bridge> 2");
  world_leave(&early);
  world_leave(&early_key);
  world_leave(&just);
  world_leave(&late);
  world_leave(&now);
  world_clear(&w);
}
END_TEST

START_TEST(ids_of_another_run_and_of_nobody)
{
  static const struct {
    const char *id, *bytes;
  } cases[] = {
    { "8734658273645872-17",
      "event: gap\ndata: {\"from\":\"8734658273645872-17\",\"to\":null,\"missed\":null,\"reason\":\"restarted\"}\n" },
    { "1000-2097152",
      "event: gap\ndata: {\"from\":\"1000-2097152\",\"to\":null,\"missed\":null,\"reason\":\"restarted\"}\n" },
    { "x", "event: gap\ndata: {\"from\":null,\"to\":null,\"missed\":null,\"reason\":\"unknown\"}\n" },
    { "1800000060001-0",
      "event: gap\ndata: {\"from\":\"1800000060001-0\",\"to\":null,\"missed\":null,\"reason\":\"unknown\"}\n" }
  };
  char text[256];
  sink before[4], after[4];

  init();
  for (int i = 0; i < 4; i++)
    relay_come(&w, &before[i], "t", NULL, cases[i].id);
  world_run(&w, 0);
  relay_bring(&w, "1000-0", "t", NULL, "history");
  world_run(&w, 0);
  relay_live(&w);
  world_run(&w, 0);
  for (int i = 0; i < 4; i++)
    relay_come(&w, &after[i], "t", NULL, cases[i].id);
  relay_bring(&w, "1001-0", "t", NULL, "1");
  world_run(&w, 0);
  for (int i = 0; i < 4; i++) {
    snprintf(text, sizeof text,
             "%s\nevent: gap\ndata: {\"from\":\"1000-0\",\"to\":null,\"missed\":null,\"reason\":\"bridge\"}\n"
             "id: 1000-0\n\ndata: 1\nid: 1001-0\n\n",
             cases[i].bytes);
    relay_expect_bytes(&before[i], "%s", text);
    snprintf(text, sizeof text, "%sid: 1000-0\n\ndata: 1\nid: 1001-0\n\n", cases[i].bytes);
    relay_expect_bytes(&after[i], "%s", text);
    world_leave(&before[i]);
    world_leave(&after[i]);
  }
  world_clear(&w);
}
END_TEST

/* Another server's clock may be ahead of ours: its ids are of the future, and honest. */
START_TEST(an_id_of_the_near_future_waits)
{
  sink s, edge;

  init();
  relay_bring(&w, "1799999999000-0", "t", NULL, "history");
  relay_live(&w);
  world_run(&w, 0);
  relay_come(&w, &s, "t", NULL, "1800000005000-3");
  relay_come(&w, &edge, "t", NULL, "1800000060000-0");
  relay_bring(&w, "1800000000000-0", "t", NULL, "had");
  relay_bring(&w, "1800000005000-3", "t", NULL, "had");
  world_run(&w, 0);
  ck_assert_uint_eq(s.n, 0);
  ck_assert_str_eq(relay_position(&s), "1800000005000-3");
  relay_bring(&w, "1800000005000-4", "t", NULL, "new");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "new");
  ck_assert_str_eq(relay_seen(&edge), "");
  relay_bring(&w, "1800000060000-1", "t", NULL, "newer");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "new newer");
  ck_assert_str_eq(relay_seen(&edge), "newer");
  world_leave(&s);
  world_leave(&edge);
  world_clear(&w);
}
END_TEST

START_TEST(our_own_clock_may_be_behind)
{
  sink s;

  init();
  relay_live(&w);
  relay_bring(&w, "1900000000000-0", "t", NULL, "1"); /* years ahead of our clock: what was given is known */
  relay_bring(&w, "1900000000000-1", "t", NULL, "2");
  world_run(&w, 0);
  relay_come(&w, &s, "t", NULL, "1900000000000-0");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "2");
  world_leave(&s);
  relay_come(&w, &s, "t", NULL, "1900000000000-2");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "<unknown>");
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(a_gap_has_the_place_that_it_is_given)
{
  sink s, other, before, at_it;

  init();
  relay_live(&w);
  relay_bring(&w, "1000-0", "t", NULL, "1");
  world_run(&w, 0);
  relay_come(&w, &s, "t", NULL, "1000-0");
  world_open(&w, &other, "u", NULL);
  ck_assert_int_eq(relay_gap(w.bus, "t", HERMES_SSE_GAP_BRIDGE, "1500-0"), HERMES_SSE_OK);
  world_run(&w, 0);
  relay_expect_bytes(&s, "event: gap\ndata: {\"from\":\"1000-0\",\"to\":null,\"missed\":null,\"reason\":\"bridge\"}\n"
                         "id: 1000-0\n\n");
  ck_assert_str_eq(relay_position(&s), "1500-0");
  relay_come(&w, &before, "t", NULL, "1499-7");
  relay_come(&w, &at_it, "t", NULL, "1500-0");
  relay_bring(&w, "1500-1", "t", NULL, "2");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "<bridge> 2");
  ck_assert_str_eq(relay_seen(&before), "<bridge> 2");
  ck_assert_str_eq(relay_seen(&at_it), "2");
  ck_assert_str_eq(relay_seen(&other), "");
  world_leave(&s);
  world_leave(&other);
  world_leave(&before);
  world_leave(&at_it);
  world_clear(&w);
}
END_TEST

/* Without an id the place is that of the last event: whoever has had that has passed it. */
START_TEST(a_gap_without_a_place_is_at_the_last_event)
{
  sink had, has_not;

  init();
  relay_live(&w);
  relay_bring(&w, "1000-0", "t", NULL, "1");
  world_run(&w, 0);
  relay_come(&w, &had, "t", NULL, "1000-0");
  relay_come(&w, &has_not, "t", NULL, "999-0");
  has_not.room = 0;
  world_run(&w, 0);
  relay_bridge_gap(&w, "t");
  world_run(&w, 0);
  has_not.room = SIZE_MAX;
  hermes_sse_stream_writable(has_not.stream);
  relay_bring(&w, "1000-1", "t", NULL, "2");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&had), "2");
  ck_assert_str_eq(relay_seen(&has_not), "<bridge> 1 2");
  world_leave(&had);
  world_leave(&has_not);
  world_clear(&w);
}
END_TEST

START_TEST(a_hub_that_comes_later_knows_where_now_is)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev };
  hermes_sse_subscription t = { .topic = { "t", 1 } };
  hermes_sse_stream_options so = { .size = sizeof so, .topics = &t, .n_topics = 1 };
  hermes_sse_hub *hub = NULL;
  sink s, back;

  init();
  relay_bring(&w, "1000-0", "t", NULL, "history");
  relay_live(&w);
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, &o, &hub), HERMES_SSE_OK);
  sink_init(&s);
  sink_init(&back);
  so.user = &s;
  ck_assert_int_eq(hermes_sse_stream_open(hub, &so, &s.stream), HERMES_SSE_OK);
  ck_assert_str_eq(relay_position(&s), "1000-0");
  so.user = &back;
  so.last_event_id = hermes_sse_str("999-0");
  ck_assert_int_eq(hermes_sse_stream_open(hub, &so, &back.stream), HERMES_SSE_OK);
  relay_bring(&w, "1001-0", "t", NULL, "1");
  ck_assert_int_eq(hermes_sse_hub_run(hub, 1, 0, NULL), HERMES_SSE_OK);
  ck_assert_str_eq(relay_seen(&s), "1");
  ck_assert_str_eq(relay_seen(&back), "<expired> 1");
  world_leave(&s);
  world_leave(&back);
  hermes_sse_hub_free(hub);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("relay ids", events_carry_the_ids_that_they_came_with, ids_that_are_none_are_refused,
           half_taken_a_stream_stands_before_the_event, who_comes_back_gets_what_is_read_back_after_its_id,
           an_id_older_than_the_start_is_told, ids_of_another_run_and_of_nobody, an_id_of_the_near_future_waits,
           our_own_clock_may_be_behind, a_gap_has_the_place_that_it_is_given,
           a_gap_without_a_place_is_at_the_last_event, a_hub_that_comes_later_knows_where_now_is)
