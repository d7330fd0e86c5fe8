/* Places in the order of a bus, and the ids that stand for them on the wire.
 *
 * A bus counts its places itself, and an id is its run and the count. Or a relay brings ids (Redis Streams): then a place is that id in 63
 * bits, 42 of milliseconds (up to the year 2109) and 21 that count within one; and until the relay has said that the bus is live nobody
 * knows where now is. */
#ifndef HERMES_SSE_CORE_PLACE_H
#define HERMES_SSE_CORE_PLACE_H
#include "core/bus.h"

/* A stream's position while it waits for its bus to be live: ahead of everything, so that nothing is sent to it. */
#define HERMES_SSE__UNBEGUN (UINT64_MAX >> 1)

hermes_sse_id hermes_sse__bus_id(const hermes_sse_bus *bus, uint64_t seq);

/* The last place given. */
uint64_t hermes_sse__bus_seq(const hermes_sse_bus *bus);

/* Where a stream begins that wants what comes from now on. */
uint64_t hermes_sse__bus_now(const hermes_sse_bus *bus);

/* The last place that an honest client may know of. With ids from elsewhere that is a little beyond our own clock: another server
   may be ahead of this one. */
uint64_t hermes_sse__bus_horizon(const hermes_sse_bus *bus);

/* 1: the id is of this bus's order and `*seq` its place; else 0. */
int hermes_sse__place_of(const hermes_sse_bus *bus, const hermes_sse_id *id, uint64_t *seq);

#endif
