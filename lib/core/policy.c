#include "core/policy.h"
#include "core/options.h"
#include <string.h>

enum { DEFAULT_ENTRIES = 1000, DEFAULT_BYTES = 4 << 20, DEFAULT_AGE_MS = 300000 };

typedef struct hermes_sse__policy_rule {
  hermes_sse__policy policy;
  uint16_t len;
  uint8_t prefix;
  char name[HERMES_SSE_TOPIC_MAX];
} rule;

static hermes_sse__policy with_defaults(const hermes_sse_topic_options *o)
{
  return (hermes_sse__policy){ .max_entries = hermes_sse__or(o->max_entries, DEFAULT_ENTRIES),
                               .max_bytes = hermes_sse__or(o->max_bytes, DEFAULT_BYTES),
                               .max_age_ms = hermes_sse__or(o->max_age_ms, DEFAULT_AGE_MS),
                               .conflate = (o->flags & HERMES_SSE_TOPIC_CONFLATE) != 0,
                               .close_slow = (o->flags & HERMES_SSE_TOPIC_CLOSE_SLOW) != 0 };
}

static int same_pattern(const rule *a, const rule *b)
{
  return a->prefix == b->prefix && a->len == b->len && memcmp(a->name, b->name, a->len) == 0;
}

static int more_specific(const rule *a, const rule *b)
{
  return a->prefix != b->prefix ? !a->prefix : a->len > b->len;
}

static void remove_rule(hermes_sse__policies *p, const rule *pattern)
{
  for (size_t i = 0; i < p->n; i++)
    if (same_pattern(&p->rules[i], pattern)) {
      memmove(&p->rules[i], &p->rules[i + 1], (p->n - i - 1) * sizeof *p->rules);
      p->n--;
      return;
    }
}

static void insert_rule(hermes_sse__policies *p, const rule *new)
{
  size_t at = 0;

  while (at < p->n && !more_specific(new, &p->rules[at]))
    at++;
  memmove(&p->rules[at + 1], &p->rules[at], (p->n - at) * sizeof *p->rules);
  p->rules[at] = *new;
  p->n++;
}

int hermes_sse__policies_set(const hermes_sse_environment *env, hermes_sse__policies *policies, const char *pattern,
                             const hermes_sse_topic_options *options)
{
  size_t len = pattern ? strlen(pattern) : 0;
  hermes_sse_topic_options o;
  rule new = { .prefix = 0 };
  rule *rules;
  int rv = hermes_sse__options_read(&o, sizeof o, options);

  if (rv < 0)
    return rv;
  if (o.flags & ~(uint64_t)(HERMES_SSE_TOPIC_CONFLATE | HERMES_SSE_TOPIC_CLOSE_SLOW))
    return hermes_sse__refuse_number(env, "topic flags", o.flags, "HERMES_SSE_TOPIC_ flags of this version");
  if (len == 0)
    return HERMES_SSE_ERR_BAD_TOPIC;
  new.prefix = pattern[len - 1] == '*';
  len -= new.prefix;
  if (len > HERMES_SSE_TOPIC_MAX)
    return HERMES_SSE_ERR_BAD_TOPIC;
  memcpy(new.name, pattern, len);
  new.len = (uint16_t)len;
  if (options) {
    rules = hermes_sse__resize(env, policies->rules, policies->n + 1, sizeof *rules);
    if (!rules)
      return HERMES_SSE_ERR_NOMEM;
    policies->rules = rules;
  }
  remove_rule(policies, &new);
  if (options) {
    new.policy = with_defaults(&o);
    insert_rule(policies, &new);
  }
  return HERMES_SSE_OK;
}

hermes_sse__policy hermes_sse__policies_find(const hermes_sse__policies *policies, const void *topic, size_t len)
{
  static const hermes_sse_topic_options none = { .size = sizeof none };

  for (size_t i = 0; i < policies->n; i++) {
    const rule *r = &policies->rules[i];

    if ((r->prefix ? len >= r->len : len == r->len) && memcmp(r->name, topic, r->len) == 0)
      return r->policy;
  }
  return with_defaults(&none);
}

void hermes_sse__policies_clear(const hermes_sse_environment *env, hermes_sse__policies *policies)
{
  hermes_sse__release(env, policies->rules);
  *policies = (hermes_sse__policies){ .rules = NULL };
}
