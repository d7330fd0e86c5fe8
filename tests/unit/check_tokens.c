#include "api.h"
#include "suite.h"
#include <pthread.h>
#include <stdatomic.h>

static const char *const keyed[] = { "HERMES_ENABLE_SSE=true", "HERMES_API_KEYS=first-key", NULL };

#define MINT_HEADERS "authorization: Bearer first-key\nhost: localhost\ncontent-type: application/json\n"

/* A token of this scope, from its answer. */
static const char *mint(api *a, const char *body)
{
  static char token[64];
  hermes_sse_request *r;
  const char *at;

  ck_assert_int_eq(
      api_ask(a, (ask){ .method = "POST", .target = "/api/v1/events/token", .headers = MINT_HEADERS, .body = body },
              &r),
      HERMES_SSE_REQUEST_REPLY);
  ck_assert_msg(hermes_sse_request_status(r) == 200, "%s", api_body(r));
  at = api_body(r);
  ck_assert(strncmp(at, "{\"token\":\"sse_", 14) == 0);
  ck_assert_ptr_nonnull(strstr(at, "\"permissions\":[\"read\"],\"ttl\":"));
  snprintf(token, sizeof token, "%.*s", (int)strcspn(at + 10, "\""), at + 10);
  ck_assert_uint_ge(strlen(token), 4 + 22); /* 128 bits in base64url */
  hermes_sse_request_free(r);
  return token;
}

static int stream_state(api *a, const char *target, const char *token, int *status)
{
  char full[256];
  hermes_sse_request *r;
  int state;

  snprintf(full, sizeof full, "%s%stoken=%s", target, strchr(target, '?') ? "&" : "?", token);
  state = api_ask(a, (ask){ .target = full }, &r);
  *status = hermes_sse_request_status(r);
  hermes_sse_request_free(r);
  return state;
}

static void expect_scope(api *a, const char *scope, const char *target, int status)
{
  char body[128];
  int found;

  snprintf(body, sizeof body, "{\"scope\":\"%s\"}", scope);
  stream_state(a, target, mint(a, body), &found);
  ck_assert_msg(found == status, "%s for %s: %d", scope, target, found);
}

START_TEST(scopes_open_what_they_cover)
{
  api a;

  api_init(&a, keyed, NULL);
  expect_scope(&a, "all", "/api/v1/events/stream", 200);
  expect_scope(&a, "all", "/api/v1/events/downloads/x", 200);
  expect_scope(&a, "queue", "/api/v1/events/queue", 200);
  expect_scope(&a, "queue", "/api/v1/events/stream?channels=queue:updates", 200);
  expect_scope(&a, "queue", "/api/v1/events/stream", 403);
  expect_scope(&a, "queue", "/api/v1/events/system", 403);
  expect_scope(&a, "system", "/api/v1/events/system", 200);
  expect_scope(&a, "analytics", "/api/v1/events/analytics", 200);
  expect_scope(&a, "download:x", "/api/v1/events/downloads/x", 200);
  expect_scope(&a, "download:x", "/api/v1/events/downloads/y", 403);
  expect_scope(&a, "download:x", "/api/v1/events/stream?channels=download:updates&download_id=x", 200);
  expect_scope(&a, "download:x", "/api/v1/events/stream?download_id=x", 403);
  expect_scope(&a, "download:x", "/api/v1/events/queue", 403);
  api_clear(&a);
}
END_TEST

