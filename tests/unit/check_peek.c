/* How long bytes that were handed out live, what voids them, and that nothing is lost by looking. */
#include "suite.h"
#include "world.h"

enum { MANY = 300 };

static void open_pull(world *w, sink *s, const char *topic, uint64_t flags)
{
  sink_init(s);
  s->chunked = (flags & HERMES_SSE_STREAM_CHUNKED) != 0;
  world_open_with(w, s, topic, NULL, (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_PULL | flags });
}

static size_t bytes_of(const struct iovec *iov, int n)
{
  size_t total = 0;

  for (int i = 0; i < n; i++)
    total += iov[i].iov_len;
  return total;
}

static void keep(world *w, uint64_t entries)
{
  hermes_sse_topic_options o = { .size = sizeof o, .max_entries = entries };

  ck_assert_int_eq(hermes_sse_bus_topic(w->bus, "*", &o), HERMES_SSE_OK);
}

/* Everything that is legal between a peek and its advance. */
static void much_else(world *w, sink *others, hermes_sse_stream *self)
{
  hermes_sse_event e = { .size = sizeof e, .data = hermes_sse_str("sent") };

  for (int i = 0; i < 50; i++)
    world_publish(w, "t", i % 2 ? "k" : NULL, "meanwhile");
  keep(w, 1);
  for (int i = 0; i < MANY; i++)
    world_open(w, &others[i], i % 2 ? "t" : "u", NULL);
  for (int i = 0; i < MANY; i += 2)
    world_leave(&others[i]);
  ck_assert_int_eq(hermes_sse_stream_send(self, &e), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_bus_kick(w->bus, "user", hermes_sse_str("nobody")), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_stream_close(self), HERMES_SSE_OK);
}

