#include "core/options.h"
#include "service/decide.h"
#include "service/lookup.h"
#include "service/reply.h"
#include <stdio.h>
#include <string.h>

void hermes_sse__attempt(hermes_sse_request *request, int attempt)
{
  if (!request->head) /* asks for the verdict, not for a stream */
    atomic_fetch_add_explicit(&request->service->attempts[attempt], 1, memory_order_relaxed);
}

int hermes_sse_service_handle(hermes_sse_service *service, hermes_sse_hub *hub, uint64_t now_ms,
                              const hermes_sse_request_input *input, hermes_sse_request **request)
{
  hermes_sse_request_input i;
  hermes_sse_request *r;

  if (!input || !hub || hermes_sse__options_read(&i, sizeof i, input) < 0 || i.method.len == 0 || i.target.len == 0)
    return HERMES_SSE_ERR_OPTION;
  r = hermes_sse__alloc(&service->env, 1, sizeof *r);
  if (!r)
    return HERMES_SSE_ERR_NOMEM;
  atomic_fetch_add(&service->refs, 1);
  r->service = service;
  r->hub = hub;
  r->user = i.user;
  r->http = i.http;
  r->now_ms = now_ms;
  r->body = hermes_sse__text_new(&service->env);
  r->state = hermes_sse__decide(r, &i);
  *request = r;
  return r->state;
}

hermes_sse_request *hermes_sse_request_next(hermes_sse_service *service, hermes_sse_hub *hub)
{
  hermes_sse_request *request = hermes_sse__lookup_next(service, hub);

  if (request)
    request->state = hermes_sse__decide_answered(request);
  return request;
}

void hermes_sse_request_free(hermes_sse_request *request)
{
  hermes_sse_service *service;

  if (!request)
    return;
  service = request->service;
  hermes_sse__lookup_cancel(request);
  hermes_sse_ticket_release(&request->ticket);
  for (size_t i = 0; i < request->n_headers; i++)
    hermes_sse__release(&service->env, request->headers[i].value);
  hermes_sse__text_clear(&request->body);
  hermes_sse__release(&service->env, request->scope);
  hermes_sse__release(&service->env, request->answer_value);
  hermes_sse__release(&service->env, request);
  hermes_sse__service_unref(service);
}

int hermes_sse_request_state(const hermes_sse_request *request)
{
  return request->state;
}

void *hermes_sse_request_user(const hermes_sse_request *request)
{
  return request->user;
}

int hermes_sse_request_status(const hermes_sse_request *request)
{
  return request->status;
}

int hermes_sse_request_header(const hermes_sse_request *request, size_t i, const char **name, const char **value)
{
  if (i >= request->n_headers)
    return HERMES_SSE_ERR_NOT_FOUND;
  *name = request->headers[i].name;
  *value = request->headers[i].value;
  return HERMES_SSE_OK;
}

hermes_sse_slice hermes_sse_request_body(const hermes_sse_request *request)
{
  return (hermes_sse_slice){ .ptr = request->body.bytes, .len = request->body.n };
}

/* ---- opening ---- */

static int greeting(const hermes_sse_request *request, char *buf, size_t cap)
{
  const hermes_sse_environment *env = &request->service->env;
  char timestamp[HERMES_SSE__TIMESTAMP_ROOM];
  uint64_t id[2];

  if (env->random(id, sizeof id, env->user) < 0)
    return HERMES_SSE_ERR_RANDOM;
  return snprintf(
      buf, cap, "{\"type\":\"connected\",\"data\":{\"connection_id\":\"%016llx%016llx\",\"timestamp\":\"%s\"}}",
      (unsigned long long)id[0], (unsigned long long)id[1], hermes_sse__timestamp(env->wall_ms(env->user), timestamp));
}

static int open_stream(hermes_sse_request *request, hermes_sse_stream_options *o, hermes_sse_stream **stream)
{
  const hermes_sse_service *service = request->service;
  hermes_sse_subscription topics[HERMES_SSE__N_CHANNELS];
  hermes_sse_event hello = { .size = sizeof hello };
  hermes_sse__text headers = hermes_sse__text_new(&service->env);
  char data[256];
  int len = greeting(request, data, sizeof data), rv;

  if (len < 0)
    return len;
  hello.data = (hermes_sse_slice){ .ptr = data, .len = (size_t)len };
  for (int i = 0; i < HERMES_SSE__N_CHANNELS; i++)
    if (request->channels & 1u << i)
      topics[o->n_topics++] = (hermes_sse_subscription){ .topic = hermes_sse_str(hermes_sse__channels[i].name),
                                                         .key = { .ptr = request->key, .len = request->key_len } };
  o->topics = topics;
  o->greeting = &hello;
  o->last_event_id = (hermes_sse_slice){ .ptr = request->last_event_id, .len = request->last_event_id_len };
  o->ticket = request->ticket;
  if (request->expires_ms) {
    uint64_t now = service->env.wall_ms(service->env.user);

    o->lifetime_ms = request->expires_ms > now ? request->expires_ms - now : 1;
  }
  hermes_sse__text_str(&headers, "");
  for (size_t i = 0; o->http && i < request->n_headers; i++)
    hermes_sse__text_format(&headers, "%s: %s\r\n", request->headers[i].name, request->headers[i].value);
  o->extra_headers = (hermes_sse_slice){ .ptr = headers.bytes, .len = headers.n };
  rv = headers.failed || request->failed ? HERMES_SSE_ERR_NOMEM : hermes_sse_stream_open(request->hub, o, stream);
  hermes_sse__text_clear(&headers);
  return rv;
}

int hermes_sse_request_open(hermes_sse_request *request, const hermes_sse_stream_options *options,
                            hermes_sse_stream **stream)
{
  hermes_sse_stream_options o;
  int rv = HERMES_SSE_ERR_OPTION;

  if (request->state != HERMES_SSE_REQUEST_STREAM || request->opened)
    return HERMES_SSE_ERR_STATE;
  if (options && hermes_sse__options_read(&o, sizeof o, options) == HERMES_SSE_OK) {
    o.n_topics = 0;
    rv = open_stream(request, &o, stream);
  }
  if (rv == HERMES_SSE_OK) {
    request->opened = 1;
    hermes_sse__attempt(request, HERMES_SSE__ATTEMPT_ACCEPTED);
    request->ticket = (hermes_sse_ticket){ .limits = NULL }; /* the stream's now */
    return rv;
  }
  hermes_sse_ticket_release(&request->ticket);
  hermes_sse__attempt(request, HERMES_SSE__ATTEMPT_UNAVAILABLE);
  hermes_sse__reply_error(request, rv == HERMES_SSE_ERR_OPTION ? 500 : 503, hermes_sse_strerror(rv));
  return rv;
}
