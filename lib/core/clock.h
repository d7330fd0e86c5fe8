/* The clock: a hand that walks over all streams several times per heartbeat interval. No timer per stream. */
#ifndef HERMES_SSE_CORE_CLOCK_H
#define HERMES_SSE_CORE_CLOCK_H
#include "core/hub.h"

/* The first run: the hub's time begins. */
void hermes_sse__clock_start(hermes_sse_hub *hub, uint64_t now_ms);

/* Visits the streams whose turn it is: lifetimes, time-outs, heartbeats. */
void hermes_sse__clock_run(hermes_sse_hub *hub);
uint64_t hermes_sse__clock_next(const hermes_sse_hub *hub);

#endif
