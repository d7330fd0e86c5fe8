/* A bus whose relay brings the ids, before and after it is live: streams of every kind begin there, also where a hub was lapped. */
#include "relay.h"
#include "suite.h"

static world w;
static relay r;

static void init(const hermes_sse_hub_options *options)
{
  world_init(&w, options);
  relay_set_with_ids(&w, &r);
}

/* A bus that holds little before its hubs have read it. */
static void init_small(uint64_t pending)
{
  hermes_sse_bus_options bo = { .size = sizeof bo, .max_pending_entries = pending, .environment = &w.environment };
  hermes_sse_hub_options o = {
    .size = sizeof o, .user = &w, .wake = world_wake, .writev = sink_writev, .heartbeat_ms = HERMES_SSE_NEVER
  };

  world_init(&w, NULL);
  hermes_sse_hub_free(w.hub);
  hermes_sse_bus_free(w.bus);
  ck_assert_int_eq(hermes_sse_bus_new(&bo, &w.bus), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, &o, &w.hub), HERMES_SSE_OK);
  relay_set_with_ids(&w, &r);
}

static const hermes_sse_event hello = { .size = sizeof hello, .data = { "hello", 5 } };

/* What a stream that waited for its bus to be live is told then: nobody knows what it missed. */
#define MISSED(id)                                                                                                     \
  "event: gap\ndata: {\"from\":\"" id "\",\"to\":null,\"missed\":null,\"reason\":\"bridge\"}\nid: " id "\n\n"

START_TEST(before_it_is_live_nobody_knows_where_now_is)
{
  hermes_sse_hub_options o = {
    .size = sizeof o, .user = &w, .wake = world_wake, .writev = sink_writev, .heartbeat_ms = 1000
  };
  sink s, idle;

  init(&o);
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL, (hermes_sse_stream_options){ .greeting = &hello });
  world_open(&w, &idle, "idle", NULL);
  world_run(&w, 0);
  relay_expect_bytes(&s, "data: hello\n\n");
  ck_assert_str_eq(relay_position(&s), "HERMES_SSE_ERR_AGAIN");
  relay_bring(&w, "1000-0", "t", NULL, "history");
  relay_bring(&w, "1001-0", "t", NULL, "history");
  world_run(&w, 0);
  relay_expect_bytes(&s, "data: hello\n\n");
  ck_assert_str_eq(relay_position(&s), "HERMES_SSE_ERR_AGAIN");
  world_run(&w, 1500);
  relay_expect_bytes(&s, "data: hello\n\n: heartbeat\n\n");
  relay_live(&w);
  ck_assert_int_eq(hermes_sse_bus_live(w.bus), HERMES_SSE_ERR_STATE);
  world_run(&w, 0);
  relay_expect_bytes(&s, "data: hello\n\n: heartbeat\n\n" MISSED("1001-0"));
  ck_assert_str_eq(relay_position(&s), "1001-0");
  relay_bring(&w, "1002-0", "t", NULL, "news");
  world_run(&w, 0);
  relay_expect_bytes(&s, "data: hello\n\n: heartbeat\n\n" MISSED("1001-0") "data: news\nid: 1002-0\n\n");
  sink_forget(&s);
  sink_forget(&idle);
  world_run(&w, 1500);
  relay_expect_bytes(&s, ": heartbeat\nid: 1002-0\n\n");
  relay_expect_bytes(&idle, ": heartbeat\nid: 1002-0\n\n");
  world_leave(&s);
  world_leave(&idle);
  world_clear(&w);
}
END_TEST

START_TEST(live_is_asked_for_once_and_with_ids_only)
{
  sink s;

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_bus_live(w.bus), HERMES_SSE_ERR_STATE);
  memset(&r, 0, sizeof r);
  ck_assert_int_eq(relay_set(w.bus, &r, 0), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_bus_live(w.bus), HERMES_SSE_ERR_STATE);
  world_clear(&w);
  init(NULL);
  world_open(&w, &s, "t", NULL);
  relay_live(&w); /* nothing was read back */
  ck_assert_int_eq(hermes_sse_bus_live(w.bus), HERMES_SSE_ERR_STATE);
  world_run(&w, 0);
  ck_assert_str_eq(relay_position(&s), "0-0");
  relay_bring(&w, "1-0", "t", NULL, "1");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "<bridge> 1");
  world_leave(&s);
  world_clear(&w);
}
END_TEST

