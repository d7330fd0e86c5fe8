#include "api.h"
#include "suite.h"
#include <hermes_sse/extend.h>

static const char *const on[] = { "HERMES_ENABLE_SSE=true", NULL };
static const char *const off[] = { NULL };
static const char *const keyed[] = { "HERMES_ENABLE_SSE=true", "HERMES_API_KEYS=first-key,second-key", NULL };

START_TEST(health_is_as_the_seed_prints_it)
{
  api a;

  api_init(&a, on, NULL);
  api_expect(&a, (ask){ .target = "/api/v1/events/health" }, 200,
             "{\"enabled\":true,\"active_connections\":0,\"max_connections\":1000,\"heartbeat_interval\":30,"
             "\"version\":\"0.1.0\"}");
  api_clear(&a);
  api_init(&a, off, NULL);
  api_expect(&a, (ask){ .target = "/api/v1/events/health" }, 200, "\"enabled\":false,\"active_connections\":0,");
  api_clear(&a);
}
END_TEST

START_TEST(off_is_a_503_for_streams_and_tokens_alone)
{
  static const char *const streams[] = { "/api/v1/events/stream", "/api/v1/events/downloads/x", "/api/v1/events/queue",
                                         "/api/v1/events/system", "/api/v1/events/analytics" };
  const char *json = "content-type: application/json\nhost: localhost\n";
  api a;

  api_init(&a, off, NULL);
  for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
    api_expect(&a, (ask){ .target = streams[i] }, 503, "{\"detail\":\"SSE is not enabled on this server\"}");
  api_expect(&a, (ask){ .target = "/api/v1/events/stream?refusal=soft" }, 503, "not enabled");
  api_expect(&a, (ask){ .method = "POST", .target = "/api/v1/events/token", .headers = json, .body = "{}" }, 503,
             "{\"detail\":\"SSE is not enabled on this server\"}");
  api_expect(&a, (ask){ .target = "/api/v1/events/ready" }, 200, "\"ready\":true");
  api_expect(&a, (ask){ .target = "/api/v1/events/metrics" }, 200, "hermes_sse_enabled 0");
  api_expect(&a, (ask){ .target = "/api/v1/events/metrics" }, 200,
             "hermes_sse_connection_attempts_total{result=\"disabled\"} 6\n");
  api_clear(&a);
}
END_TEST

START_TEST(routes_and_methods)
{
  hermes_sse_request *r;
  api a;

  api_init(&a, on, NULL);
  ck_assert_int_eq(api_ask(&a, (ask){ .target = "/" }, &r), HERMES_SSE_REQUEST_PASS);
  hermes_sse_request_free(r);
  ck_assert_int_eq(api_ask(&a, (ask){ .target = "/api/v1/eventsx" }, &r), HERMES_SSE_REQUEST_PASS);
  hermes_sse_request_free(r);
  api_expect(&a, (ask){ .target = "/api/v1/events" }, 404, "{\"detail\":\"Not Found\"}");
  api_expect(&a, (ask){ .target = "/api/v1/events/nothing" }, 404, NULL);
  api_expect(&a, (ask){ .target = "/api/v1/events/downloads/" }, 404, NULL);
  api_expect(&a, (ask){ .target = "/api/v1/events/downloads/a/b" }, 404, NULL);
  api_expect(&a, (ask){ .target = "/api/v1/events/health/" }, 200, NULL);
  api_expect(&a, (ask){ .method = "POST", .target = "/api/v1/events/stream" }, 405, NULL);
  ck_assert_int_eq(api_ask(&a, (ask){ .method = "DELETE", .target = "/api/v1/events/token" }, &r),
                   HERMES_SSE_REQUEST_REPLY);
  ck_assert_int_eq(hermes_sse_request_status(r), 405);
  ck_assert_str_eq(api_answer(r, "allow"), "POST, OPTIONS");
  hermes_sse_request_free(r);
  api_expect(&a, (ask){ .target = "/api/v1/events/stream?channels=none" }, 400, "download:updates");
  api_expect(&a, (ask){ .target = "/api/v1/events/stream?channels=%zz" }, 400, NULL);
  api_expect(&a, (ask){ .target = "/api/v1/events/downloads/%00" }, 400, "not properly encoded");
  api_expect(&a, (ask){ .target = "/api/v1/events/downloads/a%0ab" }, 400, NULL);
  api_expect(&a, (ask){ .target = "/api/v1/events/downloads/a%2" }, 400, NULL);
  api_expect(&a, (ask){ .target = "/api/v1/events/stream?download_id=" }, 400, NULL);
  api_expect(&a, (ask){ .method = "HEAD", .target = "/api/v1/events/stream" }, 200, "");
  api_expect(&a, (ask){ .target = "/api/v1/events/health" }, 200, "\"active_connections\":0,");
  api_clear(&a);
}
END_TEST

