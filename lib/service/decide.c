#include "service/decide.h"
#include "common/json.h"
#include "service/client.h"
#include "service/cors.h"
#include "service/lookup.h"
#include "service/reply.h"
#include "service/report.h"
#include "service/token.h"
#include <cJSON.h>
#include <string.h>
#include <strings.h>

static const char known_channels[] =
    "unknown channel; known are download:updates, queue:updates, system:notifications, analytics:updates";

static int refuse(hermes_sse_request *request, int attempt, int status, const char *detail)
{
  if (hermes_sse__route_is_stream(request->route))
    hermes_sse__attempt(request, attempt);
  if (status == 401)
    hermes_sse__reply_header(request, "www-authenticate", "Bearer");
  return hermes_sse__reply_error(request, status, detail);
}

/* ---- limits: the last check ---- */

static int full(hermes_sse_request *request, const hermes_sse_verdict *verdict)
{
  int total = verdict->http_status == 503;

  hermes_sse__attempt(request, total ? HERMES_SSE__ATTEMPT_FULL : HERMES_SSE__ATTEMPT_TOO_MANY);
  if (request->refusal == HERMES_SSE__REFUSE_STOP)
    return hermes_sse__reply(request, 204, NULL);
  if (request->refusal == HERMES_SSE__REFUSE_SOFT) {
    hermes_sse__text_format(&request->body, "retry: %llu\n\n",
                            1000ULL * verdict->retry_after_s +
                                atomic_fetch_add(&request->service->refusals, 389) % 1000);
    return hermes_sse__reply(request, 200, "text/event-stream; charset=utf-8");
  }
  if (total)
    return hermes_sse__reply_refusal(request, 503, "Maximum SSE connections reached", "MAX_CONNECTIONS",
                                     verdict->retry_after_s);
  return hermes_sse__reply_refusal(request, 429, "Too many SSE connections of this client", "TOO_MANY_CONNECTIONS",
                                   verdict->retry_after_s);
}

static int admit(hermes_sse_request *request)
{
  hermes_sse_limit_key keys[4];
  hermes_sse_verdict verdict = { .size = sizeof verdict };
  size_t n = 0;
  int rv;

  keys[n++] = (hermes_sse_limit_key){ .key_class = "address", .key = hermes_sse_str(request->client) };
  keys[n++] =
      (hermes_sse_limit_key){ .key_class = "client",
                              .key = hermes_sse_str(*request->principal ? request->principal : request->client) };
  if (request->scope && strlen(request->scope) <= HERMES_SSE_KEY_MAX)
    keys[n++] = (hermes_sse_limit_key){ .key_class = "scope", .key = hermes_sse_str(request->scope) };
  rv = hermes_sse_limits_admit(request->service->limits, keys, n, request->now_ms, &verdict, &request->ticket);
  if (rv == HERMES_SSE_ERR_DENIED)
    return full(request, &verdict);
  if (rv < 0)
    return refuse(request, HERMES_SSE__ATTEMPT_UNAVAILABLE, 503, hermes_sse_strerror(rv));
  request->state = HERMES_SSE_REQUEST_STREAM;
  request->status = 200;
  if (!request->head)
    return request->state;
  hermes_sse_ticket_release(&request->ticket);
  return hermes_sse__reply(request, 200, "text/event-stream; charset=utf-8");
}

/* ---- what a stream follows ---- */

static int read_channels(hermes_sse_request *request, hermes_sse_slice query)
{
  hermes_sse_slice raw, list, item;
  char text[256];
  int len;

  if (!hermes_sse__query_find(query, "channels", &raw) || raw.len == 0) {
    request->channels = (1u << HERMES_SSE__N_CHANNELS) - 1;
    return HERMES_SSE_OK;
  }
  len = hermes_sse__percent_decode(raw, 1, text, sizeof text);
  if (len < 0)
    return HERMES_SSE_ERR_BAD_DATA;
  list = (hermes_sse_slice){ .ptr = text, .len = (size_t)len };
  while (hermes_sse__next_item(&list, &item)) {
    unsigned known = 0;

    for (int i = 0; i < HERMES_SSE__N_CHANNELS; i++)
      if (item.len == strlen(hermes_sse__channels[i].name) &&
          memcmp(item.ptr, hermes_sse__channels[i].name, item.len) == 0)
        known = 1u << i;
    if (!known)
      return HERMES_SSE_ERR_BAD_DATA;
    request->channels |= known;
  }
  return request->channels ? HERMES_SSE_OK : HERMES_SSE_ERR_BAD_DATA;
}

