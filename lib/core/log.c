#include "core/log.h"
#include <string.h>

hermes_sse__log *hermes_sse__log_find(const hermes_sse__table *logs, uint64_t hash, const void *name, size_t len)
{
  hermes_sse__node *node = hermes_sse__table_find(logs, hash);

  for (; node; node = hermes_sse__table_same(node))
    if (hermes_sse__log_of(node)->len == len && memcmp(hermes_sse__log_of(node)->name, name, len) == 0)
      return hermes_sse__log_of(node);
  return NULL;
}

hermes_sse__log *hermes_sse__log_new(const hermes_sse_environment *env, uint64_t hash, const void *name, size_t len)
{
  hermes_sse__log *log = hermes_sse__alloc(env, 1, sizeof *log + len);

  if (!log)
    return NULL;
  log->node.hash = hash;
  log->len = (uint8_t)len;
  if (len > 0)
    memcpy(log->name, name, len);
  hermes_sse__readers_init(&log->readers, log, NULL);
  return log;
}

void hermes_sse__log_free(const hermes_sse_environment *env, hermes_sse__log *log)
{
  for (uint32_t i = log->first; i != log->next; i++)
    hermes_sse__frame_unref(hermes_sse__entry_at(log, i)->frame);
  for (size_t i = 0; i < hermes_sse__table_buckets(&log->keys); i++) {
    hermes_sse__node *node = hermes_sse__table_bucket(&log->keys, i), *next;

    for (; node; node = next) {
      next = node->next;
      hermes_sse__readers_clear(env, &hermes_sse__key_of(node)->readers);
      hermes_sse__release(env, hermes_sse__key_of(node));
    }
  }
  hermes_sse__table_clear(env, &log->keys);
  hermes_sse__readers_clear(env, &log->readers);
  hermes_sse__release(env, log->entries);
  hermes_sse__release(env, log->views);
  hermes_sse__release(env, log);
}

