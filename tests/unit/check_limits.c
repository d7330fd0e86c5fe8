#include "core/limits.h"
#include "memory.h"
#include "suite.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static hermes_sse_limit_key key(const char *key_class, const char *text)
{
  return (hermes_sse_limit_key){ .key_class = key_class, .key = hermes_sse_str(text) };
}

static hermes_sse_limits *make(uint64_t max_total, const hermes_sse_environment *environment)
{
  hermes_sse_limits_options o = { .size = sizeof o, .max_total = max_total, .environment = environment };
  hermes_sse_limits *limits = NULL;

  ck_assert_int_eq(hermes_sse_limits_new(&o, &limits), HERMES_SSE_OK);
  return limits;
}

static void rules(hermes_sse_limits *l, const char *name, uint64_t max_tickets, uint64_t per_minute, uint64_t burst)
{
  hermes_sse_class_options o = {
    .size = sizeof o, .max_tickets = max_tickets, .per_minute = per_minute, .burst = burst
  };

  ck_assert_int_eq(hermes_sse_limits_class(l, name, &o), HERMES_SSE_OK);
}

static hermes_sse_limits_stats stats(hermes_sse_limits *l)
{
  hermes_sse_limits_stats s = { .size = sizeof s };

  ck_assert_int_eq(hermes_sse_limits_audit(l), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_limits_stats_get(l, &s), HERMES_SSE_OK);
  return s;
}

START_TEST(the_total_refuses_the_newest)
{
  hermes_sse_limits *l = make(2, NULL);
  hermes_sse_ticket t[3] = { { 0 } };
  hermes_sse_verdict v = { .size = sizeof v };

  ck_assert_int_eq(hermes_sse_limits_admit(l, NULL, 0, 0, NULL, &t[0]), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_limits_admit(l, NULL, 0, 0, NULL, &t[1]), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_limits_admit(l, NULL, 0, 0, &v, &t[2]), HERMES_SSE_ERR_DENIED);
  ck_assert_uint_eq(v.http_status, 503);
  ck_assert_str_eq(v.key_class, "");
  ck_assert(v.retry_after_s >= 1 && v.retry_after_s <= 5);
  ck_assert_ptr_null(t[2].limits);
  hermes_sse_ticket_release(&t[0]);
  ck_assert_int_eq(hermes_sse_limits_admit(l, NULL, 0, 0, &v, &t[2]), HERMES_SSE_OK);
  hermes_sse_ticket_release(&t[1]);
  hermes_sse_ticket_release(&t[2]);
  ck_assert_uint_eq(stats(l).tickets, 0);
  ck_assert_uint_eq(stats(l).refused_total, 1);
  hermes_sse_limits_free(l);
}
END_TEST

START_TEST(all_keys_or_none)
{
  hermes_sse_limits *l = make(10, NULL);
  hermes_sse_limit_key a[] = { key("user", "u"), key("address", "a"), key("tenant", "t") };
  hermes_sse_limit_key b[] = { key("address", "b"), key("tenant", "t2"), key("user", "u") };
  hermes_sse_ticket t = { 0 }, none = { 0 };
  hermes_sse_verdict v = { .size = sizeof v };

  rules(l, "user", 1, 0, 0);
  ck_assert_int_eq(hermes_sse_limits_admit(l, a, 3, 0, &v, &t), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_limits_admit(l, b, 3, 0, &v, &none), HERMES_SSE_ERR_DENIED);
  ck_assert_uint_eq(v.http_status, 429);
  ck_assert_str_eq(v.key_class, "user");
  ck_assert_uint_eq(stats(l).keys, 3);
  ck_assert(hermes_sse__ticket_has(&t, "tenant", hermes_sse_str("t")));
  ck_assert(!hermes_sse__ticket_has(&t, "tenant", hermes_sse_str("t2")));
  ck_assert(!hermes_sse__ticket_has(&t, "nothing", hermes_sse_str("t")));
  ck_assert(!hermes_sse__ticket_has(&none, "tenant", hermes_sse_str("t")));
  hermes_sse_ticket_release(&t);
  ck_assert_uint_eq(stats(l).keys, 0);
  ck_assert_int_eq(hermes_sse_limits_admit(l, b, 3, 0, &v, &t), HERMES_SSE_OK);
  hermes_sse_ticket_release(&t);
  hermes_sse_limits_free(l);
}
END_TEST

START_TEST(a_key_given_twice_counts_once)
{
  hermes_sse_limits *l = make(10, NULL);
  hermes_sse_limit_key a[] = { key("user", "u"), key("user", "u"), key("user", "") };
  hermes_sse_ticket t = { 0 };

  rules(l, "user", 1, 60, 1);
  ck_assert_int_eq(hermes_sse_limits_admit(l, a, 3, 0, NULL, &t), HERMES_SSE_OK);
  ck_assert_uint_eq(stats(l).keys, 2);
  hermes_sse_ticket_release(&t);
  hermes_sse_limits_free(l);
}
END_TEST

