/* Views: what a pattern's readers read. A view is a log over all topics that start with its prefix; it holds the entries that
 * they hold, no more and no longer, and bounds nothing itself. It is made when the first stream follows the pattern. */
#ifndef HERMES_SSE_CORE_VIEW_H
#define HERMES_SSE_CORE_VIEW_H
#include "core/hub.h"

/* The view of a prefix, filled from the topics if it is new; `prefix` goes on with its '*'. NULL: no memory. */
hermes_sse__log *hermes_sse__view_get(hermes_sse_hub *hub, const void *prefix, size_t len);
hermes_sse__log *hermes_sse__view_find(const hermes_sse_hub *hub, const void *prefix, size_t len);

/* A new topic's log learns which views show it. HERMES_SSE_ERR_NOMEM. */
int hermes_sse__views_of(const hermes_sse_hub *hub, hermes_sse__log *log);

/* An entry of a topic has left it. */
void hermes_sse__view_drop(hermes_sse_hub *hub, hermes_sse__log *view, uint64_t seq, int lost, int close_slow);

/* Forgets views that nobody has followed for a while; all of them if `all`. */
void hermes_sse__views_tidy(hermes_sse_hub *hub, int all);

#endif
