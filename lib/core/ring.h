/* The bus's ring: what was published and not every hub has read yet, bounded in entries and bytes. Under the bus's lock.
 *
 * An index counts what was pushed, from 1 on without a hole; a frame's `seq` is its place in the order, which may leap. */
#ifndef HERMES_SSE_CORE_RING_H
#define HERMES_SSE_CORE_RING_H
#include "core/frame.h"

typedef struct hermes_sse__ring {
  hermes_sse_frame **frames; /* frames[index & (capacity - 1)] */
  size_t capacity;           /* a power of two; grows up to max_entries */
  uint64_t first, next;      /* holds first <= index < next */
  uint64_t dropped_to;       /* place of the last frame before `first` */
  uint64_t events;           /* held: frames that are no marks ... */
  uint64_t events_before;    /* ... and those before `first` */
  uint64_t bytes;
  uint64_t max_entries, max_bytes;
} hermes_sse__ring;

void hermes_sse__ring_init(hermes_sse__ring *ring, uint64_t max_entries, uint64_t max_bytes);

/* Room for one more frame of `size` bytes within the bounds, dropping the oldest if it must.
   HERMES_SSE_ERR_NOMEM: nothing was dropped. */
int hermes_sse__ring_reserve(const hermes_sse_environment *env, hermes_sse__ring *ring, size_t size);

/* Takes the caller's reference; after a reserve. */
void hermes_sse__ring_push(hermes_sse__ring *ring, hermes_sse_frame *frame);

/* Drops all before `index`. */
void hermes_sse__ring_trim(hermes_sse__ring *ring, uint64_t index);

static inline hermes_sse_frame *hermes_sse__ring_at(const hermes_sse__ring *ring, uint64_t index)
{
  return ring->frames[index & (ring->capacity - 1)];
}

void hermes_sse__ring_clear(const hermes_sse_environment *env, hermes_sse__ring *ring);

#endif