START_TEST(peeked_bytes_stay_while_data_changes)
{
  world w;
  sink s;
  static sink others[MANY];
  struct iovec iov[8];
  char before[4096];
  size_t len = 0, total;
  int n;

  world_init(&w, NULL);
  open_pull(&w, &s, "t", 0);
  for (int i = 0; i < 5; i++)
    world_publish(&w, "t", NULL, "event");
  world_run(&w, 0);
  n = hermes_sse_stream_peek(s.stream, iov, 8, 0);
  ck_assert_int_gt(n, 0);
  total = bytes_of(iov, n);
  for (int i = 0; i < n; i++) {
    memcpy(before + len, iov[i].iov_base, iov[i].iov_len);
    len += iov[i].iov_len;
  }
  much_else(&w, others, s.stream);
  len = 0;
  for (int i = 0; i < n; i++) {
    ck_assert(memcmp(before + len, iov[i].iov_base, iov[i].iov_len) == 0);
    sink_take(&s, iov[i].iov_base, iov[i].iov_len);
    len += iov[i].iov_len;
  }
  ck_assert_int_eq(hermes_sse_stream_advance(s.stream, total), HERMES_SSE_OK);
  world_run(&w, 0);
  ck_assert_int_eq(world_pull(&s), HERMES_SSE_ERR_EOF);
  ck_assert_ptr_nonnull(strstr(world_data(&s), "event,event,event,event,event,sent,meanwhile"));
  ck_assert_int_eq(hermes_sse_stream_reason(s.stream), HERMES_SSE_CLOSE_HOST);
  for (int i = 1; i < MANY; i += 2)
    world_leave(&others[i]);
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(a_peek_alone_takes_nothing)
{
  world w;
  sink s;
  struct iovec iov[4];

  world_init(&w, NULL);
  open_pull(&w, &s, "t", 0);
  world_publish(&w, "t", NULL, "1");
  world_publish(&w, "t", NULL, "2");
  world_run(&w, 0);
  for (int i = 0; i < 10; i++) {
    int n = hermes_sse_stream_peek(s.stream, iov, 4, 0);

    ck_assert_int_gt(n, 0);
    if (i % 2)
      ck_assert_int_eq(hermes_sse_stream_advance(s.stream, 0), HERMES_SSE_OK);
    if (i % 3 == 0)
      world_run(&w, 1);
  }
  ck_assert_int_eq(world_pull(&s), 0);
  ck_assert_str_eq(world_data(&s), "1,2");
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(any_drive_call_on_the_hub_voids_a_peek)
{
  world w;
  sink a, b;
  struct iovec iov[4], other[4];
  char buf[8];

  world_init(&w, NULL);
  open_pull(&w, &a, "t", 0);
  open_pull(&w, &b, "t", 0);
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_peek(a.stream, iov, 4, 0), 1);
  ck_assert_int_eq(hermes_sse_stream_peek(b.stream, other, 4, 0), 1);
  ck_assert_int_eq(hermes_sse_stream_advance(a.stream, 1), HERMES_SSE_ERR_STATE);
  ck_assert_int_eq(hermes_sse_stream_peek(a.stream, iov, 4, 0), 1);
  ck_assert_int_eq(hermes_sse_stream_read(b.stream, buf, sizeof buf), (hermes_sse_ssize)sizeof buf);
  ck_assert_int_eq(hermes_sse_stream_advance(a.stream, 1), HERMES_SSE_ERR_STATE);
  ck_assert_int_eq(world_pull(&a), 0);
  ck_assert_str_eq(world_data(&a), "x");
  world_leave(&a);
  world_leave(&b);
  world_clear(&w);
}
END_TEST

START_TEST(bounds_of_a_peek_are_kept)
{
  world w;
  sink s;
  static struct iovec iov[HERMES_SSE_IOV_MAX + 1];
  int n;

  world_init(&w, NULL);
  open_pull(&w, &s, "t", 0);
  for (int i = 0; i < 600; i++)
    world_publish(&w, "t", NULL, "0123456789");
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_peek(s.stream, iov, HERMES_SSE_IOV_MAX + 1, 0), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_stream_peek(s.stream, iov, -1, 0), HERMES_SSE_ERR_OPTION);
  n = hermes_sse_stream_peek(s.stream, iov, HERMES_SSE_IOV_MAX, 0);
  ck_assert(n > 1 && n <= HERMES_SSE_IOV_MAX);
  n = hermes_sse_stream_peek(s.stream, iov, HERMES_SSE_IOV_MAX, 500);
  ck_assert(bytes_of(iov, n) >= 400 && bytes_of(iov, n) <= 600);
  n = hermes_sse_stream_peek(s.stream, iov, 1, 1); /* the first frame comes whole even if it is longer */
  ck_assert_int_eq(n, 1);
  ck_assert_uint_gt(iov[0].iov_len, 10);
  ck_assert_int_eq(world_pull(&s), 0);
  ck_assert_uint_eq(sink_read(&s, (received[600]){ { .retry = 0 } }, 600, NULL), 600);
  world_leave(&s);
  world_clear(&w);
}
END_TEST

/* Half a frame taken by each of the three ways, then the rest by another. */
START_TEST(the_ways_to_pull_may_be_mixed)
{
  for (unsigned random = 1; random < 200; random++) {
    world w;
    sink s, whole;
    unsigned r = random * 2654435761u;

    world_init(&w, NULL);
    open_pull(&w, &s, "t", random % 2 ? HERMES_SSE_STREAM_CHUNKED : 0);
    sink_init(&whole);
    whole.chunked = s.chunked;
    world_open_with(&w, &whole, "t", NULL,
                    (hermes_sse_stream_options){ .flags = random % 2 ? HERMES_SSE_STREAM_CHUNKED : 0 });
    for (int i = 0; i < 10; i++)
      world_publish(&w, "t", NULL, "0123456789");
    world_run(&w, 0);
    for (int i = 0; i < 30; i++) {
      struct iovec iov[3];
      hermes_sse_frame *frames[3];
      char buf[32];
      int n;

      r = r * 1103515245u + 12345u;
      if (r >> 16 & 1) {
        n = (int)hermes_sse_stream_read(s.stream, buf, 1 + (r >> 20) % sizeof buf);
        sink_take(&s, buf, n > 0 ? (size_t)n : 0);
      } else if (r >> 17 & 1) {
        n = hermes_sse_stream_take(s.stream, iov, frames, 1 + (int)(r >> 20) % 3, 0);
        for (int k = 0; k < n; k++) {
          sink_take(&s, iov[k].iov_base, iov[k].iov_len);
          hermes_sse_frame_release(frames[k]);
        }
      } else {
        n = hermes_sse_stream_peek(s.stream, iov, 1 + (int)(r >> 20) % 3, 0);
        if (n > 0) {
          size_t some = (r >> 22) % (iov[0].iov_len + 1);

          sink_take(&s, iov[0].iov_base, some);
          ck_assert_int_eq(hermes_sse_stream_advance(s.stream, some), HERMES_SSE_OK);
        }
      }
    }
    ck_assert_int_eq(world_pull(&s), 0);
    ck_assert_uint_eq(s.n, whole.n);
    ck_assert(memcmp(s.bytes, whole.bytes, s.n) == 0);
    world_leave(&s);
    world_leave(&whole);
    world_clear(&w);
  }
}
END_TEST

