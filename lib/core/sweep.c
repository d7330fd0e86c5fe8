#include "core/sweep.h"
#include "core/advance.h"
#include "core/follow.h"
#include "core/push.h"
#include "core/retention.h"
#include "core/stream.h"

enum {
  TURN = 4096, /* streams of one list before the next list's turn */
  AHEAD = 2    /* records fetched before their turn */
};

void hermes_sse__ready_run(hermes_sse_hub *hub, size_t *left)
{
  size_t n = hub->ready.n;
  hermes_sse_stream *stream;

  for (; n > 0 && *left > 0 && !hub->dying; n--, --*left) {
    stream = hermes_sse__queue_pop(&hub->slots, &hub->ready);
    if (!stream)
      return;
    hermes_sse__push(stream);
  }
}

/* A push stream in step with others of the list: writes what they all share. 0 if it needs more than that. */
static int write_shared(hermes_sse_hub *hub, const hermes_sse__readers *list, uint32_t slot, hermes_sse__hot *hot)
{
  hermes_sse__gather *shared = &hub->shared;
  hermes_sse_stream *stream = hermes_sse__cold_of(&hub->slots, slot);
  int chunked = (hot->flags & HERMES_SSE__CHUNKED) != 0;
  const struct iovec *iov;
  hermes_sse_ssize written;

  if (hot->flags & (HERMES_SSE__EXTRA | HERMES_SSE__SPECIAL | HERMES_SSE__LATE))
    return 0;
  if (hot->position < hub->broken_to)
    return 0;
  if (!(hot->flags & HERMES_SSE__SINGLE) && !hermes_sse__caught_up_but(stream, list, hot->position))
    return 0;
  if (!hermes_sse__gather_fits(shared, list, hot->position, chunked)) {
    if (hot->position < hermes_sse__readers_lost_to(list))
      return 0; /* a gap, told or not: entries of other lists may come first */
    hermes_sse__gather_list(&hub->env, shared, list, hot->position, chunked);
  }
  if (shared->more)
    return 0;
  iov = shared->block.iov_base ? &shared->block : shared->iov;
  written = hermes_sse__push_write(stream, hot, iov, shared->block.iov_base ? 1 : shared->n, shared->bytes);
  if (written == (hermes_sse_ssize)shared->bytes) {
    hot->position = shared->last;
    hermes_sse__delivered(hub, shared->items[shared->n - 1].frame, (uint64_t)shared->n);
  } else if (written > 0) {
    hermes_sse__advance(stream, hot, shared, (size_t)written);
  }
  return 1;
}

static void visit(hermes_sse_hub *hub, const hermes_sse__readers *list, uint32_t slot)
{
  hermes_sse__hot *hot = hermes_sse__hot_of(&hub->slots, slot);

  if (hot->position >= list->last || hot->flags & (HERMES_SSE__BLOCKED | HERMES_SSE__RESTING))
    return;
  if (hot->flags & HERMES_SSE__PULL)
    hermes_sse__stream_ready(hermes_sse__cold_of(&hub->slots, slot));
  else if (!write_shared(hub, list, slot, hot))
    hermes_sse__push(hermes_sse__cold_of(&hub->slots, slot));
}

/* 1 if the lap under way is over. Streams that join meanwhile come at the end and are visited too. */
static int lap(hermes_sse_hub *hub, hermes_sse__readers *list, size_t *left)
{
  size_t turn = TURN;

  if (list->at == 0)
    list->lap_to = list->last;
  for (; list->at < list->n && turn > 0 && *left > 0 && !hub->dying; turn--) {
    uint32_t slot = list->slots[list->at++];

    if (list->at + AHEAD < list->n && list->slots[list->at + AHEAD] != HERMES_SSE__NO_SLOT)
      __builtin_prefetch(hermes_sse__hot_of(&hub->slots, list->slots[list->at + AHEAD]));
    if (slot == HERMES_SSE__NO_SLOT)
      continue;
    visit(hub, list, slot);
    --*left;
  }
  return list->at >= list->n;
}

/* Nothing of the list is due any more: it may go, with its key and its log. */
static void retire(hermes_sse_hub *hub, hermes_sse__readers *list)
{
  hermes_sse__log *log = list->log;

  list->queued = 0;
  if (list->key)
    hermes_sse__key_tidy(&hub->env, log, list->key);
  hermes_sse__log_tidy(hub, log);
}

void hermes_sse__sweep_run(hermes_sse_hub *hub, size_t *left)
{
  hermes_sse__readers *list;

  while (*left > 0 && !hub->dying && (list = hermes_sse__news_pop(hub))) {
    int over;

    hermes_sse__gather_forget(&hub->shared);
    over = lap(hub, list, left);
    if (over) {
      list->offered_to = list->lap_to;
      list->at = 0;
    }
    if (over && list->offered_to >= list->last) {
      retire(hub, list);
    } else {
      list->queued = 0;
      hermes_sse__news_push(hub, list);
    }
  }
  hermes_sse__gather_forget(&hub->shared);
}
