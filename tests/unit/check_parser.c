/* The parser's own matters: memory, limits, cuts, misuse. The grammar is tests/conformance's. */
#include "memory.h"
#include "suite.h"
#include <hermes_sse/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a parser said, as text that two runs can be compared by. */
typedef struct transcript {
  char text[1 << 16];
  size_t len;
} transcript;

static void add(transcript *t, const char *word, hermes_sse_slice value)
{
  int n =
      snprintf(t->text + t->len, sizeof t->text - t->len, "%s[%.*s]", word, (int)value.len, (const char *)value.ptr);

  ck_assert(n > 0 && (size_t)n < sizeof t->text - t->len);
  t->len += (size_t)n;
}

static int take_all(hermes_sse_parser *p, transcript *t)
{
  hermes_sse_event e = { .size = sizeof e };
  char number[32];
  int rv;

  while ((rv = hermes_sse_parser_next(p, &e)) != 0) {
    if (rv == HERMES_SSE_ERR_NOMEM)
      return rv;
    snprintf(number, sizeof number, "%d %d", rv, rv == HERMES_SSE_PARSED_RETRY ? (int)e.retry_ms : 0);
    add(t, "found", hermes_sse_str(number));
    if (rv == HERMES_SSE_PARSED_EVENT) {
      add(t, "type", e.type);
      add(t, "data", e.data);
      add(t, "id", e.id);
    } else if (rv == HERMES_SSE_PARSED_COMMENT) {
      add(t, "comment", e.comment);
    }
  }
  return 0;
}

/* Each piece is in memory of its own, which is gone when the parser says that it may go. */
static int feed_piece(hermes_sse_parser *p, const char *bytes, size_t len, transcript *t)
{
  char *piece = malloc(len > 0 ? len : 1);
  int rv;

  ck_assert_ptr_nonnull(piece);
  memcpy(piece, bytes, len);
  ck_assert_int_eq(hermes_sse_parser_feed(p, piece, len), HERMES_SSE_OK);
  while ((rv = take_all(p, t)) == HERMES_SSE_ERR_NOMEM)
    ;
  memset(piece, '#', len);
  free(piece);
  return rv;
}

static const char stream[] =
    "\xef\xbb\xbf: hello\r\nretry: 250\r\n\r\nid: 1\r\nevent: progress\r\ndata: {\"a\":1}\r\n\r\n"
    "data\rdata:two\rdata: three\rid:\r\r"
    "data: a line that is longer than the limit of them\nid: 9\n\n"
    "id: 123456789\ndata: x\n\n"
    "data: 0123456789012345678901234567\ndata: 0123456789\n\n"
    "id: 2\n\nunknown: x\ndata: last\n\ndata: never dispatched";

static hermes_sse_parser *parser_with(const hermes_sse_environment *environment)
{
  hermes_sse_parser_options o = { .size = sizeof o, .environment = environment };
  hermes_sse_parser *p = NULL;

  o.flags = HERMES_SSE_PARSER_COMMENTS | HERMES_SSE_PARSER_RETRIES;
  o.max_line_bytes = 40;
  o.max_event_bytes = 32;
  o.max_id_bytes = 8;
  return hermes_sse_parser_new(&o, &p) == HERMES_SSE_OK ? p : NULL;
}

static void run(const size_t *cuts, size_t n, transcript *t)
{
  hermes_sse_parser *p = parser_with(NULL);
  size_t from = 0;

  t->len = 0;
  for (size_t i = 0; i <= n; i++) {
    size_t to = i < n ? cuts[i] : sizeof stream - 1;

    feed_piece(p, stream + from, to - from, t);
    from = to;
  }
  add(t, "last", hermes_sse_parser_last_event_id(p));
  hermes_sse_parser_free(p);
}

static transcript whole, cut;

START_TEST(what_is_found_does_not_depend_on_the_cuts)
{
  size_t cuts[sizeof stream];

  run(NULL, 0, &whole);
  ck_assert_str_eq(whole.text, "found[2 0]comment[hello]found[3 250]found[1 0]type[progress]data[{\"a\":1}]id[1]"
                               "found[1 0]type[message]data[\ntwo\nthree]id[]found[-3 0]found[-5 0]found[-4 0]"
                               "found[1 0]type[message]data[last]id[2]last[2]");
  for (size_t i = 0; i < sizeof stream; i++) {
    for (size_t j = i; j < sizeof stream; j++) {
      cuts[0] = i;
      cuts[1] = j;
      run(cuts, 2, &cut);
      ck_assert_msg(strcmp(whole.text, cut.text) == 0, "cut at %zu and %zu: %s", i, j, cut.text);
    }
    cuts[i] = i;
  }
  for (size_t i = 0; i < sizeof stream; i++)
    cuts[i] = i;
  run(cuts, sizeof stream, &cut);
  ck_assert_str_eq(whole.text, cut.text);
}
END_TEST

