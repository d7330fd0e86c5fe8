/* An intrusive hash table: the node lives in the record, so that inserting can fail in one place alone, and even there
 * only by longer chains. */
#ifndef HERMES_SSE_CORE_TABLE_H
#define HERMES_SSE_CORE_TABLE_H
#include "core/environment.h"

typedef struct hermes_sse__node {
  struct hermes_sse__node *next;
  uint64_t hash;
} hermes_sse__node;

typedef struct hermes_sse__table {
  hermes_sse__node **buckets; /* NULL: `first` is the only bucket, so that an empty table owns no memory */
  hermes_sse__node *first;
  size_t n_buckets; /* a power of two, or 0 */
  size_t n;
} hermes_sse__table;

/* The first node with this hash, or NULL; the caller compares names and goes on with _same(). */
hermes_sse__node *hermes_sse__table_find(const hermes_sse__table *table, uint64_t hash);
hermes_sse__node *hermes_sse__table_same(const hermes_sse__node *node);

/* Never fails: if there is no memory to grow, chains get longer. */
void hermes_sse__table_insert(const hermes_sse_environment *env, hermes_sse__table *table, hermes_sse__node *node);

/* The node must be in the table. Shrinks when it is mostly empty. */
void hermes_sse__table_remove(const hermes_sse_environment *env, hermes_sse__table *table, hermes_sse__node *node);

/* Walks all nodes: `bucket` starts at 0; the chain of each is walked by `next`. NULL at an empty bucket. */
size_t hermes_sse__table_buckets(const hermes_sse__table *table);
hermes_sse__node *hermes_sse__table_bucket(const hermes_sse__table *table, size_t bucket);

/* Releases the buckets; the nodes are their owner's. */
void hermes_sse__table_clear(const hermes_sse_environment *env, hermes_sse__table *table);

#endif