/* Opens with a sink; the stream's first event. */
static void open_stream(api *a, const char *target, const char *headers, sink *s)
{
  hermes_sse_stream_options o = { .size = sizeof o, .user = s, .http = 11 };
  hermes_sse_request *r;

  sink_init(s);
  s->head = s->chunked = 1;
  ck_assert_int_eq(api_ask(a, (ask){ .target = target, .headers = headers }, &r), HERMES_SSE_REQUEST_STREAM);
  ck_assert_int_eq(hermes_sse_request_open(r, &o, &s->stream), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_request_open(r, &o, &s->stream), HERMES_SSE_ERR_STATE);
  hermes_sse_request_free(r);
  world_run(&a->w, 0);
}

static void publish_all(api *a)
{
  hermes_sse_download_progress p = {
    .size = sizeof p, .status = "downloading", .progress = 12.34, .eta = HERMES_SSE_UNKNOWN
  };

  ck_assert_int_eq(hermes_sse_publish_download_progress(a->service, "x", &p), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_publish_download_progress(a->service, "y", &p), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_publish_queue_update(a->service, "added", "x", "queued"), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_publish_system_notification(a->service, "info", "hi"), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_service_publish(a->service, "analytics:updates", "analytics_update", hermes_sse_str("1")),
                   HERMES_SSE_OK);
  world_run(&a->w, 0);
}

static void expect_types(api *a, const char *target, const char *types)
{
  sink s;
  received r[16];
  char text[256] = "";
  size_t n;

  open_stream(a, target, NULL, &s);
  publish_all(a);
  n = sink_read(&s, r, 16, NULL);
  ck_assert_str_eq(r[0].type, "");
  ck_assert_msg(strncmp(r[0].data, "{\"type\":\"connected\",\"data\":{\"connection_id\":\"", 45) == 0, "%s", r[0].data);
  for (size_t i = 1; i < n; i++)
    strcat(strcat(text, r[i].type), " ");
  ck_assert_msg(strcmp(text, types) == 0, "%s: %s", target, text);
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
}

START_TEST(streams_carry_what_was_asked_for)
{
  api a;

  api_init(&a, on, NULL);
  expect_types(&a, "/api/v1/events/stream",
               "download_progress download_progress queue_update system_notification analytics_update ");
  expect_types(&a, "/api/v1/events/downloads/x", "download_progress ");
  expect_types(&a, "/api/v1/events/downloads/%78", "download_progress ");
  expect_types(&a, "/api/v1/events/queue", "queue_update ");
  expect_types(&a, "/api/v1/events/system", "system_notification ");
  expect_types(&a, "/api/v1/events/analytics", "analytics_update ");
  expect_types(&a, "/api/v1/events/stream?download_id=x", "download_progress queue_update ");
  expect_types(&a, "/api/v1/events/stream?channels=queue%3Aupdates,system:notifications",
               "queue_update system_notification ");
  api_expect(&a, (ask){ .target = "/api/v1/events/health" }, 200, "\"active_connections\":0,");
  api_clear(&a);
}
END_TEST