START_TEST(the_position_moves_with_what_was_taken)
{
  world w;
  sink pull, push;
  hermes_sse_id start, id;
  struct iovec iov[1];

  world_init(&w, NULL);
  open_pull(&w, &pull, "t", 0);
  world_open(&w, &push, "t", NULL);
  push.room = 5;
  ck_assert_int_eq(hermes_sse_bus_head(w.bus, &start), HERMES_SSE_OK);
  world_publish(&w, "t", NULL, "1");
  world_publish(&w, "t", NULL, "2");
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_position(pull.stream, &id), HERMES_SSE_OK);
  ck_assert_uint_eq(id.lo, start.lo);
  ck_assert_int_eq(hermes_sse_stream_peek(pull.stream, iov, 1, 1), 1);
  ck_assert_int_eq(hermes_sse_stream_advance(pull.stream, iov[0].iov_len - 1), HERMES_SSE_OK);
  hermes_sse_stream_position(pull.stream, &id);
  ck_assert_uint_eq(id.lo, start.lo); /* half an event is none */
  hermes_sse_stream_position(push.stream, &id);
  ck_assert_uint_eq(id.lo, start.lo);
  ck_assert_int_eq(hermes_sse_stream_peek(pull.stream, iov, 1, 1), 1);
  ck_assert_uint_eq(iov[0].iov_len, 1);
  ck_assert_int_eq(hermes_sse_stream_advance(pull.stream, 1), HERMES_SSE_OK);
  hermes_sse_stream_position(pull.stream, &id);
  ck_assert_uint_eq(id.lo, start.lo + 1);
  push.room = SIZE_MAX;
  hermes_sse_stream_writable(push.stream);
  world_run(&w, 0);
  hermes_sse_stream_position(push.stream, &id);
  ck_assert_uint_eq(id.lo, start.lo + 2);
  world_leave(&pull);
  world_leave(&push);
  world_clear(&w);
}
END_TEST

START_TEST(the_end_is_one_last_chunk)
{
  world w;
  sink s;

  world_init(&w, NULL);
  open_pull(&w, &s, "t", HERMES_SSE_STREAM_CHUNKED);
  ck_assert_int_eq(hermes_sse_stream_close(s.stream), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_stream_close(s.stream), HERMES_SSE_OK); /* a second call changes nothing */
  world_run(&w, 0);
  ck_assert_ptr_eq(hermes_sse_hub_next(w.hub), s.stream);
  ck_assert_int_eq(hermes_sse_stream_reason(s.stream), 0); /* closing: its end was not taken yet */
  ck_assert_int_eq(world_pull(&s), HERMES_SSE_ERR_EOF);
  ck_assert_uint_eq(s.n, 5);
  ck_assert(memcmp(s.bytes, "0\r\n\r\n", 5) == 0);
  world_leave(&s);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("peek", peeked_bytes_stay_while_data_changes, a_peek_alone_takes_nothing,
           any_drive_call_on_the_hub_voids_a_peek, bounds_of_a_peek_are_kept, the_ways_to_pull_may_be_mixed,
           the_position_moves_with_what_was_taken, the_end_is_one_last_chunk)
