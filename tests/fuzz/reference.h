/* A parser of event streams that takes one byte after another, written beside the standard [SSE 9.2.5, 9.2.6] and
 * tests/conformance/README.md (limits), and not beside lib/core: slow, whole, without cleverness. What it finds it writes
 * down as text that can be compared with what another parser found. */
#ifndef HERMES_SSE_TESTS_FUZZ_REFERENCE_H
#define HERMES_SSE_TESTS_FUZZ_REFERENCE_H
#include "fuzz.h"
#include <hermes_sse/parser.h>

typedef struct reference {
  uint64_t flags; /* HERMES_SSE_PARSER_ */
  size_t max_line, max_event, max_id;
  fuzz_text found;
  fuzz_text held; /* the first bytes, while they may be a byte order mark */
  int head_over, after_cr, dropping;
  fuzz_text line, data, type, id_buffer, last_event_id;
  uint64_t retry_ms;
} reference;

/* Limits of SIZE_MAX are none. */
void reference_init(reference *r, uint64_t flags, size_t max_line, size_t max_event, size_t max_id);
void reference_clear(reference *r);
void reference_feed(reference *r, const void *bytes, size_t len);
/* The stream ended, another begins. */
void reference_reset(reference *r);

/* Writing down, in the same form for every parser. */
void found_event(fuzz_text *found, hermes_sse_slice type, hermes_sse_slice data, hermes_sse_slice id);
void found_comment(fuzz_text *found, hermes_sse_slice text);
void found_retry(fuzz_text *found, uint64_t ms);
void found_error(fuzz_text *found, int status);
/* What hermes_sse_parser_next() returned, which is not 0. */
void found_by_parser(fuzz_text *found, int rv, const hermes_sse_event *event);

#endif
