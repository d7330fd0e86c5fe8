/* Telling what was lost: the reasons of the gap event, and the event itself. */
#ifndef HERMES_SSE_CORE_GAP_H
#define HERMES_SSE_CORE_GAP_H
#include "core/hub.h"

enum { HERMES_SSE__GAP_NONE, HERMES_SSE__GAP_EXPIRED, HERMES_SSE__GAP_RESTARTED, HERMES_SSE__GAP_UNKNOWN };

/* "expired", ...; NULL for HERMES_SSE__GAP_NONE. */
const char *hermes_sse__gap_name(int gap);

/* Where a client that sent `last_event_id` goes on: sets position and told, returns the gap. The stream follows its topics
   already. */
int hermes_sse__gap_judge(const hermes_sse_stream *stream, hermes_sse_slice last_event_id, uint64_t *position,
                          uint64_t *told);

/* The gap event. `last_event_id` is echoed only if it parses. HERMES_SSE_ERR_NOMEM. */
int hermes_sse__gap_frame(const hermes_sse_stream *stream, int gap, hermes_sse_slice last_event_id, uint64_t position,
                          hermes_sse_frame **frame);

#endif
