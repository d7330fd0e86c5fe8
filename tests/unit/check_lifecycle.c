/* Drain with its deadline, rechecks, fork, the host's own gap, and what can be asked of streams. */
#include "suite.h"
#include "world.h"
#include <sys/wait.h>
#include <unistd.h>

static world w;

START_TEST(P35_P36_a_drain_has_a_deadline_and_streams_that_may_finish)
{
  hermes_sse_drain_options d = { .size = sizeof d, .within_ms = 1000, .deadline_ms = 3000 };
  sink now, finishes, blocked, done;

  world_init(&w, NULL);
  world_open(&w, &now, "t", NULL);
  sink_init(&finishes);
  sink_init(&done);
  world_open_with(&w, &finishes, "t", NULL, (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_FINISH });
  world_open_with(&w, &done, "t", NULL, (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_FINISH });
  world_open(&w, &blocked, "t", NULL);
  blocked.room = 0;
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_bus_drain(w.bus, &d), HERMES_SSE_OK);
  world_run(&w, 0);
  world_run(&w, 1000);
  ck_assert_int_eq(hermes_sse_stream_reason(now.stream), HERMES_SSE_CLOSE_DRAIN);
  ck_assert_int_eq(hermes_sse_stream_reason(finishes.stream), 0);
  ck_assert_int_eq(hermes_sse_stream_reason(blocked.stream), 0);
  hermes_sse_stream_send(done.stream, &(hermes_sse_event){ .size = sizeof(hermes_sse_event), .data = { "end", 3 } });
  hermes_sse_stream_close(done.stream);
  world_run(&w, 1);
  ck_assert_int_eq(hermes_sse_stream_reason(done.stream), HERMES_SSE_CLOSE_HOST);
  ck_assert_str_eq(world_data(&done), "x,end");
  ck_assert_uint_le(w.next, w.now + 2000);
  world_run(&w, 1999);
  ck_assert_int_eq(hermes_sse_stream_reason(finishes.stream), HERMES_SSE_CLOSE_DRAIN);
  ck_assert_int_eq(hermes_sse_stream_reason(blocked.stream), HERMES_SSE_CLOSE_DRAIN);
  world_leave(&now);
  world_leave(&finishes);
  world_leave(&done);
  world_leave(&blocked);
  world_clear(&w);
}
END_TEST

START_TEST(a_deadline_before_the_spread_ends_is_refused)
{
  hermes_sse_drain_options d = { .size = sizeof d, .within_ms = 1000, .deadline_ms = 999 };

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_bus_drain(w.bus, &d), HERMES_SSE_ERR_OPTION);
  world_publish(&w, "t", NULL, "still open");
  world_clear(&w);
}
END_TEST

static int answer = 1; /* what the host says; 2: nothing */
static size_t asked;

static void recheck(hermes_sse_stream *stream, void *user)
{
  (void)user;
  asked++;
  if (answer != 2)
    hermes_sse_stream_allow(stream, answer);
}

START_TEST(P43_a_stream_that_is_not_allowed_any_more_ends)
{
  hermes_sse_hub_options ho = { .size = sizeof ho, .writev = sink_writev, .heartbeat_ms = HERMES_SSE_NEVER };
  hermes_sse_stats stats = { .size = sizeof stats };
  sink idle, busy;

  ho.recheck = recheck;
  ho.recheck_ms = 1000;
  ho.recheck_failures = 2;
  world_init(&w, &ho);
  answer = 1;
  asked = 0;
  world_open(&w, &idle, "quiet", NULL);
  world_open(&w, &busy, "t", NULL);
  for (int i = 0; i < 100; i++) {
    world_publish(&w, "t", NULL, "x");
    world_run(&w, 100);
  }
  ck_assert_uint_ge(asked, 16);
  ck_assert_uint_le(asked, 24);
  answer = -1; /* cannot tell */
  for (int i = 0; i < 15; i++)
    world_run(&w, 100);
  answer = 1;
  for (int i = 0; i < 15; i++)
    world_run(&w, 100);
  answer = 2; /* does not answer */
  for (int i = 0; i < 15; i++)
    world_run(&w, 100);
  ck_assert_int_eq(hermes_sse_stream_reason(busy.stream), 0);
  for (int i = 0; i < 50; i++)
    world_run(&w, 100);
  ck_assert_int_eq(hermes_sse_stream_reason(idle.stream), HERMES_SSE_CLOSE_DENIED);
  ck_assert_int_eq(hermes_sse_stream_reason(busy.stream), HERMES_SSE_CLOSE_DENIED);
  hermes_sse_bus_stats(w.bus, &stats);
  ck_assert_uint_eq(stats.closed_denied, 2);
  world_leave(&idle);
  world_leave(&busy);
  world_clear(&w);
}
END_TEST

