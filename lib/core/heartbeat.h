/* Heartbeats: one frame a run for all idle streams at the same position. */
#ifndef HERMES_SSE_CORE_HEARTBEAT_H
#define HERMES_SSE_CORE_HEARTBEAT_H
#include "core/hub.h"

/* Sends the stream a heartbeat, which has nothing else to take; if it has, that comes instead. */
void hermes_sse__heartbeat(hermes_sse_stream *stream, hermes_sse__hot *hot);

/* A new run: the host is asked again what a heartbeat says. */
void hermes_sse__heartbeat_forget(hermes_sse_hub *hub);

#endif
