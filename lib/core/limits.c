#include "core/limits.h"
#include "core/options.h"
#include <string.h>

enum { DEFAULT_TOTAL = 1000, DEFAULT_RETRY_MIN_S = 1, DEFAULT_RETRY_MAX_S = 5, MAX_RATE = 1 << 20 };
static const uint64_t max_tickets = UINT64_C(1) << 30;

static int read_options(hermes_sse_limits_options *o, const hermes_sse_limits_options *options,
                        hermes_sse_environment *env)
{
  int rv = hermes_sse__options_read(o, sizeof *o, options);

  if (rv < 0)
    return rv;
  o->max_total = hermes_sse__or(o->max_total, DEFAULT_TOTAL);
  if (o->max_total == HERMES_SSE_NEVER)
    o->max_total = max_tickets;
  o->retry_min_s = hermes_sse__or(o->retry_min_s, DEFAULT_RETRY_MIN_S);
  o->retry_max_s =
      hermes_sse__or(o->retry_max_s, o->retry_min_s > DEFAULT_RETRY_MAX_S ? o->retry_min_s : DEFAULT_RETRY_MAX_S);
  rv = hermes_sse__environment_read(env, o->environment);
  if (rv < 0)
    return rv;
  if (o->max_total > max_tickets)
    return hermes_sse__refuse_number(env, "max_total", o->max_total, "at most 1073741824, HERMES_SSE_NEVER");
  if (o->retry_min_s > o->retry_max_s || o->retry_max_s > UINT32_MAX)
    return hermes_sse__refuse_number(env, "retry_max_s", o->retry_max_s, "retry_min_s to 4294967295");
  return HERMES_SSE_OK;
}

int hermes_sse_limits_new(const hermes_sse_limits_options *options, hermes_sse_limits **limits)
{
  hermes_sse_limits_options o;
  hermes_sse_environment env;
  uint64_t random[3];
  hermes_sse_limits *l;
  int rv = read_options(&o, options, &env);

  if (rv < 0)
    return rv;
  if (env.random(random, sizeof random, env.user) < 0)
    return HERMES_SSE_ERR_RANDOM;
  l = hermes_sse__alloc(&env, 1, sizeof *l);
  if (!l)
    return HERMES_SSE_ERR_NOMEM;
  l->env = env;
  l->seed = (hermes_sse__seed){ random[0], random[1] };
  l->random = random[2];
  l->max_total = o.max_total;
  l->retry_min_s = o.retry_min_s;
  l->retry_max_s = o.retry_max_s;
  l->free_slot = HERMES_SSE__NO_INDEX;
  pthread_mutex_init(&l->lock, NULL);
  *limits = l;
  return HERMES_SSE_OK;
}

/* Under the lock, which it gives up; nothing may touch the limits after it. */
static void unlock_and_maybe_go(hermes_sse_limits *limits)
{
  hermes_sse_environment env = limits->env;
  int last = limits->closed && limits->live == 0;

  pthread_mutex_unlock(&limits->lock);
  if (!last)
    return;
  hermes_sse__limit_keys_clear(limits);
  hermes_sse__release(&env, limits->lists.items);
  hermes_sse__release(&env, limits->classes);
  hermes_sse__release(&env, limits->slots);
  pthread_mutex_destroy(&limits->lock);
  hermes_sse__release(&env, limits);
}

void hermes_sse_limits_free(hermes_sse_limits *limits)
{
  if (!limits)
    return;
  pthread_mutex_lock(&limits->lock);
  limits->closed = 1;
  unlock_and_maybe_go(limits);
}

int hermes_sse_limits_class(hermes_sse_limits *limits, const char *key_class, const hermes_sse_class_options *options)
{
  hermes_sse_class_options o;
  uint32_t index;
  int rv = hermes_sse__options_read(&o, sizeof o, options);

  if (rv < 0)
    return rv;
  o.burst = hermes_sse__or(o.burst, o.per_minute);
  if (o.max_tickets > max_tickets)
    return hermes_sse__refuse_number(&limits->env, "max_tickets", o.max_tickets, "at most 1073741824");
  if (o.per_minute > MAX_RATE)
    return hermes_sse__refuse_number(&limits->env, "per_minute", o.per_minute, "at most 1048576");
  if (o.burst > MAX_RATE || (o.burst > 0 && o.per_minute == 0))
    return hermes_sse__refuse_number(&limits->env, "burst", o.burst, "at most 1048576, with per_minute");
  pthread_mutex_lock(&limits->lock);
  rv = hermes_sse__class_get(limits, key_class, &index);
  if (rv == HERMES_SSE_OK)
    limits->classes[index].rules = o;
  pthread_mutex_unlock(&limits->lock);
  return rv;
}

