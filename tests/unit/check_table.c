#include "core/environment.h"
#include "core/hash.h"
#include "core/options.h"
#include "core/table.h"
#include "memory.h"
#include "suite.h"
#include <stdlib.h>
#include <string.h>

enum { N = 1000 };

static void fill_and_empty(const hermes_sse_environment *env, memory *m, void *user)
{
  hermes_sse__table table = { .buckets = NULL };
  hermes_sse__node nodes[N];
  size_t seen = 0;

  (void)m, (void)user;
  for (uint64_t i = 0; i < N; i++) {
    nodes[i].hash = i * UINT64_C(0x9e3779b97f4a7c15) >> 20;
    hermes_sse__table_insert(env, &table, &nodes[i]);
  }
  for (size_t i = 0; i < N; i++)
    ck_assert_ptr_eq(hermes_sse__table_find(&table, nodes[i].hash), &nodes[i]);
  for (size_t b = 0; b < hermes_sse__table_buckets(&table); b++)
    for (const hermes_sse__node *n = hermes_sse__table_bucket(&table, b); n; n = n->next)
      seen++;
  ck_assert_uint_eq(seen, N);
  for (size_t i = 0; i < N; i++) {
    hermes_sse__table_remove(env, &table, &nodes[i]);
    ck_assert_ptr_null(hermes_sse__table_find(&table, nodes[i].hash));
  }
  ck_assert_uint_eq(table.n, 0);
  ck_assert_ptr_null(table.buckets);
}

START_TEST(a_table_needs_no_memory_to_work)
{
  ck_assert_uint_gt(memory_sweep(fill_and_empty, NULL), 4);
}
END_TEST

START_TEST(equal_hashes_are_told_apart)
{
  hermes_sse_environment env;
  hermes_sse__table table = { .buckets = NULL };
  hermes_sse__node a = { .hash = 5 }, b = { .hash = 5 };

  ck_assert_int_eq(hermes_sse__environment_read(&env, NULL), HERMES_SSE_OK);
  hermes_sse__table_insert(&env, &table, &a);
  hermes_sse__table_insert(&env, &table, &b);
  ck_assert_ptr_eq(hermes_sse__table_find(&table, 5), &b);
  ck_assert_ptr_eq(hermes_sse__table_same(&b), &a);
  ck_assert_ptr_null(hermes_sse__table_same(&a));
  hermes_sse__table_remove(&env, &table, &a);
  hermes_sse__table_remove(&env, &table, &b);
}
END_TEST

START_TEST(the_hash_depends_on_key_and_every_byte)
{
  hermes_sse__seed seed = { 1, 2 }, other = { 1, 3 };
  unsigned char text[40] = { 0 };

  for (size_t len = 0; len < sizeof text; len++) {
    uint64_t h = hermes_sse__hash(&seed, text, len);

    ck_assert(h != hermes_sse__hash(&other, text, len));
    ck_assert(h != hermes_sse__hash(&seed, text, len + 1 < sizeof text ? len + 1 : 0));
    for (size_t i = 0; i < len; i++) {
      text[i] ^= 1;
      ck_assert(h != hermes_sse__hash(&seed, text, len));
      text[i] ^= 1;
    }
  }
}
END_TEST

START_TEST(the_environment_has_defaults)
{
  hermes_sse_environment env, some = { .size = sizeof some, .release = (void (*)(void *, void *))abort };
  uint64_t a = 0, b = 0;
  void *p;

  ck_assert_int_eq(hermes_sse__environment_read(&env, &some), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse__environment_read(&env, NULL), HERMES_SSE_OK);
  ck_assert_int_eq(env.random(&a, sizeof a, NULL), 0);
  ck_assert_int_eq(env.random(&b, sizeof b, NULL), 0);
  ck_assert(a != b);
  ck_assert_uint_gt(env.wall_ms(NULL), UINT64_C(1600000000000));
  ck_assert_uint_gt(env.clock_ns(NULL), 0);
  ck_assert_ptr_null(hermes_sse__alloc(&env, SIZE_MAX, 2));
  p = hermes_sse__resize(&env, NULL, 4, 4);
  ck_assert_ptr_nonnull(p);
  ck_assert_ptr_null(hermes_sse__resize(&env, p, SIZE_MAX / 2, 4));
  p = hermes_sse__resize(&env, p, 400, 4);
  ck_assert_ptr_nonnull(p);
  hermes_sse__release(&env, p);
  hermes_sse__release(&env, NULL);
  hermes_sse__log_line(&env, HERMES_SSE_LOG_ERROR, "nobody hears %d", 1);
  p = hermes_sse__copy(&env, "abc", 2);
  ck_assert_str_eq(p, "ab");
  hermes_sse__release(&env, p);
}
END_TEST

START_TEST(structs_are_written_up_to_their_size)
{
  struct {
    size_t size;
    uint64_t a, b;
  } from = { sizeof from, 1, 2 }, to = { offsetof(__typeof__(from), b), 0, 7 };

  ck_assert_int_eq(hermes_sse__options_write(&to, &from, sizeof from), HERMES_SSE_OK);
  ck_assert(to.size == offsetof(__typeof__(from), b) && to.a == 1 && to.b == 7);
  to.size = 0;
  ck_assert_int_eq(hermes_sse__options_write(&to, &from, sizeof from), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse__options_write(NULL, &from, sizeof from), HERMES_SSE_ERR_OPTION);
}
END_TEST

SUITE_MAIN("table", a_table_needs_no_memory_to_work, equal_hashes_are_told_apart,
           the_hash_depends_on_key_and_every_byte, the_environment_has_defaults, structs_are_written_up_to_their_size)