START_TEST(bad_wishes_are_named)
{
  static const char *const bad[] = { "",
                                     "{",
                                     "[]",
                                     "{\"scope\":\"everything\"}",
                                     "{\"scope\":3}",
                                     "{\"scope\":\"download:\"}",
                                     "{\"scope\":\"all\",\"ttl\":59}",
                                     "{\"scope\":\"all\",\"ttl\":3601}",
                                     "{\"scope\":\"all\",\"ttl\":60.5}",
                                     "{\"scope\":\"all\",\"ttl\":\"60\"}",
                                     "{\"scope\":\"all\"} x",
                                     "{\"scope\":\"a\nb\"}" };
  char deep[1000];
  api a;

  memset(deep, '[', sizeof deep - 1);
  deep[sizeof deep - 1] = 0;
  api_init(&a, keyed, NULL);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    api_expect(&a, (ask){ .method = "POST", .target = "/api/v1/events/token", .headers = MINT_HEADERS, .body = bad[i] },
               400, NULL);
  api_expect(&a, (ask){ .method = "POST", .target = "/api/v1/events/token", .headers = MINT_HEADERS, .body = deep },
             400, NULL);
  api_expect(&a,
             (ask){ .method = "POST",
                    .target = "/api/v1/events/token",
                    .headers = "host: localhost\ncontent-type: application/json\n",
                    .body = "{\"scope\":\"all\"}" },
             401, NULL);
  api_clear(&a);
}
END_TEST

START_TEST(tokens_expire_with_their_streams)
{
  api a;
  sink s;
  char token[64];
  char target[128];
  hermes_sse_stream_options o = { .size = sizeof o, .user = &s };
  hermes_sse_request *r;
  int status;

  api_init(&a, keyed, NULL);
  strcpy(token, mint(&a, "{\"scope\":\"all\",\"ttl\":60}"));
  ck_assert_int_eq(stream_state(&a, "/api/v1/events/stream", token, &status), HERMES_SSE_REQUEST_STREAM);
  ck_assert_int_eq(stream_state(&a, "/api/v1/events/stream", token, &status), HERMES_SSE_REQUEST_STREAM); /* again */
  a.w.memory.wall_ms += 30000;
  sink_init(&s);
  snprintf(target, sizeof target, "/api/v1/events/stream?token=%s", token);
  ck_assert_int_eq(api_ask(&a, (ask){ .target = target }, &r), HERMES_SSE_REQUEST_STREAM);
  ck_assert_int_eq(hermes_sse_request_open(r, &o, &s.stream), HERMES_SSE_OK);
  hermes_sse_request_free(r);
  world_run(&a.w, 28000);
  ck_assert_int_eq(hermes_sse_stream_reason(s.stream), 0);
  world_run(&a.w, 3000);
  ck_assert_int_eq(hermes_sse_stream_reason(s.stream), HERMES_SSE_CLOSE_LIFETIME);
  hermes_sse_stream_free(s.stream);
  a.w.memory.wall_ms += 30001;
  stream_state(&a, "/api/v1/events/stream", token, &status);
  ck_assert_int_eq(status, 401);
  stream_state(&a, "/api/v1/events/stream", "sse_neverGiven", &status);
  ck_assert_int_eq(status, 401);
  sink_clear(&s);
  api_clear(&a);
}
END_TEST

START_TEST(revoking_closes_after_the_final_event)
{
  api a;
  sink s;
  char target[128];
  hermes_sse_stream_options o = { .size = sizeof o, .user = &s };
  hermes_sse_download_progress p = { .size = sizeof p, .status = "completed", .progress = 100 };
  hermes_sse_request *r;
  int status;

  api_init(&a, keyed, NULL);
  snprintf(target, sizeof target, "/api/v1/events/downloads/x?token=%s", mint(&a, "{\"scope\":\"download:x\"}"));
  sink_init(&s);
  ck_assert_int_eq(api_ask(&a, (ask){ .target = target }, &r), HERMES_SSE_REQUEST_STREAM);
  ck_assert_int_eq(hermes_sse_request_open(r, &o, &s.stream), HERMES_SSE_OK);
  hermes_sse_request_free(r);
  ck_assert_int_eq(hermes_sse_publish_download_progress(a.service, "x", &p), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_service_revoke(a.service, "download:x"), HERMES_SSE_OK);
  world_run(&a.w, 0);
  ck_assert_ptr_nonnull(strstr(world_data(&s), "completed"));
  ck_assert_int_eq(hermes_sse_stream_reason(s.stream), HERMES_SSE_CLOSE_KICKED);
  hermes_sse_stream_free(s.stream);
  stream_state(&a, "/api/v1/events/downloads/x", strstr(target, "sse_"), &status);
  ck_assert_int_eq(status, 401);
  ck_assert_int_eq(hermes_sse_service_revoke(a.service, NULL), HERMES_SSE_ERR_OPTION);
  sink_clear(&s);
  api_clear(&a);
}
END_TEST