START_TEST(last_event_id_replays_by_header_or_query)
{
  api a;
  sink s;
  char target[128], header[128], id[HERMES_SSE_ID_MAX];
  hermes_sse_id head;

  api_init(&a, on, NULL);
  hermes_sse_bus_head(a.w.bus, &head);
  hermes_sse_id_format(&head, id, sizeof id);
  publish_all(&a);
  snprintf(target, sizeof target, "/api/v1/events/queue?last_event_id=%s", id);
  open_stream(&a, target, NULL, &s);
  ck_assert_ptr_nonnull(strstr(world_data(&s), "\"action\":\"added\""));
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  snprintf(header, sizeof header, "last-event-id: %s\n", id);
  open_stream(&a, "/api/v1/events/queue?last_event_id=garbage", header, &s);
  ck_assert_ptr_null(strstr(world_data(&s), "reason"));
  ck_assert_ptr_nonnull(strstr(world_data(&s), "\"action\":\"added\""));
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  open_stream(&a, "/api/v1/events/queue?last_event_id=%zz", NULL, &s);
  ck_assert_ptr_nonnull(strstr(world_data(&s), "\"reason\":\"unknown\""));
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  api_clear(&a);
}
END_TEST

START_TEST(keys_open_and_tell)
{
  hermes_sse_request *r;
  api a;
  sink s;

  api_init(&a, keyed, NULL);
  ck_assert_int_eq(api_ask(&a, (ask){ .target = "/api/v1/events/stream" }, &r), HERMES_SSE_REQUEST_REPLY);
  ck_assert_int_eq(hermes_sse_request_status(r), 401);
  ck_assert_str_eq(api_answer(r, "www-authenticate"), "Bearer");
  hermes_sse_request_free(r);
  api_expect(&a, (ask){ .target = "/api/v1/events/stream", .headers = "authorization: Bearer first-kez\n" }, 401, NULL);
  api_expect(&a, (ask){ .target = "/api/v1/events/stream", .headers = "authorization: Bearer first-ke\n" }, 401, NULL);
  api_expect(&a, (ask){ .target = "/api/v1/events/stream", .headers = "authorization: Basic first-key\n" }, 401, NULL);
  api_expect(&a, (ask){ .target = "/api/v1/events/stream?token=first-key" }, 401, "query string");
  api_expect(&a,
             (ask){ .target = "/api/v1/events/stream?x=1&api_key=first%2Dkey",
                    .headers = "authorization: Bearer second-key\n" },
             401, "query string");
  api_expect(&a, (ask){ .target = "/api/v1/events/stream?channels=none&token=sse_unknown" }, 401, NULL);
  ck_assert_uint_eq(a.w.memory.logs, 0);
  open_stream(&a, "/api/v1/events/stream", "authorization: Bearer second-key\n", &s);
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  ck_assert_int_eq(api_ask(&a, (ask){ .target = "/api/v1/events/stream", .principal = "someone" }, &r),
                   HERMES_SSE_REQUEST_STREAM);
  hermes_sse_request_free(r);
  api_expect(&a, (ask){ .target = "/api/v1/events/health" }, 200, "\"active_connections\":0,");
  api_clear(&a);
}
END_TEST

