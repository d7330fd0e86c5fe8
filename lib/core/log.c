#include "core/log.h"
#include <string.h>

static hermes_sse__log *log_of(hermes_sse__node *node)
{
  return (hermes_sse__log *)(void *)((char *)node - offsetof(hermes_sse__log, node));
}

static hermes_sse__key *key_of(hermes_sse__node *node)
{
  return (hermes_sse__key *)(void *)((char *)node - offsetof(hermes_sse__key, node));
}

hermes_sse__log *hermes_sse__log_find(const hermes_sse__table *logs, uint64_t hash, const void *name, size_t len)
{
  hermes_sse__node *node = hermes_sse__table_find(logs, hash);

  for (; node; node = hermes_sse__table_same(node))
    if (log_of(node)->len == len && memcmp(log_of(node)->name, name, len) == 0)
      return log_of(node);
  return NULL;
}

hermes_sse__log *hermes_sse__log_add(const hermes_sse_environment *env, hermes_sse__table *logs, uint64_t hash,
                                     const void *name, size_t len)
{
  hermes_sse__log *log = hermes_sse__alloc(env, 1, sizeof *log + len);

  if (!log)
    return NULL;
  log->node.hash = hash;
  log->len = (uint8_t)len;
  memcpy(log->name, name, len);
  hermes_sse__readers_init(&log->readers, log, NULL);
  hermes_sse__table_insert(env, logs, &log->node);
  return log;
}

void hermes_sse__log_remove(const hermes_sse_environment *env, hermes_sse__table *logs, hermes_sse__log *log)
{
  while (hermes_sse__log_n(log) > 0)
    hermes_sse__log_evict(log);
  for (size_t i = 0; i < hermes_sse__table_buckets(&log->keys); i++) {
    hermes_sse__node *node = hermes_sse__table_bucket(&log->keys, i), *next;

    for (; node; node = next) {
      next = node->next;
      hermes_sse__readers_clear(env, &key_of(node)->readers);
      hermes_sse__release(env, key_of(node));
    }
  }
  hermes_sse__table_clear(env, &log->keys);
  hermes_sse__readers_clear(env, &log->readers);
  hermes_sse__release(env, log->entries);
  hermes_sse__table_remove(env, logs, &log->node);
  hermes_sse__release(env, log);
}

hermes_sse__key *hermes_sse__key_find(const hermes_sse__log *log, uint64_t hash, const void *name, size_t len)
{
  hermes_sse__node *node = hermes_sse__table_find(&log->keys, hash);

  for (; node; node = hermes_sse__table_same(node))
    if (key_of(node)->len == len && memcmp(key_of(node)->name, name, len) == 0)
      return key_of(node);
  return NULL;
}

hermes_sse__key *hermes_sse__key_add(const hermes_sse_environment *env, hermes_sse__log *log, uint64_t hash,
                                     const void *name, size_t len)
{
  hermes_sse__key *key = hermes_sse__alloc(env, 1, sizeof *key + len);

  if (!key)
    return NULL;
  key->node.hash = hash;
  key->len = (uint8_t)len;
  memcpy(key->name, name, len);
  key->evicted_to = log->evicted_to;
  hermes_sse__readers_init(&key->readers, log, key);
  hermes_sse__table_insert(env, &log->keys, &key->node);
  return key;
}

int hermes_sse__key_tidy(const hermes_sse_environment *env, hermes_sse__log *log, hermes_sse__key *key)
{
  if (key->n > 0 || hermes_sse__readers_in_use(&key->readers))
    return 0;
  hermes_sse__table_remove(env, &log->keys, &key->node);
  hermes_sse__readers_clear(env, &key->readers);
  hermes_sse__release(env, key);
  return 1;
}

