#include "suite.h"
#include "world.h"

static hermes_sse_event event_of(const char *data)
{
  return (hermes_sse_event){ .size = sizeof(hermes_sse_event), .data = hermes_sse_str(data) };
}

START_TEST(the_first_bytes_are_head_and_greeting)
{
  world w;
  sink s;
  received r[4];
  hermes_sse_event greeting = event_of("hello");
  hermes_sse_stream_options o = { .http = 11,
                                  .greeting = &greeting,
                                  .extra_headers = hermes_sse_str("vary: Origin\r\nx: y\r\n") };

  world_init(&w, NULL);
  world_publish(&w, "news", NULL, "early");
  world_run(&w, 0);
  sink_init(&s);
  world_open_with(&w, &s, "news", NULL, o);
  ck_assert_uint_eq(s.n, 0); /* open never writes */
  world_run(&w, 0);
  s.head = s.chunked = 1;
  ck_assert_uint_eq(sink_read(&s, r, 4, NULL), 1);
  ck_assert_str_eq(r[0].data, "hello");
  ck_assert_uint_eq(world_last_id(&s).lo, 1);
  sink_take(&s, "", 1);
  ck_assert_ptr_nonnull(strstr(s.bytes, "HTTP/1.1 200 OK\r\n"));
  ck_assert_ptr_nonnull(strstr(s.bytes, "\r\ncontent-type: text/event-stream; charset=utf-8\r\n"));
  ck_assert_ptr_nonnull(strstr(s.bytes, "\r\ncache-control: no-cache, no-transform\r\n"));
  ck_assert_ptr_nonnull(strstr(s.bytes, "\r\nx-accel-buffering: no\r\n"));
  ck_assert_ptr_nonnull(strstr(s.bytes, "\r\ntransfer-encoding: chunked\r\n"));
  ck_assert_ptr_nonnull(strstr(s.bytes, "\r\nvary: Origin\r\nx: y\r\n\r\n"));
  ck_assert_ptr_nonnull(strstr(s.bytes, "\r\ndate: Fri, 15 Jan 2027 08:00:00 GMT\r\n"));
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(http_1_0_and_bare_streams_are_not_chunked)
{
  world w;
  sink a, b;

  world_init(&w, NULL);
  sink_init(&a);
  a.head = 1;
  world_open_with(&w, &a, "t", NULL, (hermes_sse_stream_options){ .http = 10 });
  world_open(&w, &b, "t", NULL);
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&a), "x");
  ck_assert_str_eq(world_data(&b), "x");
  ck_assert(memcmp(a.bytes, "HTTP/1.0 200 OK\r\n", 17) == 0);
  ck_assert_ptr_null(memmem(a.bytes, a.n, "chunked", 7));
  ck_assert(memcmp(b.bytes, "data: x\n", 8) == 0);
  hermes_sse_stream_close(a.stream);
  world_run(&w, 0);
  ck_assert_uint_eq(world_reap(&w), 1);
  hermes_sse_stream_free(b.stream);
  sink_clear(&a);
  sink_clear(&b);
  world_clear(&w);
}
END_TEST

START_TEST(every_cut_of_the_bytes_arrives_whole)
{
  for (size_t per_call = 1; per_call < 90; per_call++) {
    world w;
    sink s;
    hermes_sse_event greeting = event_of("hello"), private = event_of("private");
    int ended;

    world_init(&w, NULL);
    sink_init(&s);
    s.per_call = per_call;
    s.head = s.chunked = 1;
    world_open_with(&w, &s, "t", NULL, (hermes_sse_stream_options){ .http = 11, .greeting = &greeting });
    for (int i = 0; i < 3; i++)
      world_publish(&w, "t", NULL, i == 1 ? "two\nlines" : "one");
    ck_assert_int_eq(hermes_sse_stream_send(s.stream, &private), HERMES_SSE_OK);
    ck_assert_int_eq(hermes_sse_stream_close(s.stream), HERMES_SSE_OK);
    while (hermes_sse_stream_reason(s.stream) == 0) {
      size_t calls = s.calls;

      world_run(&w, 1);
      ck_assert_uint_gt(s.calls, calls);
      hermes_sse_stream_writable(s.stream);
    }
    ck_assert_str_eq(world_data(&s), "hello,private,one,two\nlines,one");
    sink_read(&s, (received[8]){ { .retry = 0 } }, 8, &ended);
    ck_assert_int_eq(ended, 1);
    ck_assert_int_eq(hermes_sse_stream_reason(s.stream), HERMES_SSE_CLOSE_HOST);
    ck_assert_uint_eq(world_reap(&w), 1);
    sink_clear(&s);
    world_clear(&w);
  }
}
END_TEST