START_TEST(P40_full_is_told_hard_or_softly_or_for_good)
{
  static const char *const variables[] = { "HERMES_ENABLE_SSE=true", "HERMES_SSE_MAX_CONNECTIONS=2",
                                           "HERMES_SSE_MAX_PER_CLIENT=1", NULL };
  hermes_sse_request *r[2], *refused;
  api a;

  api_init(&a, variables, NULL);
  ck_assert_int_eq(api_ask(&a, (ask){ .target = "/api/v1/events/stream" }, &r[0]), HERMES_SSE_REQUEST_STREAM);
  ck_assert_int_eq(api_ask(&a, (ask){ .target = "/api/v1/events/stream" }, &refused), HERMES_SSE_REQUEST_REPLY);
  ck_assert_int_eq(hermes_sse_request_status(refused), 429);
  ck_assert_ptr_nonnull(api_answer(refused, "retry-after"));
  hermes_sse_request_free(refused);
  ck_assert_int_eq(api_ask(&a, (ask){ .target = "/api/v1/events/stream", .peer = "127.0.0.2" }, &r[1]),
                   HERMES_SSE_REQUEST_STREAM);
  ck_assert_int_eq(api_ask(&a, (ask){ .target = "/api/v1/events/stream", .peer = "127.0.0.3" }, &refused),
                   HERMES_SSE_REQUEST_REPLY);
  ck_assert_int_eq(hermes_sse_request_status(refused), 503);
  ck_assert_ptr_nonnull(api_answer(refused, "retry-after"));
  ck_assert_str_eq(api_body(refused), "{\"detail\":\"Maximum SSE connections reached\",\"code\":\"MAX_CONNECTIONS\"}");
  hermes_sse_request_free(refused);
  ck_assert_int_eq(api_ask(&a, (ask){ .target = "/api/v1/events/stream?refusal=soft", .peer = "127.0.0.3" }, &refused),
                   HERMES_SSE_REQUEST_REPLY);
  ck_assert_int_eq(hermes_sse_request_status(refused), 200);
  ck_assert_str_eq(api_answer(refused, "content-type"), "text/event-stream; charset=utf-8");
  ck_assert(strncmp(api_body(refused), "retry: ", 7) == 0);
  hermes_sse_request_free(refused);
  api_expect(&a, (ask){ .target = "/api/v1/events/stream?refusal=stop", .peer = "127.0.0.3" }, 204, NULL);
  api_expect(&a, (ask){ .method = "HEAD", .target = "/api/v1/events/stream", .peer = "127.0.0.3" }, 503, NULL);
  api_expect(&a, (ask){ .target = "/api/v1/events/metrics" }, 200, "hermes_sse_connections 2\n");
  api_expect(&a, (ask){ .target = "/api/v1/events/metrics" }, 200,
             "hermes_sse_connection_attempts_total{result=\"full\"} 3\n");
  hermes_sse_request_free(r[0]); /* given back without ever being opened */
  hermes_sse_request_free(r[1]);
  api_expect(&a, (ask){ .target = "/api/v1/events/health" }, 200, "\"active_connections\":0,");
  api_clear(&a);
}
END_TEST

START_TEST(forwarded_addresses_count_behind_trusted_proxies_alone)
{
  static const char *const variables[] = { "HERMES_ENABLE_SSE=true", "HERMES_SSE_MAX_PER_CLIENT=1",
                                           "HERMES_TRUSTED_PROXIES=127.0.0.1,10.0.0.0/8", NULL };
  static const ask first = { .target = "/api/v1/events/stream",
                             .headers = "x-forwarded-for: 6.6.6.6, 192.0.2.1, 10.1.1.1\n" };
  static const ask other = { .target = "/api/v1/events/stream", .headers = "x-forwarded-for: 6.6.6.6, 192.0.2.2\n" };
  static const ask liar = { .target = "/api/v1/events/stream",
                            .headers = "x-forwarded-for: 192.0.2.3\n",
                            .peer = "127.0.0.9" };
  static const ask liar_again = { .target = "/api/v1/events/stream",
                                  .headers = "x-forwarded-for: 192.0.2.4\n",
                                  .peer = "127.0.0.9" };
  hermes_sse_request *r[3];
  api a;

  api_init(&a, variables, NULL);
  ck_assert_int_eq(api_ask(&a, first, &r[0]), HERMES_SSE_REQUEST_STREAM);
  api_expect(&a, first, 429, NULL);
  ck_assert_int_eq(api_ask(&a, other, &r[1]), HERMES_SSE_REQUEST_STREAM);
  ck_assert_int_eq(api_ask(&a, liar, &r[2]), HERMES_SSE_REQUEST_STREAM);
  api_expect(&a, liar_again, 429, NULL);
  for (int i = 0; i < 3; i++)
    hermes_sse_request_free(r[i]);
  api_clear(&a);
}
END_TEST