int hermes_sse__log_reserve(const hermes_sse_environment *env, hermes_sse__log *log)
{
  uint32_t capacity = log->capacity ? 2 * log->capacity : 8;
  hermes_sse__entry *entries;

  if (hermes_sse__log_n(log) < log->capacity)
    return HERMES_SSE_OK;
  if (log->capacity > UINT32_MAX / 4)
    return HERMES_SSE_ERR_NOMEM;
  entries = hermes_sse__alloc_raw(env, capacity, sizeof *entries);
  if (!entries)
    return HERMES_SSE_ERR_NOMEM;
  for (uint32_t i = log->first; i != log->next; i++)
    entries[i & (capacity - 1)] = *hermes_sse__entry_at(log, i);
  hermes_sse__release(env, log->entries);
  log->entries = entries;
  log->capacity = capacity;
  return HERMES_SSE_OK;
}

void hermes_sse__log_append(hermes_sse__log *log, hermes_sse__key *key, hermes_sse_frame *frame, uint32_t at_ms)
{
  uint32_t index = log->next++;
  hermes_sse__entry *entry = hermes_sse__entry_at(log, index);

  *entry = (hermes_sse__entry){ .seq = frame->seq, .frame = frame, .key = key, .at_ms = at_ms };
  log->bytes += frame->size;
  if (!key)
    return;
  if (key->n > 0) {
    entry->before = key->last;
    hermes_sse__entry_at(log, key->last)->after = index;
  } else {
    key->first = index;
  }
  key->last = index;
  key->n++;
}

hermes_sse__key *hermes_sse__log_evict(hermes_sse__log *log)
{
  const hermes_sse__entry *entry = hermes_sse__entry_at(log, log->first);
  hermes_sse__key *key = entry->key;

  if (key) {
    key->first = entry->after;
    key->n--;
    key->evicted_to = entry->seq;
  }
  log->evicted_to = entry->seq;
  log->bytes -= entry->frame->size;
  log->first++;
  hermes_sse__frame_unref(entry->frame);
  return key;
}

uint64_t hermes_sse__readers_evicted_to(const hermes_sse__readers *list)
{
  return list->key ? list->key->evicted_to : list->log->evicted_to;
}

/* The first index whose place is after `position`; there is one. Looks from the newest back, as most readers miss little. */
static uint32_t find_after(const hermes_sse__log *log, uint64_t position)
{
  uint32_t high = log->next - 1, low, step = 1;

  for (;; step *= 2) {
    if (high - log->first < step) {
      low = log->first;
      break;
    }
    low = high - step;
    if (hermes_sse__entry_at(log, low)->seq <= position) {
      low++;
      break;
    }
    high = low;
  }
  while (low != high) {
    uint32_t middle = low + (high - low) / 2;

    if (hermes_sse__entry_at(log, middle)->seq > position)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

static uint32_t find_after_in_key(const hermes_sse__log *log, const hermes_sse__key *key, uint64_t position)
{
  uint32_t index = key->last;

  if (hermes_sse__entry_at(log, key->first)->seq > position)
    return key->first;
  while (hermes_sse__entry_at(log, hermes_sse__entry_at(log, index)->before)->seq > position)
    index = hermes_sse__entry_at(log, index)->before;
  return index;
}

void hermes_sse__walk_start(hermes_sse__walk *walk, const hermes_sse__readers *list, uint64_t position)
{
  const hermes_sse__log *log = list->log;
  const hermes_sse__key *key = list->key;

  *walk = (hermes_sse__walk){ .log = log, .key = key };
  if ((key ? key->n : hermes_sse__log_n(log)) == 0)
    return;
  if (hermes_sse__entry_at(log, key ? key->last : log->next - 1)->seq <= position)
    return;
  walk->index = key ? find_after_in_key(log, key, position) : find_after(log, position);
  walk->entry = hermes_sse__entry_at(log, walk->index);
}

void hermes_sse__walk_next(hermes_sse__walk *walk)
{
  if (walk->index == (walk->key ? walk->key->last : walk->log->next - 1)) {
    walk->entry = NULL;
    return;
  }
  walk->index = walk->key ? walk->entry->after : walk->index + 1;
  walk->entry = hermes_sse__entry_at(walk->log, walk->index);
}
