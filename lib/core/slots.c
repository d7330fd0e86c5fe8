#include "core/slots.h"
#include <string.h>

void hermes_sse__slots_init(hermes_sse__slots *slots)
{
  *slots = (hermes_sse__slots){ .free = HERMES_SSE__NO_SLOT };
}

static int grow_index(const hermes_sse_environment *env, hermes_sse__slots *slots)
{
  size_t cap = slots->cap_slabs ? 2 * slots->cap_slabs : 4;
  hermes_sse__hot **hot = hermes_sse__resize(env, slots->hot, cap, sizeof *hot);
  struct hermes_sse_stream **cold;

  if (!hot)
    return HERMES_SSE_ERR_NOMEM;
  slots->hot = hot;
  cold = hermes_sse__resize(env, slots->cold, cap, sizeof *cold);
  if (!cold)
    return HERMES_SSE_ERR_NOMEM;
  slots->cold = cold;
  slots->cap_slabs = cap;
  return HERMES_SSE_OK;
}

static int add_slab(const hermes_sse_environment *env, hermes_sse__slots *slots)
{
  hermes_sse__hot *hot;
  struct hermes_sse_stream *cold;

  if (slots->n_slabs >= HERMES_SSE__NO_SLOT / HERMES_SSE__SLAB)
    return HERMES_SSE_ERR_NOMEM;
  if (slots->n_slabs == slots->cap_slabs && grow_index(env, slots) < 0)
    return HERMES_SSE_ERR_NOMEM;
  hot = hermes_sse__alloc(env, HERMES_SSE__SLAB, sizeof *hot);
  cold = hot ? hermes_sse__alloc(env, HERMES_SSE__SLAB, sizeof *cold) : NULL;
  if (!cold) {
    hermes_sse__release(env, hot);
    return HERMES_SSE_ERR_NOMEM;
  }
  slots->hot[slots->n_slabs] = hot;
  slots->cold[slots->n_slabs] = cold;
  slots->n_slabs++;
  return HERMES_SSE_OK;
}

int hermes_sse__slots_take(const hermes_sse_environment *env, hermes_sse__slots *slots, uint32_t *slot)
{
  uint32_t s = slots->free;

  if (s != HERMES_SSE__NO_SLOT) {
    slots->free = hermes_sse__cold_of(slots, s)->after;
  } else {
    if (slots->n == slots->n_slabs * HERMES_SSE__SLAB && add_slab(env, slots) < 0)
      return HERMES_SSE_ERR_NOMEM;
    s = slots->n++;
  }
  memset(hermes_sse__hot_of(slots, s), 0, sizeof(hermes_sse__hot));
  memset(hermes_sse__cold_of(slots, s), 0, sizeof(struct hermes_sse_stream));
  hermes_sse__cold_of(slots, s)->slot = s;
  slots->used++;
  *slot = s;
  return HERMES_SSE_OK;
}

void hermes_sse__slots_give(hermes_sse__slots *slots, uint32_t slot)
{
  hermes_sse__hot_of(slots, slot)->flags = 0;
  hermes_sse__cold_of(slots, slot)->after = slots->free;
  slots->free = slot;
  slots->used--;
}

void hermes_sse__slots_clear(const hermes_sse_environment *env, hermes_sse__slots *slots)
{
  for (size_t i = 0; i < slots->n_slabs; i++) {
    hermes_sse__release(env, slots->hot[i]);
    hermes_sse__release(env, slots->cold[i]);
  }
  hermes_sse__release(env, slots->hot);
  hermes_sse__release(env, slots->cold);
  hermes_sse__slots_init(slots);
}

void hermes_sse__queue_init(hermes_sse__queue *queue)
{
  *queue = (hermes_sse__queue){ .first = HERMES_SSE__NO_SLOT, .last = HERMES_SSE__NO_SLOT };
}

void hermes_sse__queue_push(hermes_sse__slots *slots, hermes_sse__queue *queue, struct hermes_sse_stream *stream,
                            uint8_t kind)
{
  stream->queue = kind;
  stream->before = queue->last;
  stream->after = HERMES_SSE__NO_SLOT;
  if (queue->last == HERMES_SSE__NO_SLOT)
    queue->first = stream->slot;
  else
    hermes_sse__cold_of(slots, queue->last)->after = stream->slot;
  queue->last = stream->slot;
  queue->n++;
}

void hermes_sse__queue_remove(hermes_sse__slots *slots, hermes_sse__queue *queue, struct hermes_sse_stream *stream)
{
  if (stream->before == HERMES_SSE__NO_SLOT)
    queue->first = stream->after;
  else
    hermes_sse__cold_of(slots, stream->before)->after = stream->after;
  if (stream->after == HERMES_SSE__NO_SLOT)
    queue->last = stream->before;
  else
    hermes_sse__cold_of(slots, stream->after)->before = stream->before;
  stream->queue = HERMES_SSE__UNQUEUED;
  queue->n--;
}

struct hermes_sse_stream *hermes_sse__queue_pop(hermes_sse__slots *slots, hermes_sse__queue *queue)
{
  struct hermes_sse_stream *stream;

  if (queue->first == HERMES_SSE__NO_SLOT)
    return NULL;
  stream = hermes_sse__cold_of(slots, queue->first);
  hermes_sse__queue_remove(slots, queue, stream);
  return stream;
}
