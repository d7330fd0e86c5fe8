#include "core/ring.h"

void hermes_sse__ring_init(hermes_sse__ring *ring, uint64_t max_entries, uint64_t max_bytes)
{
  *ring = (hermes_sse__ring){ .first = 1, .next = 1, .max_entries = max_entries, .max_bytes = max_bytes };
}

static void drop_first(hermes_sse__ring *ring)
{
  hermes_sse_frame *frame = hermes_sse__ring_at(ring, ring->first);

  ring->dropped_to = frame->seq;
  ring->events -= !frame->mark;
  ring->events_before += !frame->mark;
  ring->bytes -= frame->size;
  ring->first++;
  hermes_sse__frame_unref(frame);
}

static int grow(const hermes_sse_environment *env, hermes_sse__ring *ring)
{
  size_t capacity = ring->capacity ? 2 * ring->capacity : 64;
  hermes_sse_frame **frames = hermes_sse__alloc_raw(env, capacity, sizeof(*frames));

  if (!frames)
    return HERMES_SSE_ERR_NOMEM;
  for (uint64_t index = ring->first; index < ring->next; index++)
    frames[index & (capacity - 1)] = hermes_sse__ring_at(ring, index);
  hermes_sse__release(env, ring->frames);
  ring->frames = frames;
  ring->capacity = capacity;
  return HERMES_SSE_OK;
}

int hermes_sse__ring_reserve(const hermes_sse_environment *env, hermes_sse__ring *ring, size_t size)
{
  if (ring->next - ring->first == ring->capacity && ring->capacity < ring->max_entries && grow(env, ring) < 0)
    return HERMES_SSE_ERR_NOMEM;
  while (ring->next > ring->first &&
         (ring->next - ring->first >= ring->max_entries || ring->bytes + size > ring->max_bytes))
    drop_first(ring);
  return HERMES_SSE_OK;
}

void hermes_sse__ring_push(hermes_sse__ring *ring, hermes_sse_frame *frame)
{
  ring->frames[ring->next & (ring->capacity - 1)] = frame;
  ring->bytes += frame->size;
  ring->events += !frame->mark;
  ring->next++;
}

void hermes_sse__ring_trim(hermes_sse__ring *ring, uint64_t index)
{
  while (ring->first < index && ring->first < ring->next)
    drop_first(ring);
}

void hermes_sse__ring_clear(const hermes_sse_environment *env, hermes_sse__ring *ring)
{
  hermes_sse__ring_trim(ring, ring->next);
  hermes_sse__release(env, ring->frames);
  ring->frames = NULL;
  ring->capacity = 0;
}
