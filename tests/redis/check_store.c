/* The asynchronous store in Redis: kept, forgotten, and what becomes of questions when Redis or the bridge goes. */
#include "fake.h"
#include "suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct answer {
  int calls, status;
  char value[32];
} answer;

static void done(int status, const void *value, size_t len, void *context)
{
  answer *a = context;

  a->calls++;
  a->status = status;
  ck_assert_uint_lt(len, sizeof a->value);
  if (len > 0)
    memcpy(a->value, value, len);
  a->value[len] = 0;
}

START_TEST(the_store_keeps_and_forgets)
{
  hermes_sse_redis_options o = { .flags = HERMES_SSE_REDIS_PUBLISH_ONLY, .timeout_ms = 500 };
  hermes_sse_store store = { .size = sizeof store };
  answer a[6] = { { .calls = 0 } };
  server s;
  fleet f;
  host *h;

  server_start(&s, NULL);
  fleet_init(&f);
  h = fleet_add(&f, &o, s.port);
  ck_assert_int_eq(hermes_sse_redis_store(h->redis, &store), HERMES_SSE_OK);
  ck_assert_int_eq(store.get("k", done, &a[0], store.user), HERMES_SSE_OK); /* Redis is away */
  FLEET_UNTIL(&f, a[0].calls == 1);
  ck_assert_int_eq(a[0].status, HERMES_SSE_ERR_AGAIN);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  store.put("k", "a\0b", 3, 77, done, &a[1], store.user);
  store.get("k", done, &a[2], store.user);
  store.get("other", done, &a[3], store.user);
  FLEET_UNTIL(&f, a[1].calls + a[2].calls + a[3].calls == 3);
  ck_assert_int_eq(a[1].status, HERMES_SSE_OK);
  ck_assert_int_eq(a[2].status, HERMES_SSE_OK);
  ck_assert(memcmp(a[2].value, "a\0b", 3) == 0);
  ck_assert_int_eq(a[3].status, HERMES_SSE_ERR_NOT_FOUND);
  ck_assert_int_ge(server_integer(&s, "TTL k"), 76);
  store.del("k", NULL, NULL, store.user); /* nobody cares */
  FLEET_UNTIL(&f, server_integer(&s, "EXISTS k") == 0);
  server_do(&s, "LPUSH list 1");
  store.get("list", done, &a[4], store.user); /* of another type */
  FLEET_UNTIL(&f, a[4].calls == 1);
  ck_assert_int_eq(a[4].status, HERMES_SSE_ERR_AGAIN);
  server_freeze(&s); /* one under way, one that waits, when all ends */
  store.get("k", done, &a[5], store.user);
  fleet_turn(&f, 1);
  store.get("k", done, &a[0], store.user);
  hermes_sse_hub_free(h->hub);
  h->hub = NULL;
  ck_assert_int_eq(a[5].calls, 1);
  ck_assert_int_eq(a[0].calls, 2);
  ck_assert_int_eq(store.get("k", done, &a[0], store.user), HERMES_SSE_ERR_CLOSED);
  ck_assert_int_eq(a[0].calls, 2);
  server_thaw(&s);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

START_TEST(a_lost_answer_of_the_store)
{
  hermes_sse_redis_options o = { .flags = HERMES_SSE_REDIS_PUBLISH_ONLY, .timeout_ms = 300 };
  hermes_sse_store store = { .size = sizeof store };
  answer a[2] = { { .calls = 0 } };
  fleet f;
  fake k;
  host *h;

  fleet_init(&f);
  fake_init(&k, &f);
  h = fleet_add(&f, &o, k.port);
  hermes_sse_redis_store(h->redis, &store);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  fake_answer(&k, "GET", "", 1);
  store.get("k", done, &a[0], store.user);
  FLEET_UNTIL(&f, a[0].calls == 1); /* no answer in time */
  ck_assert_int_eq(a[0].status, HERMES_SSE_ERR_AGAIN);
  ck_assert(host_logged(h, "no answer in time"));
  FLEET_UNTIL(&f, fleet_is_through(&f));
  store.get("k", done, &a[1], store.user);
  FLEET_UNTIL(&f, a[1].calls == 1);
  ck_assert_int_eq(a[1].status, HERMES_SSE_ERR_NOT_FOUND);
  fleet_clear(&f);
  fake_clear(&k);
}
END_TEST

SUITE_MAIN("redis store", the_store_keeps_and_forgets, a_lost_answer_of_the_store)