START_TEST(a_denied_stream_gets_nothing_more)
{
  sink s;

  world_init(&w, NULL);
  world_open(&w, &s, "t", NULL);
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  world_publish(&w, "t", NULL, "secret");
  hermes_sse_stream_send(s.stream, &(hermes_sse_event){ .size = sizeof(hermes_sse_event), .data = { "secret", 6 } });
  ck_assert_int_eq(hermes_sse_stream_allow(s.stream, 0), HERMES_SSE_OK);
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&s), "x");
  ck_assert_int_eq(hermes_sse_stream_reason(s.stream), HERMES_SSE_CLOSE_DENIED);
  ck_assert_int_eq(hermes_sse_stream_allow(s.stream, 1), HERMES_SSE_ERR_STATE);
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(a_client_that_left_is_counted_as_one)
{
  hermes_sse_stats stats = { .size = sizeof stats };
  sink s;

  world_init(&w, NULL);
  world_open(&w, &s, "t", NULL);
  ck_assert_int_eq(hermes_sse_stream_gone(s.stream), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_stream_gone(s.stream), HERMES_SSE_ERR_STATE);
  world_leave(&s);
  hermes_sse_bus_stats(w.bus, &stats);
  ck_assert_uint_eq(stats.closed_peer, 1);
  ck_assert_uint_eq(stats.closed_host, 0);
  world_clear(&w);
}
END_TEST

START_TEST(a_forked_child_is_refused)
{
  sink s;
  pid_t child;
  int status = 0;

  world_init(&w, NULL);
  world_open(&w, &s, "t", NULL);
  child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    hermes_sse_message m = { .size = sizeof m, .topic = { "t", 1 } };
    hermes_sse_stream_options o = { .size = sizeof o };
    hermes_sse_stream *stream;

    _exit(hermes_sse_bus_publish(w.bus, &m) == HERMES_SSE_ERR_FORKED &&
                  hermes_sse_hub_run(w.hub, 5, 0, NULL) == HERMES_SSE_ERR_FORKED &&
                  hermes_sse_stream_open(w.hub, &o, &stream) == HERMES_SSE_ERR_FORKED
              ? 7
              : 8);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(WEXITSTATUS(status), 7);
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&s), "x");
  world_leave(&s);
  world_clear(&w);
}
END_TEST

static hermes_sse_gap seen;
static char seen_from[HERMES_SSE_ID_MAX];
static hermes_sse_event own_gap;

static const hermes_sse_event *gap(hermes_sse_hub *hub, const hermes_sse_gap *g, void *user)
{
  (void)hub, (void)user;
  seen = *g;
  snprintf(seen_from, sizeof seen_from, "%.*s", (int)g->from.len, (const char *)g->from.ptr);
  return own_gap.size ? &own_gap : NULL;
}