static void expect_cors(api *a, const char *origin, const char *allowed, const char *credentials)
{
  char headers[128];
  hermes_sse_request *r;

  snprintf(headers, sizeof headers, "origin: %s\n", origin);
  ck_assert_int_eq(api_ask(a, (ask){ .target = "/api/v1/events/health", .headers = headers }, &r),
                   HERMES_SSE_REQUEST_REPLY);
  ck_assert_str_eq(api_answer(r, "vary"), "Origin");
  if (allowed) {
    ck_assert_str_eq(api_answer(r, "access-control-allow-origin"), allowed);
    ck_assert_str_eq(api_answer(r, "access-control-expose-headers"), "Retry-After, Hermes-SSE-Gap");
  } else {
    ck_assert_ptr_null(api_answer(r, "access-control-allow-origin"));
  }
  if (credentials)
    ck_assert_str_eq(api_answer(r, "access-control-allow-credentials"), credentials);
  else
    ck_assert_ptr_null(api_answer(r, "access-control-allow-credentials"));
  hermes_sse_request_free(r);
}

START_TEST(origins_are_answered_as_they_are_allowed)
{
  static const char *const listed[] = { "HERMES_ALLOWED_ORIGINS=https://a.example", NULL };
  static const char *const debug[] = { "HERMES_DEBUG=true", NULL };
  static const char *const any[] = { "HERMES_ALLOWED_ORIGINS=*", "HERMES_ALLOW_CREDENTIALS=no", NULL };
  hermes_sse_request *r;
  api a;

  api_init(&a, listed, NULL);
  expect_cors(&a, "https://a.example", "https://a.example", "true");
  expect_cors(&a, "https://a.example.evil", NULL, NULL);
  expect_cors(&a, "null", NULL, NULL);
  ck_assert_int_eq(
      api_ask(&a,
              (ask){ .method = "OPTIONS", .target = "/api/v1/events/stream", .headers = "origin: https://a.example\n" },
              &r),
      HERMES_SSE_REQUEST_REPLY);
  ck_assert_int_eq(hermes_sse_request_status(r), 204);
  ck_assert_str_eq(api_answer(r, "access-control-allow-headers"), "authorization, content-type, last-event-id");
  ck_assert_str_eq(api_answer(r, "access-control-allow-methods"), "GET, HEAD, OPTIONS");
  hermes_sse_request_free(r);
  api_clear(&a);
  api_init(&a, debug, NULL);
  expect_cors(&a, "http://localhost:5173", "http://localhost:5173", "true");
  expect_cors(&a, "http://[::1]:3000", "http://[::1]:3000", "true");
  expect_cors(&a, "http://localhost.evil", NULL, NULL);
  api_clear(&a);
  api_init(&a, any, NULL);
  expect_cors(&a, "https://whoever.example", "*", NULL);
  api_clear(&a);
  api_init(&a, off, NULL);
  expect_cors(&a, "http://localhost:5173", NULL, NULL);
  api_clear(&a);
}
END_TEST

