/* Commands on their way out: one buffer that grows at its end and is taken from its front. */
#ifndef HERMES_SSE_REDIS_OUTPUT_H
#define HERMES_SSE_REDIS_OUTPUT_H
#include "core/environment.h"

typedef struct hermes_sse__output {
  const hermes_sse_environment *env;
  char *bytes;
  size_t begin, end, room;
} hermes_sse__output;

void hermes_sse__output_clear(hermes_sse__output *output);

/* HERMES_SSE_ERR_NOMEM, and nothing was added. */
int hermes_sse__output_add(hermes_sse__output *output, const void *bytes, size_t len);

/* Adds a command in Redis's protocol. HERMES_SSE_ERR_FULL: more than `max` bytes would wait; HERMES_SSE_ERR_NOMEM. */
int hermes_sse__output_command(hermes_sse__output *output, uint64_t max, int argc, const char *const *argv,
                               const size_t *lens);

/* Gives its memory back when all was taken and there is much of it. */
void hermes_sse__output_take(hermes_sse__output *output, size_t len);

/* Overwrites what was taken: there was a password in it. */
void hermes_sse__output_wipe(hermes_sse__output *output);

static inline size_t hermes_sse__output_pending(const hermes_sse__output *output)
{
  return output->end - output->begin;
}

#endif
