/* The bus's relay: what is published goes to it, and it brings what the bus gives a place to (extend.h). */
#ifndef HERMES_SSE_CORE_RELAY_H
#define HERMES_SSE_CORE_RELAY_H
#include "core/hub.h"

/* 1: there is a relay and it has taken the message, or not, as `*status` says. 0: there is none. */
int hermes_sse__relay_publish(hermes_sse_bus *bus, const hermes_sse_message *message, int *status);

/* A topic or view of this hub is followed by one stream more: what the relay says, if it is the first. */
int hermes_sse__relay_follow(hermes_sse_hub *hub, hermes_sse__log *log);
void hermes_sse__relay_unfollow(hermes_sse_hub *hub, hermes_sse__log *log);

/* Tells a relay that is new what this hub follows. What it could not take is told in the next run. */
int hermes_sse__relay_run(hermes_sse_hub *hub);

#endif
