/* What Redis says: every type, cut anywhere, hostile, and without memory. */
#include "memory.h"
#include "redis/reply.h"
#include "suite.h"
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 1 << 16, SLACK = 200 << 10 };

/* Replies as text that two runs can be compared by. */
typedef struct transcript {
  char text[1 << 14];
  size_t len;
} transcript;

static void add(transcript *t, const char *format, ...)
{
  va_list args;
  int n;

  va_start(args, format);
  n = vsnprintf(t->text + t->len, sizeof t->text - t->len, format, args);
  va_end(args);
  ck_assert(n >= 0 && (size_t)n < sizeof t->text - t->len);
  t->len += (size_t)n;
}

static void add_reply(transcript *t, const hermes_sse__reply *r)
{
  static const char marks[] = {
    [HERMES_SSE__REPLY_STRING] = '$', [HERMES_SSE__REPLY_STATUS] = '+', [HERMES_SSE__REPLY_ERROR] = '-'
  };

  switch (r->kind) {
  case HERMES_SSE__REPLY_NIL:
    add(t, "nil ");
    break;
  case HERMES_SSE__REPLY_INTEGER:
    add(t, ":%lld ", (long long)r->integer);
    break;
  case HERMES_SSE__REPLY_ARRAY:
    add(t, "[ ");
    for (size_t i = 0; i < r->n; i++)
      add_reply(t, &r->items[i]);
    add(t, "] ");
    break;
  default:
    ck_assert_ptr_nonnull(r->text);
    ck_assert_int_eq(r->text[r->len], 0);
    add(t, "%c%s(%zu) ", marks[r->kind], r->text, r->len);
  }
}

/* HERMES_SSE_OK: all that came is taken. */
static int take_all(hermes_sse__reader *reader, transcript *t)
{
  const hermes_sse__reply *reply;
  int rv;

  while ((rv = hermes_sse__reader_next(reader, &reply)) > 0) {
    add_reply(t, reply);
    add(t, "\n");
  }
  return rv;
}

static int feed(hermes_sse__reader *reader, const char *wire, size_t len, transcript *t)
{
  char *piece = malloc(len > 0 ? len : 1); /* of exactly this size, so that reading behind it is noticed */
  int rv;

  ck_assert_ptr_nonnull(piece);
  memcpy(piece, wire, len);
  rv = hermes_sse__reader_feed(reader, piece, len);
  memset(piece, '#', len);
  free(piece);
  return rv < 0 ? rv : take_all(reader, t);
}

static const char wire[] =
    "+OK\r\n-ERR bad thing\r\n:42\r\n:-9223372036854775808\r\n$5\r\nhello\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n"
    "*3\r\n$7\r\nmessage\r\n$4\r\nchan\r\n$8\r\n{\"a\": 1}\r\n"
    "*4\r\n:1\r\n*2\r\n+a\r\n*3\r\n$-1\r\n*-1\r\n-x\r\n$1\r\nb\r\n*1\r\n*1\r\n*0\r\n"
    "$4\r\n\r\n\r\n\r\n+\r\n";

static const char expected[] =
    "+OK(2) \n-ERR bad thing(13) \n:42 \n:-9223372036854775808 \n$hello(5) \n$(0) \nnil \nnil \n[ ] \n"
    "[ $message(7) $chan(4) ${\"a\": 1}(8) ] \n"
    "[ :1 [ +a(1) [ nil nil -x(1) ] ] $b(1) [ [ [ ] ] ] ] \n"
    "$\r\n\r\n(4) \n+(0) \n";

/* In two pieces, wherever they are cut. */
static void expect_in_pieces(const char *text, size_t len, const char *shown)
{
  memory m;
  hermes_sse_environment env;

  memory_init(&m);
  env = memory_environment(&m);
  for (size_t cut = 0; cut <= len; cut++) {
    hermes_sse__reader *reader = hermes_sse__reader_new(&env, MAX_BYTES);
    transcript t = { .len = 0 };

    ck_assert_int_eq(feed(reader, text, cut, &t), 0);
    ck_assert_int_eq(feed(reader, text + cut, len - cut, &t), 0);
    ck_assert_str_eq(t.text, shown);
    hermes_sse__reader_free(reader);
  }
  ck_assert_uint_eq(m.live_blocks, 0);
}

START_TEST(every_type_cut_at_every_byte)
{
  expect_in_pieces(wire, sizeof wire - 1, expected);
}
END_TEST

