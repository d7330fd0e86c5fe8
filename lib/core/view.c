#include "core/view.h"
#include "core/follow.h"
#include <stdlib.h>
#include <string.h>

/* A client that comes back soon finds its view as it was. */
enum { UNUSED_MS = 30000 };

static int shows(const hermes_sse__log *view, const hermes_sse__log *log)
{
  return log->len >= view->len && memcmp(log->name, view->name, view->len) == 0;
}

hermes_sse__log *hermes_sse__view_find(const hermes_sse_hub *hub, const void *prefix, size_t len)
{
  hermes_sse__log *view = hub->views;

  while (view && (view->len != len || (len > 0 && memcmp(view->name, prefix, len) != 0)))
    view = view->next_view;
  return view;
}

static int add_view(const hermes_sse_environment *env, hermes_sse__log *log, hermes_sse__log *view)
{
  hermes_sse__log **views = hermes_sse__resize(env, log->views, log->n_views + UINT32_C(1), sizeof(*views));

  if (!views)
    return HERMES_SSE_ERR_NOMEM;
  log->views = views;
  views[log->n_views++] = view;
  return HERMES_SSE_OK;
}

static void remove_view(hermes_sse__log *log, const hermes_sse__log *view)
{
  for (uint32_t i = 0; i < log->n_views; i++)
    if (log->views[i] == view) {
      log->views[i] = log->views[--log->n_views];
      return;
    }
}

int hermes_sse__views_of(const hermes_sse_hub *hub, hermes_sse__log *log)
{
  for (hermes_sse__log *view = hub->views; view; view = view->next_view)
    if (shows(view, log) && add_view(&hub->env, log, view) < 0)
      return HERMES_SSE_ERR_NOMEM;
  return HERMES_SSE_OK;
}

static int by_seq(const void *a, const void *b)
{
  uint64_t x = (*(const hermes_sse__entry *const *)a)->seq, y = (*(const hermes_sse__entry *const *)b)->seq;

  return (x > y) - (x < y);
}

typedef void each_log(hermes_sse__log *log, void *user);

static void for_topics(const hermes_sse_hub *hub, const hermes_sse__log *view, each_log *each, void *user)
{
  for (size_t i = 0; i < hermes_sse__table_buckets(&hub->logs); i++)
    for (hermes_sse__node *node = hermes_sse__table_bucket(&hub->logs, i); node; node = node->next)
      if (shows(view, hermes_sse__log_of(node)))
        each(hermes_sse__log_of(node), user);
}

typedef struct filling {
  hermes_sse_hub *hub;
  hermes_sse__log *view;
  const hermes_sse__entry **entries;
  size_t n;
  int failed;
} filling;

static void count_entries(hermes_sse__log *log, void *user)
{
  ((filling *)user)->n += hermes_sse__log_n(log);
}

static void take_entries(hermes_sse__log *log, void *user)
{
  filling *f = user;

  for (uint32_t i = log->first; i != log->next; i++)
    if (hermes_sse__entry_at(log, i)->frame)
      f->entries[f->n++] = hermes_sse__entry_at(log, i);
  if (log->evicted_to > f->view->evicted_to)
    f->view->evicted_to = log->evicted_to;
  if (log->broken_to > f->view->broken_to) {
    f->view->broken_to = log->broken_to;
    f->view->broken_reason = log->broken_reason;
  }
  f->view->policy.close_slow |= log->policy.close_slow;
}

static void show(hermes_sse__log *log, void *user)
{
  filling *f = user;

  if (add_view(&f->hub->env, log, f->view) < 0)
    f->failed = 1;
}

static void hide(hermes_sse__log *log, void *user)
{
  remove_view(log, ((const filling *)user)->view);
}