/* A store that answers when the test says, as often as it says. */
static struct {
  hermes_sse_store_done done;
  void *context;
  int calls, refuse;
} slow;

static int slow_call(hermes_sse_store_done done, void *context)
{
  slow.calls++;
  if (slow.refuse)
    return HERMES_SSE_ERR_FULL;
  slow.done = done;
  slow.context = context;
  return HERMES_SSE_OK;
}

static int slow_get(const char *key, hermes_sse_store_done done, void *context, void *user)
{
  (void)user;
  ck_assert(strncmp(key, "sse:token:sse_", 14) == 0);
  return slow_call(done, context);
}

static int slow_put(const char *key, const void *value, size_t len, uint64_t ttl_s, hermes_sse_store_done done,
                    void *context, void *user)
{
  (void)key, (void)user;
  ck_assert_uint_eq(ttl_s, 300);
  ck_assert(memmem(value, len, "\"expires_at\":\"20", 16) != NULL);
  return slow_call(done, context);
}

static int slow_del(const char *key, hermes_sse_store_done done, void *context, void *user)
{
  (void)key, (void)user;
  return slow_call(done, context);
}

static const hermes_sse_store slow_store = {
  .size = sizeof slow_store, .get = slow_get, .put = slow_put, .del = slow_del
};

static const char good[] = "{\"scope\":\"all\",\"permissions\":[\"read\"],\"expires_at\":\"2099-01-01T00:00:00.000Z\"}";

static hermes_sse_request *pending(api *a)
{
  hermes_sse_request *r;

  ck_assert_int_eq(api_ask(a, (ask){ .target = "/api/v1/events/stream?token=sse_x" }, &r), HERMES_SSE_REQUEST_PENDING);
  ck_assert_ptr_null(hermes_sse_request_next(a->service, a->w.hub));
  world_run(&a->w, 1);
  return r;
}

START_TEST(late_answers_are_listed)
{
  hermes_sse_request *r;
  api a;

  slow.refuse = 0;
  api_init(&a, keyed, &slow_store);
  r = pending(&a);
  ck_assert_uint_le(a.w.next, a.w.now + 500);
  a.w.wakes = 0;
  slow.done(HERMES_SSE_OK, good, sizeof good - 1, slow.context);
  ck_assert_uint_eq(a.w.wakes, 1);
  slow.done(HERMES_SSE_OK, good, sizeof good - 1, slow.context); /* twice */
  ck_assert_ptr_eq(hermes_sse_request_next(a.service, a.w.hub), r);
  ck_assert_ptr_null(hermes_sse_request_next(a.service, a.w.hub));
  ck_assert_int_eq(hermes_sse_request_state(r), HERMES_SSE_REQUEST_STREAM);
  api_expect(&a, (ask){ .target = "/api/v1/events/health" }, 200, "\"active_connections\":1,");
  hermes_sse_request_free(r);
  slow.done(HERMES_SSE_OK, good, sizeof good - 1, slow.context); /* thrice, and nobody is there */
  api_expect(&a, (ask){ .target = "/api/v1/events/health" }, 200, "\"active_connections\":0,");
  api_clear(&a);
}
END_TEST

