/* Closing, kicking and draining streams that are blocked, half written, pulled, or closing already. */
#include "suite.h"
#include "world.h"

enum { PUSH_STUCK, PUSH_HALF, PULL, IDLE, CLOSING, STREAMS };

static struct {
  world w;
  sink s[STREAMS];
  hermes_sse_limits *limits;
  hermes_sse_ticket free_ticket;
} on;

static hermes_sse_ticket ticket_of(const char *user)
{
  hermes_sse_limit_key keys[] = { { .key_class = "user", .key = hermes_sse_str(user) },
                                  { .key_class = "address", .key = hermes_sse_str("192.0.2.7") } };
  hermes_sse_ticket t = { .limits = NULL };

  ck_assert_int_eq(hermes_sse_limits_admit(on.limits, keys, 2, 0, NULL, &t), HERMES_SSE_OK);
  return t;
}

static uint64_t tickets(void)
{
  hermes_sse_limits_stats s = { .size = sizeof s };

  ck_assert_int_eq(hermes_sse_limits_stats_get(on.limits, &s), HERMES_SSE_OK);
  return s.tickets;
}

static void set_up(void)
{
  memset(&on, 0, sizeof on);
  world_init(&on.w, NULL);
  ck_assert_int_eq(hermes_sse_limits_new(NULL, &on.limits), HERMES_SSE_OK);
  for (int i = 0; i < STREAMS; i++) {
    sink_init(&on.s[i]);
    on.s[i].chunked = 1;
    world_open_with(
        &on.w, &on.s[i], i == IDLE ? "quiet" : "t", NULL,
        (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_CHUNKED | (i == PULL ? HERMES_SSE_STREAM_PULL : 0u),
                                     .ticket = ticket_of("u") });
  }
  on.s[PUSH_STUCK].room = 0;
  on.s[PUSH_HALF].room = 7;
  world_publish(&on.w, "t", NULL, "1");
  world_run(&on.w, 0);
  world_publish(&on.w, "t", NULL, "2");
  ck_assert_int_eq(hermes_sse_stream_close(on.s[CLOSING].stream), HERMES_SSE_OK);
}

/* The clients take everything. */
static void take_all(void)
{
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < STREAMS; i++) {
      if (on.s[i].stream == NULL || hermes_sse_stream_reason(on.s[i].stream) != 0)
        continue;
      on.s[i].room = SIZE_MAX;
      if (i == PULL)
        world_pull(&on.s[i]);
      else
        hermes_sse_stream_writable(on.s[i].stream);
    }
    world_run(&on.w, 1);
  }
}

static void expect_end(int i, int reason, const char *data)
{
  int ended = 0;

  ck_assert_msg(hermes_sse_stream_reason(on.s[i].stream) == reason, "stream %d: %s", i,
                hermes_sse_close_name(hermes_sse_stream_reason(on.s[i].stream)));
  sink_read(&on.s[i], (received[16]){ { .retry = 0 } }, 16, &ended);
  ck_assert_msg(ended == 1, "stream %d was cut", i);
  ck_assert_str_eq(world_data(&on.s[i]), data);
}

static void tear_down(void)
{
  hermes_sse_stream *stream;
  size_t listed = 0;

  while ((stream = hermes_sse_hub_next(on.w.hub)))
    listed++;
  ck_assert_uint_le(listed, STREAMS);
  ck_assert_uint_eq(tickets(), 0);
  ck_assert_int_eq(hermes_sse_limits_audit(on.limits), HERMES_SSE_OK);
  for (int i = 0; i < STREAMS; i++) {
    hermes_sse_stream_free(on.s[i].stream);
    sink_clear(&on.s[i]);
  }
  hermes_sse_limits_free(on.limits);
  world_clear(&on.w);
}

START_TEST(a_kick_ends_all_of_a_key_after_what_was_published_before)
{
  set_up();
  ck_assert_int_eq(hermes_sse_bus_kick(on.w.bus, "user", hermes_sse_str("nobody")), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_bus_kick(on.w.bus, "user", hermes_sse_str("u")), HERMES_SSE_OK);
  world_publish(&on.w, "t", NULL, "after");
  world_publish(&on.w, "quiet", NULL, "after");
  world_run(&on.w, 0);
  take_all();
  for (int i = 0; i < STREAMS; i++)
    expect_end(i, i == CLOSING ? HERMES_SSE_CLOSE_HOST : HERMES_SSE_CLOSE_KICKED, i == IDLE ? "" : "1,2");
  tear_down();
}
END_TEST

START_TEST(any_key_of_a_ticket_will_do)
{
  set_up();
  ck_assert_int_eq(hermes_sse_bus_kick(on.w.bus, "address", hermes_sse_str("192.0.2.8")), HERMES_SSE_OK);
  world_run(&on.w, 0);
  take_all();
  ck_assert_int_eq(hermes_sse_stream_reason(on.s[IDLE].stream), 0);
  ck_assert_int_eq(hermes_sse_bus_kick(on.w.bus, "address", hermes_sse_str("192.0.2.7")), HERMES_SSE_OK);
  world_run(&on.w, 0);
  take_all();
  ck_assert_int_eq(hermes_sse_stream_reason(on.s[IDLE].stream), HERMES_SSE_CLOSE_KICKED);
  tear_down();
}
END_TEST

