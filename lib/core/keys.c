#include "core/limits.h"
#include <string.h>

enum { PURGE = 4 };

uint32_t hermes_sse__class_find(const hermes_sse_limits *limits, const char *name)
{
  for (uint32_t i = 0; i < limits->n_classes; i++)
    if (strcmp(limits->classes[i].name, name) == 0)
      return i;
  return HERMES_SSE__NO_INDEX;
}

int hermes_sse__class_get(hermes_sse_limits *limits, const char *name, uint32_t *index)
{
  size_t len = name ? strnlen(name, HERMES_SSE_KEY_CLASS_MAX + 1) : 0;
  hermes_sse__class *classes;

  if (len == 0 || len > HERMES_SSE_KEY_CLASS_MAX)
    return HERMES_SSE_ERR_OPTION;
  *index = hermes_sse__class_find(limits, name);
  if (*index != HERMES_SSE__NO_INDEX)
    return HERMES_SSE_OK;
  classes = hermes_sse__resize(&limits->env, limits->classes, limits->n_classes + 1, sizeof *classes);
  if (!classes)
    return HERMES_SSE_ERR_NOMEM;
  limits->classes = classes;
  memset(&classes[limits->n_classes], 0, sizeof *classes);
  memcpy(classes[limits->n_classes].name, name, len);
  *index = limits->n_classes++;
  return HERMES_SSE_OK;
}

static hermes_sse__limit_key *key_of(hermes_sse__node *node)
{
  return (hermes_sse__limit_key *)(void *)((char *)node - offsetof(hermes_sse__limit_key, node));
}

static uint64_t hash_of(const hermes_sse_limits *limits, uint32_t class_index, hermes_sse_slice key)
{
  return hermes_sse__hash(&limits->seed, key.ptr, key.len) + class_index;
}

hermes_sse__limit_key *hermes_sse__limit_key_find(const hermes_sse_limits *limits, uint32_t class_index,
                                                  hermes_sse_slice key)
{
  hermes_sse__node *node = hermes_sse__table_find(&limits->table, hash_of(limits, class_index, key));

  for (; node; node = hermes_sse__table_same(node)) {
    hermes_sse__limit_key *k = key_of(node);

    if (k->class_index == class_index && k->len == key.len && (key.len == 0 || memcmp(k->name, key.ptr, key.len) == 0))
      return k;
  }
  return NULL;
}

static uint64_t full(const hermes_sse_limits *limits, const hermes_sse__limit_key *key)
{
  const hermes_sse_class_options *rules = &limits->classes[key->class_index].rules;

  return rules->per_minute > 0 ? rules->burst * HERMES_SSE__ARRIVAL : 0;
}

hermes_sse__limit_key *hermes_sse__limit_key_add(hermes_sse_limits *limits, uint32_t class_index, hermes_sse_slice key)
{
  hermes_sse__limit_key *k = hermes_sse__alloc(&limits->env, 1, sizeof *k + key.len);

  if (!k)
    return NULL;
  if (hermes_sse__pool_add(&limits->env, &limits->keys, k, &k->index) < 0) {
    hermes_sse__release(&limits->env, k);
    return NULL;
  }
  k->node.hash = hash_of(limits, class_index, key);
  k->class_index = class_index;
  k->len = (uint8_t)key.len;
  if (key.len > 0)
    memcpy(k->name, key.ptr, key.len);
  k->credit = full(limits, k);
  k->credit_ms = limits->now_ms;
  hermes_sse__table_insert(&limits->env, &limits->table, &k->node);
  return k;
}

void hermes_sse__limit_key_refill(hermes_sse_limits *limits, hermes_sse__limit_key *key)
{
  uint64_t rate = limits->classes[key->class_index].rules.per_minute, most = full(limits, key);
  uint64_t elapsed = limits->now_ms - key->credit_ms;

  key->credit_ms = limits->now_ms;
  if (key->credit >= most || (rate > 0 && elapsed > (most - key->credit) / rate))
    key->credit = most;
  else
    key->credit += elapsed * rate;
}

static void leave_idle(hermes_sse_limits *limits, hermes_sse__limit_key *key)
{
  *(key->before ? &key->before->after : &limits->idle_first) = key->after;
  *(key->after ? &key->after->before : &limits->idle_last) = key->before;
  key->before = key->after = NULL;
  key->idle = 0;
}

static void join_idle(hermes_sse_limits *limits, hermes_sse__limit_key *key)
{
  key->idle = 1;
  key->before = limits->idle_last;
  *(key->before ? &key->before->after : &limits->idle_first) = key;
  limits->idle_last = key;
}

void hermes_sse__limit_key_revive(hermes_sse_limits *limits, hermes_sse__limit_key *key)
{
  if (key->idle)
    leave_idle(limits, key);
}

void hermes_sse__limit_key_tidy(hermes_sse_limits *limits, hermes_sse__limit_key *key)
{
  if (key->tickets > 0)
    return;
  if (key->idle)
    leave_idle(limits, key);
  hermes_sse__limit_key_refill(limits, key);
  if (key->credit < full(limits, key)) {
    join_idle(limits, key);
    return;
  }
  hermes_sse__table_remove(&limits->env, &limits->table, &key->node);
  hermes_sse__pool_remove(&limits->keys, key->index);
  hermes_sse__release(&limits->env, key);
}

void hermes_sse__limit_keys_purge(hermes_sse_limits *limits)
{
  for (int i = 0; i < PURGE && limits->idle_first; i++)
    hermes_sse__limit_key_tidy(limits, limits->idle_first);
}

void hermes_sse__limit_keys_clear(hermes_sse_limits *limits)
{
  for (size_t i = 0; i < hermes_sse__table_buckets(&limits->table); i++) {
    hermes_sse__node *node = hermes_sse__table_bucket(&limits->table, i), *next;

    for (; node; node = next) {
      next = node->next;
      hermes_sse__release(&limits->env, key_of(node));
    }
  }
  hermes_sse__table_clear(&limits->env, &limits->table);
  hermes_sse__release(&limits->env, limits->keys.items);
}
