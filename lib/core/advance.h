/* What it does to a stream that bytes of a gather were taken. */
#ifndef HERMES_SSE_CORE_ADVANCE_H
#define HERMES_SSE_CORE_ADVANCE_H
#include "core/stream.h"

/* The first `bytes` of `gather`, at most all of it, were taken. The stream ends if they were its last. */
void hermes_sse__advance(hermes_sse_stream *stream, hermes_sse__hot *hot, const hermes_sse__gather *gather,
                         size_t bytes);

/* The host took bytes of the stream: figures. */
void hermes_sse__count_bytes(hermes_sse_stream *stream, hermes_sse__hot *hot, uint64_t bytes);

/* `events` events that end with `frame` were delivered: figures. */
void hermes_sse__delivered(hermes_sse_hub *hub, const hermes_sse_frame *frame, uint64_t events);

#endif