START_TEST(every_byte_by_itself)
{
  memory m;
  hermes_sse_environment env;
  hermes_sse__reader *reader;
  transcript t = { .len = 0 };

  memory_init(&m);
  env = memory_environment(&m);
  reader = hermes_sse__reader_new(&env, MAX_BYTES);
  for (size_t i = 0; i < sizeof wire - 1; i++)
    ck_assert_int_eq(feed(reader, wire + i, 1, &t), 0);
  ck_assert_str_eq(t.text, expected);
  hermes_sse__reader_free(reader);
  hermes_sse__reader_free(NULL);
}
END_TEST

START_TEST(texts_are_compared_without_case)
{
  hermes_sse__reply ok = { .kind = HERMES_SSE__REPLY_STATUS, .text = "Ok", .len = 2 };
  hermes_sse__reply cut = { .kind = HERMES_SSE__REPLY_STRING, .text = "OK\0x", .len = 4 };
  hermes_sse__reply number = { .kind = HERMES_SSE__REPLY_INTEGER, .integer = 1 };

  ck_assert_int_eq(hermes_sse__reply_is(&ok, "OK"), 1);
  ck_assert_int_eq(hermes_sse__reply_is(&ok, "OKAY"), 0);
  ck_assert_int_eq(hermes_sse__reply_is(&ok, "O"), 0);
  ck_assert_int_eq(hermes_sse__reply_is(&cut, "OK"), 0);
  ck_assert_int_eq(hermes_sse__reply_is(&number, "1"), 0);
}
END_TEST

/* ---- what no Redis says ---- */

typedef struct hostile {
  const char *wire;
  int status;
  const char *why; /* a part of it; NULL: hiredis's own words, which differ */
} hostile;

#define DEEP_8 "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"

static const hostile hostiles[] = {
  { "HTTP/1.1 400 Bad Request\r\n\r\n", HERMES_SSE_ERR_BAD_DATA, "\"H\"" },
  { "\x15\x03\x03", HERMES_SSE_ERR_BAD_DATA, "\\x15" },
  { "\r\n", HERMES_SSE_ERR_BAD_DATA, NULL },
  { "*-5\r\n", HERMES_SSE_ERR_BAD_DATA, NULL },
  { "*x\r\n", HERMES_SSE_ERR_BAD_DATA, NULL },
  { "*\r\n", HERMES_SSE_ERR_BAD_DATA, NULL },
  { "*99999999999999999999\r\n", HERMES_SSE_ERR_BAD_DATA, NULL },
  { "*2000000000\r\n", HERMES_SSE_ERR_TOO_LARGE, "larger than 65536 bytes" },
  { "*2\r\n*1\r\n*2000000000\r\n", HERMES_SSE_ERR_TOO_LARGE, "larger than 65536 bytes" },
  { "$-2\r\n", HERMES_SSE_ERR_BAD_DATA, NULL },
  { "$12x\r\n", HERMES_SSE_ERR_BAD_DATA, NULL },
  { "$\r\n", HERMES_SSE_ERR_BAD_DATA, NULL },
  { ":\r\n", HERMES_SSE_ERR_BAD_DATA, NULL },
  { ":1.5\r\n", HERMES_SSE_ERR_BAD_DATA, NULL },
  { ":99999999999999999999\r\n", HERMES_SSE_ERR_BAD_DATA, NULL },
  { "*2\r\n:1\r\nx", HERMES_SSE_ERR_BAD_DATA, NULL },
  { DEEP_8 ":1\r\n", 0, "" },
  { DEEP_8 "*1\r\n:1\r\n", HERMES_SSE_ERR_BAD_DATA, NULL },
  { DEEP_8 DEEP_8 DEEP_8, HERMES_SSE_ERR_BAD_DATA, NULL },
  { "$999999999999\r\nabc", 0, "" },
  { "$9223372036854775807\r\nabc", 0, "" },
  { "*3\r\n", 0, "" },
  { "+never ends", 0, "" },
};

static void expect_hostile(const hostile *h, size_t step)
{
  size_t len = strlen(h->wire);
  memory m;
  hermes_sse_environment env;
  hermes_sse__reader *reader;
  transcript t = { .len = 0 };
  int rv = 0;

  memory_init(&m);
  env = memory_environment(&m);
  reader = hermes_sse__reader_new(&env, MAX_BYTES);
  for (size_t i = 0; i < len && rv == 0; i += step)
    rv = feed(reader, h->wire + i, step < len - i ? step : len - i, &t);
  ck_assert_msg(rv == h->status, "%s: %s", h->wire, hermes_sse_status_name(rv));
  if (h->why)
    ck_assert_ptr_nonnull(strstr(hermes_sse__reader_why(reader), h->why));
  if (rv < 0) { /* and that stays */
    ck_assert_uint_gt(strlen(hermes_sse__reader_why(reader)), 0);
    ck_assert_int_eq(take_all(reader, &t), rv);
    ck_assert_int_eq(hermes_sse__reader_feed(reader, "+OK\r\n", 5), HERMES_SSE_ERR_BAD_DATA);
    ck_assert_int_eq(take_all(reader, &t), rv);
  }
  ck_assert_uint_le(m.peak_bytes, SLACK);
  hermes_sse__reader_free(reader);
  ck_assert_uint_eq(m.live_blocks, 0);
}

