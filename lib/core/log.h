/* A topic's log: the frames that are kept, in the order of the bus, those of one key linked; and its keys.
 *
 * An entry may leave from the middle (conflation, and views, see view.h): it leaves a hole, which walks pass over and which
 * the next growth closes. The first entry is never a hole. */
#ifndef HERMES_SSE_CORE_LOG_H
#define HERMES_SSE_CORE_LOG_H
#include "core/policy.h"
#include "core/readers.h"
#include "core/table.h"

typedef struct hermes_sse__entry {
  uint64_t seq;
  hermes_sse_frame *frame;     /* NULL: a hole; nothing but `seq` is valid */
  struct hermes_sse__key *key; /* NULL: the message had none */
  uint32_t before, after; /* index of the same key's neighbours; valid only beside a neighbour that is in the log */
  uint32_t at_ms;         /* hub's milliseconds when it came */
} hermes_sse__entry;

typedef struct hermes_sse__key {
  hermes_sse__node node;
  hermes_sse__readers readers;          /* those of this key alone */
  struct hermes_sse__key *next_crowded; /* in the log's list */
  uint64_t evicted_to;     /* last place of this key that the log has dropped, or the log's when it was made */
  uint32_t first, last, n; /* its entries */
  uint32_t relinked;       /* while holes are closed */
  uint8_t crowded;
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
  uint32_t holes;
  uint32_t oldest_at;             /* in the hub's heap of logs by age */
  hermes_sse__key *crowded;       /* keys of a conflated topic that have more than one entry */
  struct hermes_sse__log **views; /* that show this topic */
  uint32_t n_views;
  uint64_t evicted_to; /* last place that was dropped */
  uint64_t broken_to;  /* before this place events may be missing that never came */
  uint64_t bytes;
  uint64_t policy_version;
  hermes_sse__policy policy;
  struct hermes_sse__log *next_view; /* of a view: in the hub's list */
  uint64_t unused_ms;                /* of a view: since when nobody follows it; 0: it is followed */
  uint32_t followers;                /* of the topic and of its keys */
  unsigned relay_told;               /* version of the relay that knows that it is followed; 0: none */
  uint8_t broken_reason;
  uint8_t is_view;
  uint8_t touched;
  uint8_t len;
  unsigned char name[];
} hermes_sse__log;

hermes_sse__log *hermes_sse__log_find(const hermes_sse__table *logs, uint64_t hash, const void *name, size_t len);
/* In no table. NULL: no memory. `policy_version` is 0: to be asked for. */
hermes_sse__log *hermes_sse__log_new(const hermes_sse_environment *env, uint64_t hash, const void *name, size_t len);
/* Also releases its keys and entries. It must have no readers, and be in no table. */
void hermes_sse__log_free(const hermes_sse_environment *env, hermes_sse__log *log);

hermes_sse__key *hermes_sse__key_find(const hermes_sse__log *log, uint64_t hash, const void *name, size_t len);
hermes_sse__key *hermes_sse__key_add(const hermes_sse_environment *env, hermes_sse__log *log, uint64_t hash,
                                     const void *name, size_t len);

/* Forgets a key that has neither entries nor readers. */
void hermes_sse__key_tidy(const hermes_sse_environment *env, hermes_sse__log *log, hermes_sse__key *key);

/* Room for one more entry; closes holes when they are many. HERMES_SSE_ERR_NOMEM. */
int hermes_sse__log_reserve(const hermes_sse_environment *env, hermes_sse__log *log);

/* Gives back room that a burst took and few entries are left in. Never fails. */
void hermes_sse__log_shrink(const hermes_sse_environment *env, hermes_sse__log *log);

/* Takes the reference; `key` may be NULL. After a reserve. */
void hermes_sse__log_append(hermes_sse__log *log, hermes_sse__key *key, hermes_sse_frame *frame, uint32_t at_ms);

/* Drops an entry; `lost`: its readers will be told if they had not taken it. Returns its key, which may now be tidied. */
hermes_sse__key *hermes_sse__entry_drop(hermes_sse__log *log, uint32_t index, int lost);

static inline hermes_sse__log *hermes_sse__log_of(hermes_sse__node *node)
{
  return (hermes_sse__log *)(void *)((char *)node - offsetof(hermes_sse__log, node));
}

static inline hermes_sse__key *hermes_sse__key_of(hermes_sse__node *node)
{
  return (hermes_sse__key *)(void *)((char *)node - offsetof(hermes_sse__key, node));
}

static inline hermes_sse__entry *hermes_sse__entry_at(const hermes_sse__log *log, uint32_t index)
{
  return &log->entries[index & (log->capacity - 1)];
}

static inline uint32_t hermes_sse__log_n(const hermes_sse__log *log)
{
  return log->next - log->first - log->holes;
}

/* The last place of a list's own entries that the log has dropped. */
uint64_t hermes_sse__readers_evicted_to(const hermes_sse__readers *list);

/* What a list of readers has lost: dropped here, or perhaps never come. */
uint64_t hermes_sse__readers_lost_to(const hermes_sse__readers *list);

/* The index of the first entry after `position`, hole or not; `next` if there is none. */
uint32_t hermes_sse__log_after(const hermes_sse__log *log, uint64_t position);

#endif
