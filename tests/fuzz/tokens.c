/* Tokens: a body that asks for one gets it only if it says what the contract says, and it opens what its scope covers and
 * nothing else; what a store hands back opens a stream only if it is a record of ours and not over. The store answers at
 * once, late, twice, after the time-out, or never.
 * Input: what is tried, how the store answers, allocations, which stream; then the body, or the record. */
#include "host.h"
#include <cJSON.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const variables[] = { "HERMES_ENABLE_SSE=true", "HERMES_API_KEYS=first-key", NULL };
static hermes_sse_settings *settings;

/* ---- a store with one place, which answers as it is told ---- */

enum { AT_ONCE, LATE, TWICE, TOO_LATE, NEVER, REFUSED, UNKNOWN, BROKEN, N_HOWS };

static struct {
  int how;
  fuzz_text record;
  char key[128];
  struct {
    hermes_sse_store_done done;
    void *context;
    int status;
  } waiting;
} store;

static void answer(hermes_sse_store_done done, void *context, int status)
{
  char *value = fuzz_copy((hermes_sse_slice){ .ptr = store.record.at, .len = store.record.n });

  done(status, status == HERMES_SSE_OK ? value : NULL, status == HERMES_SSE_OK ? store.record.n : 0, context);
  free(value);
}

static int call(hermes_sse_store_done done, void *context)
{
  int status = store.how == UNKNOWN  ? HERMES_SSE_ERR_NOT_FOUND
               : store.how == BROKEN ? HERMES_SSE_ERR_PEER
                                     : HERMES_SSE_OK;

  if (store.how == REFUSED)
    return HERMES_SSE_ERR_FULL;
  if (store.how == LATE || store.how == TOO_LATE || store.how == NEVER) {
    store.waiting.done = done;
    store.waiting.context = context;
    store.waiting.status = status;
    return HERMES_SSE_OK;
  }
  answer(done, context, status);
  if (store.how == TWICE)
    answer(done, context, HERMES_SSE_OK);
  return HERMES_SSE_OK;
}

static int store_get(const char *key, hermes_sse_store_done done, void *context, void *user)
{
  (void)user;
  FUZZ_CHECK(strncmp(key, "sse:token:sse_", 14) == 0);
  return call(done, context);
}

static int store_put(const char *key, const void *value, size_t len, uint64_t ttl_s, hermes_sse_store_done done,
                     void *context, void *user)
{
  (void)user;
  FUZZ_CHECK(strncmp(key, "sse:token:sse_", 14) == 0 && strlen(key) < sizeof store.key);
  FUZZ_CHECK(ttl_s >= 60 && ttl_s <= 3600);
  strcpy(store.key, key);
  store.record.n = 0;
  fuzz_add(&store.record, value, len);
  return call(done, context);
}

static int store_del(const char *key, hermes_sse_store_done done, void *context, void *user)
{
  (void)user;
  FUZZ_CHECK(strncmp(key, "sse:token:sse_", 14) == 0);
  return call(done, context);
}

static const hermes_sse_store fuzzed_store = {
  .size = sizeof fuzzed_store, .get = store_get, .put = store_put, .del = store_del
};

/* ---- what must come of it ---- */

static const char *const paths[] = { "/api/v1/events/stream", "/api/v1/events/queue", "/api/v1/events/system",
                                     "/api/v1/events/analytics", "/api/v1/events/downloads/x" };
static const char *const scopes[] = { "all", "queue", "system", "analytics", "download:x" };
enum { N_PATHS = sizeof paths / sizeof *paths };

static int covers(const char *scope, size_t path)
{
  return strcmp(scope, "all") == 0 || strcmp(scope, scopes[path]) == 0;
}

static const char *text_of(const cJSON *object, const char *name)
{
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

  return cJSON_IsString(item) ? item->valuestring : "";
}

/* Milliseconds since 1970 of "YYYY-MM-DDThh:mm:ss..."; 0: not that. */
static int64_t time_of(const char *text)
{
  struct tm t = { .tm_isdst = 0 };
  const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &t);

  return rest && strlen(text) > 19 && text[strlen(text) - 1] == 'Z' ? (int64_t)timegm(&t) * 1000 : 0;
}

/* A record that may open `path`: whatever else it says. */
static int record_opens(const host *h, const char *record, size_t len, size_t path)
{
  cJSON *json = cJSON_ParseWithLength(record, len);
  const cJSON *permission;
  int read = 0, opens;

  cJSON_ArrayForEach(permission, cJSON_GetObjectItemCaseSensitive(json, "permissions")) read |=
      cJSON_IsString(permission) && strcmp(permission->valuestring, "read") == 0;
  opens =
      read && covers(text_of(json, "scope"), path) && time_of(text_of(json, "expires_at")) > (int64_t)h->memory.wall_ms;
  cJSON_Delete(json);
  return opens;
}

/* Brings a pending request to its end; 0: it was freed while it waited. */
static int settle(host *h, hermes_sse_request *request)
{
  hermes_sse_request *listed;

  if (store.how == NEVER)
    return 0;
  if (store.how == LATE)
    answer(store.waiting.done, store.waiting.context, store.waiting.status);
  else
    h->now += 500;
  hermes_sse_hub_run(h->hub, h->now, 0, NULL);
  if (store.how == TOO_LATE)
    answer(store.waiting.done, store.waiting.context, store.waiting.status);
  listed = hermes_sse_request_next(h->service, h->hub);
  FUZZ_CHECK(listed == request);
  FUZZ_CHECK(hermes_sse_request_next(h->service, h->hub) == NULL);
  host_check(h, request);
  if (store.how == TOO_LATE)
    FUZZ_CHECK(hermes_sse_request_status(request) == 503);
  return 1;
}