START_TEST(no_answer_is_a_503_in_time)
{
  hermes_sse_request *r;
  api a;

  slow.refuse = 0;
  api_init(&a, keyed, &slow_store);
  r = pending(&a);
  world_run(&a.w, 498);
  ck_assert_ptr_null(hermes_sse_request_next(a.service, a.w.hub));
  world_run(&a.w, 2);
  ck_assert_ptr_eq(hermes_sse_request_next(a.service, a.w.hub), r);
  ck_assert_int_eq(hermes_sse_request_status(r), 503);
  slow.done(HERMES_SSE_OK, good, sizeof good - 1, slow.context); /* too late */
  ck_assert_ptr_null(hermes_sse_request_next(a.service, a.w.hub));
  hermes_sse_request_free(r);
  for (int i = 0; i < 12000; i++) { /* never answered: given up, and asked again all the same */
    r = pending(&a);
    hermes_sse_request_free(r);
  }
  api_clear(&a);
}
END_TEST

START_TEST(an_old_answer_decides_nobody_elses_request)
{
  hermes_sse_store_done done;
  void *context;
  api a;

  slow.refuse = 0;
  api_init(&a, keyed, &slow_store);
  hermes_sse_request_free(pending(&a));
  done = slow.done;
  context = slow.context;
  for (int i = 0; i < 2000; i++) {
    hermes_sse_request *r = pending(&a);

    done(HERMES_SSE_OK, good, sizeof good - 1, context);
    ck_assert_ptr_null(hermes_sse_request_next(a.service, a.w.hub));
    hermes_sse_request_free(r);
  }
  api_clear(&a);
}
END_TEST

START_TEST(a_pending_request_may_be_freed)
{
  hermes_sse_request *r[3];
  hermes_sse_store_done done[3];
  void *context[3];
  api a;

  slow.refuse = 0;
  api_init(&a, keyed, &slow_store);
  for (int i = 0; i < 3; i++) {
    r[i] = pending(&a);
    done[i] = slow.done;
    context[i] = slow.context;
  }
  hermes_sse_request_free(r[1]);
  done[1](HERMES_SSE_OK, good, sizeof good - 1, context[1]);
  done[0](HERMES_SSE_OK, good, sizeof good - 1, context[0]);
  hermes_sse_request_free(r[0]); /* answered, not yet listed */
  ck_assert_ptr_null(hermes_sse_request_next(a.service, a.w.hub));
  done[2](HERMES_SSE_ERR_NOT_FOUND, NULL, 0, context[2]);
  ck_assert_ptr_eq(hermes_sse_request_next(a.service, a.w.hub), r[2]);
  ck_assert_int_eq(hermes_sse_request_status(r[2]), 401);
  hermes_sse_request_free(r[2]);
  api_expect(&a, (ask){ .target = "/api/v1/events/health" }, 200, "\"active_connections\":0,");
  api_clear(&a);
}
END_TEST

START_TEST(a_store_that_cannot_tell_is_a_503)
{
  static const char *const broken[] = {
    "",
    "x",
    "{}",
    "{\"scope\":\"all\"}",
    "{\"scope\":\"all\",\"expires_at\":\"soon\"}",
    "{\"scope\":\"no\",\"expires_at\":\"2099-01-01T00:00:00Z\"}",
    "{\"scope\":\"all\",\"expires_at\":\"2001-01-01T00:00:00Z\"}",
    "{\"scope\":\"all\",\"permissions\":[],\"expires_at\":\"2099-01-01T00:00:00Z\"}",
    "{\"scope\":\"all\",\"permissions\":[\"read\"],\"expires_at\":\"2099-01-01T00:00:00+02:00\"}"
  };
  hermes_sse_request *r;
  api a;

  slow.refuse = 1;
  api_init(&a, keyed, &slow_store);
  api_expect(&a, (ask){ .target = "/api/v1/events/stream?token=sse_x" }, 503, "does not answer");
  api_expect(
      &a,
      (ask){
          .method = "POST", .target = "/api/v1/events/token", .headers = MINT_HEADERS, .body = "{\"scope\":\"all\"}" },
      503, NULL);
  slow.refuse = 0;
  r = pending(&a);
  slow.done(HERMES_SSE_ERR_PEER, NULL, 0, slow.context);
  ck_assert_ptr_eq(hermes_sse_request_next(a.service, a.w.hub), r);
  ck_assert_int_eq(hermes_sse_request_status(r), 503);
  hermes_sse_request_free(r);
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    r = pending(&a);
    slow.done(HERMES_SSE_OK, broken[i], strlen(broken[i]), slow.context);
    ck_assert_ptr_eq(hermes_sse_request_next(a.service, a.w.hub), r);
    ck_assert_msg(hermes_sse_request_status(r) == 401, "%s", broken[i]);
    hermes_sse_request_free(r);
  }
  api_clear(&a);
}
END_TEST