START_TEST(slices_lie_in_the_bytes_fed)
{
  static const char bytes[] = "id: 1\nevent: t\ndata: {\"a\":1}\n\n";
  hermes_sse_parser *p = parser_with(NULL);
  hermes_sse_event e = { .size = sizeof e };

  hermes_sse_parser_feed(p, bytes, sizeof bytes - 1);
  ck_assert_int_eq(hermes_sse_parser_next(p, &e), HERMES_SSE_PARSED_EVENT);
  ck_assert_ptr_eq(e.data.ptr, bytes + 21);
  ck_assert_ptr_eq(e.type.ptr, bytes + 13);
  ck_assert_int_eq(hermes_sse_parser_next(p, &e), 0);
  hermes_sse_parser_free(p);
}
END_TEST

START_TEST(bytes_are_taken_before_more_are_fed)
{
  hermes_sse_parser *p = parser_with(NULL);
  hermes_sse_event e = { .size = sizeof e };

  ck_assert_int_eq(hermes_sse_parser_feed(p, "data: x\n\n", 9), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_parser_feed(p, "data: y\n\n", 9), HERMES_SSE_ERR_STATE);
  ck_assert_int_eq(hermes_sse_parser_next(p, &e), HERMES_SSE_PARSED_EVENT);
  ck_assert_int_eq(hermes_sse_parser_feed(p, "data: y\n\n", 9), HERMES_SSE_ERR_STATE);
  ck_assert_int_eq(hermes_sse_parser_next(p, &e), 0);
  ck_assert_int_eq(hermes_sse_parser_next(p, &e), 0);
  ck_assert_int_eq(hermes_sse_parser_feed(p, NULL, 0), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_parser_next(p, &e), 0);
  hermes_sse_parser_free(p);
}
END_TEST

START_TEST(a_new_connection_keeps_id_and_retry_alone)
{
  hermes_sse_parser *p = parser_with(NULL);
  transcript *t = &cut;

  t->len = 0;
  t->text[0] = 0;
  feed_piece(p, "id: 1\nretry: 99\n\nid: 2\nevent: t\ndata: half\ndata: li", 50, t);
  hermes_sse_parser_reset(p);
  t->len = 0;
  feed_piece(p,
             "\xef\xbb\xbf"
             "data: x\n\n",
             12, t);
  ck_assert_str_eq(t->text, "found[1 0]type[message]data[x]id[1]");
  ck_assert_uint_eq(hermes_sse_parser_retry_ms(p), 99);
  hermes_sse_parser_free(p);
}
END_TEST

START_TEST(options_are_checked)
{
  hermes_sse_parser_options o = { .size = sizeof o, .flags = 4 };
  hermes_sse_event e = { .size = 3 };
  hermes_sse_parser *p = NULL;
  static const char *const bad[] = { "a\nb", "a\rb", "123456789" };

  ck_assert_int_eq(hermes_sse_parser_new(&o, &p), HERMES_SSE_ERR_OPTION);
  o.flags = 0;
  o.max_id_bytes = 8;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    o.last_event_id = hermes_sse_str(bad[i]);
    ck_assert_int_eq(hermes_sse_parser_new(&o, &p), HERMES_SSE_ERR_BAD_ID);
  }
  o.last_event_id = (hermes_sse_slice){ .ptr = "a\0b", .len = 3 };
  ck_assert_int_eq(hermes_sse_parser_new(&o, &p), HERMES_SSE_ERR_BAD_ID);
  ck_assert_ptr_null(p);
  o.last_event_id = hermes_sse_str("12345678");
  ck_assert_int_eq(hermes_sse_parser_new(&o, &p), HERMES_SSE_OK);
  ck_assert_uint_eq(hermes_sse_parser_last_event_id(p).len, 8);
  ck_assert_uint_eq(hermes_sse_parser_retry_ms(p), HERMES_SSE_NEVER);
  ck_assert_int_eq(hermes_sse_parser_next(p, NULL), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_parser_next(p, &e), HERMES_SSE_ERR_OPTION);
  e.size = offsetof(hermes_sse_event, id);
  hermes_sse_parser_feed(p, "data: x\n\n", 9);
  ck_assert_int_eq(hermes_sse_parser_next(p, &e), HERMES_SSE_PARSED_EVENT);
  ck_assert_ptr_null(e.id.ptr);
  ck_assert_uint_eq(e.size, offsetof(hermes_sse_event, id));
  hermes_sse_parser_free(p);
  hermes_sse_parser_free(NULL);
}
END_TEST

