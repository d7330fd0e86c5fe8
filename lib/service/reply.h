/* Building a request's answer: status, headers, body. */
#ifndef HERMES_SSE_SERVICE_REPLY_H
#define HERMES_SSE_SERVICE_REPLY_H
#include "service/service.h"

/* `name` is static, the value is copied. */
void hermes_sse__reply_header(hermes_sse_request *request, const char *name, const char *value);

/* An answer with the body that was built; returns HERMES_SSE_REQUEST_REPLY. */
int hermes_sse__reply(hermes_sse_request *request, int status, const char *content_type);

/* {"detail":"..."} */
int hermes_sse__reply_error(hermes_sse_request *request, int status, const char *detail);

/* {"detail":"...","code":"..."} with Retry-After. */
int hermes_sse__reply_refusal(hermes_sse_request *request, int status, const char *detail, const char *code,
                              uint64_t retry_after_s);

#endif
