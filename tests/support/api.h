/* A service on a world, and requests to it in one line. */
#ifndef HERMES_SSE_TESTS_API_H
#define HERMES_SSE_TESTS_API_H
#include "world.h"
#include <arpa/inet.h>
#include <hermes_sse/service.h>
#include <netinet/in.h>

typedef struct api {
  world w;
  hermes_sse_settings *settings;
  hermes_sse_service *service;
} api;

typedef struct ask {
  const char *method; /* NULL: GET */
  const char *target;
  const char *headers; /* "name: value\n" lines, names in lower case */
  const char *body;
  const char *peer; /* NULL: 127.0.0.1 */
  const char *allow;
  const char *principal;
  int open_to_all;
} ask;

static inline int api_header(const char *name, hermes_sse_slice *value, void *user)
{
  const ask *a = user;
  size_t len = strlen(name);

  for (const char *line = a->headers; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
    if (strncmp(line, name, len) == 0 && line[len] == ':') {
      *value = (hermes_sse_slice){ .ptr = line + len + 2, .len = strcspn(line + len + 2, "\n") };
      return 1;
    }
  return 0;
}

/* HERMES_SSE_REQUEST_ state or error; `*request` is the caller's to free. */
static inline int api_ask(api *a, ask q, hermes_sse_request **request)
{
  struct sockaddr_in peer = { .sin_family = AF_INET };
  hermes_sse_request_input i = { .size = sizeof i, .http = 11, .header = api_header, .user = &q };

  inet_pton(AF_INET, q.peer ? q.peer : "127.0.0.1", &peer.sin_addr);
  i.peer = (struct sockaddr *)&peer;
  i.method = hermes_sse_str(q.method ? q.method : "GET");
  i.target = hermes_sse_str(q.target);
  i.body = hermes_sse_str(q.body);
  i.principal = hermes_sse_str(q.principal);
  i.allow = q.allow;
  i.open_to_all = (uint64_t)q.open_to_all;
  *request = NULL;
  return hermes_sse_service_handle(a->service, a->w.hub, a->w.now, &i, request);
}

/* A header of the answer; NULL: none. */
static inline const char *api_answer(const hermes_sse_request *r, const char *wanted)
{
  const char *name, *value;

  for (size_t i = 0; hermes_sse_request_header(r, i, &name, &value) == HERMES_SSE_OK; i++)
    if (strcmp(name, wanted) == 0)
      return value;
  return NULL;
}

static inline const char *api_body(const hermes_sse_request *r)
{
  static char text[65536];
  hermes_sse_slice body = hermes_sse_request_body(r);

  ck_assert_uint_lt(body.len, sizeof text);
  if (body.len > 0)
    memcpy(text, body.ptr, body.len);
  text[body.len] = 0;
  return text;
}

/* Asks, and expects a reply of this status whose body contains `text` (all of it if it begins with '{'). */
static inline void api_expect(api *a, ask q, int status, const char *text)
{
  hermes_sse_request *r;
  int state = api_ask(a, q, &r);

  ck_assert_msg(state == HERMES_SSE_REQUEST_REPLY, "%s: state %d", q.target, state);
  ck_assert_msg(hermes_sse_request_status(r) == status, "%s: %d %s", q.target, hermes_sse_request_status(r),
                api_body(r));
  if (text && *text == '{')
    ck_assert_str_eq(api_body(r), text);
  else if (text)
    ck_assert_msg(strstr(api_body(r), text) != NULL, "%s: %.400s", q.target, api_body(r));
  hermes_sse_request_free(r);
}

/* `variables` ends with NULL. `store` may be NULL. */
static inline void api_init(api *a, const char *const *variables, const hermes_sse_store *store)
{
  hermes_sse_service_options o = { .size = sizeof o };
  char why[256] = "";

  world_init(&a->w, NULL);
  a->settings = NULL;
  ck_assert_msg(hermes_sse_settings_load(&a->w.environment, variables, NULL, NULL, why, sizeof why, &a->settings) ==
                    HERMES_SSE_OK,
                "%s", why);
  o.environment = &a->w.environment;
  o.settings = a->settings;
  o.store = store;
  o.store_timeout_ms = 500;
  ck_assert_int_eq(hermes_sse_service_new(a->w.bus, &o, &a->service), HERMES_SSE_OK);
}

static inline void api_clear(api *a)
{
  hermes_sse_service_free(a->service);
  hermes_sse_settings_free(a->settings);
  world_clear(&a->w);
}

#endif
