/* What a host may do inside each callback: free anything in any order, open, send, close, publish. */
#include "suite.h"
#include "world.h"
#include <hermes_sse/extend.h>

enum { STREAMS = 4, HEARTBEAT = 1000 };

enum { IN_WRITEV, IN_WANT_WRITE, IN_HEARTBEAT, IN_PART, IN_GONE, CALLBACKS };

static struct {
  world w;
  sink sinks[STREAMS], late;
  int where; /* the callback that acts, once */
  void (*act)(sink *self);
  size_t acted;
  sink *closed;
} on;

static void here(int where, sink *self)
{
  if (where != on.where || on.acted > 0)
    return;
  on.acted++;
  on.act(self);
}

static hermes_sse_ssize in_writev(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  here(IN_WRITEV, user);
  return sink_writev(stream, iov, n, user);
}

static int in_want_write(hermes_sse_stream *stream, int on_or_off, void *user)
{
  here(IN_WANT_WRITE, user);
  return sink_want_write(stream, on_or_off, user);
}

static const hermes_sse_event *in_heartbeat(hermes_sse_hub *hub, void *user)
{
  static const hermes_sse_event event = { .size = sizeof event, .type = { "heartbeat", 9 }, .data = { "{}", 2 } };

  (void)hub, (void)user;
  here(IN_HEARTBEAT, &on.sinks[1]);
  return &event;
}

static void in_part(hermes_sse_hub *hub, uint64_t now_ms, uint64_t *next_ms, void *user)
{
  (void)hub, (void)now_ms, (void)next_ms, (void)user;
  here(IN_PART, &on.sinks[1]);
}

static void in_gone(hermes_sse_hub *hub, void *user)
{
  (void)hub, (void)user;
  here(IN_GONE, &on.sinks[1]);
}

static void set_up(int where, void (*act)(sink *))
{
  hermes_sse_hub_options o = {
    .size = sizeof o, .writev = in_writev, .want_write = in_want_write, .heartbeat = in_heartbeat
  };
  hermes_sse_part part = { .size = sizeof part, .run = in_part, .gone = in_gone };

  memset(&on, 0, sizeof on);
  o.heartbeat_ms = HEARTBEAT;
  world_init(&on.w, &o);
  on.where = where;
  on.act = act;
  ck_assert_int_eq(hermes_sse_hub_attach(on.w.hub, &part, &on), HERMES_SSE_OK);
  sink_init(&on.late);
  for (int i = 0; i < STREAMS; i++)
    world_open(&on.w, &on.sinks[i], "t", i % 2 ? NULL : "k");
}

/* Makes each callback happen: an event, a full sink, silence, the end. */
static void live(void)
{
  uint64_t now = on.w.now;

  on.sinks[0].room = 3;
  world_publish(&on.w, "t", "k", "x");
  for (int i = 0; i < 12 && on.w.hub; i++) {
    int rv = hermes_sse_hub_run(on.w.hub, now += HEARTBEAT / 5, 0, NULL);

    ck_assert_int_eq(rv, HERMES_SSE_OK);
    if (on.w.hub)
      while (hermes_sse_hub_next(on.w.hub))
        ;
  }
}

static void tear_down(void)
{
  int all = on.where != IN_GONE;

  if (all)
    ck_assert_uint_eq(on.acted, 1);
  hermes_sse_hub_free(on.w.hub);
  for (int i = 0; i < STREAMS; i++) {
    hermes_sse_stream_free(on.sinks[i].stream);
    sink_clear(&on.sinks[i]);
  }
  hermes_sse_stream_free(on.late.stream);
  sink_clear(&on.late);
  hermes_sse_bus_free(on.w.bus);
  ck_assert_uint_eq(on.acted, 1);
  ck_assert_uint_eq(on.w.memory.live_blocks, 0);
}

static void free_stream(sink *s)
{
  hermes_sse_stream_free(s->stream);
  s->stream = NULL;
}

static void free_one(sink *self)
{
  free_stream(self);
}

static void free_others(sink *self)
{
  for (int i = 0; i < STREAMS; i++)
    if (&on.sinks[i] != self)
      free_stream(&on.sinks[i]);
}