START_TEST(a_host_is_told_to_watch_on_change_only)
{
  world w;
  sink s;

  world_init(&w, NULL);
  world_open(&w, &s, "t", NULL);
  s.room = 10;
  world_publish(&w, "t", NULL, "abcdefgh");
  world_run(&w, 0);
  ck_assert(s.watched == 1 && s.watch_calls == 1);
  world_publish(&w, "t", NULL, "more");
  world_run(&w, 0);
  ck_assert_uint_eq(s.calls, 1); /* a full sink is left alone */
  s.room = SIZE_MAX;
  hermes_sse_stream_writable(s.stream);
  ck_assert_uint_eq(s.calls, 1); /* writable() never writes */
  world_run(&w, 0);
  ck_assert(s.watched == 0 && s.watch_calls == 2);
  ck_assert_str_eq(world_data(&s), "abcdefgh,more");
  world_publish(&w, "t", NULL, "last");
  world_run(&w, 0);
  ck_assert_uint_eq(s.watch_calls, 2);
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(what_writev_may_not_return_ends_the_stream)
{
  static const hermes_sse_ssize gives[] = { HERMES_SSE_ERR_PEER, -1000, 0, 100000 };

  for (size_t i = 0; i < sizeof gives / sizeof *gives; i++) {
    world w;
    sink s, other;

    world_init(&w, NULL);
    world_open(&w, &s, "t", NULL);
    world_open(&w, &other, "t", NULL);
    s.act_at = 1;
    s.gives = gives[i];
    world_publish(&w, "t", NULL, "x");
    world_run(&w, 0);
    ck_assert_int_eq(hermes_sse_stream_reason(s.stream), HERMES_SSE_CLOSE_PEER);
    ck_assert_uint_eq(w.memory.logs, gives[i] >= 0);
    ck_assert_str_eq(world_data(&other), "x");
    ck_assert_uint_eq(world_reap(&w), 1);
    hermes_sse_stream_free(other.stream);
    sink_clear(&s);
    sink_clear(&other);
    world_clear(&w);
  }
}
END_TEST

static void free_all(sink *s)
{
  sink *all = s->context;

  for (int i = 0; i < 3; i++) {
    hermes_sse_stream_free(all[i].stream);
    hermes_sse_stream_free(all[i].stream); /* again, inside the callback: still nothing */
  }
}

START_TEST(streams_may_be_freed_while_they_are_written)
{
  for (int who = 0; who < 3; who++) {
    world w;
    sink s[3];

    world_init(&w, NULL);
    for (int i = 0; i < 3; i++) {
      world_open(&w, &s[i], "t", i == 2 ? "k" : NULL);
      s[i].context = s;
    }
    s[who].act_at = 1;
    s[who].act = free_all;
    world_publish(&w, "t", "k", "x");
    world_run(&w, 0);
    for (int i = 0; i < 3; i++)
      ck_assert_uint_eq(s[i].calls, i <= who);
    ck_assert_ptr_null(hermes_sse_hub_next(w.hub));
    for (int i = 0; i < 3; i++)
      sink_clear(&s[i]);
    world_clear(&w);
  }
}
END_TEST

static void free_hub(sink *s)
{
  hermes_sse_hub_free(s->context);
}

START_TEST(a_hub_may_be_freed_in_its_callback)
{
  world w;
  sink s[2];

  world_init(&w, NULL);
  for (int i = 0; i < 2; i++)
    world_open(&w, &s[i], "t", NULL);
  s[0].act_at = 1;
  s[0].act = free_hub;
  s[0].context = w.hub;
  world_publish(&w, "t", NULL, "x");
  hermes_sse_hub_run(w.hub, w.now, 0, NULL);
  w.hub = NULL;
  ck_assert_uint_eq(s[1].calls, 0);
  for (int i = 0; i < 2; i++) {
    hermes_sse_id id;

    ck_assert_int_eq(hermes_sse_stream_reason(s[i].stream), HERMES_SSE_CLOSE_HOST);
    ck_assert_int_eq(hermes_sse_stream_position(s[i].stream, &id), HERMES_SSE_ERR_STATE);
    hermes_sse_stream_free(s[i].stream);
    sink_clear(&s[i]);
  }
  world_clear(&w);
}
END_TEST

START_TEST(objects_may_be_freed_in_any_order)
{
  world w;
  sink s;
  hermes_sse_limits *limits = NULL;
  hermes_sse_stream_options o = { .size = 0 };
  hermes_sse_limits_options lo = { .size = sizeof lo };

  world_init(&w, NULL);
  lo.environment = &w.environment;
  ck_assert_int_eq(hermes_sse_limits_new(&lo, &limits), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_limits_admit(limits, NULL, 0, 0, NULL, &o.ticket), HERMES_SSE_OK);
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL, o);
  hermes_sse_limits_free(limits);
  world_publish(&w, "t", NULL, "x");
  hermes_sse_bus_free(w.bus);
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&s), "x");
  hermes_sse_hub_free(w.hub);
  hermes_sse_stream_free(s.stream);
  hermes_sse_stream_free(NULL);
  hermes_sse_hub_free(NULL);
  hermes_sse_bus_free(NULL);
  ck_assert_uint_eq(w.memory.live_blocks, 0);
  sink_clear(&s);
}
END_TEST

