#include "core/ingest.h"
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

/* Takes the reference on success. */
static int store(hermes_sse_hub *hub, hermes_sse_frame *frame)
{
  const unsigned char *topic = frame->bytes, *name = frame->bytes + frame->topic_len;
  hermes_sse__log *log = hermes_sse__log_get(hub, frame->topic_hash, topic, frame->topic_len);
  hermes_sse__key *key = NULL;

  if (!log)
    return HERMES_SSE_ERR_NOMEM;
  hermes_sse__log_touch(hub, log);
  if (hermes_sse__log_reserve(&hub->env, log) < 0)
    return HERMES_SSE_ERR_NOMEM;
  if (frame->key_len > 0) {
    key = hermes_sse__key_find(log, frame->key_hash, name, frame->key_len);
    if (!key)
      key = hermes_sse__key_add(&hub->env, log, frame->key_hash, name, frame->key_len);
    if (!key)
      return HERMES_SSE_ERR_NOMEM;
  }
  hermes_sse__log_append(log, key, frame, hermes_sse__hub_ms(hub));
  hermes_sse__count(&hub->counters.retained_entries, 1);
  hermes_sse__count(&hub->counters.retained_bytes, frame->size);
  announce(hub, &log->readers, frame->seq);
  if (key)
    announce(hub, &key->readers, frame->seq);
  hub->head = frame->seq;
  return HERMES_SSE_OK;
}

/* The ring has dropped what this hub had not read: no stream can know any more what it missed. */
static void lapped(hermes_sse_hub *hub, uint64_t lost)
{
  hub->floor = hub->head + lost;
  hub->head = hub->floor;
  hermes_sse__count(&hub->counters.lapped, lost);
  hermes_sse__log_line(&hub->env, HERMES_SSE_LOG_WARNING, "hub fell behind the bus: %llu events lost",
                       (unsigned long long)lost);
  for (uint32_t slot = 0; slot < hub->slots.n; slot++) {
    const hermes_sse__hot *hot = hermes_sse__hot_of(&hub->slots, slot);

    if (hot->flags & HERMES_SSE__LIVE && hot->position < hub->floor &&
        hermes_sse__cold_of(&hub->slots, slot)->n_subs > 0)
      hermes_sse__stream_end(hermes_sse__cold_of(&hub->slots, slot), HERMES_SSE_CLOSE_SLOW);
  }
}

int hermes_sse__ingest(hermes_sse_hub *hub)
{
  uint64_t target = hermes_sse__bus_seq(hub->bus), lost;
  hermes_sse_frame *frames[BATCH];
  int rv = HERMES_SSE_OK;

  while (rv == HERMES_SSE_OK && hub->head < target) {
    size_t n = hermes_sse__bus_read(hub->bus, hub, target, frames, BATCH, &lost), i;

    if (lost > 0)
      lapped(hub, lost);
    for (i = 0; i < n && rv == HERMES_SSE_OK; i++) {
      rv = store(hub, frames[i]);
      if (rv < 0)
        break;
    }
    for (; i < n; i++)
      hermes_sse__frame_unref(frames[i]);
    hermes_sse__bus_advance(hub->bus, hub, hub->head);
  }
  return rv;
}
