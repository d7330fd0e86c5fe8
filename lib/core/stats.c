#include "core/histogram.h"
#include "core/hub.h"
#include "core/options.h"

static void add_counter(hermes_sse__counter *to, const hermes_sse__counter *from)
{
  hermes_sse__count(to, hermes_sse__counted(from));
}

static void add_histogram(hermes_sse__histogram *to, const hermes_sse__histogram *from)
{
  add_counter(&to->count, &from->count);
  add_counter(&to->sum, &from->sum);
  for (unsigned i = 0; i < HERMES_SSE_HISTOGRAM_BUCKETS; i++)
    add_counter(&to->buckets[i], &from->buckets[i]);
}

void hermes_sse__counters_add(hermes_sse__counters *to, const hermes_sse__counters *from)
{
  add_counter(&to->opened, &from->opened);
  for (unsigned i = 0; i < HERMES_SSE__CLOSE_REASONS; i++)
    add_counter(&to->closed[i], &from->closed[i]);
  add_counter(&to->delivered, &from->delivered);
  add_counter(&to->bytes, &from->bytes);
  add_counter(&to->heartbeats, &from->heartbeats);
  for (unsigned i = 0; i < HERMES_SSE__GAP_REASONS; i++)
    add_counter(&to->gaps[i], &from->gaps[i]);
  add_counter(&to->lapped, &from->lapped);
  add_counter(&to->dropped, &from->dropped);
  add_counter(&to->conflated, &from->conflated);
  add_counter(&to->throttled, &from->throttled);
  add_counter(&to->filtered, &from->filtered);
  add_counter(&to->topics, &from->topics);
  add_counter(&to->retained_entries, &from->retained_entries);
  add_counter(&to->retained_bytes, &from->retained_bytes);
  add_histogram(&to->latency_us, &from->latency_us);
  add_histogram(&to->lifetime_s, &from->lifetime_s);
}

/* The sum over the hubs that are and were. */
static void sum(const hermes_sse_bus *bus, hermes_sse__counters *to)
{
  pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&bus->hubs_lock;

  pthread_mutex_lock(lock);
  hermes_sse__counters_add(to, &bus->gone);
  for (const hermes_sse_hub *hub = bus->hubs; hub; hub = hub->next_in_bus)
    hermes_sse__counters_add(to, &hub->counters);
  pthread_mutex_unlock(lock);
}

int hermes_sse_bus_stats(const hermes_sse_bus *bus, hermes_sse_stats *stats)
{
  hermes_sse__counters c = { .opened = 0 };
  hermes_sse_stats s = { .published = atomic_load_explicit((_Atomic uint64_t *)(uintptr_t)&bus->published,
                                                           memory_order_relaxed) };

  sum(bus, &c);
  s.opened = hermes_sse__counted(&c.opened);
  s.streams = s.opened;
  for (unsigned i = 0; i < HERMES_SSE__CLOSE_REASONS; i++)
    s.streams -= hermes_sse__counted(&c.closed[i]);
  s.closed_host = hermes_sse__counted(&c.closed[HERMES_SSE_CLOSE_HOST]);
  s.closed_peer = hermes_sse__counted(&c.closed[HERMES_SSE_CLOSE_PEER]);
  s.closed_timeout = hermes_sse__counted(&c.closed[HERMES_SSE_CLOSE_TIMEOUT]);
  s.closed_lifetime = hermes_sse__counted(&c.closed[HERMES_SSE_CLOSE_LIFETIME]);
  s.closed_slow = hermes_sse__counted(&c.closed[HERMES_SSE_CLOSE_SLOW]);
  s.closed_kicked = hermes_sse__counted(&c.closed[HERMES_SSE_CLOSE_KICKED]);
  s.closed_drain = hermes_sse__counted(&c.closed[HERMES_SSE_CLOSE_DRAIN]);
  s.closed_denied = hermes_sse__counted(&c.closed[HERMES_SSE_CLOSE_DENIED]);
  s.delivered = hermes_sse__counted(&c.delivered);
  s.bytes = hermes_sse__counted(&c.bytes);
  s.heartbeats = hermes_sse__counted(&c.heartbeats);
  for (unsigned i = 0; i < HERMES_SSE__GAP_REASONS; i++)
    s.gaps += hermes_sse__counted(&c.gaps[i]);
  s.gaps_expired = hermes_sse__counted(&c.gaps[HERMES_SSE_GAP_EXPIRED]);
  s.gaps_restarted = hermes_sse__counted(&c.gaps[HERMES_SSE_GAP_RESTARTED]);
  s.gaps_unknown = hermes_sse__counted(&c.gaps[HERMES_SSE_GAP_UNKNOWN]);
  s.gaps_slow = hermes_sse__counted(&c.gaps[HERMES_SSE_GAP_SLOW]);
  s.gaps_bridge = hermes_sse__counted(&c.gaps[HERMES_SSE_GAP_BRIDGE]);
  s.dropped = hermes_sse__counted(&c.dropped);
  s.conflated = hermes_sse__counted(&c.conflated);
  s.throttled = hermes_sse__counted(&c.throttled);
  s.filtered = hermes_sse__counted(&c.filtered);
  s.lapped = hermes_sse__counted(&c.lapped);
  s.topics = hermes_sse__counted(&c.topics);
  s.retained_entries = hermes_sse__counted(&c.retained_entries);
  s.retained_bytes = hermes_sse__counted(&c.retained_bytes);
  return hermes_sse__options_write(stats, &s, sizeof s);
}

int hermes_sse_bus_histogram(const hermes_sse_bus *bus, int which, hermes_sse_histogram *histogram)
{
  hermes_sse__counters c = { .opened = 0 };
  hermes_sse_histogram h = { .count = 0 };

  if (which != HERMES_SSE_HISTOGRAM_LATENCY && which != HERMES_SSE_HISTOGRAM_LIFETIME)
    return HERMES_SSE_ERR_NOT_FOUND;
  sum(bus, &c);
  hermes_sse__histogram_sum(&h, which == HERMES_SSE_HISTOGRAM_LATENCY ? &c.latency_us : &c.lifetime_s);
  *histogram = h;
  return HERMES_SSE_OK;
}