START_TEST(private_events_are_bounded_and_in_order)
{
  world w;
  sink s;
  static char large[900000];
  hermes_sse_event e = event_of("");
  int rv, n = 0;

  memset(large, 'x', sizeof large);
  world_init(&w, NULL);
  world_open(&w, &s, NULL, NULL);
  s.room = 0;
  e.data = (hermes_sse_slice){ .ptr = large, .len = sizeof large };
  while ((rv = hermes_sse_stream_send(s.stream, &e)) == HERMES_SSE_OK)
    n++;
  ck_assert_int_eq(rv, HERMES_SSE_ERR_FULL);
  ck_assert_int_eq(n, 4);
  world_run(&w, 0);
  s.room = SIZE_MAX;
  hermes_sse_stream_writable(s.stream);
  world_run(&w, 0);
  ck_assert_uint_gt(s.n, 4 * sizeof large);
  sink_forget(&s);
  e = event_of("1");
  ck_assert_int_eq(hermes_sse_stream_send(s.stream, &e), HERMES_SSE_OK);
  e = event_of("2");
  e.id = hermes_sse_str("own");
  ck_assert_int_eq(hermes_sse_stream_send(s.stream, &e), HERMES_SSE_OK);
  e.type = hermes_sse_str("\n");
  ck_assert_int_eq(hermes_sse_stream_send(s.stream, &e), HERMES_SSE_ERR_BAD_TYPE);
  e = (hermes_sse_event){ .size = sizeof e, .flags = HERMES_SSE_EVENT_CHUNK };
  ck_assert_int_eq(hermes_sse_stream_send(s.stream, &e), HERMES_SSE_ERR_OPTION);
  e = (hermes_sse_event){ .size = sizeof e, .data = { .ptr = large, .len = sizeof large } };
  e.comment = e.data;
  ck_assert_int_eq(hermes_sse_stream_send(s.stream, &e), HERMES_SSE_ERR_TOO_LARGE);
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&s), "1,2");
  hermes_sse_stream_close(s.stream);
  e = event_of("late");
  ck_assert_int_eq(hermes_sse_stream_send(s.stream, &e), HERMES_SSE_ERR_STATE);
  world_run(&w, 0);
  ck_assert_int_eq(hermes_sse_stream_close(s.stream), HERMES_SSE_ERR_STATE);
  ck_assert_uint_eq(world_reap(&w), 1);
  sink_clear(&s);
  world_clear(&w);
}
END_TEST

