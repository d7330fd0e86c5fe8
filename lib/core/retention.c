#include "core/retention.h"

enum {
  AGE_STEP_MS = 1000, /* logs are looked through for old entries this often ... */
  AGE_BUCKETS = 1024, /* ... so many buckets of the table at a time */
  LATE_MS = 100       /* pull hosts get this long to take what was offered before it is dropped */
};

static hermes_sse__log *log_of(hermes_sse__node *node)
{
  return (hermes_sse__log *)(void *)((char *)node - offsetof(hermes_sse__log, node));
}

hermes_sse__log *hermes_sse__log_get(hermes_sse_hub *hub, uint64_t hash, const void *topic, size_t len)
{
  hermes_sse__log *log = hermes_sse__log_find(&hub->logs, hash, topic, len);

  if (log)
    return log;
  log = hermes_sse__log_add(&hub->env, &hub->logs, hash, topic, len);
  if (log)
    hermes_sse__count(&hub->counters.topics, 1);
  return log;
}

void hermes_sse__log_tidy(hermes_sse_hub *hub, hermes_sse__log *log)
{
  if (hermes_sse__log_n(log) > 0 || log->touched || log->keys.n > 0 || hermes_sse__readers_in_use(&log->readers))
    return;
  if (log->evicted_to > hub->floor)
    hub->floor = log->evicted_to;
  hermes_sse__log_remove(&hub->env, &hub->logs, log);
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

static int beyond_policy(const hermes_sse_hub *hub, const hermes_sse__log *log)
{
  const hermes_sse__policy *p = &log->policy;

  return hermes_sse__log_n(log) > p->max_entries || log->bytes > p->max_bytes ||
         hermes_sse__hub_ms(hub) - hermes_sse__entry_at(log, log->first)->at_ms > p->max_age_ms;
}

static int was_offered(const hermes_sse__log *log, const hermes_sse__entry *entry)
{
  return hermes_sse__readers_offered(&log->readers, entry->seq) &&
         (!entry->key || hermes_sse__readers_offered(&entry->key->readers, entry->seq));
}

/* Returns 1 if something must go that may not go yet. A pull host takes what a run offered after that run, so with one
   about only what the run before offered may go. */
static int trim(hermes_sse_hub *hub, hermes_sse__log *log)
{
  uint64_t to = hub->has_pull ? hub->head_before : hub->head;
  uint64_t n = hermes_sse__log_n(log), bytes = log->bytes;
  int kept = 0;

  if (log->policy_version != hub->policy_seen) {
    log->policy = hermes_sse__bus_policy(hub->bus, log->name, log->len);
    log->policy_version = hub->policy_seen;
  }
  while (hermes_sse__log_n(log) > 0 && beyond_policy(hub, log)) {
    const hermes_sse__entry *first = hermes_sse__entry_at(log, log->first);
    hermes_sse__key *key;

    if (first->seq > to || !was_offered(log, first)) {
      kept = 1;
      break;
    }
    key = hermes_sse__log_evict(log);
    if (key)
      hermes_sse__key_tidy(&hub->env, log, key);
  }
  hermes_sse__count(&hub->counters.retained_entries, hermes_sse__log_n(log) - n);
  hermes_sse__count(&hub->counters.retained_bytes, log->bytes - bytes);
  return kept;
}

static void trim_touched(hermes_sse_hub *hub)
{
  hermes_sse__log *log = hub->touched, *next;

  hub->touched = NULL;
  for (; log; log = next) {
    next = log->next_touched;
    log->touched = 0;
    if (trim(hub, log))
      hermes_sse__log_touch(hub, log);
    else
      hermes_sse__log_tidy(hub, log);
  }
}

static void trim_bucket(hermes_sse_hub *hub, size_t bucket)
{
  hermes_sse__node *node = hermes_sse__table_bucket(&hub->logs, bucket), *next;

  for (; node; node = next) {
    next = node->next;
    if (trim(hub, log_of(node)))
      hermes_sse__log_touch(hub, log_of(node));
    else
      hermes_sse__log_tidy(hub, log_of(node));
  }
}

static void trim_buckets(hermes_sse_hub *hub, size_t n)
{
  while (n-- > 0 && hub->logs.n > 0) {
    if (hub->aged_bucket >= hermes_sse__table_buckets(&hub->logs))
      hub->aged_bucket = 0;
    trim_bucket(hub, hub->aged_bucket++);
  }
}

void hermes_sse__retention_run(hermes_sse_hub *hub)
{
  uint64_t version = atomic_load_explicit(&hub->bus->policy_version, memory_order_relaxed);
  size_t buckets = hermes_sse__table_buckets(&hub->logs);
  int changed = hub->policy_seen != version;

  if (hub->dying)
    return;
  hub->policy_seen = version; /* before any log is judged: a new one has seen none */
  trim_touched(hub);
  if (changed) {
    trim_buckets(hub, buckets);
  } else if (hub->now_ms - hub->aged_ms >= AGE_STEP_MS) {
    hub->aged_ms = hub->now_ms;
    trim_buckets(hub, buckets < AGE_BUCKETS ? buckets : AGE_BUCKETS);
  }
}

uint64_t hermes_sse__retention_next(const hermes_sse_hub *hub)
{
  if (hub->touched)
    return hub->now_ms + LATE_MS;
  return hermes_sse__counted(&hub->counters.retained_entries) > 0 ? hub->aged_ms + AGE_STEP_MS : HERMES_SSE_NEVER;
}
