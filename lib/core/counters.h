/* Counters of one hub: written by its thread alone, read by any. */
#ifndef HERMES_SSE_CORE_COUNTERS_H
#define HERMES_SSE_CORE_COUNTERS_H
#include <hermes_sse/bus.h>
#include <stdatomic.h>

typedef _Atomic uint64_t hermes_sse__counter;

typedef struct hermes_sse__histogram {
  hermes_sse__counter count, sum;
  hermes_sse__counter buckets[HERMES_SSE_HISTOGRAM_BUCKETS];
} hermes_sse__histogram;

enum { HERMES_SSE__CLOSE_REASONS = 9, HERMES_SSE__GAP_REASONS = 6 };

typedef struct hermes_sse__counters {
  hermes_sse__counter opened;
  hermes_sse__counter closed[HERMES_SSE__CLOSE_REASONS]; /* by HERMES_SSE_CLOSE_ */
  hermes_sse__counter gaps[HERMES_SSE__GAP_REASONS];     /* by HERMES_SSE_GAP_ */
  hermes_sse__counter delivered, bytes, heartbeats, lapped, dropped, conflated, throttled, filtered;
  hermes_sse__counter topics, retained_entries, retained_bytes; /* gauges */
  hermes_sse__histogram latency_us, lifetime_s;
} hermes_sse__counters;

/* Adds `from` to `to`. */
void hermes_sse__counters_add(hermes_sse__counters *to, const hermes_sse__counters *from);

/* One writer: a load and a store, no locked instruction. Wraps downwards for gauges. */
static inline void hermes_sse__count(hermes_sse__counter *counter, uint64_t n)
{
  atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline uint64_t hermes_sse__counted(const hermes_sse__counter *counter)
{
  return atomic_load_explicit((hermes_sse__counter *)(uintptr_t)counter, memory_order_relaxed);
}

#endif