START_TEST(a_drain_sends_the_rest_first)
{
  hermes_sse_drain_options o = { .size = sizeof o, .retry_min_ms = 7, .retry_max_ms = 7 };
  received r[16];

  set_up();
  ck_assert_int_eq(hermes_sse_bus_drain(on.w.bus, &o), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_bus_drain(on.w.bus, NULL), HERMES_SSE_OK); /* a second call changes nothing */
  world_run(&on.w, 0);
  take_all();
  for (int i = 0; i < STREAMS; i++) {
    size_t n;

    expect_end(i, i == CLOSING ? HERMES_SSE_CLOSE_HOST : HERMES_SSE_CLOSE_DRAIN, i == IDLE ? "" : "1,2");
    n = sink_read(&on.s[i], r, 16, NULL);
    if (i != CLOSING)
      ck_assert(n > 0 && r[n - 1].retry == 7);
  }
  tear_down();
}
END_TEST

START_TEST(a_place_is_given_back_when_the_stream_ends_not_when_it_is_freed)
{
  set_up();
  ck_assert_uint_eq(tickets(), STREAMS);
  for (int i = 0; i < STREAMS; i++)
    ck_assert_int_eq(hermes_sse_stream_close(on.s[i].stream), HERMES_SSE_OK);
  ck_assert_uint_eq(tickets(), STREAMS); /* closing streams still have clients */
  world_run(&on.w, 0);
  take_all();
  ck_assert_uint_eq(tickets(), 0);
  for (int i = 0; i < STREAMS; i++)
    expect_end(i, HERMES_SSE_CLOSE_HOST, i == IDLE ? "" : "1,2");
  tear_down();
}
END_TEST

START_TEST(a_ticket_taken_cannot_be_given_back_twice)
{
  world w;
  sink s;
  hermes_sse_stream_options o = { .size = 0 };
  hermes_sse_ticket copy;

  world_init(&w, NULL);
  on.limits = NULL;
  ck_assert_int_eq(hermes_sse_limits_new(NULL, &on.limits), HERMES_SSE_OK);
  o.ticket = copy = ticket_of("u");
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL, o);
  hermes_sse_stream_free(s.stream);
  ck_assert_uint_eq(tickets(), 0);
  o.ticket = ticket_of("v");
  hermes_sse_ticket_release(&copy); /* H23: an old ticket in a slot that is used again */
  ck_assert_uint_eq(tickets(), 1);
  hermes_sse_ticket_release(&o.ticket);
  ck_assert_uint_eq(tickets(), 0);
  ck_assert_int_eq(hermes_sse_limits_audit(on.limits), HERMES_SSE_OK);
  hermes_sse_limits_free(on.limits);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(hubs_freed_with_streams_open_give_their_places_back)
{
  set_up();
  hermes_sse_hub_free(on.w.hub);
  on.w.hub = NULL;
  ck_assert_uint_eq(tickets(), 0);
  for (int i = 0; i < STREAMS; i++) {
    hermes_sse_event e = { .size = sizeof e };
    struct iovec iov[1];
    char buf[1];

    ck_assert_int_ne(hermes_sse_stream_reason(on.s[i].stream), 0);
    ck_assert_int_eq(hermes_sse_stream_send(on.s[i].stream, &e), HERMES_SSE_ERR_STATE);
    ck_assert_int_eq(hermes_sse_stream_close(on.s[i].stream), HERMES_SSE_ERR_STATE);
    if (i == PULL) {
      ck_assert_int_lt(hermes_sse_stream_peek(on.s[i].stream, iov, 1, 0), 0);
      ck_assert_int_lt((int)hermes_sse_stream_read(on.s[i].stream, buf, 1), 0);
      ck_assert_int_lt(hermes_sse_stream_advance(on.s[i].stream, 0), 0);
    } else {
      hermes_sse_stream_writable(on.s[i].stream);
    }
    ck_assert_ptr_eq(hermes_sse_stream_user(on.s[i].stream), &on.s[i]);
    hermes_sse_stream_free(on.s[i].stream);
    sink_clear(&on.s[i]);
  }
  ck_assert_int_eq(hermes_sse_limits_audit(on.limits), HERMES_SSE_OK);
  hermes_sse_limits_free(on.limits);
  world_clear(&on.w);
}
END_TEST

START_TEST(what_is_published_after_a_close_is_not_sent)
{
  set_up();
  for (int i = 0; i < STREAMS; i++)
    ck_assert_int_eq(hermes_sse_stream_close(on.s[i].stream), HERMES_SSE_OK);
  world_publish(&on.w, "t", NULL, "after");
  world_run(&on.w, 0);
  take_all();
  for (int i = 0; i < STREAMS; i++)
    expect_end(i, HERMES_SSE_CLOSE_HOST, i == IDLE ? "" : "1,2");
  tear_down();
}
END_TEST

SUITE_MAIN("endings", a_kick_ends_all_of_a_key_after_what_was_published_before, any_key_of_a_ticket_will_do,
           a_drain_sends_the_rest_first, a_place_is_given_back_when_the_stream_ends_not_when_it_is_freed,
           a_ticket_taken_cannot_be_given_back_twice, hubs_freed_with_streams_open_give_their_places_back,
           what_is_published_after_a_close_is_not_sent)
