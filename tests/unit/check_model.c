/* Random lives of a bus against a simple model of what each client must have seen (tests/model): nothing lost, doubled or out of
 * order, no gap but a true one, figures that add up. A failing life is made small and printed. HERMES_SSE_TESTS=long: many more;
 * short: a tenth. */
#include "../model/model.h"
#include "suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sanitizers are slow, and one thread is little for TSan to see. */
#if defined(__SANITIZE_THREAD__)
enum { STEPS = 500, RUNS = 60 };
#elif defined(__SANITIZE_ADDRESS__)
enum { STEPS = 500, RUNS = 300 };
#else
enum { STEPS = 500, RUNS = 1000 };
#endif

static model_step steps[STEPS];

static uint64_t runs(void)
{
  const char *form = getenv("HERMES_SSE_TESTS");

  if (form && strcmp(form, "short") == 0)
    return RUNS / 10;
  return form && strcmp(form, "long") == 0 ? 100 * RUNS : RUNS;
}

static void fail_with(uint64_t seed, const char *fault, const model_options *options)
{
  size_t n;

  printf("seed %llu: %s\n", (unsigned long long)seed, fault);
  fflush(stdout);
  n = model_shrink(steps, STEPS, options);
  model_print(steps, n);
  ck_abort_msg("seed %llu, %zu steps: %s", (unsigned long long)seed, n, fault);
}

static model_figures live(model_options options, uint64_t first)
{
  model_figures all = { 0 };

  for (uint64_t seed = first; seed < first + runs(); seed++) {
    const char *fault;
    model_figures one;

    model_generate(seed, steps, STEPS);
    fault = model_run(steps, STEPS, &options);
    if (fault)
      fail_with(seed, fault, &options);
    one = model_last();
    all.came += one.came;
    all.gaps += one.gaps;
    all.cuts += one.cuts;
    all.sent += one.sent;
    all.failed_allocations += one.failed_allocations;
  }
  return all;
}

START_TEST(nothing_is_lost_doubled_or_out_of_order)
{
  model_figures all = live((model_options){ .fail_every = 0 }, 1);

  ck_assert_uint_gt(all.came, 100 * runs());
  ck_assert_uint_gt(all.cuts, runs());
  ck_assert_uint_gt(all.gaps, runs() / 2);
  ck_assert_uint_gt(all.sent, runs());
}
END_TEST

START_TEST(with_a_bound_over_all_topics_too)
{
  model_figures all = live((model_options){ .is_bounded = 1 }, UINT64_C(1) << 32);

  ck_assert_uint_gt(all.gaps, 2 * runs());
}
END_TEST

START_TEST(nor_when_memory_fails_now_and_then)
{
  model_figures all = live((model_options){ .fail_every = 7 }, UINT64_C(2) << 32);

  ck_assert_uint_gt(all.failed_allocations, 10 * runs());
  ck_assert_uint_gt(all.came, 20 * runs());
}
END_TEST

/* The model sees a fault, and the trace that shows it is short. */
START_TEST(a_planted_fault_is_found_and_made_small)
{
  model_options options = { .skip_event = 60 };
  uint64_t seed = 1;
  size_t n;

  do
    model_generate(seed++, steps, STEPS);
  while (seed < 100 && !model_run(steps, STEPS, &options));
  ck_assert_uint_lt(seed, 100);
  n = model_shrink(steps, STEPS, &options);
  ck_assert_uint_lt(n, 40);
  ck_assert_ptr_nonnull(model_run(steps, n, &options));
  ck_assert_ptr_nonnull(strstr(model_run(steps, n, &options), "is lost"));
}
END_TEST

SUITE_MAIN("model", nothing_is_lost_doubled_or_out_of_order, with_a_bound_over_all_topics_too,
           nor_when_memory_fails_now_and_then, a_planted_fault_is_found_and_made_small)