/* Asks; the request's status, 0 if there is none or it was given up. */
static int ask(host *h, const char *method, const char *target, const char *headers, hermes_sse_slice body,
               hermes_sse_request **request)
{
  static const struct sockaddr_in peer = { .sin_family = AF_INET };
  hermes_sse_slice lines = hermes_sse_str(headers);
  hermes_sse_request_input input = { .size = sizeof input,
                                     .method = hermes_sse_str(method),
                                     .target = hermes_sse_str(target),
                                     .body = body,
                                     .http = 11,
                                     .peer = (const struct sockaddr *)&peer,
                                     .header = host_header,
                                     .user = &lines };
  int state = host_ask(h, &input, request);

  if (state < 0)
    return 0;
  FUZZ_CHECK(state != HERMES_SSE_REQUEST_PASS);
  if (state == HERMES_SSE_REQUEST_PENDING && !settle(h, *request))
    return 0;
  FUZZ_CHECK(hermes_sse_request_state(*request) == HERMES_SSE_REQUEST_REPLY ||
             hermes_sse_request_state(*request) == HERMES_SSE_REQUEST_STREAM);
  return hermes_sse_request_status(*request);
}

static int opens(host *h, size_t path, const char *token)
{
  char target[256];
  hermes_sse_stream *stream = NULL;
  hermes_sse_request *request;
  int is_stream, status;

  snprintf(target, sizeof target, "%s?token=%s", paths[path], token);
  status = ask(h, "GET", target, "host: localhost\n", hermes_sse_str(NULL), &request);
  is_stream = status > 0 && hermes_sse_request_state(request) == HERMES_SSE_REQUEST_STREAM;
  FUZZ_CHECK(is_stream == (status == 200));
  if (is_stream)
    stream = host_open(h, request, 11);
  if (stream)
    host_check_first_bytes(h, stream, 11);
  hermes_sse_request_free(request);
  hermes_sse_stream_free(stream);
  return is_stream;
}

/* ---- the two things that are tried ---- */

static void use_record(host *h, size_t path, hermes_sse_slice record)
{
  int opened;

  fuzz_add(&store.record, record.ptr, record.len);
  opened = opens(h, path, "sse_x");
  FUZZ_CHECK(!opened || store.how == AT_ONCE || store.how == LATE || store.how == TWICE);
  FUZZ_CHECK(!opened || record_opens(h, record.ptr, record.len, path));
}

/* A token that was given opens what its scope says, and what it says is what was asked for. */
static void use_token(host *h, size_t path, const char *wish, size_t len, hermes_sse_request *request)
{
  hermes_sse_slice body = hermes_sse_request_body(request);
  cJSON *asked = cJSON_ParseWithLength(wish, len), *given = cJSON_ParseWithLength(body.ptr, body.len);
  const char *scope = text_of(asked, "scope"), *token = text_of(given, "token");
  int opened;

  FUZZ_CHECK(given || h->memory.failed > 0);
  if (given) {
    FUZZ_CHECK(strcmp(text_of(given, "scope"), scope) == 0);
    FUZZ_CHECK(strncmp(store.key, "sse:token:", 10) == 0 && strcmp(store.key + 10, token) == 0);
    FUZZ_CHECK(time_of(text_of(given, "expires_at")) > (int64_t)h->memory.wall_ms);
    store.how = AT_ONCE;
    opened = opens(h, path, token);
    FUZZ_CHECK(opened == covers(scope, path) || (!opened && h->memory.failed > 0));
    FUZZ_CHECK(hermes_sse_service_revoke(h->service, scope) == HERMES_SSE_OK || h->memory.failed > 0);
  }
  cJSON_Delete(asked);
  cJSON_Delete(given);
}

static void mint(host *h, size_t path, hermes_sse_slice wish)
{
  char *body = fuzz_copy(wish);
  hermes_sse_request *request;
  int status = ask(h, "POST", "/api/v1/events/token",
                   "authorization: Bearer first-key\nhost: localhost\ncontent-type: application/json",
                   (hermes_sse_slice){ .ptr = body, .len = wish.len }, &request);

  FUZZ_CHECK(status == 0 || status == 200 || status == 400 || status == 503);
  FUZZ_CHECK(status != 503 || h->memory.failed > 0 || store.how != AT_ONCE);
  if (status == 200)
    use_token(h, path, body, wish.len, request);
  hermes_sse_request_free(request);
  free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
  fuzz_input in = { .at = bytes, .end = bytes + len };
  int try = fuzz_byte(&in);
  unsigned period;
  size_t path;
  host h;

  if (!settings)
    settings = host_settings(variables);
  store.how = fuzz_byte(&in) % N_HOWS;
  store.record.n = 0;
  period = fuzz_period(fuzz_byte(&in));
  path = fuzz_byte(&in) % N_PATHS;
  host_init(&h, settings, &fuzzed_store);
  h.memory.period = period;
  if (try & 1)
    use_record(&h, path, fuzz_take(&in, len));
  else
    mint(&h, path, fuzz_take(&in, len));
  h.memory.period = 0;
  host_clear(&h);
  fuzz_clear(&store.record);
  return 0;
}