START_TEST(hostile_replies)
{
  for (size_t i = 0; i < sizeof hostiles / sizeof *hostiles; i++) {
    expect_hostile(&hostiles[i], SIZE_MAX);
    expect_hostile(&hostiles[i], 1);
  }
}
END_TEST

/* ---- limits ---- */

/* `head`, then `piece` again and again, in blocks of about 4 KiB; the bytes until it fails. */
static size_t flood(const char *head, const char *piece, size_t pieces, uint64_t max_bytes, int status, memory *m)
{
  hermes_sse_environment env;
  hermes_sse__reader *reader;
  transcript t = { .len = 0 };
  char block[4096];
  size_t sent = strlen(head), n = strlen(piece), at = 0;
  int rv;

  memory_init(m);
  env = memory_environment(m);
  reader = hermes_sse__reader_new(&env, max_bytes);
  rv = feed(reader, head, sent, &t);
  for (size_t i = 0; i < pieces && rv == 0; i++) {
    memcpy(block + at, piece, n);
    at += n;
    if (at + n <= sizeof block && i + 1 < pieces)
      continue;
    rv = feed(reader, block, at, &t);
    sent += at;
    at = 0;
  }
  ck_assert_msg(rv == status, "%s %s: %s", head, piece, hermes_sse_status_name(rv));
  hermes_sse__reader_free(reader);
  ck_assert_uint_eq(m->live_blocks, 0);
  return sent;
}

START_TEST(replies_are_bounded_by_what_came)
{
  memory m;

  ck_assert_uint_le(flood("$999999999999\r\n", "0123456789abcdef", 1 << 20, MAX_BYTES, HERMES_SSE_ERR_TOO_LARGE, &m),
                    MAX_BYTES + 4096);
  ck_assert_uint_le(m.peak_bytes, 4096);
  ck_assert_uint_le(flood("+", "0123456789abcdef", 1 << 20, MAX_BYTES, HERMES_SSE_ERR_TOO_LARGE, &m), MAX_BYTES + 4096);
  /* announced, and too many to be true */
  flood("*2800\r\n", ":1\r\n", 1 << 20, MAX_BYTES, HERMES_SSE_ERR_TOO_LARGE, &m);
  ck_assert_uint_le(m.peak_bytes, 4096);
  /* not announced: nothing is reserved before it comes */
  flood("*2000\r\n", "", 1, MAX_BYTES, 0, &m);
  ck_assert_uint_le(m.peak_bytes, 4096);
  flood("*2000\r\n", "$24\r\n0123456789abcdef01234567\r\n", 1 << 20, MAX_BYTES, HERMES_SSE_ERR_TOO_LARGE, &m);
  ck_assert_uint_le(m.peak_bytes, 2 * (MAX_BYTES + (64 << 10)) + 4096);
  flood("*2000\r\n", "*20\r\n", 1 << 20, MAX_BYTES, HERMES_SSE_ERR_BAD_DATA, &m);
  ck_assert_uint_le(m.peak_bytes, 4096);
}
END_TEST

START_TEST(the_limit_is_exact)
{
  for (int over = 0; over < 2; over++)
    for (int whole = 0; whole < 2; whole++) {
      hermes_sse_environment env;
      memory m;
      hermes_sse__reader *reader;
      transcript t = { .len = 0 };
      const char text[] = "$5\r\nhello\r\n+OK\r\n$5\r\nhello\r\n";
      int rv = 0;

      memory_init(&m);
      env = memory_environment(&m);
      reader = hermes_sse__reader_new(&env, 11 - (uint64_t)over);
      for (size_t i = 0; i < sizeof text - 1 && rv == 0; i += whole ? sizeof text : 1)
        rv = feed(reader, text + i, whole ? sizeof text - 1 : 1, &t);
      ck_assert_int_eq(rv, over ? HERMES_SSE_ERR_TOO_LARGE : 0);
      ck_assert_str_eq(t.text, over ? "" : "$hello(5) \n+OK(2) \n$hello(5) \n");
      hermes_sse__reader_free(reader);
    }
}
END_TEST

