/* Throttled streams: when a batch may begin, and the rest between batches. */
#ifndef HERMES_SSE_CORE_THROTTLE_H
#define HERMES_SSE_CORE_THROTTLE_H
#include "core/stream.h"

/* Begins a batch if the stream is throttled, has none under way, and one is due. 1 if entries may be sent now; 0: it rests
   until the next batch is due. */
int hermes_sse__throttle_open(hermes_sse_stream *stream, hermes_sse__hot *hot);

/* Wakes those whose rest is over. */
void hermes_sse__throttle_run(hermes_sse_hub *hub);
uint64_t hermes_sse__throttle_next(const hermes_sse_hub *hub);

#endif
