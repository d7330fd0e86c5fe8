/* Telling what was lost: when a stream attaches, and when the log has moved past it. */
#ifndef HERMES_SSE_CORE_GAP_H
#define HERMES_SSE_CORE_GAP_H
#include "core/hub.h"

enum { HERMES_SSE__GAP_NONE };

/* Where a client that sent `last_event_id` goes on: sets position and told, returns the HERMES_SSE_GAP_ reason or none. The
   stream follows its topics already. With `*snapshot` set it begins with what its topics hold, and has no position to
   come back to until then. */
int hermes_sse__gap_judge(hermes_sse_stream *stream, const hermes_sse_stream_options *options, uint64_t *position,
                          int *snapshot);

/* The gap event. `last_event_id` is echoed only if it parses; `position` is its id, NULL: none. HERMES_SSE_ERR_NOMEM. */
int hermes_sse__gap_frame(const hermes_sse_stream *stream, int reason, hermes_sse_slice last_event_id,
                          const uint64_t *position, hermes_sse_frame **frame);

/* A live stream has nothing half taken, and its topics have dropped what it had not taken: its next bytes tell, or it ends,
   as the topic has it, or if there is no memory to tell. */
void hermes_sse__gap_tell(hermes_sse_stream *stream, hermes_sse__hot *hot);

#endif
