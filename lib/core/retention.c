#include "core/retention.h"
#include "core/follow.h"
#include "core/view.h"

enum {
  AGE_STEP_MS = 1000, /* logs are looked through for old entries this often ... */
  AGE_BUCKETS = 1024, /* ... so many buckets of the table at a time */
  LATE_MS = 100       /* pull hosts get this long to take what was offered before it is dropped */
};

static int is_bounded(const hermes_sse_hub *hub)
{
  return hub->bus->max_retained_bytes != HERMES_SSE_NEVER;
}

hermes_sse__log *hermes_sse__log_get(hermes_sse_hub *hub, uint64_t hash, const void *topic, size_t len)
{
  hermes_sse__log *log = hermes_sse__log_find(&hub->logs, hash, topic, len);

  if (log)
    return log;
  if (is_bounded(hub) && hermes_sse__oldest_reserve(&hub->env, &hub->oldest, hub->logs.n + 1) < 0)
    return NULL;
  log = hermes_sse__log_new(&hub->env, hash, topic, len);
  if (!log)
    return NULL;
  if (hermes_sse__views_of(hub, log) < 0) {
    hermes_sse__log_free(&hub->env, log);
    return NULL;
  }
  hermes_sse__table_insert(&hub->env, &hub->logs, &log->node);
  hermes_sse__count(&hub->counters.topics, 1);
  return log;
}

void hermes_sse__log_tidy(hermes_sse_hub *hub, hermes_sse__log *log)
{
  if (log->is_view || hermes_sse__log_n(log) > 0 || log->touched || log->keys.n > 0 ||
      hermes_sse__readers_in_use(&log->readers))
    return;
  if (hermes_sse__readers_lost_to(&log->readers) > hub->floor)
    hub->floor = hermes_sse__readers_lost_to(&log->readers);
  hermes_sse__table_remove(&hub->env, &hub->logs, &log->node);
  hermes_sse__log_free(&hub->env, log);
  hermes_sse__count(&hub->counters.topics, -(uint64_t)1);
}

void hermes_sse__log_touch(hermes_sse_hub *hub, hermes_sse__log *log)
{
  if (log->touched)
    return;
  log->touched = 1;
  log->next_touched = hub->touched;
  hub->touched = log;
}

void hermes_sse__log_stored(hermes_sse_hub *hub, hermes_sse__log *log, const hermes_sse_frame *frame)
{
  hermes_sse__count(&hub->counters.retained_entries, 1);
  hermes_sse__count(&hub->counters.retained_bytes, frame->size);
  if (is_bounded(hub))
    hermes_sse__oldest_update(&hub->oldest, log);
}

static int beyond_policy(const hermes_sse_hub *hub, const hermes_sse__log *log)
{
  const hermes_sse__policy *p = &log->policy;

  return hermes_sse__log_n(log) > p->max_entries || log->bytes > p->max_bytes ||
         hermes_sse__hub_ms(hub) - hermes_sse__entry_at(log, log->first)->at_ms > p->max_age_ms;
}

static int was_offered_by(const hermes_sse__log *log, const hermes_sse__entry *entry)
{
  const hermes_sse_frame *frame = entry->frame;
  const hermes_sse__key *key = entry->key;

  if (!hermes_sse__readers_offered(&log->readers, entry->seq))
    return 0;
  if (key && log->is_view)
    key = hermes_sse__key_find(log, frame->key_hash, frame->bytes + frame->topic_len, frame->key_len);
  return !key || hermes_sse__readers_offered(&key->readers, entry->seq);
}

/* Everyone who keeps up has had it. A pull host takes what a run offered after that run, so with one about only what the run
   before offered counts. */
static int was_offered(const hermes_sse_hub *hub, const hermes_sse__log *log, const hermes_sse__entry *entry)
{
  if (entry->seq > (hub->has_pull ? hub->head_before : hub->head) || !was_offered_by(log, entry))
    return 0;
  for (uint32_t i = 0; i < log->n_views; i++)
    if (!was_offered_by(log->views[i], entry))
      return 0;
  return 1;
}

static void drop(hermes_sse_hub *hub, hermes_sse__log *log, uint32_t index, int lost)
{
  uint64_t seq = hermes_sse__entry_at(log, index)->seq, bytes = log->bytes;
  hermes_sse__key *key = hermes_sse__entry_drop(log, index, lost);

  if (lost)
    hermes_sse__note_lost(hub, &log->readers, seq);
  if (lost && key)
    hermes_sse__note_lost(hub, &key->readers, seq);
  if (key)
    hermes_sse__key_tidy(&hub->env, log, key);
  for (uint32_t i = 0; i < log->n_views; i++)
    hermes_sse__view_drop(hub, log->views[i], seq, lost, log->policy.close_slow);
  if (is_bounded(hub))
    hermes_sse__oldest_update(&hub->oldest, log);
  hermes_sse__count(&hub->counters.retained_entries, -(uint64_t)1);
  hermes_sse__count(&hub->counters.retained_bytes, log->bytes - bytes);
  hermes_sse__count(lost ? &hub->counters.dropped : &hub->counters.conflated, 1);
}

