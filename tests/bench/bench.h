/* What the benchmarks share: the thread's CPU clock, medians, and rows with a target and a verdict. */
#ifndef HERMES_SSE_TESTS_BENCH_H
#define HERMES_SSE_TESTS_BENCH_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double cpu_ns(void)
{
  struct timespec t;

  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline int by_value(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static inline double median(double *values, int n)
{
  qsort(values, (size_t)n, sizeof *values, by_value);
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* "ok" if `value` is on the right side of `target`. */
static inline const char *verdict(double value, double target, int at_least)
{
  return (at_least ? value >= target : value <= target) ? "ok" : "MISS";
}

static inline int is_short(int argc, char **argv)
{
  return argc > 1 && strcmp(argv[1], "--short") == 0;
}

#endif