START_TEST(a_gap_s_name_and_shape_are_the_host_s)
{
  hermes_sse_hub_options ho = { .size = sizeof ho, .writev = sink_writev, .heartbeat_ms = HERMES_SSE_NEVER };
  received events[4];
  sink s;

  ho.gap = gap;
  world_init(&w, &ho);
  own_gap = (hermes_sse_event){ .size = sizeof own_gap, .type = { "missed", 6 }, .data = { "some", 4 } };
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL, (hermes_sse_stream_options){ .last_event_id = hermes_sse_str("1-1") });
  world_run(&w, 0);
  ck_assert_uint_eq(sink_read(&s, events, 4, NULL), 1);
  ck_assert_str_eq(events[0].type, "missed");
  ck_assert_str_eq(events[0].data, "some");
  ck_assert_str_ne(events[0].id, "");
  ck_assert_uint_eq(seen.reason, HERMES_SSE_GAP_RESTARTED);
  ck_assert_str_eq(seen_from, "1-1");
  world_leave(&s);
  own_gap.type = (hermes_sse_slice){ .ptr = "a\nb", .len = 3 };
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL, (hermes_sse_stream_options){ .last_event_id = hermes_sse_str("nonsense") });
  world_run(&w, 0);
  sink_read(&s, events, 4, NULL);
  ck_assert_str_eq(events[0].type, "gap");
  ck_assert_ptr_nonnull(strstr(w.memory.last_log, "gap event not usable"));
  ck_assert_uint_eq(seen.from.len, 0);
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(gap_reasons_have_names)
{
  ck_assert_str_eq(hermes_sse_gap_name(0), "none");
  ck_assert_str_eq(hermes_sse_gap_name(HERMES_SSE_GAP_SLOW), "slow");
  ck_assert_str_eq(hermes_sse_gap_name(HERMES_SSE_GAP_EXPIRED), "expired");
  ck_assert_str_eq(hermes_sse_gap_name(99), "unknown reason");
}
END_TEST

START_TEST(streams_can_be_looked_at)
{
  hermes_sse_limit_key keys[] = { { .key_class = "user", .key = hermes_sse_str("ada") },
                                  { .key_class = "address", .key = hermes_sse_str("10.0.0.1") } };
  hermes_sse_stream_info info = { .size = sizeof info };
  char key_class[HERMES_SSE_KEY_CLASS_MAX + 1], key[HERMES_SSE_KEY_MAX];
  hermes_sse_stream_options o = { .size = sizeof o };
  hermes_sse_limits *limits;
  size_t len, n = 0;
  sink s, other;

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_limits_new(NULL, &limits), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_limits_admit(limits, keys, 2, 0, NULL, &o.ticket), HERMES_SSE_OK);
  world_run(&w, 500);
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL, o);
  world_open(&w, &other, "u", NULL);
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  s.room = 0;
  for (int i = 0; i < 7; i++)
    world_publish(&w, "t", NULL, "y");
  world_run(&w, 0);
  world_run(&w, 40);
  ck_assert_int_eq(hermes_sse_stream_info_get(s.stream, &info), HERMES_SSE_OK);
  ck_assert_uint_eq(info.bytes, s.n);
  ck_assert_uint_eq(info.lag_entries, 7);
  ck_assert_uint_eq(info.lag_ms, 40);
  ck_assert_uint_eq(info.subscriptions, 1);
  ck_assert_uint_eq(info.closing, 0);
  ck_assert_uint_eq(info.opened_ms, w.now - 40);
  ck_assert_int_eq(hermes_sse_ticket_key(&info.ticket, 1, key_class, key, &len), HERMES_SSE_OK);
  ck_assert_str_eq(key_class, "address");
  ck_assert_uint_eq(len, 8);
  ck_assert_mem_eq(key, "10.0.0.1", 8);
  ck_assert_int_eq(hermes_sse_ticket_key(&info.ticket, 2, key_class, key, &len), HERMES_SSE_ERR_NOT_FOUND);
  for (hermes_sse_stream *at = hermes_sse_hub_stream(w.hub, NULL); at; at = hermes_sse_hub_stream(w.hub, at))
    n++;
  ck_assert_uint_eq(n, 2);
  ck_assert_uint_eq(hermes_sse_hub_followers(w.hub, hermes_sse_str("t"), hermes_sse_str("")), 1);
  ck_assert_uint_eq(hermes_sse_hub_followers(w.hub, hermes_sse_str("nobody"), hermes_sse_str("")), 0);
  world_leave(&s);
  world_leave(&other);
  ck_assert_ptr_null(hermes_sse_hub_stream(w.hub, NULL));
  hermes_sse_limits_free(limits);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("lifecycle", P35_P36_a_drain_has_a_deadline_and_streams_that_may_finish,
           a_deadline_before_the_spread_ends_is_refused, P43_a_stream_that_is_not_allowed_any_more_ends,
           a_denied_stream_gets_nothing_more, a_client_that_left_is_counted_as_one, a_forked_child_is_refused,
           a_gap_s_name_and_shape_are_the_host_s, gap_reasons_have_names, streams_can_be_looked_at)
