#include "core/mark.h"
#include "core/follow.h"
#include "core/place.h"
#include "core/stream.h"
#include <string.h>

/* Streams that have something to be told now are not visited otherwise: no event comes with it. */
static void ready_those_behind(hermes_sse_hub *hub)
{
  for (uint32_t slot = 0; slot < hub->slots.n; slot++) {
    const hermes_sse__hot *hot = hermes_sse__hot_of(&hub->slots, slot);
    hermes_sse_stream *stream = hermes_sse__cold_of(&hub->slots, slot);

    if (hot->flags & HERMES_SSE__LIVE && hermes_sse__fell_behind(stream, hot))
      hermes_sse__stream_ready(stream);
  }
}

void hermes_sse__break(hermes_sse_hub *hub, uint64_t to, int reason)
{
  if (to > hub->floor)
    hub->floor = to;
  hub->broken_to = to;
  hub->broken_reason = (uint8_t)reason;
  ready_those_behind(hub);
}

static void begin_stream(const hermes_sse_hub *hub, hermes_sse_stream *stream, hermes_sse__hot *hot)
{
  hermes_sse__special *special = stream->special;

  if (hot->position == HERMES_SSE__UNBEGUN) {
    hot->position = hub->head;
    hot->flags |= stream->n_subs > 0 ? HERMES_SSE__LATE : 0u;
    if (stream->n_subs > 0)
      hermes_sse__stream_ready(stream);
  }
  if (!special)
    return;
  if (special->batch_to == HERMES_SSE__UNBEGUN)
    special->batch_to = hub->head;
  if (special->since_max == HERMES_SSE__UNBEGUN)
    special->since_max = hub->head;
  for (size_t i = 0; i < stream->n_subs; i++)
    if (special->since[i] == HERMES_SSE__UNBEGUN)
      special->since[i] = hub->head;
}

void hermes_sse__begin(hermes_sse_hub *hub)
{
  for (uint32_t slot = 0; slot < hub->slots.n; slot++)
    if (hermes_sse__hot_of(&hub->slots, slot)->flags & HERMES_SSE__LIVE)
      begin_stream(hub, hermes_sse__cold_of(&hub->slots, slot), hermes_sse__hot_of(&hub->slots, slot));
}

/* ---- of one topic, or of those that a pattern names ---- */

typedef struct broken {
  const unsigned char *name; /* without the pattern's '*' */
  size_t len;
  int is_pattern;
  uint64_t to;
  uint8_t reason;
} broken;

static int names(const broken *b, const hermes_sse__log *log)
{
  size_t shorter = b->len < log->len ? b->len : log->len;

  if (shorter > 0 && memcmp(b->name, log->name, shorter) != 0)
    return 0;
  /* a view shows what may be named if either prefix begins the other */
  if (log->is_view)
    return b->is_pattern || log->len <= b->len;
  return b->is_pattern ? log->len >= b->len : log->len == b->len;
}

static void break_log(hermes_sse_hub *hub, hermes_sse__log *log, const broken *b)
{
  log->broken_to = b->to;
  log->broken_reason = b->reason;
  hermes_sse__note_lost(hub, &log->readers, b->to);
  for (size_t i = 0; i < hermes_sse__table_buckets(&log->keys); i++)
    for (hermes_sse__node *node = hermes_sse__table_bucket(&log->keys, i); node; node = node->next)
      hermes_sse__note_lost(hub, &hermes_sse__key_of(node)->readers, b->to);
}

static void break_topics(hermes_sse_hub *hub, const broken *b)
{
  int found = 0;

  for (size_t i = 0; i < hermes_sse__table_buckets(&hub->logs); i++)
    for (hermes_sse__node *node = hermes_sse__table_bucket(&hub->logs, i); node; node = node->next)
      if (names(b, hermes_sse__log_of(node))) {
        break_log(hub, hermes_sse__log_of(node), b);
        found = 1;
      }
  for (hermes_sse__log *view = hub->views; view; view = view->next_view)
    if (names(b, view))
      break_log(hub, view, b);
  /* a topic that has no log yet begins with what the hub cannot tell */
  if ((!found || b->is_pattern) && b->to > hub->floor)
    hub->floor = b->to;
  ready_those_behind(hub);
}

void hermes_sse__mark(hermes_sse_hub *hub, const hermes_sse_frame *mark)
{
  broken b = { .name = mark->bytes, .len = mark->topic_len, .to = mark->seq, .reason = mark->mark };

  if (mark->seq > hub->head)
    hub->head = mark->seq;
  if (mark->mark == HERMES_SSE__MARK_LIVE) {
    hermes_sse__begin(hub);
    return;
  }
  b.is_pattern = b.name[b.len - 1] == '*';
  b.len -= b.is_pattern ? 1 : 0;
  if (b.len == 0)
    hermes_sse__break(hub, b.to, b.reason);
  else
    break_topics(hub, &b);
}
