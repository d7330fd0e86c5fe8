#include "service/reply.h"
#include <stdio.h>
#include <string.h>

void hermes_sse__reply_header(hermes_sse_request *request, const char *name, const char *value)
{
  hermes_sse__header *h = &request->headers[request->n_headers];

  if (request->n_headers == HERMES_SSE__HEADERS_MAX)
    return;
  h->name = name;
  h->value = hermes_sse__copy(&request->service->env, value, strlen(value));
  if (h->value)
    request->n_headers++;
  else
    request->failed = 1;
}

int hermes_sse__reply(hermes_sse_request *request, int status, const char *content_type)
{
  request->state = HERMES_SSE_REQUEST_REPLY;
  request->status = status;
  if (content_type)
    hermes_sse__reply_header(request, "content-type", content_type);
  hermes_sse__reply_header(request, "cache-control", "no-store");
  if (request->failed || request->body.failed) {
    /* headers that say who may read it may be missing: nothing of the body is given away */
    hermes_sse__text_clear(&request->body);
    request->body = hermes_sse__text_new(&request->service->env);
    request->status = 503;
  }
  return request->state;
}

int hermes_sse__reply_error(hermes_sse_request *request, int status, const char *detail)
{
  hermes_sse__text_str(&request->body, "{\"detail\":");
  hermes_sse__text_json(&request->body, detail, strlen(detail));
  hermes_sse__text_str(&request->body, "}");
  return hermes_sse__reply(request, status, "application/json");
}

int hermes_sse__reply_refusal(hermes_sse_request *request, int status, const char *detail, const char *code,
                              uint64_t retry_after_s)
{
  char seconds[24];

  snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)retry_after_s);
  hermes_sse__reply_header(request, "retry-after", seconds);
  hermes_sse__text_format(&request->body, "{\"detail\":\"%s\",\"code\":\"%s\"}", detail, code);
  return hermes_sse__reply(request, status, "application/json");
}
