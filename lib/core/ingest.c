#include "core/ingest.h"
#include "core/mark.h"
#include "core/retention.h"
#include "core/stream.h"

enum { BATCH = 256 };

/* A list's newest entry is `seq`: if anyone follows it, a lap is due, or another after the one under way. */
static void announce(hermes_sse_hub *hub, hermes_sse__readers *list, uint64_t seq)
{
  uint64_t before = list->last;

  list->last = seq;
  if (list->queued || hermes_sse__readers_n(list) == 0)
    return;
  list->offered_to = before;
  list->at = 0;
  hermes_sse__news_push(hub, list);
}

static hermes_sse__key *key_of(const hermes_sse__log *log, const hermes_sse_frame *frame)
{
  if (frame->key_len == 0)
    return NULL;
  return hermes_sse__key_find(log, frame->key_hash, frame->bytes + frame->topic_len, frame->key_len);
}

/* Room for the frame in a log, its key there. HERMES_SSE_ERR_NOMEM: none of the key if it has no other use. */
static int reserve(hermes_sse_hub *hub, hermes_sse__log *log, const hermes_sse_frame *frame)
{
  if (hermes_sse__log_reserve(&hub->env, log) < 0)
    return HERMES_SSE_ERR_NOMEM;
  if (frame->key_len == 0 || key_of(log, frame))
    return HERMES_SSE_OK;
  return hermes_sse__key_add(&hub->env, log, frame->key_hash, frame->bytes + frame->topic_len, frame->key_len)
             ? HERMES_SSE_OK
             : HERMES_SSE_ERR_NOMEM;
}

static void unreserve(hermes_sse_hub *hub, hermes_sse__log *log, const hermes_sse_frame *frame)
{
  hermes_sse__key *key = key_of(log, frame);

  if (key)
    hermes_sse__key_tidy(&hub->env, log, key);
}

/* In the topic's log and in every view of it, or in none. */
static int reserve_all(hermes_sse_hub *hub, hermes_sse__log *log, const hermes_sse_frame *frame)
{
  int rv = reserve(hub, log, frame);

  for (uint32_t i = 0; i < log->n_views && rv == HERMES_SSE_OK; i++)
    rv = reserve(hub, log->views[i], frame);
  if (rv == HERMES_SSE_OK)
    return rv;
  unreserve(hub, log, frame);
  for (uint32_t i = 0; i < log->n_views; i++)
    unreserve(hub, log->views[i], frame);
  return rv;
}

/* Takes the reference. */
static void append(hermes_sse_hub *hub, hermes_sse__log *log, hermes_sse_frame *frame)
{
  hermes_sse__key *key = key_of(log, frame);

  hermes_sse__log_append(log, key, frame, hermes_sse__hub_ms(hub));
  announce(hub, &log->readers, frame->seq);
  if (key)
    announce(hub, &key->readers, frame->seq);
}

/* Takes the reference on success. */
static int store(hermes_sse_hub *hub, hermes_sse_frame *frame)
{
  hermes_sse__log *log = hermes_sse__log_get(hub, frame->topic_hash, frame->bytes, frame->topic_len);

  if (!log)
    return HERMES_SSE_ERR_NOMEM;
  hermes_sse__log_touch(hub, log);
  hermes_sse__log_policy(hub, log);
  if (reserve_all(hub, log, frame) < 0)
    return HERMES_SSE_ERR_NOMEM;
  append(hub, log, frame);
  for (uint32_t i = 0; i < log->n_views; i++)
    append(hub, log->views[i], hermes_sse__frame_ref(frame));
  hermes_sse__log_stored(hub, log, frame);
  hub->head = frame->seq;
  return HERMES_SSE_OK;
}

/* The ring has dropped what this hub had not read: its streams cannot know any more what they missed. */
static void lapped(hermes_sse_hub *hub, const hermes_sse__loss *loss)
{
  hub->head = loss->to;
  hub->read += loss->n;
  hub->events_read += loss->events;
  hermes_sse__count(&hub->counters.lapped, loss->events);
  hermes_sse__log_line(&hub->env, HERMES_SSE_LOG_WARNING, "hub fell behind the bus: %llu events lost",
                       (unsigned long long)loss->events);
  if (loss->has_live)
    hermes_sse__begin(hub);
  hermes_sse__break(hub, loss->to, HERMES_SSE_GAP_SLOW);
}

/* Parts that want to see events do. What they do may end streams, so nothing of the logs is held here. */
static void show(hermes_sse_hub *hub, hermes_sse_frame *frame)
{
  hermes_sse_message message = hermes_sse__frame_read(hermes_sse__frame_ref(frame));

  for (const hermes_sse__part *p = hub->parts; p && !hub->dying; p = p->next)
    if (p->part.run && p->part.event) {
      hub->depth++;
      p->part.event(hub, &message, p->user);
      hub->depth--;
    }
  hermes_sse__frame_unref(frame);
}

static int take(hermes_sse_hub *hub, hermes_sse_frame *frame)
{
  if (frame->mark) {
    hermes_sse__mark(hub, frame);
    hermes_sse__frame_unref(frame);
  } else {
    int rv = store(hub, frame);

    if (rv < 0)
      return rv;
    hub->events_read++;
    if (hub->is_watched)
      show(hub, frame);
  }
  hub->read++;
  return HERMES_SSE_OK;
}

int hermes_sse__ingest(hermes_sse_hub *hub)
{
  uint64_t target = atomic_load_explicit(&hub->bus->last, memory_order_acquire);
  hermes_sse_frame *frames[BATCH];
  hermes_sse__loss loss;
  int rv = HERMES_SSE_OK;

  while (rv == HERMES_SSE_OK && hub->read < target && !hub->dying) {
    size_t n = hermes_sse__bus_read(hub->bus, hub, target, frames, BATCH, &loss), i = 0;

    if (loss.n > 0)
      lapped(hub, &loss);
    while (i < n && !hub->dying && (rv = take(hub, frames[i])) == HERMES_SSE_OK)
      i++;
    hermes_sse__bus_advance(hub->bus, hub, i);
    for (; i < n; i++)
      hermes_sse__frame_unref(frames[i]);
  }
  return rv;
}

int hermes_sse__ingest_waits(const hermes_sse_hub *hub)
{
  return hub->read < atomic_load_explicit(&hub->bus->last, memory_order_acquire);
}