/* live() was called and this hub has not come to the mark yet. */
START_TEST(a_stream_between_live_and_the_next_run_begins_now)
{
  sink before, s;

  init(NULL);
  world_open(&w, &before, "t", NULL);
  relay_bring(&w, "1000-0", "t", NULL, "history");
  relay_live(&w);
  relay_bring(&w, "1001-0", "t", NULL, "1");
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL, (hermes_sse_stream_options){ .greeting = &hello });
  ck_assert_str_eq(relay_position(&s), "1001-0");
  relay_bring(&w, "1002-0", "t", NULL, "2");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&before), "<bridge> 1 2");
  ck_assert_str_eq(relay_seen(&s), "hello 2");
  world_leave(&before);
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(snapshots_hold_what_is_read_back)
{
  hermes_sse_subscription topics[] = { { .topic = { "t", 1 }, .flags = HERMES_SSE_SUBSCRIPTION_SNAPSHOT },
                                       { .topic = { "u", 1 } } };
  hermes_sse_stream_options o = { .size = sizeof o, .topics = topics, .n_topics = 2, .greeting = &hello };
  sink early, between, late;

  init(NULL);
  sink_init(&early);
  world_open_with(&w, &early, NULL, NULL, o);
  world_run(&w, 0);
  relay_bring(&w, "1000-0", "t", NULL, "t0");
  relay_bring(&w, "1000-1", "u", NULL, "u1");
  world_run(&w, 0);
  sink_init(&between);
  world_open_with(&w, &between, NULL, NULL, o);
  relay_bring(&w, "1000-2", "t", NULL, "t2");
  relay_bring(&w, "1000-3", "u", NULL, "u3");
  world_run(&w, 0);
  relay_live(&w);
  world_run(&w, 0);
  sink_init(&late);
  world_open_with(&w, &late, NULL, NULL, o);
  relay_bring(&w, "1000-4", "t", NULL, "t4");
  relay_bring(&w, "1000-5", "u", NULL, "u5");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&early), "hello t0 t2 t4 u5");
  ck_assert_str_eq(relay_seen(&between), "hello t0 t2 t4 u5");
  ck_assert_str_eq(relay_seen(&late), "hello t0 t2 t4 u5");
  ck_assert_str_eq(relay_position(&early), "1000-5");
  world_leave(&early);
  world_leave(&between);
  world_leave(&late);
  world_clear(&w);
}
END_TEST

static int has_no_key(const hermes_sse_message *message, void *user)
{
  (void)user;
  return message->key.len == 0;
}

START_TEST(throttled_filtered_and_pulled_streams_wait_too)
{
  sink throttled, filtered, pulled, back;

  init(NULL);
  sink_init(&throttled);
  sink_init(&filtered);
  sink_init(&pulled);
  sink_init(&back);
  world_open_with(&w, &throttled, "t", NULL, (hermes_sse_stream_options){ .throttle_ms = 1000 });
  world_open_with(&w, &filtered, "t", NULL, (hermes_sse_stream_options){ .filter = has_no_key });
  world_open_with(&w, &pulled, "t", NULL, (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_PULL });
  world_open_with(&w, &back, "t", NULL,
                  (hermes_sse_stream_options){ .throttle_ms = 1000, .last_event_id = hermes_sse_str("999-0") });
  world_run(&w, 0);
  for (int i = 0; i < 4; i++) {
    char id[24];

    snprintf(id, sizeof id, "100%d-0", i);
    relay_bring(&w, id, "t", i % 2 ? "k" : NULL, i % 2 ? "k" : "history");
    world_run(&w, 300);
    world_pull(&pulled);
  }
  relay_live(&w);
  world_run(&w, 300);
  ck_assert_str_eq(relay_seen(&throttled), "<bridge>");
  ck_assert_str_eq(relay_seen(&filtered), "<bridge>");
  ck_assert_ptr_eq(hermes_sse_hub_next(w.hub), pulled.stream);
  world_pull(&pulled);
  ck_assert_str_eq(relay_seen(&pulled), "<bridge>");
  relay_bring(&w, "2000-0", "t", "k", "1");
  relay_bring(&w, "2000-1", "t", NULL, "2");
  world_run(&w, 300);
  relay_bring(&w, "2000-2", "t", "k", "3");
  relay_bring(&w, "2000-3", "t", "k", "4");
  world_run(&w, 1500);
  world_run(&w, 1500);
  world_pull(&pulled);
  ck_assert_str_eq(relay_seen(&throttled), "<bridge> 1 2 4");
  ck_assert_str_eq(relay_seen(&filtered), "<bridge> 2");
  ck_assert_str_eq(relay_seen(&pulled), "<bridge> 1 2 3 4");
  ck_assert_msg(strncmp(relay_seen(&back), "history", 7) == 0, "%s", relay_seen(&back));
  ck_assert_msg(strstr(relay_seen(&back), "2 4") != NULL, "%s", relay_seen(&back));
  world_leave(&throttled);
  world_leave(&filtered);
  world_leave(&pulled);
  world_leave(&back);
  world_clear(&w);
}
END_TEST

