/* A stream's life: opening, closing, ending, and the queues it waits in. */
#ifndef HERMES_SSE_CORE_STREAM_H
#define HERMES_SSE_CORE_STREAM_H
#include "core/hub.h"

static inline hermes_sse__hot *hermes_sse__stream_hot(const hermes_sse_stream *stream)
{
  return hermes_sse__hot_of(&stream->hub->slots, stream->slot);
}

/* Has output, or may have: a push stream waits for the next run, an idle pull stream is listed. */
void hermes_sse__stream_ready(hermes_sse_stream *stream);

/* Ends with `reason` after what was published up to `close_at` and what was sent to it; the first call counts.
   `retry_ms` is told at the end unless 0. */
void hermes_sse__stream_close(hermes_sse_stream *stream, int reason, uint64_t close_at, uint32_t retry_ms);

/* Ends at once: leaves its topics, gives its ticket back, is listed. */
void hermes_sse__stream_end(hermes_sse_stream *stream, int reason);

/* When a closing stream has sent everything: 1 if `out` now holds its last bytes, 0 if it has ended or must still wait. */
int hermes_sse__stream_finish(hermes_sse_stream *stream);

/* Keeps EXTRA true to what waits. */
void hermes_sse__stream_note_extra(hermes_sse_stream *stream, hermes_sse__hot *hot);

/* All streams of a hub that is being freed end; their handles stay the host's to free. */
void hermes_sse__streams_orphan(hermes_sse_hub *hub);

#endif
