/* Delivery in a run: streams that became ready by themselves, then laps over the lists with news. */
#ifndef HERMES_SSE_CORE_SWEEP_H
#define HERMES_SSE_CORE_SWEEP_H
#include "core/hub.h"

/* Both lower `*left` by the streams they served, and stop at 0. */
void hermes_sse__ready_run(hermes_sse_hub *hub, size_t *left);
void hermes_sse__sweep_run(hermes_sse_hub *hub, size_t *left);

#endif
