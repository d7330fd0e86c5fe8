#include "core/limits.h"

int hermes_sse__pool_add(const hermes_sse_environment *env, hermes_sse__pool *pool, void *item, uint32_t *index)
{
  if (pool->n == 0)
    pool->free = HERMES_SSE__NO_INDEX;
  if (pool->free != HERMES_SSE__NO_INDEX) {
    *index = pool->free;
    pool->free = (uint32_t)((uintptr_t)pool->items[*index] >> 1);
  } else {
    if (pool->n == pool->capacity) {
      uint32_t capacity = pool->capacity + pool->capacity / 2 + 8;
      void **items = hermes_sse__resize(env, pool->items, capacity, sizeof *items);

      if (!items)
        return HERMES_SSE_ERR_NOMEM;
      pool->items = items;
      pool->capacity = capacity;
    }
    *index = pool->n++;
  }
  pool->items[*index] = item;
  return HERMES_SSE_OK;
}

void hermes_sse__pool_remove(hermes_sse__pool *pool, uint32_t index)
{
  pool->items[index] = (void *)((uintptr_t)pool->free << 1 | 1);
  pool->free = index;
}
