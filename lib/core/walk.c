#include "core/walk.h"

static uint32_t after_in_key(const hermes_sse__log *log, const hermes_sse__key *key, uint64_t position)
{
  uint32_t index = key->last;

  if (hermes_sse__entry_at(log, key->first)->seq > position)
    return key->first;
  while (hermes_sse__entry_at(log, hermes_sse__entry_at(log, index)->before)->seq > position)
    index = hermes_sse__entry_at(log, index)->before;
  return index;
}

/* To the next entry from `index` on that is no hole. */
static void stand(hermes_sse__walk *walk, uint32_t index)
{
  while (index != walk->log->next && !hermes_sse__entry_at(walk->log, index)->frame)
    index++;
  walk->index = index;
  walk->entry = index != walk->log->next ? hermes_sse__entry_at(walk->log, index) : NULL;
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
  if (!key) {
    stand(walk, hermes_sse__log_after(log, position));
    return;
  }
  walk->index = after_in_key(log, key, position);
  walk->entry = hermes_sse__entry_at(log, walk->index);
}

void hermes_sse__walk_next(hermes_sse__walk *walk)
{
  if (!walk->key) {
    stand(walk, walk->index + 1);
    return;
  }
  if (walk->index == walk->key->last) {
    walk->entry = NULL;
    return;
  }
  walk->index = walk->entry->after;
  walk->entry = hermes_sse__entry_at(walk->log, walk->index);
}

const hermes_sse__entry *hermes_sse__walks_merge(hermes_sse__walk *walks, size_t n)
{
  const hermes_sse__entry *oldest = NULL;

  for (size_t i = 0; i < n; i++)
    if (walks[i].entry && (!oldest || walks[i].entry->seq < oldest->seq))
      oldest = walks[i].entry;
  for (size_t i = 0; oldest && i < n; i++)
    if (walks[i].entry && walks[i].entry->seq == oldest->seq)
      hermes_sse__walk_next(&walks[i]);
  return oldest;
}
