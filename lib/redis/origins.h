/* Who has published what already: of each origin the highest number, as each numbers without going back. Bounded: the one not heard of
 * for longest is forgotten. */
#ifndef HERMES_SSE_REDIS_ORIGINS_H
#define HERMES_SSE_REDIS_ORIGINS_H
#include "core/hash.h"
#include "core/table.h"

typedef struct hermes_sse__origins {
  hermes_sse__table table;
  hermes_sse__seed seed;
} hermes_sse__origins;

/* 1: the number is new, and remembered; 0: it was seen. Without memory everything is new. */
int hermes_sse__origin_is_new(const hermes_sse_environment *env, hermes_sse__origins *origins, const char *name,
                              uint64_t number, uint64_t now_ms);

void hermes_sse__origins_clear(const hermes_sse_environment *env, hermes_sse__origins *origins);

#endif