START_TEST(memory_is_used_again)
{
  static const char message[] = "*3\r\n$7\r\nmessage\r\n$4\r\nchan\r\n$8\r\n{\"a\": 1}\r\n";
  hermes_sse_environment env;
  memory m;
  hermes_sse__reader *reader;
  size_t calls = 0, live = 0;

  memory_init(&m);
  env = memory_environment(&m);
  reader = hermes_sse__reader_new(&env, 8 << 20);
  for (int i = 0; i < 1000; i++) {
    transcript t = { .len = 0 };

    ck_assert_int_eq(feed(reader, message, sizeof message - 1, &t), 0);
    if (i == 0)
      calls = m.calls;
  }
  ck_assert_uint_eq(m.calls, calls);
  live = m.live_bytes;
  for (int i = 0; i < 2; i++) { /* a large one does not stay */
    char head[32];
    char *text = calloc(1, 1 << 20);
    const hermes_sse__reply *reply;
    transcript t = { .len = 0 };

    ck_assert_ptr_nonnull(text);
    snprintf(head, sizeof head, "$%d\r\n", (1 << 20) - 2);
    ck_assert_int_eq(hermes_sse__reader_feed(reader, head, strlen(head)), HERMES_SSE_OK);
    ck_assert_int_eq(hermes_sse__reader_feed(reader, text, 1 << 20), HERMES_SSE_OK);
    ck_assert_int_eq(hermes_sse__reader_next(reader, &reply), 1);
    ck_assert_uint_eq(reply->len, (1 << 20) - 2);
    free(text);
    ck_assert_int_eq(feed(reader, message, sizeof message - 1, &t), 0);
    ck_assert_uint_le(m.live_bytes, live + 4096);
  }
  hermes_sse__reader_free(reader);
}
END_TEST

/* ---- failures ---- */

static void read_all(const hermes_sse_environment *env, memory *m, void *user)
{
  hermes_sse__reader *reader = hermes_sse__reader_new(env, MAX_BYTES);
  transcript t = { .len = 0 };
  int rv;

  (void)user;
  if (!reader) {
    ck_assert_uint_gt(m->failed, 0);
    return;
  }
  rv = feed(reader, wire, sizeof wire - 1, &t);
  for (int i = 0; i < 40 && rv == 0; i++)
    rv = feed(reader, i == 0 ? "*40\r\n" : "$40\r\n0123456789012345678901234567890123456789\r\n", i == 0 ? 5 : 47, &t);
  if (rv < 0) {
    ck_assert_int_eq(rv, HERMES_SSE_ERR_NOMEM);
    ck_assert_uint_gt(m->failed, 0);
    ck_assert_str_eq(hermes_sse__reader_why(reader), "no memory for a reply");
    ck_assert_int_eq(take_all(reader, &t), HERMES_SSE_ERR_NOMEM);
  } else {
    ck_assert_int_eq(strncmp(t.text, expected, strlen(expected)), 0);
  }
  hermes_sse__reader_free(reader);
}

START_TEST(memory_may_fail)
{
  ck_assert_uint_ge(memory_sweep(read_all, NULL), 6);
}
END_TEST

/* ---- RESP3, which is not asked for ---- */

START_TEST(newer_types)
{
#if HIREDIS_MAJOR >= 1
  static const char newer[] =
      ",1.5\r\n#t\r\n_\r\n(12345678901234567890\r\n=8\r\ntxt:some\r\n%1\r\n+k\r\n:1\r\n~2\r\n,inf\r\n#f\r\n"
      ">2\r\n+message\r\n*1\r\n_\r\n|1\r\n+a\r\n+b\r\n";
  static const char read[] =
      "$1.5(3) \n:1 \nnil \n$12345678901234567890(20) \n$some(4) \n[ +k(1) :1 ] \n[ $inf(3) :0 ] \n"
      "[ +message(7) [ nil ] ] \n[ +a(1) +b(1) ] \n";

  expect_in_pieces(newer, sizeof newer - 1, read);
#else
  expect_hostile(&(hostile){ "%1\r\n+k\r\n:1\r\n", HERMES_SSE_ERR_BAD_DATA, "\"%\"" }, SIZE_MAX);
#endif
}
END_TEST

SUITE_MAIN("redis reply", every_type_cut_at_every_byte, every_byte_by_itself, texts_are_compared_without_case,
           hostile_replies, replies_are_bounded_by_what_came, the_limit_is_exact, memory_is_used_again, memory_may_fail,
           newer_types)
