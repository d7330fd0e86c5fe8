/* A walk over the entries of a list (a topic's, a view's, or one key's) after a position, oldest first. */
#ifndef HERMES_SSE_CORE_WALK_H
#define HERMES_SSE_CORE_WALK_H
#include "core/log.h"

typedef struct hermes_sse__walk {
  const hermes_sse__log *log;
  const hermes_sse__key *key;
  uint32_t index;
  const hermes_sse__entry *entry; /* NULL: at the end */
} hermes_sse__walk;

void hermes_sse__walk_start(hermes_sse__walk *walk, const hermes_sse__readers *list, uint64_t position);
void hermes_sse__walk_next(hermes_sse__walk *walk);

/* The oldest entry over all walks; every walk that stands on it moves on, so that one that matches twice comes once. */
const hermes_sse__entry *hermes_sse__walks_merge(hermes_sse__walk *walks, size_t n);

#endif
