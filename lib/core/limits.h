/* Limits inside: tickets in slots, the keys they count under, the classes' rules. Everything under one lock. */
#ifndef HERMES_SSE_CORE_LIMITS_H
#define HERMES_SSE_CORE_LIMITS_H
#include "core/hash.h"
#include "core/table.h"
#include <hermes_sse/bus.h>
#include <hermes_sse/limits.h>
#include <pthread.h>

typedef struct hermes_sse__class {
  char name[HERMES_SSE_KEY_CLASS_MAX + 1];
  hermes_sse_class_options rules;
} hermes_sse__class;

typedef struct hermes_sse__limit_key {
  hermes_sse__node node;
  struct hermes_sse__limit_key *before, *after; /* among the idle: no tickets, bucket not known to be full */
  uint64_t credit;    /* in 60000ths of an arrival, so that per_minute is what a millisecond adds */
  uint64_t credit_ms; /* when `credit` was right */
  uint32_t index;     /* in `keys` */
  uint32_t tickets;
  uint32_t class_index;
  uint8_t idle;
  uint8_t len;
  unsigned char name[];
} hermes_sse__limit_key;

enum { HERMES_SSE__INLINE_KEYS = 2 };

/* Sixteen bytes: there is one per stream. */
typedef struct hermes_sse__ticket_slot {
  uint32_t generation;
  uint32_t n; /* keys; HERMES_SSE__FREE_TICKET: not in use */
  uint32_t keys
      [HERMES_SSE__INLINE_KEYS]; /* indices; with more keys than that, [0] is an index of `lists`; free: [0] the next */
} hermes_sse__ticket_slot;

#define HERMES_SSE__FREE_TICKET UINT32_MAX
#define HERMES_SSE__NO_INDEX    UINT32_MAX

/* Pointers found by a small number that stays. */
typedef struct hermes_sse__pool {
  void **items; /* a free one is odd: twice the next free index, plus one */
  uint32_t n, capacity, free;
} hermes_sse__pool;

struct hermes_sse_limits {
  hermes_sse_environment env;
  pthread_mutex_t lock;
  hermes_sse__seed seed;
  uint64_t random;
  uint64_t now_ms; /* the latest that was passed in */
  uint64_t max_total, retry_min_s, retry_max_s;
  hermes_sse__class *classes;
  uint32_t n_classes;
  hermes_sse__table table; /* of keys */
  hermes_sse__pool keys;   /* hermes_sse__limit_key */
  hermes_sse__pool lists;  /* uint32_t[n] of tickets with many keys */
  hermes_sse__limit_key *idle_first, *idle_last;
  hermes_sse__ticket_slot *slots;
  uint32_t n_slots, slots_capacity, free_slot;
  uint32_t live;
  uint8_t closed;
  hermes_sse_limits_stats stats;
};

/* 1 if the ticket is live and counts under this key. */
int hermes_sse__ticket_has(const hermes_sse_ticket *ticket, const char *key_class, hermes_sse_slice key);

/* ---- keys.c: under the lock ---- */

/* HERMES_SSE__NO_INDEX: no such class. */
uint32_t hermes_sse__class_find(const hermes_sse_limits *limits, const char *name);
/* The class, without rules if it is new. HERMES_SSE_ERR_OPTION (name), _NOMEM. */
int hermes_sse__class_get(hermes_sse_limits *limits, const char *name, uint32_t *index);

hermes_sse__limit_key *hermes_sse__limit_key_find(const hermes_sse_limits *limits, uint32_t class_index,
                                                  hermes_sse_slice key);
/* A key with a full bucket and no tickets. NULL: no memory. */
hermes_sse__limit_key *hermes_sse__limit_key_add(hermes_sse_limits *limits, uint32_t class_index, hermes_sse_slice key);
/* Brings the bucket up to now. */
void hermes_sse__limit_key_refill(hermes_sse_limits *limits, hermes_sse__limit_key *key);
/* A key without tickets is forgotten once its bucket is full; until then it waits among the idle. */
void hermes_sse__limit_key_tidy(hermes_sse_limits *limits, hermes_sse__limit_key *key);
/* It counts again. */
void hermes_sse__limit_key_revive(hermes_sse_limits *limits, hermes_sse__limit_key *key);
/* Forgets some idle keys whose buckets have filled: a few per admission keep up with any number of newcomers. */
void hermes_sse__limit_keys_purge(hermes_sse_limits *limits);
void hermes_sse__limit_keys_clear(hermes_sse_limits *limits);

enum { HERMES_SSE__ARRIVAL = 60000 }; /* what one arrival costs, in units of `credit` */

/* ---- pool ---- */

int hermes_sse__pool_add(const hermes_sse_environment *env, hermes_sse__pool *pool, void *item, uint32_t *index);
void hermes_sse__pool_remove(hermes_sse__pool *pool, uint32_t index);

#endif
