/* The checks of the contract, in its order: 404, 405, 503 off, 401, 403, 400, limits. */
#ifndef HERMES_SSE_SERVICE_DECIDE_H
#define HERMES_SSE_SERVICE_DECIDE_H
#include "service/service.h"

/* A HERMES_SSE_REQUEST_ state. */
int hermes_sse__decide(hermes_sse_request *request, const hermes_sse_request_input *input);

/* Goes on once the store has answered. */
int hermes_sse__decide_answered(hermes_sse_request *request);

#endif