/* Keys that were there when the topic became a conflated one. */
static void find_crowded(hermes_sse__log *log)
{
  for (size_t i = 0; i < hermes_sse__table_buckets(&log->keys); i++)
    for (hermes_sse__node *node = hermes_sse__table_bucket(&log->keys, i); node; node = node->next) {
      hermes_sse__key *key = hermes_sse__key_of(node);

      if (key->n > 1 && !key->crowded) {
        key->crowded = 1;
        key->next_crowded = log->crowded;
        log->crowded = key;
      }
    }
}

void hermes_sse__log_policy(hermes_sse_hub *hub, hermes_sse__log *log)
{
  uint64_t version = atomic_load_explicit(&hub->bus->policy_version, memory_order_relaxed);

  if (log->policy_version == version)
    return;
  log->policy = hermes_sse__bus_policy(hub->bus, log->name, log->len);
  log->policy_version = version;
  if (log->policy.conflate)
    find_crowded(log);
}

/* One live entry per key behind what was offered. Returns 1 if something must go that may not go yet. */
static int conflate(hermes_sse_hub *hub, hermes_sse__log *log)
{
  int kept = 0;

  for (hermes_sse__key **at = &log->crowded; *at;) {
    hermes_sse__key *key = *at;

    while (log->policy.conflate && key->n > 1 && was_offered(hub, log, hermes_sse__entry_at(log, key->first)))
      drop(hub, log, key->first, 0);
    if (log->policy.conflate && key->n > 1) {
      kept = 1;
      at = &key->next_crowded;
    } else {
      *at = key->next_crowded;
      key->crowded = 0;
    }
  }
  return kept;
}

/* Returns 1 if something must go that may not go yet. */
static int trim(hermes_sse_hub *hub, hermes_sse__log *log)
{
  int kept;

  hermes_sse__log_policy(hub, log);
  kept = conflate(hub, log);
  while (hermes_sse__log_n(log) > 0 && beyond_policy(hub, log)) {
    if (!was_offered(hub, log, hermes_sse__entry_at(log, log->first))) {
      kept = 1;
      break;
    }
    drop(hub, log, log->first, 1);
  }
  hermes_sse__log_shrink(&hub->env, log);
  return kept;
}

static void trim_or_tidy(hermes_sse_hub *hub, hermes_sse__log *log)
{
  if (trim(hub, log))
    hermes_sse__log_touch(hub, log);
  else
    hermes_sse__log_tidy(hub, log);
}

static void trim_touched(hermes_sse_hub *hub)
{
  hermes_sse__log *log = hub->touched, *next;

  hub->touched = NULL;
  for (; log; log = next) {
    next = log->next_touched;
    log->touched = 0;
    trim_or_tidy(hub, log);
  }
}

/* The bound over all topics: the oldest entry of all goes first. */
static void trim_all(hermes_sse_hub *hub)
{
  hermes_sse__log *log;

  while (hermes_sse__counted(&hub->counters.retained_bytes) > hub->bus->max_retained_bytes &&
         (log = hermes_sse__oldest_log(&hub->oldest))) {
    if (!was_offered(hub, log, hermes_sse__entry_at(log, log->first))) {
      hermes_sse__log_touch(hub, log);
      return;
    }
    drop(hub, log, log->first, 1);
    hermes_sse__log_tidy(hub, log);
  }
}

static void trim_buckets(hermes_sse_hub *hub, size_t n)
{
  while (n-- > 0 && hub->logs.n > 0) {
    hermes_sse__node *node, *next;

    if (hub->aged_bucket >= hermes_sse__table_buckets(&hub->logs))
      hub->aged_bucket = 0;
    for (node = hermes_sse__table_bucket(&hub->logs, hub->aged_bucket++); node; node = next) {
      next = node->next;
      trim_or_tidy(hub, hermes_sse__log_of(node));
    }
  }
}

void hermes_sse__retention_run(hermes_sse_hub *hub)
{
  uint64_t version = atomic_load_explicit(&hub->bus->policy_version, memory_order_relaxed);
  size_t buckets = hermes_sse__table_buckets(&hub->logs);
  int changed = hub->policy_seen != version;

  if (hub->dying)
    return;
  hub->policy_seen = version;
  trim_touched(hub);
  trim_all(hub);
  if (!changed && hub->now_ms - hub->aged_ms < AGE_STEP_MS)
    return;
  hub->aged_ms = hub->now_ms;
  trim_buckets(hub, changed || buckets < AGE_BUCKETS ? buckets : AGE_BUCKETS);
  hermes_sse__views_tidy(hub, 0);
}

uint64_t hermes_sse__retention_next(const hermes_sse_hub *hub)
{
  if (hub->touched)
    return hub->now_ms + LATE_MS;
  return hermes_sse__counted(&hub->counters.retained_entries) > 0 || hub->views ? hub->aged_ms + AGE_STEP_MS
                                                                                : HERMES_SSE_NEVER;
}
