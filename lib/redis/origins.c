#include "redis/origins.h"
#include <string.h>

enum { MOST = 4096 };

typedef struct origin {
  hermes_sse__node node;
  uint64_t number;
  uint64_t heard_ms;
  char name[];
} origin;

static origin *origin_of(hermes_sse__node *node)
{
  return (origin *)(void *)((char *)node - offsetof(origin, node));
}

static origin *find(const hermes_sse__origins *origins, const char *name, uint64_t hash)
{
  hermes_sse__node *node = hermes_sse__table_find(&origins->table, hash);

  while (node && strcmp(origin_of(node)->name, name) != 0)
    node = hermes_sse__table_same(node);
  return node ? origin_of(node) : NULL;
}

static void forget_one(const hermes_sse_environment *env, hermes_sse__origins *origins)
{
  origin *oldest = NULL;

  for (size_t i = 0; i < hermes_sse__table_buckets(&origins->table); i++)
    for (hermes_sse__node *node = hermes_sse__table_bucket(&origins->table, i); node; node = node->next)
      if (!oldest || origin_of(node)->heard_ms < oldest->heard_ms)
        oldest = origin_of(node);
  if (!oldest)
    return;
  hermes_sse__table_remove(env, &origins->table, &oldest->node);
  hermes_sse__release(env, oldest);
}

int hermes_sse__origin_is_new(const hermes_sse_environment *env, hermes_sse__origins *origins, const char *name,
                              uint64_t number, uint64_t now_ms)
{
  size_t len = strlen(name);
  uint64_t hash = hermes_sse__hash(&origins->seed, name, len);
  origin *o = find(origins, name, hash);

  if (!o) {
    if (origins->table.n >= MOST)
      forget_one(env, origins);
    o = hermes_sse__alloc(env, 1, sizeof *o + len + 1);
    if (!o)
      return 1;
    memcpy(o->name, name, len);
    o->node.hash = hash;
    hermes_sse__table_insert(env, &origins->table, &o->node);
  }
  o->heard_ms = now_ms;
  if (number <= o->number)
    return 0;
  o->number = number;
  return 1;
}

void hermes_sse__origins_clear(const hermes_sse_environment *env, hermes_sse__origins *origins)
{
  while (origins->table.n > 0)
    forget_one(env, origins);
  hermes_sse__table_clear(env, &origins->table);
}
