/* Cross-origin requests: which origins may read, and preflights (fetch.spec.whatwg.org, "HTTP extensions"). */
#ifndef HERMES_SSE_SERVICE_CORS_H
#define HERMES_SSE_SERVICE_CORS_H
#include "service/service.h"

/* Adds Vary always, and the Access-Control- headers when the origin is allowed. */
void hermes_sse__cors_add(hermes_sse_request *request, const hermes_sse_request_input *input);

/* The preflight's answer. */
int hermes_sse__cors_preflight(hermes_sse_request *request, const hermes_sse_request_input *input, const char *methods);

/* 1 if the Host header names this server: an address, localhost, API_HOST, or the host of an allowed origin. What a page elsewhere could
   point at us under a name of its own is refused (DNS rebinding). */
int hermes_sse__host_known(const hermes_sse_service *service, const hermes_sse_request_input *input);

/* A header of the input; an empty slice if it is not there. */
hermes_sse_slice hermes_sse__input_header(const hermes_sse_request_input *input, const char *name);

#endif
