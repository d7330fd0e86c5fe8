/* Which logs exist and what they keep: entries, bytes, age, the newest of each key, and a bound over all of them; never ahead of what was offered to the readers that keep up. */
#ifndef HERMES_SSE_CORE_RETENTION_H
#define HERMES_SSE_CORE_RETENTION_H
#include "core/hub.h"

/* The hub's log of a topic, made if there is none. NULL: no memory. */
hermes_sse__log *hermes_sse__log_get(hermes_sse_hub *hub, uint64_t hash, const void *topic, size_t len);

/* Forgets a log that has neither entries, nor readers, nor keys. What it had lost stays known through the hub's floor. */
void hermes_sse__log_tidy(hermes_sse_hub *hub, hermes_sse__log *log);

/* The log grew: it is looked at at the end of this run. */
void hermes_sse__log_touch(hermes_sse_hub *hub, hermes_sse__log *log);

/* It got an entry: figures, and its place among the logs by age. */
void hermes_sse__log_stored(hermes_sse_hub *hub, hermes_sse__log *log, const hermes_sse_frame *frame);

/* Asks the bus for the log's policy if any policy has changed since. */
void hermes_sse__log_policy(hermes_sse_hub *hub, hermes_sse__log *log);

/* Part of every run: drops what the policies no longer keep. */
void hermes_sse__retention_run(hermes_sse_hub *hub);
uint64_t hermes_sse__retention_next(const hermes_sse_hub *hub);

#endif