/* An error's text, or NULL. */
static const char *read_target(hermes_sse_request *request, hermes_sse_slice query, hermes_sse_slice id,
                               const hermes_sse_request_input *input)
{
  hermes_sse_slice last = hermes_sse__input_header(input, "last-event-id"), raw;
  int len;

  for (int i = 0; i < HERMES_SSE__N_CHANNELS; i++)
    if (request->route == hermes_sse__channels[i].route)
      request->channels = 1u << i;
  if (request->route == HERMES_SSE__ROUTE_STREAM && read_channels(request, query) < 0)
    return known_channels;
  if (request->route == HERMES_SSE__ROUTE_STREAM && hermes_sse__query_find(query, "download_id", &raw))
    id = raw;
  if (id.ptr) {
    len = hermes_sse__percent_decode(id, request->route == HERMES_SSE__ROUTE_STREAM, request->key, sizeof request->key);
    if (len <= 0)
      return "the download id is empty, too long, or not properly encoded";
    request->key_len = (size_t)len;
  }
  if (last.len == 0 && hermes_sse__query_find(query, "last_event_id", &raw)) {
    len = hermes_sse__percent_decode(raw, 1, request->last_event_id, sizeof request->last_event_id);
    if (len < 0) /* no id of anybody's, so that a gap is told */
      len = (int)strlen(strcpy(request->last_event_id, "?"));
    request->last_event_id_len = (size_t)len;
  } else if (last.len > 0) {
    request->last_event_id_len =
        last.len < sizeof request->last_event_id ? last.len : sizeof request->last_event_id - 1;
    memcpy(request->last_event_id, last.ptr, request->last_event_id_len);
  }
  return NULL;
}

static int check_scope(hermes_sse_request *request)
{
  if (request->error)
    return refuse(request, HERMES_SSE__ATTEMPT_BAD_REQUEST, 400, request->error);
  if (request->scope && !hermes_sse__scope_covers(request->scope, request))
    return refuse(request, HERMES_SSE__ATTEMPT_FORBIDDEN, 403, "the token's scope does not cover this stream");
  return admit(request);
}

/* ---- tokens ---- */

static int token_answered(hermes_sse_request *request)
{
  int rv = request->answer;

  if (rv == HERMES_SSE_OK)
    rv = hermes_sse__token_read(request);
  if (rv == HERMES_SSE_ERR_NOT_FOUND || rv == HERMES_SSE_ERR_BAD_DATA)
    return refuse(request, HERMES_SSE__ATTEMPT_UNAUTHORIZED, 401, "the token is unknown or has expired");
  if (rv == HERMES_SSE_OK)
    rv = hermes_sse__desk_open(request->service, request->hub);
  if (rv < 0)
    return refuse(request, HERMES_SSE__ATTEMPT_UNAVAILABLE, 503, "the token store does not answer");
  return check_scope(request);
}

static int grant_answered(hermes_sse_request *request)
{
  char expires[HERMES_SSE__TIMESTAMP_ROOM];

  if (request->answer < 0 || hermes_sse__desk_open(request->service, request->hub) < 0 ||
      hermes_sse__grant_add(request) < 0)
    return hermes_sse__reply_error(request, 503, "the token store does not answer");
  hermes_sse__text_format(&request->body, "{\"token\":\"%s\",\"expires_at\":\"%s\",\"scope\":", request->token,
                          hermes_sse__timestamp(request->expires_ms, expires));
  hermes_sse__text_json(&request->body, request->scope, strlen(request->scope));
  hermes_sse__text_format(&request->body, ",\"permissions\":[\"read\"],\"ttl\":%llu}",
                          (unsigned long long)request->ttl_s);
  return hermes_sse__reply(request, 200, "application/json");
}

int hermes_sse__decide_answered(hermes_sse_request *request)
{
  int awaits = request->awaits;

  request->awaits = HERMES_SSE__AWAITS_NOTHING;
  return awaits == HERMES_SSE__AWAITS_TOKEN ? token_answered(request) : grant_answered(request);
}

/* Goes on at once if the store has answered at once. */
static int await(hermes_sse_request *request, int awaits, int what, hermes_sse_slice value)
{
  char key[HERMES_SSE__TOKEN_KEY_ROOM];
  int rv;

  hermes_sse__token_key(request->token, key);
  request->awaits = awaits;
  request->state = HERMES_SSE_REQUEST_PENDING;
  rv = hermes_sse__lookup_start(request, what, key, value);
  if (rv == HERMES_SSE_ERR_AGAIN)
    return request->state;
  if (rv < 0)
    request->answer = rv == HERMES_SSE_ERR_NOT_FOUND ? HERMES_SSE_ERR_STATE : rv;
  return hermes_sse__decide_answered(request);
}

