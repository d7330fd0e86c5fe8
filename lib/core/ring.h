/* The bus's ring: what was published and not every hub has read yet, bounded in entries and bytes. Under the bus's lock. */
#ifndef HERMES_SSE_CORE_RING_H
#define HERMES_SSE_CORE_RING_H
#include "core/frame.h"

typedef struct hermes_sse__ring {
  hermes_sse_frame **frames; /* frames[seq & (capacity - 1)] */
  size_t capacity;           /* a power of two; grows up to max_entries */
  uint64_t first, next;      /* holds the places first <= seq < next */
  uint64_t bytes;
  uint64_t max_entries, max_bytes;
} hermes_sse__ring;

void hermes_sse__ring_init(hermes_sse__ring *ring, uint64_t max_entries, uint64_t max_bytes);

/* Room for one more frame of `size` bytes within the bounds, dropping the oldest if it must.
   HERMES_SSE_ERR_NOMEM: nothing was dropped. */
int hermes_sse__ring_reserve(const hermes_sse_environment *env, hermes_sse__ring *ring, size_t size);

/* Takes the caller's reference; after a reserve. */
void hermes_sse__ring_push(hermes_sse__ring *ring, hermes_sse_frame *frame);

/* Drops all places before `seq`. */
void hermes_sse__ring_trim(hermes_sse__ring *ring, uint64_t seq);

void hermes_sse__ring_clear(const hermes_sse_environment *env, hermes_sse__ring *ring);

#endif
