/* What a stream is to be given next, whoever asks: a push or a pull. */
#ifndef HERMES_SSE_CORE_OFFER_H
#define HERMES_SSE_CORE_OFFER_H
#include "core/stream.h"

/* Fills the hub's gather with at most `max` items and about `max_bytes`: what is half taken, a gap that is due, private
   events, entries that may go now. The items; 0 if there are none, or the stream has ended or is gone: ask
   hermes_sse__is_live(). */
int hermes_sse__offer(hermes_sse_stream *stream, hermes_sse__hot *hot, int max, size_t max_bytes);

static inline int hermes_sse__is_live(const hermes_sse_hub *hub, const hermes_sse__hot *hot)
{
  return !hub->dying && (hot->flags & (HERMES_SSE__LIVE | HERMES_SSE__FREED)) == HERMES_SSE__LIVE;
}

#endif
