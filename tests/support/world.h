/* A bus and a hub with scripted sinks and a clock that the test moves. */
#ifndef HERMES_SSE_TESTS_WORLD_H
#define HERMES_SSE_TESTS_WORLD_H
#include "assertions.h"
#include "memory.h"
#include "sink.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct world {
  memory memory;
  hermes_sse_environment environment;
  hermes_sse_bus *bus;
  hermes_sse_hub *hub;
  uint64_t now, next;
  size_t wakes;
} world;

/* `options` may be NULL: then writev, want_write and wake are set, heartbeats are off. */
void world_init(world *w, const hermes_sse_hub_options *options);
/* Frees hub and bus, and checks that nothing leaked. */
void world_clear(world *w);

void world_wake(hermes_sse_hub *hub, void *user);

/* Follows `topic` (and `key` unless NULL) with `s`. */
void world_open(world *w, sink *s, const char *topic, const char *key);
/* The same with options of the test's own; user and topics are set here. */
void world_open_with(world *w, sink *s, const char *topic, const char *key, hermes_sse_stream_options options);

/* Frees its stream, and what came. */
void world_leave(sink *s);

void world_publish(world *w, const char *topic, const char *key, const char *data);
/* Moves the clock by `ms` and runs once without bound. */
void world_run(world *w, uint64_t ms);
/* Takes everything that a pull stream has. The status of the last call. */
hermes_sse_ssize world_pull(sink *s);
/* Frees what hub_next lists and has ended; the number. */
size_t world_reap(world *w);
hermes_sse_stats world_stats(const world *w);
/* The data of all dispatched events, joined by commas. */
const char *world_data(const sink *s);
/* The id of the last event. */
hermes_sse_id world_last_id(const sink *s);

#endif
