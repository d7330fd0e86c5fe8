/* Entries of the stream: what an id is, and what becomes of an entry on the bus. */
#ifndef HERMES_SSE_REDIS_ENTRY_H
#define HERMES_SSE_REDIS_ENTRY_H
#include "redis/bridge.h"

int hermes_sse__entry_read_id(const hermes_sse__reply *reply, hermes_sse_id *id);
int hermes_sse__id_is_after(const hermes_sse_id *a, const hermes_sse_id *b);
/* The last id that may be before this one. */
hermes_sse_id hermes_sse__id_before(hermes_sse_id id);

/* Puts an event or a mark on the bus, and remembers its id. HERMES_SSE_ERR_NOMEM: it is to be read again; HERMES_SSE_ERR_BAD_DATA: it is no
 * entry. */
int hermes_sse__entry_take(hermes_sse_redis *redis, const hermes_sse__reply *entry);

/* Tells that events of the topic up to this id may be missing. */
int hermes_sse__entry_missing(hermes_sse_redis *redis, hermes_sse_slice topic, int reason, const hermes_sse_id *id);

/* An entry that cannot be taken: logged, counted and told as missing. */
int hermes_sse__entry_pass_over(hermes_sse_redis *redis, const hermes_sse_id *id, const char *why);

#endif
