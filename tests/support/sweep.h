/* What the scenarios of memory_sweep() look at: only memory may be missing, and a call that fails changes nothing. */
#ifndef HERMES_SSE_TESTS_SWEEP_H
#define HERMES_SSE_TESTS_SWEEP_H
#include "memory.h"
#include <hermes_sse/bus.h>

/* 1: it went well; 0: there was no memory for it. Any other status fails the test. */
int sweep_ok(int status, const memory *m);
/* Publishes; the same. */
int sweep_publish(hermes_sse_bus *bus, const char *topic, const char *key, const char *data, const memory *m);

#endif
