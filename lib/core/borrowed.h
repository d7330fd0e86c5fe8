/* Text that is borrowed from somewhere as long as that lives, and copied when it has to outlive it. */
#ifndef HERMES_SSE_CORE_BORROWED_H
#define HERMES_SSE_CORE_BORROWED_H
#include "core/environment.h"
#include <hermes_sse/status.h>

typedef struct hermes_sse__borrowed {
  hermes_sse_slice now; /* in `own`, or borrowed */
  char *own;
  size_t room;
} hermes_sse__borrowed;

static inline void hermes_sse__borrowed_borrow(hermes_sse__borrowed *t, hermes_sse_slice bytes)
{
  t->now = bytes;
}

/* Copies what is borrowed. Takes at most `max` bytes of memory, which the text is not longer than.
   HERMES_SSE_ERR_NOMEM changes nothing. */
int hermes_sse__borrowed_keep(const hermes_sse_environment *env, hermes_sse__borrowed *t, size_t max);

/* As above, with `bytes` at its end; they are not within `t->own`. The whole is not longer than `max`. */
int hermes_sse__borrowed_append(const hermes_sse_environment *env, hermes_sse__borrowed *t, hermes_sse_slice bytes,
                                size_t max);

/* Empties it, and gives memory back above `most` bytes. */
void hermes_sse__borrowed_clear(const hermes_sse_environment *env, hermes_sse__borrowed *t, size_t most);

#endif