static int append(hermes_sse_hub *hub, hermes_sse__log *view, const hermes_sse__entry *entry)
{
  const hermes_sse_frame *frame = entry->frame;
  const unsigned char *name = frame->bytes + frame->topic_len;
  hermes_sse__key *key = NULL;

  if (hermes_sse__log_reserve(&hub->env, view) < 0)
    return HERMES_SSE_ERR_NOMEM;
  if (frame->key_len > 0) {
    key = hermes_sse__key_find(view, frame->key_hash, name, frame->key_len);
    if (!key)
      key = hermes_sse__key_add(&hub->env, view, frame->key_hash, name, frame->key_len);
    if (!key)
      return HERMES_SSE_ERR_NOMEM;
    key->readers.last = entry->seq;
  }
  hermes_sse__log_append(view, key, hermes_sse__frame_ref(entry->frame), entry->at_ms);
  view->readers.last = entry->seq;
  return HERMES_SSE_OK;
}

/* What all its topics hold, in the order of the bus. */
static int fill(hermes_sse_hub *hub, hermes_sse__log *view)
{
  filling f = { .hub = hub, .view = view };
  int rv = HERMES_SSE_OK;

  for_topics(hub, view, count_entries, &f);
  if (f.n > 0) {
    f.entries = hermes_sse__alloc_raw(&hub->env, f.n, sizeof(*f.entries));
    if (!f.entries)
      return HERMES_SSE_ERR_NOMEM;
  }
  f.n = 0;
  for_topics(hub, view, take_entries, &f);
  if (f.n > 1)
    qsort(f.entries, f.n, sizeof(*f.entries), by_seq);
  for (size_t i = 0; i < f.n && rv == HERMES_SSE_OK; i++)
    rv = append(hub, view, f.entries[i]);
  hermes_sse__release(&hub->env, f.entries);
  if (rv == HERMES_SSE_OK)
    for_topics(hub, view, show, &f);
  if (f.failed) {
    for_topics(hub, view, hide, &f);
    rv = HERMES_SSE_ERR_NOMEM;
  }
  return rv;
}

hermes_sse__log *hermes_sse__view_get(hermes_sse_hub *hub, const void *prefix, size_t len)
{
  hermes_sse__log *view = hermes_sse__view_find(hub, prefix, len);

  if (view)
    return view;
  view = hermes_sse__log_new(&hub->env, 0, prefix, len + 1);
  if (!view)
    return NULL;
  view->len--;
  view->is_view = 1;
  if (fill(hub, view) < 0) {
    hermes_sse__log_free(&hub->env, view);
    return NULL;
  }
  view->next_view = hub->views;
  hub->views = view;
  return view;
}

void hermes_sse__view_drop(hermes_sse_hub *hub, hermes_sse__log *view, uint64_t seq, int lost, int close_slow)
{
  hermes_sse__key *key = hermes_sse__entry_drop(view, hermes_sse__log_after(view, seq - 1), lost);

  if (lost) {
    view->policy.close_slow |= (uint8_t)close_slow;
    hermes_sse__note_lost(hub, &view->readers, seq);
  }
  if (lost && key)
    hermes_sse__note_lost(hub, &key->readers, seq);
  if (key)
    hermes_sse__key_tidy(&hub->env, view, key);
}

static int is_followed(const hermes_sse__log *view)
{
  if (hermes_sse__readers_in_use(&view->readers))
    return 1;
  for (size_t i = 0; i < hermes_sse__table_buckets(&view->keys); i++)
    for (hermes_sse__node *node = hermes_sse__table_bucket(&view->keys, i); node; node = node->next)
      if (hermes_sse__readers_in_use(&hermes_sse__key_of(node)->readers))
        return 1;
  return 0;
}

static int is_over(const hermes_sse_hub *hub, hermes_sse__log *view)
{
  if (is_followed(view)) {
    view->unused_ms = 0;
    return 0;
  }
  if (view->unused_ms == 0)
    view->unused_ms = hub->now_ms + 1;
  return hub->now_ms + 1 - view->unused_ms >= UNUSED_MS;
}

void hermes_sse__views_tidy(hermes_sse_hub *hub, int all)
{
  for (hermes_sse__log **at = &hub->views; *at;) {
    hermes_sse__log *view = *at;
    filling f = { .hub = hub, .view = view };

    if (!all && !is_over(hub, view)) {
      at = &view->next_view;
      continue;
    }
    for_topics(hub, view, hide, &f);
    *at = view->next_view;
    hermes_sse__log_free(&hub->env, view);
  }
}
