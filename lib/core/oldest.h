/* Which log has the oldest entry of all: a heap of the logs that have any. For the bound over all topics together. */
#ifndef HERMES_SSE_CORE_OLDEST_H
#define HERMES_SSE_CORE_OLDEST_H
#include "core/log.h"

typedef struct hermes_sse__oldest {
  hermes_sse__log **logs;
  uint32_t n, capacity;
} hermes_sse__oldest;

/* Room for `n` logs. HERMES_SSE_ERR_NOMEM. */
int hermes_sse__oldest_reserve(const hermes_sse_environment *env, hermes_sse__oldest *oldest, size_t n);

/* The log's first entry is another one now, or it got its first, or has none left. After a reserve for all logs. */
void hermes_sse__oldest_update(hermes_sse__oldest *oldest, hermes_sse__log *log);

static inline hermes_sse__log *hermes_sse__oldest_log(const hermes_sse__oldest *oldest)
{
  return oldest->n > 0 ? oldest->logs[0] : NULL;
}

#endif
