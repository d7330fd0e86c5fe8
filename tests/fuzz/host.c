#include "host.h"
#include <cJSON.h>
#include <stdlib.h>
#include <string.h>

hermes_sse_settings *host_settings(const char *const *variables)
{
  hermes_sse_settings *settings = NULL;
  char why[512];

  FUZZ_CHECK(hermes_sse_settings_load(NULL, variables, NULL, NULL, why, sizeof why, &settings) == HERMES_SSE_OK);
  return settings;
}

void host_init(host *h, const hermes_sse_settings *settings, const hermes_sse_store *store)
{
  hermes_sse_bus_options bus = { .size = sizeof bus };
  hermes_sse_service_options service = { .size = sizeof service, .settings = settings, .store = store };

  *h = (host){ .now = 1000000 };
  h->environment = fuzz_environment(&h->memory);
  bus.environment = service.environment = &h->environment;
  service.store_timeout_ms = 500;
  FUZZ_CHECK(hermes_sse_bus_new(&bus, &h->bus) == HERMES_SSE_OK);
  FUZZ_CHECK(hermes_sse_hub_new(h->bus, NULL, &h->hub) == HERMES_SSE_OK);
  FUZZ_CHECK(hermes_sse_service_new(h->bus, &service, &h->service) == HERMES_SSE_OK);
}

void host_clear(host *h)
{
  h->memory.period = 0;
  hermes_sse_service_free(h->service);
  hermes_sse_hub_free(h->hub);
  hermes_sse_bus_free(h->bus);
  FUZZ_CHECK(h->memory.live_blocks == 0);
}

int host_header(const char *name, hermes_sse_slice *value, void *user)
{
  const hermes_sse_slice *lines = user;
  const char *at = lines->ptr, *end = at + lines->len;
  size_t len = strlen(name);

  while (at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));

    stop = stop ? stop : end;
    if ((size_t)(stop - at) >= len + 2 && memcmp(at, name, len) == 0 && at[len] == ':' && at[len + 1] == ' ') {
      *value = (hermes_sse_slice){ .ptr = at + len + 2, .len = (size_t)(stop - at) - len - 2 };
      return 1;
    }
    at = stop < end ? stop + 1 : end;
  }
  return 0;
}

/* Nothing in a header can begin another one. */
static void check_headers(const hermes_sse_request *request)
{
  const char *name, *value;

  for (size_t i = 0; hermes_sse_request_header(request, i, &name, &value) == HERMES_SSE_OK; i++) {
    FUZZ_CHECK(*name && strspn(name, "abcdefghijklmnopqrstuvwxyz-") == strlen(name));
    for (; *value; value++)
      FUZZ_CHECK((unsigned char)*value >= ' ' && *value != 0x7f);
  }
}

static const char *header_of(const hermes_sse_request *request, const char *wanted)
{
  const char *name, *value;

  for (size_t i = 0; hermes_sse_request_header(request, i, &name, &value) == HERMES_SSE_OK; i++)
    if (strcmp(name, wanted) == 0)
      return value;
  return "";
}

static void check_body(const host *h, const hermes_sse_request *request)
{
  hermes_sse_slice body = hermes_sse_request_body(request);
  cJSON *json;

  if (strncmp(header_of(request, "content-type"), "application/json", 16) != 0 || h->memory.failed > 0)
    return;
  json = cJSON_ParseWithLength(body.ptr, body.len);
  FUZZ_CHECK(json != NULL);
  cJSON_Delete(json);
}