/* ---- tickets ---- */

static const uint32_t *keys_of(const hermes_sse_limits *limits, const hermes_sse__ticket_slot *slot)
{
  return slot->n <= HERMES_SSE__INLINE_KEYS ? slot->keys : limits->lists.items[slot->keys[0]];
}

static hermes_sse__limit_key *key_at(const hermes_sse_limits *limits, uint32_t index)
{
  return limits->keys.items[index];
}

static hermes_sse__ticket_slot *live_slot(const hermes_sse_limits *limits, const hermes_sse_ticket *ticket)
{
  hermes_sse__ticket_slot *slot = ticket->slot < limits->n_slots ? &limits->slots[ticket->slot] : NULL;

  return slot && slot->n != HERMES_SSE__FREE_TICKET && slot->generation == ticket->generation ? slot : NULL;
}

static int take_slot(hermes_sse_limits *limits, uint32_t *index)
{
  if (limits->free_slot != HERMES_SSE__NO_INDEX) {
    *index = limits->free_slot;
    limits->free_slot = limits->slots[*index].keys[0];
    return HERMES_SSE_OK;
  }
  if (limits->n_slots == limits->slots_capacity) {
    uint32_t capacity = limits->slots_capacity + limits->slots_capacity / 4 + 16;
    hermes_sse__ticket_slot *slots = hermes_sse__resize(&limits->env, limits->slots, capacity, sizeof *slots);

    if (!slots)
      return HERMES_SSE_ERR_NOMEM;
    limits->slots = slots;
    limits->slots_capacity = capacity;
  }
  *index = limits->n_slots++;
  limits->slots[*index] = (hermes_sse__ticket_slot){ .n = HERMES_SSE__FREE_TICKET };
  return HERMES_SSE_OK;
}

static void give_slot(hermes_sse_limits *limits, uint32_t index)
{
  limits->slots[index].n = HERMES_SSE__FREE_TICKET;
  limits->slots[index].generation++;
  limits->slots[index].keys[0] = limits->free_slot;
  limits->free_slot = index;
}

static int fill_slot(hermes_sse_limits *limits, uint32_t index, hermes_sse__limit_key *const *keys, uint32_t n)
{
  uint32_t *to = limits->slots[index].keys, list_index = 0;

  if (n > HERMES_SSE__INLINE_KEYS) {
    to = hermes_sse__alloc_raw(&limits->env, n, sizeof *to);
    if (!to)
      return HERMES_SSE_ERR_NOMEM;
    if (hermes_sse__pool_add(&limits->env, &limits->lists, to, &list_index) < 0) {
      hermes_sse__release(&limits->env, to);
      return HERMES_SSE_ERR_NOMEM;
    }
    limits->slots[index].keys[0] = list_index;
  }
  for (uint32_t i = 0; i < n; i++)
    to[i] = keys[i]->index;
  limits->slots[index].n = n;
  return HERMES_SSE_OK;
}

void hermes_sse_ticket_release(hermes_sse_ticket *ticket)
{
  hermes_sse_limits *limits = ticket ? ticket->limits : NULL;
  hermes_sse__ticket_slot *slot;

  if (!limits)
    return;
  pthread_mutex_lock(&limits->lock);
  slot = live_slot(limits, ticket);
  if (slot) {
    const uint32_t *keys = keys_of(limits, slot);

    for (uint32_t i = 0; i < slot->n; i++) {
      key_at(limits, keys[i])->tickets--;
      hermes_sse__limit_key_tidy(limits, key_at(limits, keys[i]));
    }
    if (slot->n > HERMES_SSE__INLINE_KEYS) {
      hermes_sse__release(&limits->env, limits->lists.items[slot->keys[0]]);
      hermes_sse__pool_remove(&limits->lists, slot->keys[0]);
    }
    give_slot(limits, ticket->slot);
    limits->live--;
  }
  *ticket = (hermes_sse_ticket){ .limits = NULL };
  unlock_and_maybe_go(limits);
}

int hermes_sse__ticket_has(const hermes_sse_ticket *ticket, const char *key_class, hermes_sse_slice key)
{
  hermes_sse_limits *limits = ticket->limits;
  const hermes_sse__ticket_slot *slot;
  const hermes_sse__limit_key *k = NULL;
  uint32_t class_index;
  int has = 0;

  if (!limits)
    return 0;
  pthread_mutex_lock(&limits->lock);
  slot = live_slot(limits, ticket);
  class_index = slot ? hermes_sse__class_find(limits, key_class) : HERMES_SSE__NO_INDEX;
  if (class_index != HERMES_SSE__NO_INDEX)
    k = hermes_sse__limit_key_find(limits, class_index, key);
  for (uint32_t i = 0; k && i < slot->n; i++)
    has |= keys_of(limits, slot)[i] == k->index;
  pthread_mutex_unlock(&limits->lock);
  return has;
}

