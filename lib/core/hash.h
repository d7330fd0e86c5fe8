/* A keyed hash (SipHash-1-3), so that clients who choose names cannot choose collisions. */
#ifndef HERMES_SSE_CORE_HASH_H
#define HERMES_SSE_CORE_HASH_H
#include <stddef.h>
#include <stdint.h>

typedef struct hermes_sse__seed {
  uint64_t k0, k1;
} hermes_sse__seed;

uint64_t hermes_sse__hash(const hermes_sse__seed *seed, const void *bytes, size_t len);

#endif
