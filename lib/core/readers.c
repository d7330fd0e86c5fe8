#include "core/readers.h"

void hermes_sse__readers_init(hermes_sse__readers *list, struct hermes_sse__log *log, struct hermes_sse__key *key)
{
  *list = (hermes_sse__readers){ .log = log, .key = key };
}

void hermes_sse__readers_clear(const hermes_sse_environment *env, hermes_sse__readers *list)
{
  hermes_sse__release(env, list->slots);
  list->slots = NULL;
  list->n = list->capacity = list->holes = list->at = 0;
}

int hermes_sse__readers_add(const hermes_sse_environment *env, hermes_sse__readers *list, uint32_t slot,
                            uint32_t *index)
{
  if (list->n == list->capacity) {
    /* by a half: doubling would peak at twice what a stream may cost */
    uint32_t capacity = list->capacity + list->capacity / 2 + 1;
    uint32_t *grown = hermes_sse__resize(env, list->slots, capacity, sizeof *grown);

    if (!grown)
      return HERMES_SSE_ERR_NOMEM;
    list->slots = grown;
    list->capacity = capacity;
  }
  *index = list->n;
  list->slots[list->n++] = slot;
  return HERMES_SSE_OK;
}

static void moved(hermes_sse__readers *list, hermes_sse__slots *slots, uint32_t slot, uint32_t from, uint32_t to)
{
  struct hermes_sse_stream *stream = hermes_sse__cold_of(slots, slot);
  hermes_sse__sub *sub = stream->n_subs == 1 ? &stream->subs.one : stream->subs.many;

  while (sub->list != list || sub->index != from)
    sub++;
  sub->index = to;
}

static void compact(const hermes_sse_environment *env, hermes_sse__readers *list, hermes_sse__slots *slots)
{
  uint32_t to = 0, at = list->at;

  for (uint32_t from = 0; from < list->n; from++) {
    uint32_t slot = list->slots[from];

    if (from == list->at)
      at = to;
    if (slot == HERMES_SSE__NO_SLOT)
      continue;
    if (from != to) {
      list->slots[to] = slot;
      moved(list, slots, slot, from, to);
    }
    to++;
  }
  list->at = list->at >= list->n ? to : at;
  list->n = to;
  list->holes = 0;
  if (to == 0) {
    hermes_sse__release(env, list->slots);
    list->slots = NULL;
    list->capacity = 0;
  } else if (list->capacity > 64 && to < list->capacity / 4) {
    uint32_t *less = hermes_sse__resize(env, list->slots, to, sizeof *less);

    if (less) {
      list->slots = less;
      list->capacity = to;
    }
  }
}

void hermes_sse__readers_remove(const hermes_sse_environment *env, hermes_sse__readers *list, hermes_sse__slots *slots,
                                uint32_t index)
{
  list->slots[index] = HERMES_SSE__NO_SLOT;
  list->holes++;
  if (list->holes > list->n / 4)
    compact(env, list, slots);
}