static const char *read_wish(hermes_sse_request *request, hermes_sse_slice body)
{
  const cJSON *scope, *ttl;
  const char *error = NULL;
  cJSON *json = NULL;

  if (hermes_sse__json_read(body, &json) < 0)
    return "the body is not JSON";
  scope = cJSON_GetObjectItemCaseSensitive(json, "scope");
  ttl = cJSON_GetObjectItemCaseSensitive(json, "ttl");
  request->ttl_s = 300;
  if (!cJSON_IsString(scope) || !hermes_sse__scope_valid(hermes_sse_str(scope->valuestring)))
    error = "scope: accepted are download:<id>, queue, system, analytics, all";
  else if (ttl && (!cJSON_IsNumber(ttl) || !(ttl->valuedouble >= 60 && ttl->valuedouble <= 3600) ||
                   ttl->valuedouble != (double)(int)ttl->valuedouble))
    error = "ttl: a whole number of seconds from 60 to 3600";
  if (!error) {
    if (ttl)
      request->ttl_s = (uint64_t)ttl->valuedouble;
    request->scope = hermes_sse__copy(&request->service->env, scope->valuestring, strlen(scope->valuestring));
    request->failed |= !request->scope;
  }
  cJSON_Delete(json);
  return error;
}

static int give_token(hermes_sse_request *request, const hermes_sse_request_input *input)
{
  hermes_sse__text value = hermes_sse__text_new(&request->service->env);
  const char *error = read_wish(request, input->body);
  int rv;

  if (error)
    return hermes_sse__reply_error(request, 400, error);
  if (request->failed || hermes_sse__token_mint(request, &value) < 0) {
    hermes_sse__text_clear(&value);
    return hermes_sse__reply_error(request, 503, "out of memory or random bytes");
  }
  rv = await(request, HERMES_SSE__AWAITS_GRANT, HERMES_SSE__LOOKUP_PUT,
             (hermes_sse_slice){ .ptr = value.bytes, .len = value.n });
  hermes_sse__text_clear(&value);
  return rv;
}

/* ---- the order of checks ---- */

static int is_json(const hermes_sse_request_input *input)
{
  hermes_sse_slice type = hermes_sse__input_header(input, "content-type");

  return type.len >= 16 && strncasecmp(type.ptr, "application/json", 16) == 0 &&
         (type.len == 16 || strchr("; \t", ((const char *)type.ptr)[16]));
}

/* What every request that changes something must show. 0: fine. */
static int check_change(hermes_sse_request *request, const hermes_sse_request_input *input)
{
  if (hermes_sse__method_in(input->method, "GET, HEAD"))
    return 0;
  if (!hermes_sse__host_known(request->service, input))
    return hermes_sse__reply_error(request, 403, "unknown Host");
  if (hermes_sse__method_in(input->method, "POST") && !is_json(input))
    return hermes_sse__reply_error(request, 415, "Content-Type must be application/json");
  return 0;
}

static int check_client(hermes_sse_request *request, int client, int tokens_do)
{
  switch (client) {
  case HERMES_SSE__CLIENT_KNOWN:
    return 0;
  case HERMES_SSE__CLIENT_TOKEN:
    return tokens_do
               ? 0
               : refuse(request, HERMES_SSE__ATTEMPT_FORBIDDEN, 403, "a token opens streams only; a key is needed");
  case HERMES_SSE__CLIENT_KEY_IN_QUERY:
    return refuse(request, HERMES_SSE__ATTEMPT_UNAUTHORIZED, 401,
                  "keys are not accepted in the query string; send Authorization: Bearer, or ask for a token");
  case HERMES_SSE__CLIENT_BAD:
    return refuse(request, HERMES_SSE__ATTEMPT_UNAUTHORIZED, 401, "the key or token is not accepted");
  default:
    return refuse(request, HERMES_SSE__ATTEMPT_UNAUTHORIZED, 401, "a key or token is needed");
  }
}