START_TEST(the_hosts_own_routes_get_the_same_checks)
{
  const ask list = { .target = "/own", .allow = "GET, POST" };
  const ask page = { .target = "/", .allow = "GET", .open_to_all = 1 };
  ask q;
  hermes_sse_request *r;
  api a;

  api_init(&a, keyed, NULL);
  api_expect(&a, list, 401, NULL);
  ck_assert_int_eq(api_ask(&a, page, &r), HERMES_SSE_REQUEST_PASS);
  ck_assert_str_eq(api_answer(r, "vary"), "Origin");
  hermes_sse_request_free(r);
  q = page;
  q.method = "HEAD";
  ck_assert_int_eq(api_ask(&a, q, &r), HERMES_SSE_REQUEST_PASS);
  hermes_sse_request_free(r);
  q.method = "POST";
  api_expect(&a, q, 405, NULL);
  q = list;
  q.headers = "authorization: Bearer first-key\n";
  ck_assert_int_eq(api_ask(&a, q, &r), HERMES_SSE_REQUEST_PASS);
  hermes_sse_request_free(r);
  q.method = "POST";
  q.headers = "authorization: Bearer first-key\nhost: localhost\n";
  api_expect(&a, q, 415, NULL);
  q.headers = "authorization: Bearer first-key\nhost: evil.example\ncontent-type: application/json\n";
  api_expect(&a, q, 403, "unknown Host");
  q.headers = "authorization: Bearer first-key\nhost: 127.0.0.1:8000\ncontent-type: application/json; charset=utf-8\n";
  ck_assert_int_eq(api_ask(&a, q, &r), HERMES_SSE_REQUEST_PASS);
  hermes_sse_request_free(r);
  q.headers = "authorization: Bearer first-key\nhost: 192.168.1.5:8000\ncontent-type: application/json\n";
  ck_assert_int_eq(api_ask(&a, q, &r), HERMES_SSE_REQUEST_PASS);
  hermes_sse_request_free(r);
  q.allow = "GET, POST, DELETE";
  q.method = "DELETE";
  q.headers = "authorization: Bearer first-key\nhost: evil.example\n";
  api_expect(&a, q, 403, "unknown Host");
  q.allow = "GET, POST";
  q.method = "OPTIONS";
  api_expect(&a, q, 204, NULL);
  q.method = "GET";
  q.headers = "authorization: Bearer sse_0123456789\n";
  api_expect(&a, q, 403, NULL);
  api_clear(&a);
}
END_TEST

START_TEST(draining_is_not_ready)
{
  hermes_sse_request *r;
  hermes_sse_stream_options o = { .size = sizeof o, .user = NULL, .http = 11 };
  hermes_sse_stream *stream;
  api a;

  api_init(&a, on, NULL);
  ck_assert_int_eq(api_ask(&a, (ask){ .target = "/api/v1/events/stream" }, &r), HERMES_SSE_REQUEST_STREAM);
  hermes_sse_bus_drain(a.w.bus, NULL);
  api_expect(&a, (ask){ .target = "/api/v1/events/ready" }, 503, "draining");
  ck_assert_int_eq(hermes_sse_request_open(r, &o, &stream), HERMES_SSE_ERR_CLOSED);
  ck_assert_int_eq(hermes_sse_request_state(r), HERMES_SSE_REQUEST_REPLY);
  ck_assert_int_eq(hermes_sse_request_status(r), 503);
  hermes_sse_request_free(r);
  api_expect(&a, (ask){ .target = "/api/v1/events/health" }, 200, "\"active_connections\":0,");
  api_clear(&a);
}
END_TEST

static const ask every_kind[] = {
  { .target = "/api/v1/events/health", .headers = "origin: https://a.example\n" },
  { .target = "/api/v1/events/metrics" },
  { .target = "/api/v1/events/ready" },
  { .target = "/api/v1/events/stream?channels=queue:updates", .headers = "authorization: Bearer first-key\n" },
  { .target = "/api/v1/events/stream" },
  { .target = "/api/v1/events/downloads/x?token=sse_abc" },
  { .method = "POST",
    .target = "/api/v1/events/token",
    .headers = "authorization: Bearer first-key\nhost: localhost\ncontent-type: application/json\n",
    .body = "{\"scope\":\"download:x\",\"ttl\":60}" },
  { .method = "OPTIONS", .target = "/api/v1/events/stream", .headers = "origin: https://a.example\n" },
};