hermes_sse__key *hermes_sse__key_find(const hermes_sse__log *log, uint64_t hash, const void *name, size_t len)
{
  hermes_sse__node *node = hermes_sse__table_find(&log->keys, hash);

  for (; node; node = hermes_sse__table_same(node))
    if (hermes_sse__key_of(node)->len == len && memcmp(hermes_sse__key_of(node)->name, name, len) == 0)
      return hermes_sse__key_of(node);
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

static void leave_crowd(hermes_sse__log *log, hermes_sse__key *key)
{
  hermes_sse__key **at = &log->crowded;

  while (*at != key)
    at = &(*at)->next_crowded;
  *at = key->next_crowded;
  key->crowded = 0;
}

void hermes_sse__key_tidy(const hermes_sse_environment *env, hermes_sse__log *log, hermes_sse__key *key)
{
  if (key->n > 0 || hermes_sse__readers_in_use(&key->readers))
    return;
  if (key->crowded)
    leave_crowd(log, key);
  hermes_sse__table_remove(env, &log->keys, &key->node);
  hermes_sse__readers_clear(env, &key->readers);
  hermes_sse__release(env, key);
}

/* An entry is at `to` now: its key's chain follows. Called for every entry in order. */
static void relink(hermes_sse__entry *entries, uint32_t mask, uint32_t to)
{
  hermes_sse__entry *entry = &entries[to & mask];
  hermes_sse__key *key = entry->key;

  if (!key)
    return;
  if (key->relinked == 0) {
    key->first = to;
  } else {
    entry->before = key->last;
    entries[key->last & mask].after = to;
  }
  key->last = to;
  if (++key->relinked == key->n)
    key->relinked = 0;
}

/* Moves all entries into `entries`, which may be the log's own, leaving out the holes. */
static void close_holes(hermes_sse__log *log, hermes_sse__entry *entries, uint32_t capacity)
{
  uint32_t to = log->first;

  for (uint32_t i = log->first; i != log->next; i++) {
    const hermes_sse__entry *from = hermes_sse__entry_at(log, i);

    if (!from->frame)
      continue;
    entries[to & (capacity - 1)] = *from;
    if (log->holes > 0)
      relink(entries, capacity - 1, to);
    to++;
  }
  log->next = to;
  log->holes = 0;
}

static int resize(const hermes_sse_environment *env, hermes_sse__log *log, uint32_t capacity)
{
  hermes_sse__entry *entries = hermes_sse__alloc_raw(env, capacity, sizeof *entries);

  if (!entries)
    return HERMES_SSE_ERR_NOMEM;
  close_holes(log, entries, capacity);
  hermes_sse__release(env, log->entries);
  log->entries = entries;
  log->capacity = capacity;
  return HERMES_SSE_OK;
}

int hermes_sse__log_reserve(const hermes_sse_environment *env, hermes_sse__log *log)
{
  uint32_t span = log->next - log->first;

  if (span < log->capacity)
    return HERMES_SSE_OK;
  if (log->holes > span / 2) {
    close_holes(log, log->entries, log->capacity);
    return HERMES_SSE_OK;
  }
  if (log->capacity > UINT32_MAX / 4)
    return HERMES_SSE_ERR_NOMEM;
  return resize(env, log, log->capacity ? 2 * log->capacity : 8);
}

void hermes_sse__log_shrink(const hermes_sse_environment *env, hermes_sse__log *log)
{
  uint32_t n = hermes_sse__log_n(log), capacity = log->capacity;

  while (capacity > 64 && n < capacity / 8)
    capacity /= 2;
  if (capacity < log->capacity)
    (void)resize(env, log, capacity);
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
  if (log->policy.conflate && key->n > 1 && !key->crowded) {
    key->crowded = 1;
    key->next_crowded = log->crowded;
    log->crowded = key;
  }
}

static void unlink_from_key(hermes_sse__log *log, hermes_sse__key *key, uint32_t index)
{
  const hermes_sse__entry *entry = hermes_sse__entry_at(log, index);

  key->n--;
  if (index != key->first)
    hermes_sse__entry_at(log, entry->before)->after = entry->after;
  if (index != key->last)
    hermes_sse__entry_at(log, entry->after)->before = entry->before;
  if (index == key->first)
    key->first = entry->after;
  if (index == key->last)
    key->last = entry->before;
}

hermes_sse__key *hermes_sse__entry_drop(hermes_sse__log *log, uint32_t index, int lost)
{
  hermes_sse__entry *entry = hermes_sse__entry_at(log, index);
  hermes_sse__key *key = entry->key;
  hermes_sse_frame *frame = entry->frame;

  if (key)
    unlink_from_key(log, key, index);
  if (lost && entry->seq > log->evicted_to)
    log->evicted_to = entry->seq;
  if (lost && key && entry->seq > key->evicted_to)
    key->evicted_to = entry->seq;
  log->bytes -= frame->size;
  entry->frame = NULL;
  log->holes++;
  for (; log->first != log->next && !hermes_sse__entry_at(log, log->first)->frame; log->first++)
    log->holes--;
  hermes_sse__frame_unref(frame);
  return key;
}

uint64_t hermes_sse__readers_evicted_to(const hermes_sse__readers *list)
{
  return list->key ? list->key->evicted_to : list->log->evicted_to;
}

uint64_t hermes_sse__readers_lost_to(const hermes_sse__readers *list)
{
  uint64_t evicted_to = hermes_sse__readers_evicted_to(list);

  return list->log->broken_to > evicted_to ? list->log->broken_to : evicted_to;
}

/* Looks from the newest back, as most readers miss little. */
uint32_t hermes_sse__log_after(const hermes_sse__log *log, uint64_t position)
{
  uint32_t high = log->next - 1, low, step = 1;

  if (log->first == log->next || hermes_sse__entry_at(log, high)->seq <= position)
    return log->next;
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