START_TEST(H23_a_ticket_is_given_back_once)
{
  hermes_sse_limits *l = make(10, NULL);
  hermes_sse_limit_key a = key("user", "u");
  hermes_sse_ticket t = { 0 }, copy, other = { 0 };

  ck_assert_int_eq(hermes_sse_limits_admit(l, &a, 1, 0, NULL, &t), HERMES_SSE_OK);
  copy = t;
  hermes_sse_ticket_release(&t);
  ck_assert_ptr_null(t.limits);
  ck_assert_int_eq(hermes_sse_limits_admit(l, &a, 1, 0, NULL, &other), HERMES_SSE_OK);
  ck_assert_uint_eq(other.slot, copy.slot);
  hermes_sse_ticket_release(&copy); /* the slot is another's now */
  ck_assert_uint_eq(stats(l).tickets, 1);
  hermes_sse_ticket_release(&other);
  hermes_sse_ticket_release(&other);
  hermes_sse_ticket_release(NULL);
  ck_assert_uint_eq(stats(l).tickets, 0);
  hermes_sse_limits_free(l);
}
END_TEST

START_TEST(arrivals_are_a_bucket)
{
  hermes_sse_limits *l = make(1000, NULL);
  hermes_sse_limit_key a = key("address", "a"), b[] = { key("address", "a"), key("address", "b") };
  hermes_sse_verdict v = { .size = sizeof v };
  hermes_sse_ticket t = { 0 };
  int admitted = 0;

  rules(l, "address", 0, 6, 3); /* one in ten seconds, three at once */
  for (int i = 0; i < 5; i++)
    admitted += hermes_sse_limits_admit(l, &a, 1, 1000, &v, &t) == HERMES_SSE_OK && (hermes_sse_ticket_release(&t), 1);
  ck_assert_int_eq(admitted, 3);
  ck_assert_uint_eq(v.http_status, 429);
  ck_assert_uint_eq(v.retry_after_s, 10);
  ck_assert_uint_eq(stats(l).keys, 1); /* remembered although it has no ticket */
  ck_assert_int_eq(hermes_sse_limits_admit(l, b, 2, 1000, &v, &t), HERMES_SSE_ERR_DENIED);
  ck_assert_uint_eq(stats(l).keys, 1); /* b lost nothing and is not remembered */
  ck_assert_int_eq(hermes_sse_limits_admit(l, &a, 1, 10999, &v, &t), HERMES_SSE_ERR_DENIED);
  ck_assert_int_eq(hermes_sse_limits_admit(l, &a, 1, 500, &v, &t), HERMES_SSE_ERR_DENIED); /* time never goes back */
  ck_assert_int_eq(hermes_sse_limits_admit(l, &a, 1, 11000, &v, &t), HERMES_SSE_OK);
  hermes_sse_ticket_release(&t);
  ck_assert_int_eq(hermes_sse_limits_admit(l, NULL, 0, 100000, &v, &t), HERMES_SSE_OK);
  ck_assert_uint_eq(stats(l).keys, 0); /* full again: forgotten */
  ck_assert_uint_eq(stats(l).refused_rate, 5);
  hermes_sse_ticket_release(&t);
  hermes_sse_limits_free(l);
}
END_TEST

START_TEST(many_addresses_leave_no_memory)
{
  memory m;
  hermes_sse_environment env;
  hermes_sse_limits *l;
  hermes_sse_ticket t = { 0 };

  memory_init(&m);
  env = memory_environment(&m);
  l = make(10, &env);
  rules(l, "address", 0, 600, 1); /* full again after 100 ms */
  for (uint64_t i = 0; i < 200000; i++) {
    char text[16];
    hermes_sse_limit_key k;

    snprintf(text, sizeof text, "%llu", (unsigned long long)i);
    k = key("address", text);
    ck_assert_int_eq(hermes_sse_limits_admit(l, &k, 1, i, NULL, &t), HERMES_SSE_OK);
    hermes_sse_ticket_release(&t);
  }
  ck_assert_uint_lt(stats(l).keys, 200);
  ck_assert_uint_lt(m.peak_bytes, 100000);
  hermes_sse_limits_free(l);
  ck_assert_uint_eq(m.live_blocks, 0);
}
END_TEST

START_TEST(limits_may_go_before_their_tickets)
{
  memory m;
  hermes_sse_environment env;
  hermes_sse_limits *l;
  hermes_sse_ticket t = { 0 }, late = { 0 };

  memory_init(&m);
  env = memory_environment(&m);
  l = make(10, &env);
  ck_assert_int_eq(hermes_sse_limits_admit(l, NULL, 0, 0, NULL, &t), HERMES_SSE_OK);
  hermes_sse_limits_free(l);
  ck_assert_int_eq(hermes_sse_limits_admit(l, NULL, 0, 0, NULL, &late), HERMES_SSE_ERR_CLOSED);
  hermes_sse_ticket_release(&t);
  ck_assert_uint_eq(m.live_blocks, 0);
  hermes_sse_limits_free(NULL);
}
END_TEST

