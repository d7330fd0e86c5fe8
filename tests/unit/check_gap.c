/* What a gap says, byte for byte, when it is said, and what can be done with its id. */
#include "suite.h"
#include "world.h"
#include <stdarg.h>

static char id_room[8][HERMES_SSE_ID_MAX + 2];
static uint64_t run_of_bus;

/* The id of a place, as text. */
static const char *at(uint64_t lo)
{
  static unsigned next;
  char *text = id_room[next++ % 8];
  hermes_sse_id id = { .hi = run_of_bus, .lo = lo };

  hermes_sse_id_format(&id, text, HERMES_SSE_ID_MAX);
  return text;
}

static void init(world *w, uint64_t keep)
{
  hermes_sse_topic_options o = { .size = sizeof o, .max_entries = keep };
  hermes_sse_id id;

  world_init(w, NULL);
  ck_assert_int_eq(hermes_sse_bus_topic(w->bus, "*", &o), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_bus_head(w->bus, &id), HERMES_SSE_OK);
  run_of_bus = id.hi;
}

static void publish_many(world *w, const char *topic, int n)
{
  for (int i = 0; i < n; i++) {
    world_publish(w, topic, NULL, "x");
    world_run(w, 0);
  }
}

static void come(world *w, sink *s, const char *topic, const char *id, const hermes_sse_event *greeting)
{
  sink_init(s);
  world_open_with(w, s, topic, NULL,
                  (hermes_sse_stream_options){ .last_event_id = hermes_sse_str(id), .greeting = greeting });
}

__attribute__((format(printf, 2, 3))) static void expect_bytes(const sink *s, const char *format, ...)
{
  char text[512];
  va_list args;

  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  ck_assert_msg(s->n == strlen(text) && memcmp(s->bytes, text, s->n) == 0, "came:\n%.*s\nexpected:\n%s", (int)s->n,
                s->bytes, text);
}