START_TEST(subscribed_before_it_is_live_a_topic_begins_when_it_is)
{
  hermes_sse_subscription u = { .topic = { "u", 1 } }, v = { .topic = { "v*", 2 } };
  sink back, new;

  init(NULL);
  relay_come(&w, &back, "t", NULL, "999-0");
  relay_come(&w, &new, "t", NULL, NULL);
  relay_bring(&w, "1000-0", "t", NULL, "t0");
  relay_bring(&w, "1000-1", "u", NULL, "u1");
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_subscribe(back.stream, &u), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_stream_subscribe(back.stream, &v), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_stream_subscribe(new.stream, &u), HERMES_SSE_OK);
  world_run(&w, 0);
  relay_bring(&w, "1000-2", "t", NULL, "t2");
  relay_bring(&w, "1000-3", "u", NULL, "u3");
  relay_bring(&w, "1000-4", "v1", NULL, "v4");
  world_run(&w, 0);
  ck_assert_int_eq(relay_gap(w.bus, "u", HERMES_SSE_GAP_BRIDGE, "1000-5"), HERMES_SSE_OK); /* not theirs yet */
  world_run(&w, 0);
  relay_live(&w);
  relay_bring(&w, "1000-6", "u", NULL, "u6");
  relay_bring(&w, "1000-7", "v1", NULL, "v7");
  relay_bring(&w, "1000-8", "t", NULL, "t8");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&back), "t0 t2 u6 v7 t8");
  ck_assert_str_eq(relay_seen(&new), "<bridge> u6 t8");
  ck_assert_str_eq(relay_position(&back), "1000-8");
  world_leave(&back);
  world_leave(&new);
  world_clear(&w);
}
END_TEST

START_TEST(a_stream_can_end_before_it_is_live)
{
  sink closed, drained;

  init(NULL);
  world_open(&w, &closed, "t", NULL);
  world_open(&w, &drained, "t*", NULL);
  relay_bring(&w, "1000-0", "t", NULL, "history");
  ck_assert_int_eq(hermes_sse_stream_close(closed.stream), HERMES_SSE_OK);
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_reason(closed.stream), HERMES_SSE_CLOSE_HOST);
  ck_assert_int_eq(hermes_sse_bus_drain(w.bus, NULL), HERMES_SSE_OK);
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_reason(drained.stream), HERMES_SSE_CLOSE_DRAIN);
  ck_assert_str_eq(relay_seen(&closed), "");
  ck_assert_str_eq(relay_seen(&drained), "");
  world_leave(&closed);
  world_leave(&drained);
  world_clear(&w);
}
END_TEST

