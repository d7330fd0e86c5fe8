/* What a stream follows: its membership of lists of readers, and what those lists have lost. */
#ifndef HERMES_SSE_CORE_FOLLOW_H
#define HERMES_SSE_CORE_FOLLOW_H
#include "core/hub.h"

/* Joins the lists of all subscriptions. HERMES_SSE_ERR_NOMEM, _BAD_TOPIC, _BAD_KEY, _OPTION: then none was joined. */
int hermes_sse__follow(hermes_sse_stream *stream, const hermes_sse_subscription *topics, size_t n);

/* Leaves all lists. */
void hermes_sse__unfollow(hermes_sse_stream *stream);

/* One more, from `since` on; one less. As hermes_sse_stream_subscribe() and _unsubscribe(). */
int hermes_sse__follow_more(hermes_sse_stream *stream, const hermes_sse_subscription *subscription, uint64_t since);
int hermes_sse__follow_less(hermes_sse_stream *stream, const hermes_sse_subscription *subscription);

/* What few streams have, made if it is not there. NULL: no memory. */
hermes_sse__special *hermes_sse__special_get(hermes_sse_stream *stream);

/* The list of those who follow exactly this; NULL: nobody, and nothing is kept of it. */
hermes_sse__readers *hermes_sse__readers_find(const hermes_sse_hub *hub, hermes_sse_slice topic, hermes_sse_slice key);

/* 1 if none of its lists has an entry after `position`. */
int hermes_sse__caught_up(const hermes_sse_stream *stream, uint64_t position);

/* 1 if of its lists at most `list` has an entry after `position`. */
int hermes_sse__caught_up_but(const hermes_sse_stream *stream, const hermes_sse__readers *list, uint64_t position);

/* The last place that any of its lists has lost. */
uint64_t hermes_sse__followed_lost_to(const hermes_sse_stream *stream);

/* The first place after `position` in any of its lists; 0: none. */
uint64_t hermes_sse__followed_next(const hermes_sse_stream *stream, uint64_t position);

/* 1 if entries are lost that it had neither taken nor been told of: dropped by its topics or its hub, or never come. */
int hermes_sse__fell_behind(const hermes_sse_stream *stream, const hermes_sse__hot *hot);

/* The HERMES_SSE_GAP_ reason of what it fell behind by, standing at `position`. */
int hermes_sse__loss_reason(const hermes_sse_stream *stream, uint64_t position);

/* What is lost up to here is now told. */
void hermes_sse__note_told(hermes_sse_stream *stream, uint64_t lost);

/* The list has lost what was at `seq`. Lists together do not lose in the order of the bus: a reader that was told of a later
   loss, but had still to get this, is told again. */
void hermes_sse__note_lost(hermes_sse_hub *hub, const hermes_sse__readers *list, uint64_t seq);

/* 1 if one of those topics closes streams that fell behind. */
int hermes_sse__must_close_slow(const hermes_sse_stream *stream, const hermes_sse__hot *hot);

#endif