/* A browser's EventSource gives up at a 503 or 429, and cannot be told when to ask again but by a stream. */
static void read_refusal(hermes_sse_request *request, hermes_sse_slice query)
{
  hermes_sse_slice refusal;

  if (!hermes_sse__query_find(query, "refusal", &refusal) || refusal.len != 4)
    return;
  if (memcmp(refusal.ptr, "soft", 4) == 0)
    request->refusal = HERMES_SSE__REFUSE_SOFT;
  else if (memcmp(refusal.ptr, "stop", 4) == 0)
    request->refusal = HERMES_SSE__REFUSE_STOP;
}

static int decide_stream(hermes_sse_request *request, const hermes_sse_request_input *input, hermes_sse_slice query,
                         hermes_sse_slice id)
{
  int client = hermes_sse__client_judge(request, input, query), rv = check_client(request, client, 1);

  if (rv)
    return rv;
  read_refusal(request, query);
  request->error = read_target(request, query, id, input);
  if (client != HERMES_SSE__CLIENT_TOKEN)
    return check_scope(request);
  return await(request, HERMES_SSE__AWAITS_TOKEN, HERMES_SSE__LOOKUP_GET, (hermes_sse_slice){ .ptr = NULL });
}

static int decide_ours(hermes_sse_request *request, const hermes_sse_request_input *input, hermes_sse_slice query,
                       hermes_sse_slice id)
{
  int stream = hermes_sse__route_is_stream(request->route), rv;

  if ((stream || request->route == HERMES_SSE__ROUTE_TOKEN) &&
      !request->service->settings->number[HERMES_SSE__SETTING_ENABLE])
    return refuse(request, HERMES_SSE__ATTEMPT_DISABLED, 503, "SSE is not enabled on this server");
  if (stream)
    return decide_stream(request, input, query, id);
  if (request->route == HERMES_SSE__ROUTE_TOKEN) {
    rv = check_client(request, hermes_sse__client_judge(request, input, query), 0);
    if (!rv)
      rv = check_change(request, input);
    return rv ? rv : give_token(request, input);
  }
  return hermes_sse__report(request);
}

static int decide_hosts(hermes_sse_request *request, const hermes_sse_request_input *input, hermes_sse_slice query)
{
  int rv = 0;

  if (!input->open_to_all)
    rv = check_client(request, hermes_sse__client_judge(request, input, query), 0);
  if (!rv)
    rv = check_change(request, input);
  return rv ? rv : HERMES_SSE_REQUEST_PASS;
}

/* What the host's own methods are once HEAD and OPTIONS are answered as they should be. */
static int host_takes(const hermes_sse_request_input *input)
{
  return hermes_sse__method_in(input->method, input->allow) ||
         (hermes_sse__method_in(hermes_sse_str("GET"), input->allow) && hermes_sse__method_in(input->method, "HEAD"));
}

int hermes_sse__decide(hermes_sse_request *request, const hermes_sse_request_input *input)
{
  const char *target = input->target.ptr, *mark = input->target.len ? memchr(target, '?', input->target.len) : NULL;
  hermes_sse_slice path = { .ptr = target, .len = mark ? (size_t)(mark - target) : input->target.len };
  hermes_sse_slice query = { .ptr = mark ? mark + 1 : NULL, .len = mark ? input->target.len - path.len - 1 : 0 };
  hermes_sse_slice id = { .ptr = NULL };
  const char *methods;
  int takes;

  request->route = input->allow ? HERMES_SSE__ROUTE_PASS : hermes_sse__route_find(path, &id);
  request->head = hermes_sse__method_in(input->method, "HEAD");
  hermes_sse__client_address(request, input);
  methods = input->allow ? input->allow : hermes_sse__route_methods(request->route);
  if (request->route != HERMES_SSE__ROUTE_UNKNOWN && (input->allow || request->route != HERMES_SSE__ROUTE_PASS) &&
      hermes_sse__method_in(input->method, "OPTIONS"))
    return hermes_sse__cors_preflight(request, input, methods);
  hermes_sse__cors_add(request, input);
  if (request->route == HERMES_SSE__ROUTE_UNKNOWN)
    return hermes_sse__reply_error(request, 404, "Not Found");
  if (request->route == HERMES_SSE__ROUTE_PASS && !input->allow)
    return HERMES_SSE_REQUEST_PASS;
  takes = input->allow ? host_takes(input) : hermes_sse__method_in(input->method, methods);
  if (!takes) {
    hermes_sse__reply_header(request, "allow", methods);
    return hermes_sse__reply_error(request, 405, "Method Not Allowed");
  }
  return input->allow ? decide_hosts(request, input, query) : decide_ours(request, input, query, id);
}
