/* evhttp parses, the service decides. */
#include "server.h"
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_HEADERS = 16384, MAX_BODY = 65536 };

static const char *method_of(const struct evhttp_request *http)
{
  switch (http->type) {
  case EVHTTP_REQ_GET:
    return "GET";
  case EVHTTP_REQ_POST:
    return "POST";
  case EVHTTP_REQ_HEAD:
    return "HEAD";
  case EVHTTP_REQ_PUT:
    return "PUT";
  case EVHTTP_REQ_DELETE:
    return "DELETE";
  case EVHTTP_REQ_OPTIONS:
    return "OPTIONS";
  case EVHTTP_REQ_PATCH:
    return "PATCH";
  default:
    return "OTHER";
  }
}

static int find_header(const char *name, hermes_sse_slice *value, void *user)
{
  const char *v = evhttp_find_header(evhttp_request_get_input_headers(user), name);

  if (v)
    *value = hermes_sse_str(v);
  return v != NULL;
}

void http_reply(struct evhttp_request *http, const hermes_sse_request *request, int status, const char *type,
                const void *body, size_t len)
{
  struct evkeyvalq *headers = evhttp_request_get_output_headers(http);
  struct evbuffer *out = evbuffer_new();
  const char *name, *value;
  char length[24];

  for (size_t i = 0; request && hermes_sse_request_header(request, i, &name, &value) == HERMES_SSE_OK; i++)
    evhttp_add_header(headers, name, value);
  if (type)
    evhttp_add_header(headers, "content-type", type);
  evhttp_add_header(headers, "x-content-type-options", "nosniff");
  if (http->type == EVHTTP_REQ_CONNECT) { /* which evhttp takes for a tunnel that needs no length */
    snprintf(length, sizeof length, "%zu", len);
    evhttp_add_header(headers, "content-length", length);
  }
  if (out && len > 0)
    evbuffer_add(out, body, len);
  evhttp_send_reply(http, status, NULL, out);
  if (out)
    evbuffer_free(out);
}

void http_answer(server *s, struct evhttp_request *http, const hermes_sse_request *request)
{
  hermes_sse_slice body = hermes_sse_request_body(request);

  (void)s;
  http_reply(http, request, hermes_sse_request_status(request), NULL, body.ptr, body.len);
}

void http_error(struct evhttp_request *http, const hermes_sse_request *request, int status, const char *detail)
{
  char body[512];
  int len = snprintf(body, sizeof body, "{\"detail\":\"%s\"}", detail);

  http_reply(http, request, status, "application/json", body, (size_t)len);
}

/* The client left while the answer was pending. */
static void on_gone(struct evhttp_connection *connection, void *request)
{
  (void)connection;
  hermes_sse_request_free(request);
}

static void finish(server *s, struct evhttp_request *http, hermes_sse_request *request)
{
  char *path;
  const char *target = evhttp_request_get_uri(http);

  switch (hermes_sse_request_state(request)) {
  case HERMES_SSE_REQUEST_STREAM:
    streams_take(s, http, request);
    break;
  case HERMES_SSE_REQUEST_REPLY:
    http_answer(s, http, request);
    break;
  default:
    path = strndup(target, strcspn(target, "?"));
    if (path && api_methods(path, &(int){ 0 }))
      api_answer(s, http, request, path);
    else
      http_error(http, request, 404, "Not Found");
    free(path);
  }
  hermes_sse_request_free(request);
}

static void on_request(struct evhttp_request *http, void *arg)
{
  server *s = arg;
  struct evbuffer *body = evhttp_request_get_input_buffer(http);
  struct evhttp_connection *connection = evhttp_request_get_connection(http);
  const char *target = evhttp_request_get_uri(http);
  hermes_sse_request_input input = { .size = sizeof input, .header = find_header, .user = http };
  hermes_sse_request *request = NULL;
  struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
  char quoted[LOG_QUOTED_ROOM];
  socklen_t peer_len = sizeof peer;
  int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection)), open_to_all = 0, state;
  char *path;

  if (request_timeout_arrived(fd) < 0) {
    evhttp_connection_free(connection);
    return;
  }
  path = strndup(target, strcspn(target, "?"));
  getpeername(fd, (struct sockaddr *)&peer, &peer_len);
  input.peer = (struct sockaddr *)&peer;
  input.method = hermes_sse_str(method_of(http));
  input.target = hermes_sse_str(target);
  input.http = http->major == 1 && http->minor == 0 ? 10 : 11;
  input.body.len = evbuffer_get_length(body);
  input.body.ptr = evbuffer_pullup(body, -1);
  input.allow = path ? api_methods(path, &open_to_all) : NULL;
  input.open_to_all = (uint64_t)open_to_all;
  state = hermes_sse_service_handle(s->service, s->hub, now_ms(), &input, &request);
  log_line("info", "request", "method=%s path=%s state=%d", method_of(http), log_quoted(path ? path : "", quoted),
           state);
  free(path);
  if (state < 0)
    http_error(http, NULL, state == HERMES_SSE_ERR_OPTION ? 400 : 503, hermes_sse_strerror(state));
  else if (state == HERMES_SSE_REQUEST_PENDING)
    evhttp_connection_set_closecb(connection, on_gone, request);
  else
    finish(s, http, request);
}

void http_pending(server *s)
{
  hermes_sse_request *request;

  while ((request = hermes_sse_request_next(s->service, s->hub))) {
    struct evhttp_request *http = hermes_sse_request_user(request);

    evhttp_connection_set_closecb(evhttp_request_get_connection(http), NULL, NULL);
    finish(s, http, request);
  }
}

/* evhttp's own way to listen has a queue of 128, whatever the system allows. */
static struct evconnlistener *listen_on(server *s)
{
  struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM }, *found = NULL;
  struct evconnlistener *listener = NULL;

  if (getaddrinfo(hermes_sse_settings_get(s->settings, "API_HOST"), hermes_sse_settings_get(s->settings, "API_PORT"),
                  &hints, &found) != 0) {
    errno = EADDRNOTAVAIL;
    return NULL;
  }
  for (const struct addrinfo *a = found; a && !listener; a = a->ai_next)
    listener =
        evconnlistener_new_bind(s->base, NULL, NULL, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_CLOSE_ON_FREE,
                                SOMAXCONN, a->ai_addr, (int)a->ai_addrlen);
  freeaddrinfo(found);
  return listener;
}

int http_start(server *s)
{
  struct evconnlistener *listener;

  s->http = evhttp_new(s->base);
  if (!s->http || request_timeout_start(s) < 0)
    return -1;
  evhttp_set_max_headers_size(s->http, MAX_HEADERS);
  evhttp_set_max_body_size(s->http, MAX_BODY);
  evhttp_set_allowed_methods(s->http, UINT16_MAX); /* the service answers 405, and says what is allowed */
  evhttp_set_gencb(s->http, on_request, s);
  listener = listen_on(s);
  return listener && evhttp_bind_listener(s->http, listener) ? 0 : -1;
}
