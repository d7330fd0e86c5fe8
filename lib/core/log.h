/* A topic's log: the frames that are kept, in the order of the bus, those of one key linked; and its keys. */
#ifndef HERMES_SSE_CORE_LOG_H
#define HERMES_SSE_CORE_LOG_H
#include "core/policy.h"
#include "core/readers.h"
#include "core/table.h"

typedef struct hermes_sse__entry {
  uint64_t seq;
  hermes_sse_frame *frame;
  struct hermes_sse__key *key; /* NULL: the message had none */
  uint32_t before, after; /* index of the same key's neighbours; valid only beside a neighbour that is in the log */
  uint32_t at_ms;         /* hub's milliseconds when it came */
} hermes_sse__entry;

typedef struct hermes_sse__key {
  hermes_sse__node node;
  hermes_sse__readers readers; /* those of this key alone */
  uint64_t evicted_to;         /* last place of this key that the log has dropped, or the log's when it was made */
  uint32_t first, last, n;     /* its entries */
  uint8_t len;
  unsigned char name[];
} hermes_sse__key;

typedef struct hermes_sse__log {
  hermes_sse__node node;
  struct hermes_sse__log *next_touched; /* in the hub's list of logs that grew */
  hermes_sse__readers readers;          /* those of the whole topic */
  hermes_sse__table keys;
  hermes_sse__entry *entries; /* entries[index & (capacity - 1)] */
  uint32_t capacity;          /* a power of two, or 0 */
  uint32_t first, next;       /* free-running indices */
  uint64_t evicted_to;        /* last place that was dropped */
  uint64_t bytes;
  uint64_t policy_version;
  hermes_sse__policy policy;
  uint8_t touched;
  uint8_t len;
  unsigned char name[];
} hermes_sse__log;

hermes_sse__log *hermes_sse__log_find(const hermes_sse__table *logs, uint64_t hash, const void *name, size_t len);
/* NULL: no memory. `policy_version` is 0: to be asked for. */
hermes_sse__log *hermes_sse__log_add(const hermes_sse_environment *env, hermes_sse__table *logs, uint64_t hash,
                                     const void *name, size_t len);
/* Also releases its keys and entries. It must have no readers. */
void hermes_sse__log_remove(const hermes_sse_environment *env, hermes_sse__table *logs, hermes_sse__log *log);

hermes_sse__key *hermes_sse__key_find(const hermes_sse__log *log, uint64_t hash, const void *name, size_t len);
hermes_sse__key *hermes_sse__key_add(const hermes_sse_environment *env, hermes_sse__log *log, uint64_t hash,
                                     const void *name, size_t len);

/* Forgets a key that has neither entries nor readers; its log, too, when nothing is left: returns 1 then. */
int hermes_sse__key_tidy(const hermes_sse_environment *env, hermes_sse__log *log, hermes_sse__key *key);

/* Room for one more entry. HERMES_SSE_ERR_NOMEM. */
int hermes_sse__log_reserve(const hermes_sse_environment *env, hermes_sse__log *log);

/* Takes the reference; `key` may be NULL. After a reserve. */
void hermes_sse__log_append(hermes_sse__log *log, hermes_sse__key *key, hermes_sse_frame *frame, uint32_t at_ms);

/* Drops the oldest entry; returns its key, which may now be tidied. There must be one. */
hermes_sse__key *hermes_sse__log_evict(hermes_sse__log *log);

static inline hermes_sse__entry *hermes_sse__entry_at(const hermes_sse__log *log, uint32_t index)
{
  return &log->entries[index & (log->capacity - 1)];
}

static inline uint32_t hermes_sse__log_n(const hermes_sse__log *log)
{
  return log->next - log->first;
}

/* What a list of readers has lost: the last place of its own entries that the log has dropped. */
uint64_t hermes_sse__readers_evicted_to(const hermes_sse__readers *list);

/* A walk over the entries of a list (a topic's, or one key's) after `position`, oldest first. */
typedef struct hermes_sse__walk {
  const hermes_sse__log *log;
  const hermes_sse__key *key;
  uint32_t index;
  const hermes_sse__entry *entry; /* NULL: at the end */
} hermes_sse__walk;

void hermes_sse__walk_start(hermes_sse__walk *walk, const hermes_sse__readers *list, uint64_t position);
void hermes_sse__walk_next(hermes_sse__walk *walk);

#endif
