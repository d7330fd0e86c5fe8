#include "core/table.h"

static hermes_sse__node **bucket_of(hermes_sse__table *table, uint64_t hash)
{
  return table->buckets ? &table->buckets[hash & (table->n_buckets - 1)] : &table->first;
}

size_t hermes_sse__table_buckets(const hermes_sse__table *table)
{
  return table->buckets ? table->n_buckets : 1;
}

hermes_sse__node *hermes_sse__table_bucket(const hermes_sse__table *table, size_t bucket)
{
  return table->buckets ? table->buckets[bucket] : table->first;
}

static hermes_sse__node *with_hash(hermes_sse__node *node, uint64_t hash)
{
  while (node && node->hash != hash)
    node = node->next;
  return node;
}

hermes_sse__node *hermes_sse__table_find(const hermes_sse__table *table, uint64_t hash)
{
  return with_hash(table->buckets ? table->buckets[hash & (table->n_buckets - 1)] : table->first, hash);
}

hermes_sse__node *hermes_sse__table_same(const hermes_sse__node *node)
{
  return with_hash(node->next, node->hash);
}

static void rehash(const hermes_sse_environment *env, hermes_sse__table *table, size_t n_buckets)
{
  hermes_sse__node **buckets = hermes_sse__alloc(env, n_buckets, sizeof *buckets);
  size_t old = hermes_sse__table_buckets(table);

  if (!buckets)
    return;
  for (size_t i = 0; i < old; i++) {
    hermes_sse__node *node = hermes_sse__table_bucket(table, i), *next;

    for (; node; node = next) {
      hermes_sse__node **to = &buckets[node->hash & (n_buckets - 1)];

      next = node->next;
      node->next = *to;
      *to = node;
    }
  }
  hermes_sse__release(env, table->buckets);
  table->buckets = buckets;
  table->n_buckets = n_buckets;
  table->first = NULL;
}

void hermes_sse__table_insert(const hermes_sse_environment *env, hermes_sse__table *table, hermes_sse__node *node)
{
  hermes_sse__node **bucket;

  if (table->n >= 4 && table->n >= hermes_sse__table_buckets(table))
    rehash(env, table, table->n_buckets ? 2 * table->n_buckets : 8);
  bucket = bucket_of(table, node->hash);
  node->next = *bucket;
  *bucket = node;
  table->n++;
}

void hermes_sse__table_remove(const hermes_sse_environment *env, hermes_sse__table *table, hermes_sse__node *node)
{
  hermes_sse__node **at = bucket_of(table, node->hash);

  while (*at != node)
    at = &(*at)->next;
  *at = node->next;
  node->next = NULL;
  table->n--;
  if (table->n == 0)
    hermes_sse__table_clear(env, table);
  else if (table->n_buckets > 64 && table->n < table->n_buckets / 8)
    rehash(env, table, table->n_buckets / 4);
}

void hermes_sse__table_clear(const hermes_sse_environment *env, hermes_sse__table *table)
{
  hermes_sse__release(env, table->buckets);
  *table = (hermes_sse__table){ .buckets = NULL };
}
