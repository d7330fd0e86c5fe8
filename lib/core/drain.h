/* Calls on the bus that close streams in their hubs' runs: drain, and kick by ticket key. */
#ifndef HERMES_SSE_CORE_DRAIN_H
#define HERMES_SSE_CORE_DRAIN_H
#include "core/hub.h"

/* Closes as many streams as the drain's spread asks for by now. */
void hermes_sse__drain_run(hermes_sse_hub *hub);
uint64_t hermes_sse__drain_next(const hermes_sse_hub *hub);

/* Closes the streams that were kicked since the last run. Looks at every ticket: a kick is rare. */
void hermes_sse__kicks_run(hermes_sse_hub *hub);
void hermes_sse__kicks_clear(hermes_sse_hub *hub);

#endif