START_TEST(a_hub_that_is_lapped_passes_marks_unseen)
{
  sink t, u, none;
  hermes_sse_stats stats = { .size = sizeof stats };

  init_small(4);
  relay_live(&w);
  world_run(&w, 0);
  world_open(&w, &t, "t", NULL);
  world_open(&w, &u, "u", NULL);
  world_open(&w, &none, NULL, NULL);
  for (int i = 0; i < 6; i++) {
    char id[24];

    snprintf(id, sizeof id, "100%d-0", i);
    relay_bring(&w, id, "t", NULL, id);
    snprintf(id, sizeof id, "100%d-1", i);
    ck_assert_int_eq(relay_gap(w.bus, "u", HERMES_SSE_GAP_BRIDGE, id), HERMES_SSE_OK);
  }
  /* what the ring still holds: 1004-0, a mark, 1005-0, a mark */
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&t), "<slow> 1004-0 1005-0");
  ck_assert_msg(strcmp(relay_seen(&u), "<slow>") == 0 || strcmp(relay_seen(&u), "<bridge>") == 0, "%s",
                relay_seen(&u)); /* one word for all of it */
  ck_assert_uint_eq(none.n, 0);
  for (int i = 0; i < 3; i++) {
    char id[24];

    snprintf(id, sizeof id, "200%d-0", i);
    relay_bring(&w, id, i % 2 ? "u" : "t", NULL, id);
    world_run(&w, 0);
  }
  ck_assert_str_eq(relay_seen(&t), "<slow> 1004-0 1005-0 2000-0 2002-0");
  ck_assert_ptr_nonnull(strstr(relay_seen(&u), "> 2001-0"));
  hermes_sse_bus_stats(w.bus, &stats);
  ck_assert_uint_eq(stats.published, 9);
  ck_assert_uint_eq(stats.gaps, 2);
  world_leave(&t);
  world_leave(&u);
  world_leave(&none);
  world_clear(&w);
}
END_TEST

START_TEST(events_that_a_hub_was_lapped_by_are_counted_without_marks)
{
  hermes_sse_stats stats = { .size = sizeof stats };

  init_small(2);
  relay_bring(&w, "1-0", "t", NULL, "lost");
  for (int i = 0; i < 5; i++)
    relay_bridge_gap(&w, "u");
  world_run(&w, 0);
  hermes_sse_bus_stats(w.bus, &stats);
  ck_assert_uint_eq(stats.published, 1);
  ck_assert_uint_eq(stats.lapped, 1);
  world_clear(&w);
}
END_TEST

START_TEST(a_hub_that_is_lapped_still_learns_that_it_is_live)
{
  sink waits, back;

  init_small(4);
  world_open(&w, &waits, "t", NULL);
  relay_come(&w, &back, "t", NULL, "999-0");
  relay_bring(&w, "1000-0", "t", NULL, "history");
  relay_live(&w);
  for (int i = 1; i < 9; i++) {
    char id[24];

    snprintf(id, sizeof id, "100%d-0", i);
    relay_bring(&w, id, "t", NULL, id);
  }
  world_run(&w, 0);
  /* where it was live is not known any more: it begins where the ring does, and nobody could say what was lost */
  ck_assert_str_eq(relay_seen(&back), "<slow> 1005-0 1006-0 1007-0 1008-0");
  ck_assert_ptr_nonnull(strstr(relay_seen(&waits), "1005-0 1006-0 1007-0 1008-0"));
  ck_assert_str_eq(relay_position(&waits), "1008-0");
  world_leave(&waits);
  world_leave(&back);
  world_clear(&w);
}
END_TEST

/* The mark itself is not lost: what comes before it is history still. */
START_TEST(a_hub_that_is_lapped_before_it_is_live_begins_there)
{
  sink waits;

  init_small(4);
  world_open(&w, &waits, "t", NULL);
  for (int i = 0; i < 8; i++) {
    char id[24];

    snprintf(id, sizeof id, "100%d-0", i);
    relay_bring(&w, id, "t", NULL, "history");
  }
  relay_live(&w); /* the ring holds three events, and then this */
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&waits), "<bridge>");
  relay_bring(&w, "2000-0", "t", NULL, "1");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&waits), "<bridge> 1");
  world_leave(&waits);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("relay live", before_it_is_live_nobody_knows_where_now_is, live_is_asked_for_once_and_with_ids_only,
           a_stream_between_live_and_the_next_run_begins_now, snapshots_hold_what_is_read_back,
           throttled_filtered_and_pulled_streams_wait_too, subscribed_before_it_is_live_a_topic_begins_when_it_is,
           a_stream_can_end_before_it_is_live, a_hub_that_is_lapped_passes_marks_unseen,
           events_that_a_hub_was_lapped_by_are_counted_without_marks, a_hub_that_is_lapped_still_learns_that_it_is_live,
           a_hub_that_is_lapped_before_it_is_live_begins_there)
