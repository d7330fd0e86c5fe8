#include "core/chunk.h"
#include "suite.h"
#include <hermes_sse/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static hermes_sse_slice bytes(const void *ptr, size_t len)
{
  return (hermes_sse_slice){ .ptr = ptr, .len = len };
}

static void expect(const hermes_sse_event *event, const char *text)
{
  char buf[4096];
  size_t len = strlen(text);

  ck_assert_int_eq(hermes_sse_event_measure(event), (int)len);
  ck_assert_int_eq(hermes_sse_event_encode(event, buf, sizeof buf), (int)len);
  ck_assert_msg(memcmp(buf, text, len) == 0, "%.*s", (int)len, buf);
  for (size_t cap = 0; cap < len; cap++) {
    memset(buf, 'x', sizeof buf);
    ck_assert_int_eq(hermes_sse_event_encode(event, buf, cap), HERMES_SSE_ERR_SPACE);
    ck_assert_int_eq(buf[cap], 'x');
  }
}

static void expect_data(const char *data, const char *text)
{
  hermes_sse_event e = { .size = sizeof e, .data = hermes_sse_str(data) };

  expect(&e, text);
}

START_TEST(every_line_end_begins_a_line)
{
  expect_data("a", "data: a\n\n");
  expect_data("", "data: \n\n");
  expect_data(" a", "data:  a\n\n");
  expect_data("a\nb", "data: a\ndata: b\n\n");
  expect_data("a\rb", "data: a\ndata: b\n\n");
  expect_data("a\r\nb", "data: a\ndata: b\n\n");
  expect_data("a\n\rb", "data: a\ndata: \ndata: b\n\n");
  expect_data("a\n", "data: a\ndata: \n\n");
  expect_data("\n", "data: \ndata: \n\n");
  expect_data("\r\n\r\n", "data: \ndata: \ndata: \n\n");
  expect_data("a\r", "data: a\ndata: \n\n");
  expect_data("id: 1\n\nevent: x", "data: id: 1\ndata: \ndata: event: x\n\n");
  expect_data("0123456789abcdef0123456789abcdef\n0123456789abcdef0",
              "data: 0123456789abcdef0123456789abcdef\ndata: 0123456789abcdef0\n\n");
}
END_TEST

START_TEST(fields_come_in_order)
{
  hermes_sse_event e = { .size = sizeof e,
                         .flags = HERMES_SSE_EVENT_RETRY,
                         .type = hermes_sse_str("t"),
                         .data = hermes_sse_str("d"),
                         .id = hermes_sse_str("i"),
                         .comment = hermes_sse_str("c\nc2"),
                         .retry_ms = UINT64_MAX };

  expect(&e, ": c\n: c2\nevent: t\nretry: 18446744073709551615\ndata: d\nid: i\n\n");
  e.flags |= HERMES_SSE_EVENT_NO_DATA;
  e.retry_ms = 0;
  e.comment = e.type = hermes_sse_str("");
  expect(&e, "retry: 0\nid: i\n\n");
  e.id = hermes_sse_str("");
  e.flags = HERMES_SSE_EVENT_NO_DATA | HERMES_SSE_EVENT_RESET_ID;
  expect(&e, "id\n\n");
  e.flags = HERMES_SSE_EVENT_NO_DATA;
  expect(&e, "");
}
END_TEST

START_TEST(a_chunk_frames_the_event)
{
  hermes_sse_event e = { .size = sizeof e, .flags = HERMES_SSE_EVENT_CHUNK, .data = hermes_sse_str("0123456789") };
  char room[HERMES_SSE__CHUNK_ROOM];

  expect(&e, "12\r\ndata: 0123456789\n\n\r\n");
  e.flags |= HERMES_SSE_EVENT_NO_DATA;
  expect(&e, ""); /* a chunk of no bytes would end the response */
  ck_assert_uint_eq(hermes_sse__chunk_line(room + sizeof room, SIZE_MAX), sizeof room);
  ck_assert(memcmp(room, "ffffffffffffffff\r\n", sizeof room) == 0);
}
END_TEST

