/* Asking the store: answers that come at once, late, twice or never. */
#ifndef HERMES_SSE_SERVICE_LOOKUP_H
#define HERMES_SSE_SERVICE_LOOKUP_H
#include "service/service.h"

enum { HERMES_SSE__LOOKUP_GET, HERMES_SSE__LOOKUP_PUT };

/* Asks for `key`, or puts `value` there. HERMES_SSE_OK: answered, in request->answer. HERMES_SSE_ERR_AGAIN: it is pending on
   its hub's desk, with a deadline. Else refused, as if the store could not tell. */
int hermes_sse__lookup_start(hermes_sse_request *request, int what, const char *key, hermes_sse_slice value);

/* Nobody waits any more. */
void hermes_sse__lookup_cancel(hermes_sse_request *request);

/* Deletes without waiting. */
void hermes_sse__lookup_forget(hermes_sse_service *service, const char *key);

/* The service watches this hub, for downloads that end with tokens of theirs about. HERMES_SSE_ERR_NOMEM. */
int hermes_sse__desk_open(hermes_sse_service *service, hermes_sse_hub *hub);

/* The next request of the hub that was answered or timed out; NULL: none. */
hermes_sse_request *hermes_sse__lookup_next(hermes_sse_service *service, hermes_sse_hub *hub);

/* The host lets go of the service: each desk leaves its hub in that hub's next run, when nothing waits at it. */
void hermes_sse__desks_close(hermes_sse_service *service);

void hermes_sse__lookups_clear(hermes_sse_service *service);

#endif