int hermes_sse_ticket_key(const hermes_sse_ticket *ticket, size_t i, char key_class[HERMES_SSE_KEY_CLASS_MAX + 1],
                          void *key, size_t *len)
{
  hermes_sse_limits *limits = ticket->limits;
  const hermes_sse__ticket_slot *slot;
  int rv = HERMES_SSE_ERR_NOT_FOUND;

  if (!limits)
    return rv;
  pthread_mutex_lock(&limits->lock);
  slot = live_slot(limits, ticket);
  if (slot && i < slot->n) {
    const hermes_sse__limit_key *k = limits->keys.items[keys_of(limits, slot)[i]];

    memcpy(key_class, limits->classes[k->class_index].name, sizeof limits->classes->name);
    memcpy(key, k->name, k->len);
    *len = k->len;
    rv = HERMES_SSE_OK;
  }
  pthread_mutex_unlock(&limits->lock);
  return rv;
}

/* ---- admission ---- */

/* What admit() works on: the distinct keys, some of which may be new. */
typedef struct arrival {
  uint32_t n;
  uint32_t classes[HERMES_SSE_TICKET_KEYS_MAX];
  hermes_sse_slice names[HERMES_SSE_TICKET_KEYS_MAX];
  hermes_sse__limit_key *keys[HERMES_SSE_TICKET_KEYS_MAX];
} arrival;

static int add_key(hermes_sse_limits *limits, arrival *a, const hermes_sse_limit_key *key)
{
  uint32_t class_index;
  int rv;

  if (key->key.len > HERMES_SSE_KEY_MAX)
    return HERMES_SSE_ERR_BAD_KEY;
  rv = hermes_sse__class_get(limits, key->key_class, &class_index);
  if (rv < 0)
    return rv;
  for (uint32_t i = 0; i < a->n; i++)
    if (a->classes[i] == class_index && a->names[i].len == key->key.len &&
        (key->key.len == 0 || memcmp(a->names[i].ptr, key->key.ptr, key->key.len) == 0))
      return HERMES_SSE_OK;
  a->classes[a->n] = class_index;
  a->names[a->n] = key->key;
  a->keys[a->n++] = hermes_sse__limit_key_find(limits, class_index, key->key);
  return HERMES_SSE_OK;
}

static uint64_t jitter_s(hermes_sse_limits *limits)
{
  limits->random = limits->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return limits->retry_min_s + (limits->random >> 33) % (limits->retry_max_s - limits->retry_min_s + 1);
}

static int refuse(hermes_sse_limits *limits, hermes_sse_verdict *verdict, uint64_t http_status, uint64_t wait_s,
                  const char *key_class)
{
  hermes_sse_verdict v = { .http_status = http_status, .retry_after_s = jitter_s(limits) };

  if (v.retry_after_s < wait_s)
    v.retry_after_s = wait_s;
  memcpy(v.key_class, key_class, strlen(key_class));
  if (verdict)
    hermes_sse__options_write(verdict, &v, sizeof v);
  return HERMES_SSE_ERR_DENIED;
}

/* Seconds until the bucket has an arrival; 0: it has one. */
static uint64_t rate_wait_s(hermes_sse_limits *limits, hermes_sse__limit_key *key, uint64_t per_minute)
{
  hermes_sse__limit_key_refill(limits, key);
  if (key->credit >= HERMES_SSE__ARRIVAL)
    return 0;
  return ((HERMES_SSE__ARRIVAL - key->credit + per_minute - 1) / per_minute + 999) / 1000;
}

/* HERMES_SSE_OK or HERMES_SSE_ERR_DENIED; takes nothing. */
static int judge(hermes_sse_limits *limits, const arrival *a, hermes_sse_verdict *verdict)
{
  if (limits->live >= limits->max_total) {
    limits->stats.refused_total++;
    return refuse(limits, verdict, 503, 0, "");
  }
  for (uint32_t i = 0; i < a->n; i++) {
    const hermes_sse__class *class = &limits->classes[a->classes[i]];
    uint64_t wait_s;

    if (!a->keys[i])
      continue;
    if (class->rules.max_tickets > 0 && a->keys[i]->tickets >= class->rules.max_tickets) {
      limits->stats.refused_key++;
      return refuse(limits, verdict, 429, 0, class->name);
    }
    wait_s = class->rules.per_minute > 0 ? rate_wait_s(limits, a->keys[i], class->rules.per_minute) : 0;
    if (wait_s > 0) {
      limits->stats.refused_rate++;
      return refuse(limits, verdict, 429, wait_s, class->name);
    }
  }
  return HERMES_SSE_OK;
}

