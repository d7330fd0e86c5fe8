/* Everything of the core library that a host needs. */
#ifndef HERMES_SSE_HERMES_SSE_H
#define HERMES_SSE_HERMES_SSE_H
#include <hermes_sse/stream.h>
#endif
