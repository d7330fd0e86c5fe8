/* From the bus's ring into the hub's logs. */
#ifndef HERMES_SSE_CORE_INGEST_H
#define HERMES_SSE_CORE_INGEST_H
#include "core/hub.h"

/* Everything that was published before the call. HERMES_SSE_ERR_NOMEM: the rest waits in the ring. */
int hermes_sse__ingest(hermes_sse_hub *hub);

/* 1 if there is something to ingest. */
int hermes_sse__ingest_waits(const hermes_sse_hub *hub);

#endif
