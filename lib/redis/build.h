/* A reply while it is read: values come depth first, as on the wire, and their memory follows the bytes that came, never a length
 * that was announced. What is a whole array's goes side by side; the blocks are used again for the next reply. */
#ifndef HERMES_SSE_REDIS_BUILD_H
#define HERMES_SSE_REDIS_BUILD_H
#include "redis/reply.h"

enum { HERMES_SSE__BUILD_DEPTH = 8 }; /* arrays within arrays: as many as every hiredis reads */

typedef struct hermes_sse__nodes {
  hermes_sse__reply *at;
  size_t n, room;
} hermes_sse__nodes;

typedef struct hermes_sse__build {
  const hermes_sse_environment *env;
  size_t limit; /* of one reply's values and texts in memory */
  size_t used;
  hermes_sse__nodes open;   /* values whose array is not whole yet; in the end the reply itself */
  hermes_sse__nodes placed; /* the values of whole arrays */
  char *text;
  size_t n_text, text_room;
  struct {
    size_t n, left;
  } levels[HERMES_SSE__BUILD_DEPTH];
  int depth;
  int status; /* why the last call failed */
} hermes_sse__build;

void hermes_sse__build_init(hermes_sse__build *build, const hermes_sse_environment *env, uint64_t max_bytes);
void hermes_sse__build_clear(hermes_sse__build *build);

/* Forgets the last reply. */
void hermes_sse__build_begin(hermes_sse__build *build);

/* All three: HERMES_SSE_ERR_NOMEM, _TOO_LARGE, or _BAD_DATA: no place for it. */
int hermes_sse__build_text(hermes_sse__build *build, int kind, const char *text, size_t len);
int hermes_sse__build_number(hermes_sse__build *build, int kind, int64_t number);
/* Its `n` values come next. */
int hermes_sse__build_array(hermes_sse__build *build, size_t n);

/* The whole reply; NULL: it is none. */
const hermes_sse__reply *hermes_sse__build_end(hermes_sse__build *build);

#endif