START_TEST(an_expired_id_byte_for_byte)
{
  world w;
  sink s;

  init(&w, 2);
  publish_many(&w, "t", 5);
  come(&w, &s, "t", at(1), NULL);
  world_run(&w, 0);
  expect_bytes(&s,
               "event: gap\n"
               "data: {\"from\":\"%s\",\"to\":\"%s\",\"missed\":null,\"reason\":\"expired\"}\n"
               "id: %s\n\n"
               "data: x\nid: %s\n\n"
               "data: x\nid: %s\n\n",
               at(1), at(4), at(1), at(4), at(5));
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(ids_that_cannot_be_judged_byte_for_byte)
{
  static const char *const judged_by[] = { "12-5", "0-0", "9999999999999999999-18446744073709551615" };
  static const char *const unknown[] = { "x",
                                         "-",
                                         "1-",
                                         "-1",
                                         "1-2-3",
                                         "01-2",
                                         "+1-2",
                                         " 1-2",
                                         "1-2 ",
                                         "1_2",
                                         "1",
                                         "18446744073709551616-0",
                                         "0-18446744073709551616",
                                         "\xff\xfe" };
  char from[128];
  world w;
  sink s;

  init(&w, 2);
  publish_many(&w, "t", 5);
  for (size_t i = 0; i < sizeof judged_by / sizeof *judged_by; i++) {
    come(&w, &s, "t", judged_by[i], NULL);
    world_run(&w, 0);
    expect_bytes(&s, "event: gap\ndata: {\"from\":\"%s\",\"to\":%s,\"missed\":null,\"reason\":\"%s\"}\nid: %s\n\n",
                 judged_by[i], "null", "restarted", at(5));
    world_leave(&s);
  }
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    come(&w, &s, "t", unknown[i], NULL);
    world_run(&w, 0);
    expect_bytes(&s, "event: gap\ndata: {\"from\":%s,\"to\":%s,\"missed\":null,\"reason\":\"%s\"}\nid: %s\n\n", "null",
                 "null", "unknown", at(5));
    world_leave(&s);
  }
  snprintf(from, sizeof from, "\"%s\"", at(6)); /* beyond the bus: it parses, so it is echoed */
  come(&w, &s, "t", at(6), NULL);
  world_run(&w, 0);
  expect_bytes(&s, "event: gap\ndata: {\"from\":%s,\"to\":%s,\"missed\":null,\"reason\":\"%s\"}\nid: %s\n\n", from,
               "null", "unknown", at(5));
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(a_zero_byte_in_an_id_is_no_end)
{
  world w;
  sink s;
  char id[64];
  size_t n;

  init(&w, 2);
  publish_many(&w, "t", 2);
  n = (size_t)snprintf(id, sizeof id, "%s", at(2));
  sink_init(&s);
  world_open_with(&w, &s, "t", NULL, (hermes_sse_stream_options){ .last_event_id = { id, n + 1 } });
  world_run(&w, 0);
  ck_assert_ptr_nonnull(memmem(s.bytes, s.n, "\"unknown\"", 9));
  world_leave(&s);
  world_clear(&w);
}
END_TEST

/* A greeting that promised more than the gap would let a client that leaves between the two lose without a word. */
START_TEST(the_greeting_before_a_gap_promises_nothing)
{
  static const hermes_sse_event greeting = { .size = sizeof greeting, .data = { "hello", 5 } };
  world w;
  sink s;
  received r[8];

  init(&w, 2);
  publish_many(&w, "t", 5);
  come(&w, &s, "t", at(1), &greeting);
  world_run(&w, 0);
  ck_assert_uint_eq(sink_read(&s, r, 8, NULL), 4);
  ck_assert_str_eq(r[0].data, "hello");
  ck_assert_str_eq(r[0].id, at(1));
  ck_assert_str_eq(r[1].type, "gap");
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(after_a_gap_its_id_resumes)
{
  world w;
  sink s;
  received r[8];
  char id[64];

  init(&w, 2);
  publish_many(&w, "t", 3);
  come(&w, &s, "t", "7-7", NULL);
  world_run(&w, 0);
  ck_assert_uint_eq(sink_read(&s, r, 8, NULL), 1);
  memcpy(id, r[0].id, sizeof id);
  world_leave(&s);
  world_publish(&w, "t", NULL, "missed meanwhile");
  come(&w, &s, "t", id, NULL);
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&s), "missed meanwhile");
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(a_gap_is_told_once)
{
  world w;
  sink s;
  hermes_sse_subscription both[] = { { .topic = hermes_sse_str("t") }, { .topic = hermes_sse_str("u") } };
  hermes_sse_stream_options o = { .size = sizeof o, .user = &s, .topics = both, .n_topics = 2 };
  hermes_sse_stats stats = { .size = sizeof stats };
  received r[32];
  size_t n, gaps = 0;

  init(&w, 2);
  publish_many(&w, "t", 5);
  publish_many(&w, "u", 1);
  sink_init(&s);
  o.last_event_id = hermes_sse_str(at(1));
  ck_assert_int_eq(hermes_sse_stream_open(w.hub, &o, &s.stream), HERMES_SSE_OK);
  for (int i = 0; i < 5; i++) {
    publish_many(&w, "u", 1);
    world_run(&w, 100);
  }
  n = sink_read(&s, r, 32, NULL);
  for (size_t i = 0; i < n; i++)
    gaps += strcmp(r[i].type, "gap") == 0;
  ck_assert_uint_eq(gaps, 1);
  ck_assert_uint_eq(n, 1 + 2 + 6);
  ck_assert_int_eq(hermes_sse_stream_reason(s.stream), 0);
  hermes_sse_bus_stats(w.bus, &stats);
  ck_assert_uint_eq(stats.gaps, 1);
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(the_header_is_there_exactly_when_something_was_missed)
{
  static const struct {
    const char *id, *reason;
  } cases[] = { { "", NULL }, { "1-1", "restarted" }, { "x", "unknown" } };
  world w;
  sink s;
  const char *name, *value;

  init(&w, 2);
  publish_many(&w, "t", 5);
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    const char *found = NULL;
    size_t i = 0, type = 0;

    come(&w, &s, "t", cases[c].id, NULL);
    for (; hermes_sse_stream_header(s.stream, i, &name, &value) == HERMES_SSE_OK; i++) {
      for (const char *p = name; *p; p++)
        ck_assert(*p == '-' || (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9'));
      type += strcmp(name, "content-type") == 0 && strcmp(value, "text/event-stream; charset=utf-8") == 0;
      if (strcmp(name, "hermes-sse-gap") == 0)
        found = value;
    }
    ck_assert_uint_eq(type, 1);
    ck_assert_int_eq(hermes_sse_stream_header(s.stream, i + 1000, &name, &value), HERMES_SSE_ERR_NOT_FOUND);
    if (cases[c].reason)
      ck_assert_str_eq(found, cases[c].reason);
    else
      ck_assert_ptr_null(found);
    world_leave(&s);
  }
  world_clear(&w);
}
END_TEST

START_TEST(a_hub_keeps_what_it_reads_in_its_first_run)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev };
  world w = { .now = 1 };
  hermes_sse_id id;
  sink s;

  ck_assert_int_eq(hermes_sse_bus_new(NULL, &w.bus), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, &o, &w.hub), HERMES_SSE_OK);
  hermes_sse_bus_head(w.bus, &id);
  run_of_bus = id.hi;
  world_publish(&w, "t", "k", "1");
  world_run(&w, 0);
  come(&w, &s, "t", at(0), NULL);
  world_run(&w, 0);
  ck_assert_str_eq(world_data(&s), "1");
  world_leave(&s);
  hermes_sse_hub_free(w.hub);
  hermes_sse_bus_free(w.bus);
}
END_TEST

SUITE_MAIN("gap", an_expired_id_byte_for_byte, ids_that_cannot_be_judged_byte_for_byte, a_zero_byte_in_an_id_is_no_end,
           the_greeting_before_a_gap_promises_nothing, after_a_gap_its_id_resumes, a_gap_is_told_once,
           the_header_is_there_exactly_when_something_was_missed, a_hub_keeps_what_it_reads_in_its_first_run)
