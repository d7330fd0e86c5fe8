/* The parser against the reference: the stream whole, and in the pieces that the input says, each compared after every piece.
 * Input: limits of line, event and id; allocations; what is asked for; where the stream ends and another one begins; cuts;
 * then the stream. */
#include "reference.h"
#include <hermes_sse/parser.h>
#include <stdlib.h>
#include <string.h>

enum { COMMENTS = 1, RETRIES = 2, KNOWN_ID = 4, RESET = 8, RESET_UNREAD = 16 };
enum { N_CUTS = 16, TRIES = 64 };
static const char known_id[] = "before";

typedef struct plan {
  hermes_sse_parser_options options;
  unsigned period;
  int bits;
  size_t reset_at; /* of the stream's bytes */
  uint8_t cuts[N_CUTS];
  size_t n_cuts; /* 0: whole */
  hermes_sse_slice stream;
} plan;

typedef struct run {
  const plan *p;
  fuzz_memory memory;
  hermes_sse_environment environment;
  hermes_sse_parser *parser;
  fuzz_text found;
  reference expected;
  size_t cut; /* the next one's number */
} run;

static uint64_t limit(uint8_t byte)
{
  if (byte == 0)
    return HERMES_SSE_NEVER;
  return byte < 240 ? byte : (byte - 239u) * 100u;
}

static size_t as_size(uint64_t limit_bytes)
{
  return limit_bytes == HERMES_SSE_NEVER ? SIZE_MAX : (size_t)limit_bytes;
}

static void parse_all(run *r)
{
  int tries = 0, rv;

  for (;;) {
    hermes_sse_event event = { .size = sizeof event };

    rv = hermes_sse_parser_next(r->parser, &event);
    if (rv == 0)
      return;
    if (rv == HERMES_SSE_ERR_NOMEM) {
      FUZZ_CHECK(r->memory.failed > 0 && ++tries < TRIES);
      continue;
    }
    tries = 0;
    found_by_parser(&r->found, rv, &event);
  }
}

/* What was found so far is the same, and so is what a client would send. */
static void compare(run *r)
{
  hermes_sse_slice id = hermes_sse_parser_last_event_id(r->parser);
  hermes_sse_slice expected = { .ptr = r->expected.last_event_id.at, .len = r->expected.last_event_id.n };

  FUZZ_CHECK(fuzz_equal(&r->found, &r->expected.found));
  FUZZ_CHECK(fuzz_same(id, expected));
  FUZZ_CHECK(hermes_sse_parser_retry_ms(r->parser) == r->expected.retry_ms);
}

static void feed(run *r, const char *bytes, size_t len)
{
  char *piece = fuzz_copy((hermes_sse_slice){ .ptr = bytes, .len = len });

  FUZZ_CHECK(hermes_sse_parser_feed(r->parser, piece, len) == HERMES_SSE_OK);
  FUZZ_CHECK(hermes_sse_parser_feed(r->parser, piece, len) == HERMES_SSE_ERR_STATE);
  parse_all(r);
  free(piece);
  reference_feed(&r->expected, bytes, len);
  compare(r);
}

static void feed_in_pieces(run *r, const char *bytes, size_t len)
{
  int empty = 0;

  while (len > 0) {
    size_t piece = r->p->n_cuts > 0 ? r->p->cuts[r->cut++ % r->p->n_cuts] : len;

    piece = piece > len || empty ? len : piece;
    empty = piece == 0;
    feed(r, bytes, piece);
    bytes += piece;
    len -= piece;
  }
}

static void reset(run *r)
{
  static const char unread[] = "data: never looked at\nid: 7\nretry: 9\n\n";

  if (r->p->bits & RESET_UNREAD)
    FUZZ_CHECK(hermes_sse_parser_feed(r->parser, unread, sizeof unread - 1) == HERMES_SSE_OK);
  hermes_sse_parser_reset(r->parser);
  reference_reset(&r->expected);
  compare(r);
}

/* "At most one line and one event's data, and for each 16 bytes more than its limit; the type of an event counts as a line, and
   an id twice." */
static void check_memory(const run *r, size_t of_parser)
{
  const hermes_sse_parser_options *o = &r->p->options;
  uint64_t most = of_parser + 5 * 16;

  if (o->max_line_bytes == HERMES_SSE_NEVER || o->max_event_bytes == HERMES_SSE_NEVER ||
      o->max_id_bytes == HERMES_SSE_NEVER)
    return;
  most += 2 * o->max_line_bytes + o->max_event_bytes + 2 * o->max_id_bytes;
  FUZZ_CHECK(r->memory.peak_bytes <= most);
}

static void parse(const plan *p)
{
  run r = { .p = p };
  hermes_sse_parser_options o = p->options;
  const char *stream = p->stream.ptr;
  size_t of_parser;

  r.environment = fuzz_environment(&r.memory);
  o.environment = &r.environment;
  FUZZ_CHECK(hermes_sse_parser_new(&o, &r.parser) == HERMES_SSE_OK);
  of_parser = r.memory.live_bytes;
  r.memory.period = p->period;
  reference_init(&r.expected, o.flags, as_size(o.max_line_bytes), as_size(o.max_event_bytes), as_size(o.max_id_bytes));
  fuzz_add(&r.expected.last_event_id, o.last_event_id.ptr, o.last_event_id.len);
  fuzz_add(&r.expected.id_buffer, o.last_event_id.ptr, o.last_event_id.len);
  feed_in_pieces(&r, stream, p->reset_at);
  if (p->reset_at < p->stream.len) {
    reset(&r);
    feed_in_pieces(&r, stream + p->reset_at, p->stream.len - p->reset_at);
  }
  check_memory(&r, of_parser);
  hermes_sse_parser_free(r.parser);
  FUZZ_CHECK(r.memory.live_blocks == 0);
  fuzz_clear(&r.found);
  reference_clear(&r.expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
  fuzz_input in = { .at = bytes, .end = bytes + len };
  plan p = { .options = { .size = sizeof p.options } };
  size_t n_cuts, reset_at;

  p.options.max_line_bytes = limit(fuzz_byte(&in));
  p.options.max_event_bytes = limit(fuzz_byte(&in));
  p.options.max_id_bytes = limit(fuzz_byte(&in));
  p.period = fuzz_period(fuzz_byte(&in));
  p.bits = fuzz_byte(&in);
  p.options.flags |= p.bits & COMMENTS ? HERMES_SSE_PARSER_COMMENTS : 0;
  p.options.flags |= p.bits & RETRIES ? HERMES_SSE_PARSER_RETRIES : 0;
  if (p.bits & KNOWN_ID && p.options.max_id_bytes >= sizeof known_id)
    p.options.last_event_id = hermes_sse_str(known_id);
  reset_at = fuzz_byte(&in);
  n_cuts = fuzz_byte(&in) % (N_CUTS + 1);
  for (size_t i = 0; i < n_cuts; i++)
    p.cuts[i] = fuzz_byte(&in);
  p.stream = fuzz_take(&in, len);
  p.reset_at = p.bits & RESET && reset_at < p.stream.len ? reset_at : p.stream.len;
  parse(&p);
  p.n_cuts = n_cuts;
  if (n_cuts > 0)
    parse(&p);
  p.cuts[0] = 1;
  p.n_cuts = 1;
  parse(&p);
  return 0;
}
