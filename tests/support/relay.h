/* A relay that writes down what it is told, and short words for what a relay brings. */
#ifndef HERMES_SSE_TESTS_RELAY_H
#define HERMES_SSE_TESTS_RELAY_H
#include "world.h"
#include <hermes_sse/extend.h>

typedef struct relay {
  int gives;          /* what publish returns; with `brings`, after the message was ingested */
  int refuses;        /* who follows something is refused */
  int brings;         /* 1: ingests what it gets, in the call; 2: with ids, that follow `last` */
  hermes_sse_id last; /* the last id that it gave */
  size_t published;
  hermes_sse_message message; /* the last; its texts are the caller's */
  char told[4096];            /* demand: "+topic" or "-topic", joined by blanks */
} relay;

hermes_sse_id relay_id(const char *text);

/* For hermes_sse_relay; the user is the relay. */
int relay_publish(hermes_sse_bus *bus, const hermes_sse_message *message, void *user);
int relay_demand(hermes_sse_bus *bus, hermes_sse_slice topic, int on, void *user);

int relay_set(hermes_sse_bus *bus, relay *r, uint64_t flags);
/* Sets it, with nothing written down yet, as the one that brings the ids. */
void relay_set_with_ids(world *w, relay *r);
/* What demand was told since the last question. */
const char *relay_told(relay *r);

/* `id` NULL: none. The status. */
int relay_ingest(hermes_sse_bus *bus, const char *id, const char *topic, const char *key, const char *data);
int relay_gap(hermes_sse_bus *bus, const char *topic, int reason, const char *id);
/* The same where it has to go well. */
void relay_bring(world *w, const char *id, const char *topic, const char *key, const char *data);
void relay_bridge_gap(world *w, const char *topic);
void relay_live(world *w);

/* The id of a place in a bus that gives the ids itself, as text. */
const char *relay_at(const world *w, uint64_t place);

/* What was dispatched, in short: data, and for a gap "<reason>"; joined by blanks. */
const char *relay_seen(const sink *s);
/* All that came is this text. */
__attribute__((format(printf, 2, 3))) void relay_expect_bytes(const sink *s, const char *format, ...);
/* Where it stands, or why it cannot say. */
const char *relay_position(const sink *s);

/* A client that comes back with `id` (NULL: comes new). */
void relay_come(world *w, sink *s, const char *topic, const char *key, const char *id);

#endif
