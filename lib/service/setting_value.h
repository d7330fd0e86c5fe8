/* Judging one value of a setting and bringing it into one form. */
#ifndef HERMES_SSE_SERVICE_SETTING_VALUE_H
#define HERMES_SSE_SERVICE_SETTING_VALUE_H
#include "core/environment.h"
#include <hermes_sse/status.h>

enum {
  HERMES_SSE__SWITCH,
  HERMES_SSE__NUMBER,
  HERMES_SSE__TEXT,
  HERMES_SSE__ORIGIN_LIST,
  HERMES_SSE__NETWORKS,
  HERMES_SSE__REDIS,
  HERMES_SSE__MODE,
  HERMES_SSE__KEYS
};

typedef struct hermes_sse__setting_rule {
  const char *variable;
  int kind;
  const char *fallback;
  uint64_t min, max;
} hermes_sse__setting_rule;

/* `*text` is new memory. HERMES_SSE_ERR_SETTING, HERMES_SSE_ERR_NOMEM. */
int hermes_sse__setting_read(const hermes_sse_environment *env, const hermes_sse__setting_rule *rule,
                             hermes_sse_slice value, char **text, uint64_t *number);

/* What is accepted, for people, into `buf`. */
void hermes_sse__setting_accepts(const hermes_sse__setting_rule *rule, char *buf, size_t cap);

#endif