void host_check(const host *h, hermes_sse_request *request)
{
  hermes_sse_stream_options o = { .size = sizeof o, .flags = HERMES_SSE_STREAM_PULL };
  hermes_sse_stream *none = NULL;
  int state = hermes_sse_request_state(request), status = hermes_sse_request_status(request);

  check_headers(request);
  if (state == HERMES_SSE_REQUEST_STREAM) {
    FUZZ_CHECK(status == 200);
    FUZZ_CHECK(hermes_sse_request_body(request).len == 0);
    return;
  }
  FUZZ_CHECK(hermes_sse_request_open(request, &o, &none) == HERMES_SSE_ERR_STATE && !none);
  FUZZ_CHECK(hermes_sse_request_state(request) == state);
  if (state == HERMES_SSE_REQUEST_REPLY) {
    FUZZ_CHECK(status >= 200 && status <= 599);
    check_body(h, request);
  } else {
    FUZZ_CHECK(state == HERMES_SSE_REQUEST_PASS || state == HERMES_SSE_REQUEST_PENDING);
  }
}

int host_ask(host *h, const hermes_sse_request_input *input, hermes_sse_request **request)
{
  int state;

  *request = NULL;
  state = hermes_sse_service_handle(h->service, h->hub, h->now, input, request);
  if (state < 0) {
    FUZZ_CHECK(!*request);
    FUZZ_CHECK(state == HERMES_SSE_ERR_OPTION || (state == HERMES_SSE_ERR_NOMEM && h->memory.failed > 0));
    return state;
  }
  FUZZ_CHECK(*request && hermes_sse_request_state(*request) == state);
  FUZZ_CHECK(hermes_sse_request_user(*request) == input->user);
  host_check(h, *request);
  return state;
}

hermes_sse_stream *host_open(host *h, hermes_sse_request *request, uint64_t http)
{
  hermes_sse_stream_options o = { .size = sizeof o, .flags = HERMES_SSE_STREAM_PULL, .http = http };
  hermes_sse_stream *stream = NULL, *second = NULL;
  int rv = hermes_sse_request_open(request, &o, &stream);

  FUZZ_CHECK((rv == HERMES_SSE_OK) == (stream != NULL));
  if (stream) {
    FUZZ_CHECK(hermes_sse_request_open(request, &o, &second) == HERMES_SSE_ERR_STATE && !second);
    return stream;
  }
  FUZZ_CHECK(h->memory.failed > 0);
  FUZZ_CHECK(hermes_sse_request_state(request) == HERMES_SSE_REQUEST_REPLY);
  FUZZ_CHECK(hermes_sse_request_status(request) == 503);
  host_check(h, request);
  return NULL;
}

/* The response's head: lines of printable characters, an empty line at its end. */
static void check_head(const fuzz_text *bytes)
{
  const char *end = memmem(bytes->at, bytes->n, "\r\n\r\n", 4), *at = bytes->at;

  FUZZ_CHECK(bytes->n > 15 && memcmp(at, "HTTP/1.", 7) == 0 && memcmp(at + 8, " 200 OK\r\n", 9) == 0);
  FUZZ_CHECK(end != NULL);
  for (; at < end; at++)
    FUZZ_CHECK(*at == '\r' ? at[1] == '\n' : *at == '\n' ? at[-1] == '\r' : (unsigned char)*at >= ' ');
}

void host_check_first_bytes(host *h, hermes_sse_stream *stream, uint64_t http)
{
  fuzz_text bytes = { .at = NULL };
  hermes_sse_ssize n;
  char buf[256];
  int rv = hermes_sse_hub_run(h->hub, h->now, 0, NULL);

  FUZZ_CHECK(rv == HERMES_SSE_OK || (rv == HERMES_SSE_ERR_NOMEM && h->memory.failed > 0));
  while ((n = hermes_sse_stream_read(stream, buf, sizeof buf)) > 0)
    fuzz_add(&bytes, buf, (size_t)n);
  if (h->memory.failed == 0) {
    FUZZ_CHECK(n == 0);
    if (http == 10 || http == 11)
      check_head(&bytes);
    FUZZ_CHECK(memmem(bytes.at, bytes.n, "\"type\":\"connected\"", 18) != NULL);
  }
  fuzz_clear(&bytes);
}
