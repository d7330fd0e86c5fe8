/* A list of readers: the streams that follow a topic, or one key of it, in the order they came, and the lap of delivery
 * under way over them.
 *
 * The array holds slot numbers; one that left is a hole until the next compaction, so that order is kept and a sweep that
 * is under way never misses or repeats anyone. */
#ifndef HERMES_SSE_CORE_READERS_H
#define HERMES_SSE_CORE_READERS_H
#include "core/slots.h"

typedef struct hermes_sse__readers {
  struct hermes_sse__readers *next_news; /* in the hub's queue of lists with news */
  struct hermes_sse__log *log;
  struct hermes_sse__key *key; /* NULL: the whole topic */
  uint32_t *slots;
  uint32_t n, capacity, holes;
  uint32_t at;         /* the lap under way visits slots[at] next */
  uint64_t last;       /* place of the newest entry of this list */
  uint64_t lap_to;     /* the lap under way offers everything up to here */
  uint64_t offered_to; /* every unblocked reader was offered everything up to here, while `queued` */
  uint8_t queued;      /* in the queue, or being swept: may not be released */
} hermes_sse__readers;

void hermes_sse__readers_init(hermes_sse__readers *list, struct hermes_sse__log *log, struct hermes_sse__key *key);
void hermes_sse__readers_clear(const hermes_sse_environment *env, hermes_sse__readers *list);

/* Appends; `*index` is where. HERMES_SSE_ERR_NOMEM. */
int hermes_sse__readers_add(const hermes_sse_environment *env, hermes_sse__readers *list, uint32_t slot,
                            uint32_t *index);

/* Leaves a hole, or compacts when holes are many, telling the streams that move. */
void hermes_sse__readers_remove(const hermes_sse_environment *env, hermes_sse__readers *list, hermes_sse__slots *slots,
                                uint32_t index);

static inline uint32_t hermes_sse__readers_n(const hermes_sse__readers *list)
{
  return list->n - list->holes;
}

static inline int hermes_sse__readers_in_use(const hermes_sse__readers *list)
{
  return list->queued || list->n > list->holes;
}

/* 1 if every reader that could take it was offered the entry at `seq`. */
static inline int hermes_sse__readers_offered(const hermes_sse__readers *list, uint64_t seq)
{
  return !list->queued || list->offered_to >= seq || list->n == list->holes;
}

#endif