/* An endless line, an event of endless lines, an endless type: what is kept stays within the limits. */
START_TEST(memory_stays_within_the_limits)
{
  static const char *const endless[] = { "data: x",   "data: 0123456789\n",
                                         ": comment", "event: t",
                                         "id: 1",     "id: 1\nevent: 0123456789012345678901234567\ndata: 0\n",
                                         "x",         "data\n" };
  const size_t fixed = 1024; /* the parser itself, and the least that a text takes */

  for (size_t i = 0; i < sizeof endless / sizeof *endless; i++) {
    memory m;
    hermes_sse_environment env;
    hermes_sse_parser_options o = { .size = sizeof o, .environment = &env };
    hermes_sse_parser *p;
    hermes_sse_event e = { .size = sizeof e };

    memory_init(&m);
    env = memory_environment(&m);
    o.max_line_bytes = o.max_event_bytes = 10000;
    o.max_id_bytes = 1000;
    ck_assert_int_eq(hermes_sse_parser_new(&o, &p), HERMES_SSE_OK);
    for (size_t n = 0; n < 20000; n++) {
      const char *text = n > 0 && i != 1 && i != 5 && i != 7 ? "xxxxxxx" : endless[i];

      hermes_sse_parser_feed(p, text, strlen(text));
      while (hermes_sse_parser_next(p, &e) != 0)
        ;
    }
    ck_assert_msg(m.peak_bytes <= fixed + 10000 + 10000 + 10000 + 2000, "%s: %zu bytes", endless[i], m.peak_bytes);
    hermes_sse_parser_free(p);
    ck_assert_uint_eq(m.live_blocks, 0);
  }
}
END_TEST

START_TEST(large_memory_is_given_back)
{
  enum { LARGE = 3 << 20 };
  memory m;
  hermes_sse_environment env;
  hermes_sse_parser_options o = { .size = sizeof o, .environment = &env, .max_event_bytes = 2 * LARGE };
  hermes_sse_parser *p;
  hermes_sse_event e = { .size = sizeof e };
  char *large = malloc(LARGE);

  ck_assert_ptr_nonnull(large);
  memset(large, 'x', LARGE);
  memcpy(large, "data: ", 6);
  memory_init(&m);
  env = memory_environment(&m);
  ck_assert_int_eq(hermes_sse_parser_new(&o, &p), HERMES_SSE_OK);
  hermes_sse_parser_feed(p, large, LARGE);
  ck_assert_int_eq(hermes_sse_parser_next(p, &e), 0);
  ck_assert_uint_ge(m.live_bytes, LARGE);
  hermes_sse_parser_feed(p, "yz\n\n", 4);
  ck_assert_int_eq(hermes_sse_parser_next(p, &e), HERMES_SSE_PARSED_EVENT);
  ck_assert_uint_eq(e.data.len, LARGE - 6 + 2);
  ck_assert_mem_eq((const char *)e.data.ptr + e.data.len - 3, "xyz", 3);
  ck_assert_int_eq(hermes_sse_parser_next(p, &e), 0);
  hermes_sse_parser_reset(p);
  ck_assert_uint_lt(m.live_bytes, 4096);
  hermes_sse_parser_free(p);
  free(large);
}
END_TEST

static void parse_pieces(const hermes_sse_environment *environment, memory *m, void *user)
{
  const size_t *step = user;
  hermes_sse_parser *p = parser_with(environment);

  if (!p) {
    ck_assert_uint_gt(m->failed, 0);
    return;
  }
  cut.len = 0;
  for (size_t at = 0; at < sizeof stream - 1; at += *step) {
    size_t len = sizeof stream - 1 - at < *step ? sizeof stream - 1 - at : *step;
    char piece[sizeof stream];
    int rv;

    memcpy(piece, stream + at, len);
    ck_assert_int_eq(hermes_sse_parser_feed(p, piece, len), HERMES_SSE_OK);
    rv = take_all(p, &cut);
    if (rv == HERMES_SSE_ERR_NOMEM && m->fail_from)
      break;
    while (rv == HERMES_SSE_ERR_NOMEM)
      rv = take_all(p, &cut);
    memset(piece, '#', len);
  }
  add(&cut, "last", hermes_sse_parser_last_event_id(p));
  if (!m->fail_from)
    ck_assert_str_eq(cut.text, whole.text);
  hermes_sse_parser_free(p);
}

/* After the failure of one allocation the parser goes on and has lost nothing. */
START_TEST(every_allocation_may_fail)
{
  static size_t steps[] = { 1, 2, 3, 7, 16, 50, 1000 };

  run(NULL, 0, &whole);
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    ck_assert_uint_gt(memory_sweep(parse_pieces, &steps[i]), 0);
}
END_TEST

SUITE_MAIN("parser", what_is_found_does_not_depend_on_the_cuts, slices_lie_in_the_bytes_fed,
           bytes_are_taken_before_more_are_fed, a_new_connection_keeps_id_and_retry_alone, options_are_checked,
           memory_stays_within_the_limits, large_memory_is_given_back, every_allocation_may_fail)
