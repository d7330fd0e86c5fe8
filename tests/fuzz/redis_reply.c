/* What Redis says, and what pretends to be Redis: the same replies whole and in pieces, an error where there is one in both, the memory
 * of a reply bounded by what came.
 * Input: limit, period of failing allocations, length of the pieces; then the wire. */
#include "fuzz.h"
#include "redis/reply.h"
#include <stdlib.h>
#include <string.h>

enum { FEED = 4096 };

typedef struct outcome {
  fuzz_text replies;
  int status;
} outcome;

static void add_reply(fuzz_text *to, const hermes_sse__reply *r, int depth)
{
  FUZZ_CHECK(depth <= 8);
  fuzz_add(to, &r->kind, sizeof r->kind);
  switch (r->kind) {
  case HERMES_SSE__REPLY_STRING:
  case HERMES_SSE__REPLY_STATUS:
  case HERMES_SSE__REPLY_ERROR:
    FUZZ_CHECK(r->text && r->text[r->len] == 0 && !r->items && r->n == 0 && r->integer == 0);
    fuzz_add_slice(to, (hermes_sse_slice){ .ptr = r->text, .len = r->len });
    break;
  case HERMES_SSE__REPLY_ARRAY:
    FUZZ_CHECK(!r->text && r->len == 0 && r->integer == 0 && (r->n == 0 || r->items));
    fuzz_add(to, &r->n, sizeof r->n);
    for (size_t i = 0; i < r->n; i++)
      add_reply(to, &r->items[i], depth + 1);
    break;
  default:
    FUZZ_CHECK(r->kind == HERMES_SSE__REPLY_INTEGER || r->kind == HERMES_SSE__REPLY_NIL);
    FUZZ_CHECK(!r->text && !r->items && (r->kind == HERMES_SSE__REPLY_INTEGER || r->integer == 0));
    fuzz_add(to, &r->integer, sizeof r->integer);
  }
}

static int take_all(hermes_sse__reader *reader, outcome *o)
{
  const hermes_sse__reply *reply;
  int rv;

  while ((rv = hermes_sse__reader_next(reader, &reply)) > 0)
    add_reply(&o->replies, reply, 0);
  return rv;
}

static void read_in_pieces(hermes_sse_slice wire, size_t piece, uint64_t limit, unsigned period, outcome *o)
{
  fuzz_memory memory = { .period = period };
  hermes_sse_environment env = fuzz_environment(&memory);
  hermes_sse__reader *reader = hermes_sse__reader_new(&env, limit);

  o->status = reader ? 0 : HERMES_SSE_ERR_NOMEM;
  for (size_t at = 0; at < wire.len && o->status == 0; at += piece) {
    hermes_sse_slice part = { .ptr = (const char *)wire.ptr + at,
                              .len = piece < wire.len - at ? piece : wire.len - at };
    char *copy = fuzz_copy(part);

    o->status = hermes_sse__reader_feed(reader, copy, part.len);
    free(copy);
    if (o->status == HERMES_SSE_OK)
      o->status = take_all(reader, o);
  }
  if (reader && o->status < 0) {
    FUZZ_CHECK(hermes_sse__reader_why(reader)[0] != 0);
    FUZZ_CHECK(hermes_sse__reader_feed(reader, "+OK\r\n", 5) == HERMES_SSE_ERR_BAD_DATA);
    FUZZ_CHECK(take_all(reader, o) == o->status);
  }
  FUZZ_CHECK(o->status != HERMES_SSE_ERR_NOMEM || memory.failed > 0);
  FUZZ_CHECK(memory.peak_bytes <= 2 * (limit + (64 << 10)) + 4096);
  hermes_sse__reader_free(reader);
  FUZZ_CHECK(memory.live_blocks == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
  fuzz_input in = { .at = bytes, .end = bytes + len };
  uint64_t limit = fuzz_number(&in, 2);
  unsigned period = fuzz_period(fuzz_byte(&in));
  size_t piece = fuzz_byte(&in) % 64 + 1u;
  hermes_sse_slice wire = fuzz_take(&in, len);
  outcome whole = { .status = 0 }, pieces = { .status = 0 }, poor = { .status = 0 };

  read_in_pieces(wire, FEED, limit, 0, &whole);
  read_in_pieces(wire, piece, limit, 0, &pieces);
  FUZZ_CHECK(fuzz_equal(&whole.replies, &pieces.replies));
  FUZZ_CHECK((whole.status < 0) == (pieces.status < 0)); /* of two errors in one reply either may be seen first */
  if (period > 0) {
    read_in_pieces(wire, piece, limit, period, &poor);
    FUZZ_CHECK(poor.replies.n <= whole.replies.n);
    FUZZ_CHECK(poor.replies.n == 0 || memcmp(poor.replies.at, whole.replies.at, poor.replies.n) == 0);
  }
  fuzz_clear(&whole.replies);
  fuzz_clear(&pieces.replies);
  fuzz_clear(&poor.replies);
  return 0;
}
