#include "core/place.h"

enum { COUNT_BITS = 21, AHEAD_MS = 60000 };

static int has_foreign_ids(const hermes_sse_bus *bus)
{
  return atomic_load_explicit((atomic_int *)(uintptr_t)&bus->foreign_ids, memory_order_relaxed);
}

hermes_sse_id hermes_sse__bus_id(const hermes_sse_bus *bus, uint64_t seq)
{
  if (has_foreign_ids(bus))
    return (hermes_sse_id){ .hi = seq >> COUNT_BITS, .lo = seq & ((UINT64_C(1) << COUNT_BITS) - 1) };
  return (hermes_sse_id){ .hi = bus->run, .lo = seq };
}

uint64_t hermes_sse__bus_seq(const hermes_sse_bus *bus)
{
  return atomic_load_explicit((_Atomic uint64_t *)(uintptr_t)&bus->seq, memory_order_acquire);
}

uint64_t hermes_sse__bus_now(const hermes_sse_bus *bus)
{
  if (has_foreign_ids(bus) && !atomic_load_explicit((atomic_int *)(uintptr_t)&bus->live, memory_order_acquire))
    return HERMES_SSE__UNBEGUN;
  return hermes_sse__bus_seq(bus);
}

uint64_t hermes_sse__bus_horizon(const hermes_sse_bus *bus)
{
  uint64_t seq = hermes_sse__bus_seq(bus), ahead;

  if (!has_foreign_ids(bus))
    return seq;
  ahead = (bus->env.wall_ms(bus->env.user) + AHEAD_MS) << COUNT_BITS;
  return ahead > seq ? ahead : seq;
}

int hermes_sse__place_of(const hermes_sse_bus *bus, const hermes_sse_id *id, uint64_t *seq)
{
  if (!has_foreign_ids(bus)) {
    *seq = id->lo;
    return id->hi == bus->run;
  }
  *seq = id->hi << COUNT_BITS | id->lo;
  return id->hi < UINT64_C(1) << (63 - COUNT_BITS) && id->lo < UINT64_C(1) << COUNT_BITS && *seq < HERMES_SSE__UNBEGUN;
}
