/* Marks: what a relay says about the order itself, at its place among the events. */
#ifndef HERMES_SSE_CORE_MARK_H
#define HERMES_SSE_CORE_MARK_H
#include "core/hub.h"

/* The hub has come to this mark. */
void hermes_sse__mark(hermes_sse_hub *hub, const hermes_sse_frame *mark);

/* All up to here may be missing, whatever a stream follows: those that stand before it are told. */
void hermes_sse__break(hermes_sse_hub *hub, uint64_t to, int reason);

/* The bus is live: streams that waited for it begin at the hub's head. */
void hermes_sse__begin(hermes_sse_hub *hub);

#endif