START_TEST(names_that_would_break_out_are_refused)
{
  static const char *const bad[] = { "a\nb", "a\rb", "\n", "a\r\n", "\r" };

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    hermes_sse_event e = { .size = sizeof e, .type = hermes_sse_str(bad[i]) };

    ck_assert_int_eq(hermes_sse_event_measure(&e), HERMES_SSE_ERR_BAD_TYPE);
    ck_assert_int_eq(hermes_sse_event_encode(&e, NULL, 0), HERMES_SSE_ERR_BAD_TYPE);
    e.id = e.type;
    e.type = hermes_sse_str("");
    ck_assert_int_eq(hermes_sse_event_measure(&e), HERMES_SSE_ERR_BAD_ID);
  }
  ck_assert_int_eq(
      hermes_sse_event_measure(&(hermes_sse_event){ .size = sizeof(hermes_sse_event), .id = bytes("a\0b", 3) }),
      HERMES_SSE_ERR_BAD_ID);
  ck_assert_int_eq(
      hermes_sse_event_measure(&(hermes_sse_event){ .size = sizeof(hermes_sse_event), .type = bytes("\0", 1) }),
      HERMES_SSE_ERR_BAD_TYPE);
}
END_TEST

START_TEST(structs_are_read_by_their_size)
{
  struct {
    hermes_sse_event e;
    uint64_t tail;
  } newer = { .e = { .size = sizeof newer, .data = hermes_sse_str("d") } };
  hermes_sse_event older = { .size = offsetof(hermes_sse_event, id),
                             .data = hermes_sse_str("d"),
                             .id = hermes_sse_str("i") };

  ck_assert_int_eq(hermes_sse_event_measure(&newer.e), 9);
  newer.tail = 1;
  ck_assert_int_eq(hermes_sse_event_measure(&newer.e), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_event_measure(&older), 9);
  older.size = 0;
  ck_assert_int_eq(hermes_sse_event_measure(&older), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_event_measure(NULL), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_event_measure(&(hermes_sse_event){ .size = sizeof older, .flags = 64 }),
                   HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_event_measure(&(hermes_sse_event){
                       .size = sizeof older, .flags = HERMES_SSE_EVENT_RESET_ID, .id = hermes_sse_str("i") }),
                   HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_event_measure(&(hermes_sse_event){ .size = sizeof older,
                                                                 .type = bytes("", (size_t)PTRDIFF_MAX / 32 + 1) }) < 0,
                   1);
}
END_TEST

/* What a client makes of `text`: the standard's rules, written apart from the encoder. */
static size_t decode(const char *text, size_t len, char *data)
{
  size_t n = 0;

  for (const char *at = text, *end = text + len; at < end && *at != '\n';) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));

    ck_assert_ptr_nonnull(stop);
    ck_assert_ptr_null(memchr(at, '\r', (size_t)(stop - at)));
    ck_assert(memcmp(at, "data: ", 6) == 0);
    memcpy(data + n, at + 6, (size_t)(stop - at - 6));
    n += (size_t)(stop - at - 6);
    data[n++] = '\n';
    at = stop + 1;
  }
  return n - 1;
}

static size_t normalise(const char *data, size_t len, char *to)
{
  size_t n = 0;

  for (size_t i = 0; i < len; i++) {
    if (data[i] == '\n' && i > 0 && data[i - 1] == '\r')
      continue;
    to[n++] = data[i] == '\r' ? '\n' : data[i];
  }
  return n;
}

START_TEST(what_arrives_is_what_was_sent)
{
  static const char alphabet[] = "ab: \n\r\0\xc3\xa9{}\"xyzzy--------------------";
  static char data[3000], text[40000], arrived[6000], expected[3000];

  srand(7);
  for (int round = 0; round < 20000; round++) {
    size_t len = (size_t)rand() % (round % 100 == 0 ? sizeof data : 80);
    int plain = rand() % 3;
    hermes_sse_event e = { .size = sizeof e };
    hermes_sse_ssize n;

    for (size_t i = 0; i < len; i++)
      data[i] = plain && rand() % 300 ? 'p' : alphabet[(size_t)rand() % (sizeof alphabet - 1)];
    e.data = bytes(data, len);
    n = hermes_sse_event_encode(&e, text, sizeof text);
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(n, hermes_sse_event_measure(&e));
    ck_assert_int_eq(n, hermes_sse_event_encode(&e, text, (size_t)n));
    ck_assert_int_eq(hermes_sse_event_encode(&e, text, (size_t)n - 1), HERMES_SSE_ERR_SPACE);
    hermes_sse_event_encode(&e, text, sizeof text);
    ck_assert_uint_eq(decode(text, (size_t)n, arrived), normalise(data, len, expected));
    ck_assert(memcmp(arrived, expected, normalise(data, len, expected)) == 0);
  }
}
END_TEST

SUITE_MAIN("event", every_line_end_begins_a_line, fields_come_in_order, a_chunk_frames_the_event,
           names_that_would_break_out_are_refused, structs_are_read_by_their_size, what_arrives_is_what_was_sent)
