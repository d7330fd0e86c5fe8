#include "suite.h"
#include "world.h"

static void open_pull(world *w, sink *s, const char *topic, const char *last_event_id)
{
  sink_init(s);
  world_open_with(
      w, s, topic, NULL,
      (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_PULL, .last_event_id = hermes_sse_str(last_event_id) });
}

START_TEST(a_pull_stream_is_listed_once_per_occasion)
{
  world w;
  sink s;

  world_init(&w, NULL);
  open_pull(&w, &s, "t", NULL);
  ck_assert_ptr_null(hermes_sse_hub_next(w.hub));
  world_publish(&w, "t", NULL, "1");
  world_run(&w, 0);
  ck_assert_ptr_eq(hermes_sse_hub_next(w.hub), s.stream);
  ck_assert_ptr_null(hermes_sse_hub_next(w.hub));
  world_publish(&w, "t", NULL, "2");
  world_run(&w, 0);
  ck_assert_ptr_null(hermes_sse_hub_next(w.hub)); /* it has not come to its end since */
  ck_assert_int_eq(world_pull(&s), 0);
  ck_assert_str_eq(world_data(&s), "1,2");
  world_publish(&w, "t", NULL, "3");
  world_run(&w, 0);
  ck_assert_ptr_eq(hermes_sse_hub_next(w.hub), s.stream);
  ck_assert_int_eq(world_pull(&s), 0);
  ck_assert_uint_eq(s.calls, 0);
  ck_assert_int_eq(hermes_sse_stream_writable(s.stream), HERMES_SSE_ERR_STATE);
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(a_greeting_is_there_at_once)
{
  world w;
  sink s;
  hermes_sse_event greeting = { .size = sizeof greeting, .data = hermes_sse_str("hello") };

  world_init(&w, NULL);
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL,
                  (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_PULL, .greeting = &greeting });
  ck_assert_ptr_eq(hermes_sse_hub_next(w.hub), s.stream);
  world_pull(&s);
  ck_assert_str_eq(world_data(&s), "hello");
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(any_part_of_a_peek_may_be_taken)
{
  world w;
  sink s, whole;
  struct iovec iov[3];
  unsigned random = 1;
  int n;

  world_init(&w, NULL);
  open_pull(&w, &s, "t", NULL);
  world_open(&w, &whole, "t", NULL);
  for (int i = 0; i < 200; i++) {
    char text[24];

    snprintf(text, sizeof text, "event %d", i);
    world_publish(&w, "t", NULL, text);
    if (i % 7 == 0)
      world_run(&w, 0);
    while ((n = hermes_sse_stream_peek(s.stream, iov, 3, i % 2 ? 40 : 0)) > 0) {
      size_t total = 0, take, left;

      ck_assert_int_le(n, 3);
      for (int k = 0; k < n; k++)
        total += iov[k].iov_len;
      take = left = (random = random * 1103515245 + 12345) / 65536 % (total + 1);
      for (int k = 0; k < n && left > 0; k++) {
        size_t len = iov[k].iov_len < left ? iov[k].iov_len : left;

        sink_take(&s, iov[k].iov_base, len);
        left -= len;
      }
      ck_assert_int_eq(hermes_sse_stream_advance(s.stream, total + 1), HERMES_SSE_ERR_STATE);
      ck_assert_int_eq(hermes_sse_stream_advance(s.stream, take), HERMES_SSE_OK);
      ck_assert_int_eq(hermes_sse_stream_advance(s.stream, 1), HERMES_SSE_ERR_STATE);
    }
    ck_assert_int_eq(n, 0);
  }
  world_run(&w, 0);
  world_pull(&s);
  ck_assert_uint_eq(s.n, whole.n);
  ck_assert(memcmp(s.bytes, whole.bytes, s.n) == 0);
  hermes_sse_stream_free(s.stream);
  hermes_sse_stream_free(whole.stream);
  sink_clear(&s);
  sink_clear(&whole);
  world_clear(&w);
}
END_TEST

START_TEST(H20_taken_frames_outlive_everything)
{
  world w;
  sink s;
  struct iovec iov[8];
  hermes_sse_frame *frames[8];
  int n;

  world_init(&w, NULL);
  open_pull(&w, &s, "t", NULL);
  world_publish(&w, "t", NULL, "1");
  world_publish(&w, "t", NULL, "2");
  world_run(&w, 0);
  n = hermes_sse_stream_take(s.stream, iov, frames, 8, 0);
  ck_assert_int_eq(n, 2);
  ck_assert_int_eq(hermes_sse_stream_take(s.stream, iov, frames, 8, 0), 0);
  hermes_sse_stream_free(s.stream);
  hermes_sse_hub_free(w.hub);
  hermes_sse_bus_free(w.bus);
  for (int i = 0; i < n; i++) {
    sink_take(&s, iov[i].iov_base, iov[i].iov_len);
    hermes_sse_frame_release(frames[i]);
  }
  hermes_sse_frame_release(NULL);
  ck_assert_str_eq(world_data(&s), "1,2");
  ck_assert_uint_eq(w.memory.live_blocks, 0);
  sink_clear(&s);
}
END_TEST

START_TEST(a_closed_stream_pulls_its_rest_and_then_its_end)
{
  world w;
  sink s;
  struct iovec iov[1];

  world_init(&w, NULL);
  sink_init(&s);
  s.chunked = 1;
  world_open_with(&w, &s, "t", NULL,
                  (hermes_sse_stream_options){ .flags = HERMES_SSE_STREAM_PULL | HERMES_SSE_STREAM_CHUNKED });
  world_publish(&w, "t", NULL, "1");
  ck_assert_int_eq(hermes_sse_stream_close(s.stream), HERMES_SSE_OK);
  world_run(&w, 0);
  ck_assert_ptr_eq(hermes_sse_hub_next(w.hub), s.stream);
  ck_assert_int_eq(world_pull(&s), HERMES_SSE_ERR_EOF);
  ck_assert_str_eq(world_data(&s), "1");
  ck_assert_int_eq(hermes_sse_stream_reason(s.stream), HERMES_SSE_CLOSE_HOST);
  ck_assert_ptr_null(hermes_sse_hub_next(w.hub)); /* the host has seen the end */
  ck_assert_int_eq(hermes_sse_stream_peek(s.stream, iov, 1, 0), HERMES_SSE_ERR_EOF);
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(misuse_is_told)
{
  world w;
  sink pull, push;
  struct iovec iov[1];
  char buf[1];

  world_init(&w, NULL);
  open_pull(&w, &pull, "t", NULL);
  world_open(&w, &push, "t", NULL);
  ck_assert_int_eq(hermes_sse_stream_peek(push.stream, iov, 1, 0), HERMES_SSE_ERR_STATE);
  ck_assert_int_eq(hermes_sse_stream_peek(pull.stream, iov, 0, 0), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_stream_peek(pull.stream, NULL, 1, 0), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_stream_take(pull.stream, iov, NULL, 1, 0), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_stream_read(pull.stream, buf, 0), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_stream_advance(pull.stream, 0), HERMES_SSE_ERR_STATE);
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_peek(pull.stream, iov, 1, 0), 1);
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_advance(pull.stream, 1), HERMES_SSE_ERR_STATE); /* the peek is void */
  hermes_sse_stream_free(pull.stream);
  hermes_sse_stream_free(push.stream);
  sink_clear(&pull);
  sink_clear(&push);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("pull", a_pull_stream_is_listed_once_per_occasion, a_greeting_is_there_at_once,
           any_part_of_a_peek_may_be_taken, H20_taken_frames_outlive_everything,
           a_closed_stream_pulls_its_rest_and_then_its_end, misuse_is_told)
