/* Topic policies: how much of which topic is kept, by exact name or prefix. Under the bus's lock. */
#ifndef HERMES_SSE_CORE_POLICY_H
#define HERMES_SSE_CORE_POLICY_H
#include "core/environment.h"
#include <hermes_sse/bus.h>

/* With defaults filled in; HERMES_SSE_NEVER: no bound. */
typedef struct hermes_sse__policy {
  uint64_t max_entries, max_bytes, max_age_ms;
  uint8_t conflate, close_slow;
} hermes_sse__policy;

typedef struct hermes_sse__policies {
  struct hermes_sse__policy_rule *rules; /* most specific first */
  size_t n;
} hermes_sse__policies;

/* As hermes_sse_bus_topic(). */
int hermes_sse__policies_set(const hermes_sse_environment *env, hermes_sse__policies *policies, const char *pattern,
                             const hermes_sse_topic_options *options);

hermes_sse__policy hermes_sse__policies_find(const hermes_sse__policies *policies, const void *topic, size_t len);

void hermes_sse__policies_clear(const hermes_sse_environment *env, hermes_sse__policies *policies);

#endif