static void free_streams(sink *self)
{
  (void)self;
  for (int i = 0; i < STREAMS; i++)
    free_stream(&on.sinks[i]);
}

static void free_hub(sink *self)
{
  (void)self;
  hermes_sse_hub_free(on.w.hub);
  hermes_sse_hub_free(on.w.hub); /* still a hub until the call under way returns */
  on.w.hub = NULL;
}

static void free_bus(sink *self)
{
  (void)self;
  hermes_sse_bus_free(on.w.bus);
  on.w.bus = NULL;
}

static void free_everything(sink *self)
{
  free_bus(self);
  free_hub(self);
  free_streams(self);
}

static void free_everything_backwards(sink *self)
{
  free_streams(self);
  free_hub(self);
  free_bus(self);
}

START_TEST(anything_may_be_freed_in_each_callback)
{
  static void (*const acts[])(
      sink *) = { free_one, free_others, free_streams, free_hub, free_bus, free_everything, free_everything_backwards };

  for (int where = 0; where < CALLBACKS; where++)
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
      set_up(where, acts[i]);
      live();
      tear_down();
    }
}
END_TEST

static void open_late(sink *self)
{
  (void)self;
  world_open_with(&on.w, &on.late, "t", NULL, (hermes_sse_stream_options){ .size = 0 });
}

START_TEST(a_stream_opened_in_a_callback_begins_with_what_comes_after)
{
  for (int where = 0; where < IN_GONE; where++) {
    set_up(where, open_late);
    live();
    ck_assert_ptr_null(memmem(on.late.bytes, on.late.n, "data: x", 7));
    sink_forget(&on.late);
    world_publish(&on.w, "t", NULL, "y");
    hermes_sse_hub_run(on.w.hub, on.w.now + 3 * HEARTBEAT, 0, NULL);
    ck_assert_str_eq(world_data(&on.late), "y");
    tear_down();
  }
}
END_TEST

static void close_one(sink *self)
{
  on.closed = self;
  ck_assert_int_eq(hermes_sse_stream_close(self->stream), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_stream_reason(self->stream), 0);
}

START_TEST(a_close_in_a_callback_finishes_what_was_begun)
{
  for (int where = IN_WRITEV; where < IN_GONE; where++) {
    set_up(where, close_one);
    on.sinks[0].room = 3;
    world_publish(&on.w, "t", "k", "x");
    for (int i = 0; i < 12; i++)
      world_run(&on.w, where == IN_HEARTBEAT ? HEARTBEAT / 5 : 0);
    on.sinks[0].room = SIZE_MAX;
    hermes_sse_stream_writable(on.sinks[0].stream);
    world_publish(&on.w, "t", "k", "after");
    world_run(&on.w, 1);
    world_run(&on.w, 1);
    ck_assert_int_eq(hermes_sse_stream_reason(on.closed->stream), HERMES_SSE_CLOSE_HOST);
    ck_assert_ptr_nonnull(strstr(world_data(on.closed), "x"));
    ck_assert_ptr_null(strstr(world_data(on.closed), "after"));
    tear_down();
  }
}
END_TEST

static void send_to_all(sink *self)
{
  hermes_sse_event e = { .size = sizeof e, .type = hermes_sse_str("sent"), .data = hermes_sse_str("sent") };

  (void)self;
  for (int i = 0; i < STREAMS; i++)
    ck_assert_int_eq(hermes_sse_stream_send(on.sinks[i].stream, &e), HERMES_SSE_OK);
}

START_TEST(what_is_sent_in_a_callback_arrives_whole)
{
  for (int where = 0; where < IN_GONE; where++) {
    set_up(where, send_to_all);
    live();
    on.sinks[0].room = SIZE_MAX;
    hermes_sse_stream_writable(on.sinks[0].stream);
    world_publish(&on.w, "t", "k", "y");
    hermes_sse_hub_run(on.w.hub, on.w.now + 3 * HEARTBEAT, 0, NULL);
    for (int i = 0; i < STREAMS; i++) {
      received r[32];
      size_t n = sink_read(&on.sinks[i], r, 32, NULL);
      int x = 0, y = 0, sent = 0;

      for (size_t k = 0; k < n; k++) {
        x += strcmp(r[k].data, "x") == 0;
        y += strcmp(r[k].data, "y") == 0;
        sent += strcmp(r[k].data, "sent") == 0;
      }
      ck_assert_msg(x == 1 && y == 1 && sent == 1, "callback %d, stream %d: %d %d %d", where, i, x, y, sent);
    }
    tear_down();
  }
}
END_TEST