static void scenario(const hermes_sse_environment *environment, memory *m, void *user)
{
  static const char *const variables[] = { "HERMES_ENABLE_SSE=true", "HERMES_API_KEYS=first-key",
                                           "HERMES_ALLOWED_ORIGINS=https://a.example", "HERMES_TRUSTED_PROXIES=::1",
                                           NULL };
  hermes_sse_service_options o = { .size = sizeof o, .environment = environment };
  hermes_sse_bus_options bo = { .size = sizeof bo, .environment = environment };
  hermes_sse_hub_options ho = { .size = sizeof ho, .writev = sink_writev };
  api a = { .settings = NULL };
  int rv;

  (void)user;
  rv = hermes_sse_settings_load(environment, variables, NULL, NULL, NULL, 0, &a.settings);
  if (rv == HERMES_SSE_OK)
    rv = hermes_sse_bus_new(&bo, &a.w.bus);
  if (rv == HERMES_SSE_OK)
    rv = hermes_sse_hub_new(a.w.bus, &ho, &a.w.hub);
  o.settings = a.settings;
  if (rv == HERMES_SSE_OK)
    rv = hermes_sse_service_new(a.w.bus, &o, &a.service);
  ck_assert(rv == HERMES_SSE_OK || (rv == HERMES_SSE_ERR_NOMEM && m->failed > 0));
  for (size_t i = 0; rv == HERMES_SSE_OK && i < sizeof every_kind / sizeof *every_kind; i++) {
    hermes_sse_request *r;
    int state = api_ask(&a, every_kind[i], &r);

    ck_assert(state > 0 || (state == HERMES_SSE_ERR_NOMEM && m->failed > 0 && !r));
    if (state == HERMES_SSE_REQUEST_STREAM) {
      sink s;
      hermes_sse_stream_options so = { .size = sizeof so, .user = &s, .http = 11 };

      sink_init(&s);
      if (hermes_sse_request_open(r, &so, &s.stream) == HERMES_SSE_OK) {
        hermes_sse_hub_run(a.w.hub, 1, 0, NULL);
        hermes_sse_stream_free(s.stream);
      } else {
        ck_assert_int_eq(hermes_sse_request_state(r), HERMES_SSE_REQUEST_REPLY);
      }
      sink_clear(&s);
    }
    hermes_sse_request_free(r);
  }
  if (a.service) {
    hermes_sse_service_revoke(a.service, "download:x");
    hermes_sse_publish_system_notification(a.service, "info", "x");
  }
  hermes_sse_service_free(a.service);
  hermes_sse_settings_free(a.settings);
  hermes_sse_hub_free(a.w.hub);
  hermes_sse_bus_free(a.w.bus);
}

START_TEST(every_reason_for_a_gap_has_its_count)
{
  char line[80];
  sink s;
  api a;

  api_init(&a, on, NULL);
  world_open(&a.w, &s, "t", NULL);
  ck_assert_int_eq(hermes_sse_bus_gap(a.w.bus, hermes_sse_str("t"), HERMES_SSE_GAP_BRIDGE, NULL), HERMES_SSE_OK);
  world_run(&a.w, 0);
  for (int reason = 1; strcmp(hermes_sse_gap_name(reason), "unknown reason") != 0; reason++) {
    snprintf(line, sizeof line, "hermes_sse_gaps_total{reason=\"%s\"} %d\n", hermes_sse_gap_name(reason),
             reason == HERMES_SSE_GAP_BRIDGE);
    api_expect(&a, (ask){ .target = "/api/v1/events/metrics" }, 200, line);
  }
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  api_clear(&a);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
  ck_assert_uint_gt(memory_sweep(scenario, NULL), 80);
}
END_TEST

SUITE_MAIN("service", health_is_as_the_seed_prints_it, off_is_a_503_for_streams_and_tokens_alone, routes_and_methods,
           streams_carry_what_was_asked_for, last_event_id_replays_by_header_or_query, keys_open_and_tell,
           P40_full_is_told_hard_or_softly_or_for_good, forwarded_addresses_count_behind_trusted_proxies_alone,
           origins_are_answered_as_they_are_allowed, the_hosts_own_routes_get_the_same_checks, draining_is_not_ready,
           every_reason_for_a_gap_has_its_count, every_allocation_may_fail)