static int make_keys(hermes_sse_limits *limits, arrival *a)
{
  for (uint32_t i = 0; i < a->n; i++) {
    if (!a->keys[i])
      a->keys[i] = hermes_sse__limit_key_add(limits, a->classes[i], a->names[i]);
    if (!a->keys[i])
      return HERMES_SSE_ERR_NOMEM;
  }
  return HERMES_SSE_OK;
}

static int commit(hermes_sse_limits *limits, arrival *a, hermes_sse_ticket *ticket)
{
  uint32_t index = 0;
  int rv = make_keys(limits, a);

  if (rv == HERMES_SSE_OK)
    rv = take_slot(limits, &index);
  if (rv == HERMES_SSE_OK) {
    rv = fill_slot(limits, index, a->keys, a->n);
    if (rv < 0)
      give_slot(limits, index);
  }
  if (rv < 0) {
    for (uint32_t i = 0; i < a->n; i++)
      if (a->keys[i])
        hermes_sse__limit_key_tidy(limits, a->keys[i]);
    return rv;
  }
  for (uint32_t i = 0; i < a->n; i++) {
    hermes_sse__limit_key_revive(limits, a->keys[i]);
    a->keys[i]->tickets++;
    if (limits->classes[a->classes[i]].rules.per_minute > 0)
      a->keys[i]->credit -= HERMES_SSE__ARRIVAL;
  }
  limits->live++;
  limits->stats.admitted++;
  *ticket = (hermes_sse_ticket){ .limits = limits, .slot = index, .generation = limits->slots[index].generation };
  return HERMES_SSE_OK;
}

int hermes_sse_limits_admit(hermes_sse_limits *limits, const hermes_sse_limit_key *keys, size_t n, uint64_t now_ms,
                            hermes_sse_verdict *verdict, hermes_sse_ticket *ticket)
{
  arrival a = { .n = 0 };
  int rv = HERMES_SSE_OK;

  if (n > HERMES_SSE_TICKET_KEYS_MAX || (n > 0 && !keys) || (verdict && verdict->size < sizeof verdict->size))
    return HERMES_SSE_ERR_OPTION;
  pthread_mutex_lock(&limits->lock);
  if (now_ms > limits->now_ms)
    limits->now_ms = now_ms;
  if (limits->closed)
    rv = HERMES_SSE_ERR_CLOSED;
  hermes_sse__limit_keys_purge(limits);
  for (size_t i = 0; i < n && rv == HERMES_SSE_OK; i++)
    rv = add_key(limits, &a, &keys[i]);
  if (rv == HERMES_SSE_OK)
    rv = judge(limits, &a, verdict);
  if (rv == HERMES_SSE_OK)
    rv = commit(limits, &a, ticket);
  pthread_mutex_unlock(&limits->lock);
  return rv;
}

/* ---- figures ---- */

/* Adds (sign 1) or takes away (sign -1) every live ticket from its keys' counts; the tickets seen. */
static uint32_t recount(const hermes_sse_limits *limits, int sign)
{
  uint32_t live = 0;

  for (uint32_t i = 0; i < limits->n_slots; i++) {
    const hermes_sse__ticket_slot *slot = &limits->slots[i];

    if (slot->n == HERMES_SSE__FREE_TICKET)
      continue;
    live++;
    for (uint32_t k = 0; k < slot->n; k++)
      key_at(limits, keys_of(limits, slot)[k])->tickets += (uint32_t)sign;
  }
  return live;
}

int hermes_sse_limits_audit(hermes_sse_limits *limits)
{
  int ok;

  pthread_mutex_lock(&limits->lock);
  /* with every live ticket taken away, every key must stand at zero */
  ok = recount(limits, -1) == limits->live;
  for (size_t i = 0; i < hermes_sse__table_buckets(&limits->table); i++)
    for (const hermes_sse__node *n = hermes_sse__table_bucket(&limits->table, i); n; n = n->next)
      ok &= ((const hermes_sse__limit_key *)(const void *)((const char *)n - offsetof(hermes_sse__limit_key, node)))
                ->tickets == 0;
  recount(limits, 1);
  pthread_mutex_unlock(&limits->lock);
  return ok ? HERMES_SSE_OK : HERMES_SSE_ERR_STATE;
}

int hermes_sse_limits_stats_get(hermes_sse_limits *limits, hermes_sse_limits_stats *stats)
{
  hermes_sse_limits_stats s;

  pthread_mutex_lock(&limits->lock);
  s = limits->stats;
  s.tickets = limits->live;
  s.keys = limits->table.n;
  pthread_mutex_unlock(&limits->lock);
  return hermes_sse__options_write(stats, &s, sizeof s);
}