START_TEST(bad_options_are_refused)
{
  hermes_sse_limits_options o = { .size = sizeof o, .retry_min_s = 9, .retry_max_s = 3 };
  hermes_sse_class_options c = { .size = sizeof c, .burst = 4 };
  hermes_sse_limits *l = NULL;
  hermes_sse_ticket t = { 0 };
  char name[HERMES_SSE_KEY_CLASS_MAX + 2], text[HERMES_SSE_KEY_MAX + 2];
  hermes_sse_limit_key k[HERMES_SSE_TICKET_KEYS_MAX + 1];

  memset(name, 'n', sizeof name);
  memset(text, 't', sizeof text);
  name[sizeof name - 1] = text[sizeof text - 1] = 0;
  ck_assert_int_eq(hermes_sse_limits_new(&o, &l), HERMES_SSE_ERR_OPTION);
  o = (hermes_sse_limits_options){ .size = sizeof o, .max_total = (UINT64_C(1) << 30) + 1 };
  ck_assert_int_eq(hermes_sse_limits_new(&o, &l), HERMES_SSE_ERR_OPTION);
  ck_assert_ptr_null(l);
  l = make(HERMES_SSE_NEVER, NULL);
  ck_assert_int_eq(hermes_sse_limits_class(l, "c", &c), HERMES_SSE_ERR_OPTION);
  c.burst = 0;
  ck_assert_int_eq(hermes_sse_limits_class(l, name, &c), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_limits_class(l, "", &c), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_limits_class(l, NULL, &c), HERMES_SSE_ERR_OPTION);
  k[0] = key("c", text);
  ck_assert_int_eq(hermes_sse_limits_admit(l, k, 1, 0, NULL, &t), HERMES_SSE_ERR_BAD_KEY);
  ck_assert_int_eq(hermes_sse_limits_admit(l, k, HERMES_SSE_TICKET_KEYS_MAX + 1, 0, NULL, &t), HERMES_SSE_ERR_OPTION);
  k[0] = key(name, "x");
  ck_assert_int_eq(hermes_sse_limits_admit(l, k, 1, 0, NULL, &t), HERMES_SSE_ERR_OPTION);
  hermes_sse_limits_free(l);
}
END_TEST

static void come_and_go(const hermes_sse_environment *env, memory *m, void *user)
{
  hermes_sse_limits_options o = { .size = sizeof o, .environment = env };
  hermes_sse_limits *l = NULL;
  hermes_sse_ticket t[40] = { { 0 } };
  hermes_sse_class_options c = { .size = sizeof c, .per_minute = 1, .burst = 2 };
  uint64_t live = 0;

  (void)user;
  if (hermes_sse_limits_new(&o, &l) < 0) {
    ck_assert_uint_gt(m->failed, 0);
    return;
  }
  hermes_sse_limits_class(l, "address", &c);
  for (int i = 0; i < 40; i++) {
    char text[16];
    int rv = snprintf(text, sizeof text, "%d", i);
    hermes_sse_limit_key k[] = { key("user", "u"), key("tenant", text), key("address", text) };

    rv = hermes_sse_limits_admit(l, k, i % 2 ? 3 : 2, 0, NULL, &t[i]);
    ck_assert(rv == HERMES_SSE_OK || (rv == HERMES_SSE_ERR_NOMEM && m->failed > 0 && !t[i].limits));
    live += rv == HERMES_SSE_OK;
    ck_assert_uint_eq(stats(l).tickets, live);
  }
  for (int i = 0; i < 40; i++)
    hermes_sse_ticket_release(&t[i]);
  ck_assert_uint_eq(stats(l).tickets, 0);
  hermes_sse_limits_free(l);
}

START_TEST(every_allocation_may_fail)
{
  ck_assert_uint_gt(memory_sweep(come_and_go, NULL), 50);
}
END_TEST

static void *visitor(void *arg)
{
  hermes_sse_limits *l = arg;
  unsigned seed = (unsigned)(uintptr_t)&seed;

  for (int i = 0; i < 5000; i++) {
    char text[8];
    hermes_sse_limit_key k[] = { key("user", "u"), key("tenant", "t"), { 0 } };
    hermes_sse_ticket t = { 0 };

    snprintf(text, sizeof text, "%d", rand_r(&seed) % 20);
    k[2] = key("address", text);
    if (hermes_sse_limits_admit(l, k, 3, (uint64_t)i, NULL, &t) == HERMES_SSE_OK)
      hermes_sse_ticket_release(&t);
  }
  return NULL;
}

START_TEST(threads_leave_the_counts_at_zero)
{
  hermes_sse_limits *l = make(3, NULL);
  pthread_t threads[4];

  rules(l, "user", 2, 0, 0);
  for (int i = 0; i < 4; i++)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, visitor, l), 0);
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  ck_assert_uint_eq(stats(l).tickets, 0);
  ck_assert_uint_eq(stats(l).keys, 0);
  hermes_sse_limits_free(l);
}
END_TEST

SUITE_MAIN("limits", the_total_refuses_the_newest, all_keys_or_none, a_key_given_twice_counts_once,
           H23_a_ticket_is_given_back_once, arrivals_are_a_bucket, many_addresses_leave_no_memory,
           limits_may_go_before_their_tickets, bad_options_are_refused, every_allocation_may_fail,
           threads_leave_the_counts_at_zero)
