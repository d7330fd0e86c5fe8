#include "core/histogram.h"

static unsigned bucket_of(uint64_t value)
{
  unsigned bucket = value > 1 ? 64u - (unsigned)__builtin_clzll(value - 1) : 0;

  return bucket < HERMES_SSE_HISTOGRAM_BUCKETS ? bucket : HERMES_SSE_HISTOGRAM_BUCKETS - 1;
}

void hermes_sse__histogram_add(hermes_sse__histogram *histogram, uint64_t value, uint64_t times)
{
  hermes_sse__count(&histogram->count, times);
  hermes_sse__count(&histogram->sum, value * times);
  hermes_sse__count(&histogram->buckets[bucket_of(value)], times);
}

void hermes_sse__histogram_sum(hermes_sse_histogram *to, const hermes_sse__histogram *from)
{
  to->count += hermes_sse__counted(&from->count);
  to->sum += hermes_sse__counted(&from->sum);
  for (unsigned i = 0; i < HERMES_SSE_HISTOGRAM_BUCKETS; i++)
    to->buckets[i] += hermes_sse__counted(&from->buckets[i]);
}