START_TEST(objects_go_in_any_order_while_one_is_pending)
{
  hermes_sse_request *r;
  api a;

  slow.refuse = 0;
  api_init(&a, keyed, &slow_store);
  r = pending(&a);
  hermes_sse_hub_free(a.w.hub);
  a.w.hub = NULL;
  slow.done(HERMES_SSE_OK, good, sizeof good - 1, slow.context);
  hermes_sse_request_free(r);
  api_clear(&a);
}
END_TEST

static void *answer(void *unused)
{
  slow.done(HERMES_SSE_OK, good, sizeof good - 1, slow.context);
  return unused;
}

START_TEST(answers_may_come_on_any_thread)
{
  api a;

  slow.refuse = 0;
  api_init(&a, keyed, &slow_store);
  for (int i = 0; i < 50; i++) {
    hermes_sse_request *r = pending(&a), *listed = NULL;
    pthread_t thread;

    pthread_create(&thread, NULL, answer, NULL);
    while (!(listed = hermes_sse_request_next(a.service, a.w.hub)))
      world_run(&a.w, 0);
    pthread_join(thread, NULL);
    ck_assert_ptr_eq(listed, r);
    ck_assert_int_eq(hermes_sse_request_state(r), HERMES_SSE_REQUEST_STREAM);
    hermes_sse_request_free(r);
  }
  api_clear(&a);
}
END_TEST

typedef struct loop {
  hermes_sse_hub *hub;
  atomic_int stop;
} loop;

static void *turn(void *user)
{
  loop *l = user;

  for (uint64_t now = 1; !atomic_load(&l->stop); now++)
    hermes_sse_hub_run(l->hub, now, 0, NULL);
  return NULL;
}

/* Two loops turn while the service they have pending requests of is let go on a third thread. */
START_TEST(a_service_may_be_freed_while_its_hubs_run)
{
  for (int round = 0; round < 20; round++) {
    api a;
    loop loops[2] = { { .hub = NULL }, { .hub = NULL } };
    pthread_t threads[2];

    slow.refuse = 0;
    api_init(&a, keyed, &slow_store);
    for (int i = 0; i < 2; i++) {
      hermes_sse_hub *own = a.w.hub;

      ck_assert_int_eq(hermes_sse_hub_new(a.w.bus, NULL, &loops[i].hub), HERMES_SSE_OK);
      a.w.hub = loops[i].hub;
      hermes_sse_request_free(pending(&a));
      a.w.hub = own;
    }
    for (int i = 0; i < 2; i++)
      pthread_create(&threads[i], NULL, turn, &loops[i]);
    hermes_sse_service_free(a.service);
    a.service = NULL;
    for (int i = 0; i < 2; i++) {
      atomic_store(&loops[i].stop, 1);
      pthread_join(threads[i], NULL);
      hermes_sse_hub_free(loops[i].hub);
    }
    api_clear(&a);
  }
}
END_TEST

SUITE_MAIN("tokens", an_old_answer_decides_nobody_elses_request, scopes_open_what_they_cover, bad_wishes_are_named,
           tokens_expire_with_their_streams, revoking_closes_after_the_final_event, late_answers_are_listed,
           no_answer_is_a_503_in_time, a_pending_request_may_be_freed, a_store_that_cannot_tell_is_a_503,
           objects_go_in_any_order_while_one_is_pending, answers_may_come_on_any_thread,
           a_service_may_be_freed_while_its_hubs_run)