START_TEST(bad_options_open_nothing)
{
  world w;
  sink s;
  hermes_sse_subscription topics[HERMES_SSE_SUBSCRIPTIONS_MAX + 1];
  char text[HERMES_SSE_TOPIC_MAX + 2];
  hermes_sse_event with_id = { .size = sizeof with_id, .id = hermes_sse_str("1") };
  hermes_sse_event bad_type = { .size = sizeof bad_type, .type = hermes_sse_str("\r") };
  hermes_sse_stream *stream = NULL;
  size_t live;

  memset(text, 't', sizeof text);
  for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
    topics[i] = (hermes_sse_subscription){ .topic = hermes_sse_str("t") };
  topics[1].topic = (hermes_sse_slice){ .ptr = text, .len = sizeof text };
  topics[2].key = topics[1].topic;
  topics[3].topic = (hermes_sse_slice){ .ptr = "a\0b", .len = 3 };
  world_init(&w, NULL);
  sink_init(&s);
  live = w.memory.live_blocks;
  const struct {
    hermes_sse_stream_options o;
    int status;
  } cases[] = {
    { { .size = 0 }, HERMES_SSE_ERR_OPTION },
    { { .size = sizeof s, .flags = 4 }, HERMES_SSE_ERR_OPTION },
    { { .size = sizeof(hermes_sse_stream_options), .flags = 8 }, HERMES_SSE_ERR_OPTION },
    { { .size = sizeof(hermes_sse_stream_options), .http = 12 }, HERMES_SSE_ERR_OPTION },
    { { .size = sizeof(hermes_sse_stream_options), .http = 10, .flags = HERMES_SSE_STREAM_CHUNKED },
      HERMES_SSE_ERR_OPTION },
    { { .size = sizeof(hermes_sse_stream_options), .n_topics = 1 }, HERMES_SSE_ERR_OPTION },
    { { .size = sizeof(hermes_sse_stream_options), .topics = topics, .n_topics = HERMES_SSE_SUBSCRIPTIONS_MAX + 1 },
      HERMES_SSE_ERR_OPTION },
    { { .size = sizeof(hermes_sse_stream_options), .topics = topics, .n_topics = 2 }, HERMES_SSE_ERR_BAD_TOPIC },
    { { .size = sizeof(hermes_sse_stream_options), .topics = topics + 2, .n_topics = 1 }, HERMES_SSE_ERR_BAD_KEY },
    { { .size = sizeof(hermes_sse_stream_options), .topics = topics + 3, .n_topics = 1 }, HERMES_SSE_ERR_BAD_TOPIC },
    { { .size = sizeof(hermes_sse_stream_options), .topics = topics, .n_topics = 1, .greeting = &with_id },
      HERMES_SSE_ERR_BAD_ID },
    { { .size = sizeof(hermes_sse_stream_options), .topics = topics, .n_topics = 1, .greeting = &bad_type },
      HERMES_SSE_ERR_BAD_TYPE },
    { { .size = sizeof(hermes_sse_stream_options), .extra_headers = hermes_sse_str("a: b\r\n") },
      HERMES_SSE_ERR_OPTION },
    { { .size = sizeof(hermes_sse_stream_options), .http = 11, .extra_headers = hermes_sse_str("a: b") },
      HERMES_SSE_ERR_OPTION },
    { { .size = sizeof(hermes_sse_stream_options), .http = 11, .extra_headers = hermes_sse_str("a: b\r\n\r\n") },
      HERMES_SSE_ERR_OPTION },
    { { .size = sizeof(hermes_sse_stream_options), .http = 11, .extra_headers = hermes_sse_str("a: b\nc: d\r\n") },
      HERMES_SSE_ERR_OPTION },
    { { .size = sizeof(hermes_sse_stream_options), .http = 11, .extra_headers = hermes_sse_str(": d\r\n") },
      HERMES_SSE_ERR_OPTION },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (i == 1)
      continue;
    ck_assert_msg(hermes_sse_stream_open(w.hub, &cases[i].o, &stream) == cases[i].status, "case %zu", i);
  }
  ck_assert_int_eq(hermes_sse_stream_open(w.hub, NULL, &stream), HERMES_SSE_ERR_OPTION);
  ck_assert_ptr_null(stream);
  ck_assert_uint_le(w.memory.live_blocks, live + 5); /* slabs and their index alone */
  world_run(&w, 0);
  world_clear(&w);
}
END_TEST

START_TEST(a_push_stream_needs_a_writev)
{
  world w;
  hermes_sse_hub_options o = { .size = sizeof o };
  hermes_sse_stream_options so = { .size = sizeof so };
  hermes_sse_stream *stream = NULL;

  world_init(&w, &o);
  ck_assert_int_eq(hermes_sse_stream_open(w.hub, &so, &stream), HERMES_SSE_ERR_OPTION);
  world_clear(&w);
}
END_TEST

START_TEST(a_ticket_is_taken_on_success_only)
{
  world w;
  sink s;
  hermes_sse_limits *limits = NULL;
  hermes_sse_limits_stats stats = { .size = sizeof stats };
  hermes_sse_stream_options o = { .size = sizeof o, .flags = 64 };
  hermes_sse_stream *stream = NULL;

  world_init(&w, NULL);
  ck_assert_int_eq(hermes_sse_limits_new(NULL, &limits), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_limits_admit(limits, NULL, 0, 0, NULL, &o.ticket), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_stream_open(w.hub, &o, &stream), HERMES_SSE_ERR_OPTION);
  hermes_sse_limits_stats_get(limits, &stats);
  ck_assert_uint_eq(stats.tickets, 1);
  o.flags = 0;
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL, o);
  s.act_at = 1;
  s.gives = HERMES_SSE_ERR_PEER;
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  hermes_sse_limits_stats_get(limits, &stats);
  ck_assert_uint_eq(stats.tickets, 0); /* given back when it ended, before it is freed */
  hermes_sse_stream_free(s.stream);
  hermes_sse_limits_stats_get(limits, &stats);
  ck_assert_uint_eq(stats.tickets, 0);
  ck_assert_int_eq(hermes_sse_limits_audit(limits), HERMES_SSE_OK);
  hermes_sse_limits_free(limits);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("stream", the_first_bytes_are_head_and_greeting, http_1_0_and_bare_streams_are_not_chunked,
           every_cut_of_the_bytes_arrives_whole, a_host_is_told_to_watch_on_change_only,
           what_writev_may_not_return_ends_the_stream, streams_may_be_freed_while_they_are_written,
           a_hub_may_be_freed_in_its_callback, objects_may_be_freed_in_any_order,
           private_events_are_bounded_and_in_order, bad_options_open_nothing, a_push_stream_needs_a_writev,
           a_ticket_is_taken_on_success_only)