static void writable_again(sink *self)
{
  ck_assert_int_eq(hermes_sse_stream_writable(self->stream), HERMES_SSE_OK);
  self->room = SIZE_MAX;
  self->act_at = self->calls + 1;
  self->gives = HERMES_SSE_ERR_AGAIN;
}

START_TEST(a_writable_told_inside_the_write_is_not_lost)
{
  world w;
  sink s;

  world_init(&w, NULL);
  world_open(&w, &s, "t", NULL);
  s.act_at = 1;
  s.room = 4;
  s.act = writable_again;
  world_publish(&w, "t", NULL, "x");
  for (int i = 0; i < 3; i++)
    world_run(&w, 1);
  if (s.n == 0 || w.next != w.now) /* it may have counted for nothing, but then want_write was asked */
    ck_assert_int_eq(s.watched, strcmp(world_data(&s), "x") != 0);
  hermes_sse_stream_writable(s.stream);
  world_run(&w, 1);
  ck_assert_str_eq(world_data(&s), "x");
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

static int refuse_to_watch(hermes_sse_stream *stream, int on_or_off, void *user)
{
  (void)stream, (void)on_or_off, (void)user;
  return HERMES_SSE_ERR_PEER;
}

START_TEST(a_watch_that_fails_ends_the_stream)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev, .want_write = refuse_to_watch };
  world w;
  sink s, other;

  world_init(&w, &o);
  world_open(&w, &s, "t", NULL);
  world_open(&w, &other, "t", NULL);
  s.room = 2;
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_reason(s.stream), HERMES_SSE_CLOSE_PEER);
  ck_assert_str_eq(world_data(&other), "x");
  ck_assert_uint_eq(world_reap(&w), 1);
  hermes_sse_stream_free(other.stream);
  sink_clear(&s);
  sink_clear(&other);
  world_clear(&w);
}
END_TEST

START_TEST(slots_of_freed_streams_carry_nothing_over)
{
  world w;
  sink s[8];

  world_init(&w, NULL);
  for (int round = 0; round < 20; round++) {
    hermes_sse_stream_options pull = { .flags = HERMES_SSE_STREAM_PULL };

    for (int i = 0; i < 8; i++) {
      sink_init(&s[i]);
      world_open_with(&w, &s[i], "t", NULL, i % 2 ? pull : (hermes_sse_stream_options){ .size = 0 });
    }
    world_publish(&w, "t", NULL, "x");
    s[0].room = 3;
    world_run(&w, 0); /* 0 is full, the odd ones are listed */
    hermes_sse_stream_close(s[2].stream);
    for (int i = 0; i < 8; i++) {
      hermes_sse_stream_free(s[i].stream);
      sink_clear(&s[i]);
    }
    for (int i = 0; i < 8; i++)
      world_open(&w, &s[i], "t", NULL);
    ck_assert_ptr_null(hermes_sse_hub_next(w.hub));
    world_run(&w, 0);
    for (int i = 0; i < 8; i++) {
      ck_assert_uint_eq(s[i].n, 0);
      ck_assert_int_eq(hermes_sse_stream_reason(s[i].stream), 0);
    }
    world_publish(&w, "t", NULL, "y");
    world_run(&w, 0);
    for (int i = 0; i < 8; i++) {
      ck_assert_str_eq(world_data(&s[i]), "y");
      hermes_sse_stream_free(s[i].stream);
      sink_clear(&s[i]);
    }
  }
  world_clear(&w);
}
END_TEST

SUITE_MAIN("callbacks", anything_may_be_freed_in_each_callback,
           a_stream_opened_in_a_callback_begins_with_what_comes_after, a_close_in_a_callback_finishes_what_was_begun,
           what_is_sent_in_a_callback_arrives_whole, a_writable_told_inside_the_write_is_not_lost,
           a_watch_that_fails_ends_the_stream, slots_of_freed_streams_carry_nothing_over)
