/* The answers that a connection still owes, in the order of the commands. */
#ifndef HERMES_SSE_REDIS_EXPECTED_H
#define HERMES_SSE_REDIS_EXPECTED_H
#include "core/environment.h"

typedef struct hermes_sse__answer {
  int kind;
  uint64_t number;
  void *about;
  uint64_t asked_ms;
} hermes_sse__answer;

typedef struct hermes_sse__expected {
  hermes_sse__answer *answers; /* answers[index & (capacity - 1)] */
  size_t capacity;             /* a power of two, or 0 */
  size_t first, next;
} hermes_sse__expected;

/* Room for one more. HERMES_SSE_ERR_NOMEM. */
int hermes_sse__expected_reserve(const hermes_sse_environment *env, hermes_sse__expected *expected);
/* After a reserve. */
void hermes_sse__expected_push(hermes_sse__expected *expected, hermes_sse__answer answer);
/* 0: none is owed. */
int hermes_sse__expected_pop(hermes_sse__expected *expected, hermes_sse__answer *answer);
/* The one that is due next; NULL: none. */
const hermes_sse__answer *hermes_sse__expected_first(const hermes_sse__expected *expected);
void hermes_sse__expected_clear(const hermes_sse_environment *env, hermes_sse__expected *expected);

#endif
