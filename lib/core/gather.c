#include "core/gather.h"
#include "core/hub.h"
#include <string.h>

enum {
  BLOCK_MIN_READERS = 4,
  BLOCK_MAX_BYTES = 1 << 18,
  BLOCK_MAX_FRAME = 4096 /* beyond, copying once more costs what a vector would save */
};

void hermes_sse__gather_forget(hermes_sse__gather *gather)
{
  gather->n = 0;
  gather->more = 0;
  gather->bytes = 0;
  gather->through = 0;
  gather->filtered = gather->throttled = 0;
  gather->list = NULL;
  gather->block.iov_base = NULL;
}

static void add(hermes_sse__gather *g, hermes_sse_frame *frame, uint8_t kind, size_t skip, int chunked)
{
  size_t len;
  const unsigned char *bytes = hermes_sse__frame_slice(frame, chunked, &len);

  g->iov[g->n].iov_base = (void *)(uintptr_t)(bytes + skip);
  g->iov[g->n].iov_len = len - skip;
  g->items[g->n].frame = frame;
  g->items[g->n].kind = kind;
  g->items[g->n].filtered = g->filtered;
  g->items[g->n].throttled = g->throttled;
  g->bytes += len - skip;
  g->n++;
}

static int full(const hermes_sse__gather *g, const hermes_sse_frame *next, int max, size_t max_bytes)
{
  return g->n == max || (g->n > 0 && g->bytes + next->event_len > max_bytes);
}

static void add_sends(hermes_sse__gather *g, hermes_sse_frame *last, int max, size_t max_bytes, int chunked)
{
  hermes_sse_frame *frame = last;

  if (!last)
    return;
  do {
    frame = frame->next;
    if (full(g, frame, max, max_bytes)) {
      g->more = 1;
      return;
    }
    add(g, frame, HERMES_SSE__ITEM_SEND, 0, chunked);
  } while (frame != last);
}

/* Up to where entries may go now. */
static uint64_t bound(const struct hermes_sse_stream *stream)
{
  if (stream->closing)
    return stream->close_at;
  return stream->special && stream->special->throttle_ms > 0 ? stream->special->batch_to : UINT64_MAX;
}

static int passes(const struct hermes_sse_stream *stream, const hermes_sse__hot *hot, const hermes_sse_frame *frame)
{
  hermes_sse_message m = hermes_sse__frame_read(frame);

  m.data.len = 0; /* a filter judges by what costs nothing to look at */
  m.data.ptr = NULL;
  return stream->special->filter(&m, hot->user);
}

/* A newer entry of the same topic and key is in the batch, too. */
static int is_outdated(const hermes_sse__entry *entry, uint64_t to)
{
  const hermes_sse__key *key = entry->key;
  const hermes_sse_frame *a = entry->frame, *b;
  const hermes_sse__entry *newest;

  if (!key)
    return 0;
  newest = hermes_sse__entry_at(key->readers.log, key->last);
  b = newest->frame;
  return newest != entry && newest->seq <= to && a->topic_hash == b->topic_hash && a->topic_len == b->topic_len &&
         memcmp(a->bytes, b->bytes, a->topic_len) == 0;
}

/* What this stream leaves out. */
static int is_left_out(hermes_sse__gather *g, const struct hermes_sse_stream *stream, const hermes_sse__hot *hot,
                       const hermes_sse__entry *entry, uint64_t to)
{
  const hermes_sse__special *s = stream->special;

  if (!s)
    return 0;
  if (s->filter && !passes(stream, hot, entry->frame)) {
    g->filtered++;
    return 1;
  }
  if (s->throttle_ms > 0 && !stream->closing && is_outdated(entry, to)) {
    g->throttled++;
    return 1;
  }
  return 0;
}

static void add_entries(hermes_sse__gather *g, const struct hermes_sse_stream *stream, const hermes_sse__hot *hot,
                        int max, size_t max_bytes)
{
  const hermes_sse__sub *subs = stream->n_subs == 1 ? &stream->subs.one : stream->subs.many;
  hermes_sse__walk walks[HERMES_SSE_SUBSCRIPTIONS_MAX];
  uint64_t to = bound(stream);
  const hermes_sse__entry *entry;

  for (size_t i = 0; i < stream->n_subs; i++) {
    uint64_t since = stream->special ? stream->special->since[i] : 0;

    hermes_sse__walk_start(&walks[i], subs[i].list, since > hot->position ? since : hot->position);
  }
  while ((entry = hermes_sse__walks_merge(walks, stream->n_subs)) && entry->seq <= to) {
    if (!is_left_out(g, stream, hot, entry, to)) {
      if (full(g, entry->frame, max, max_bytes)) {
        g->more = 1;
        return;
      }
      add(g, entry->frame, HERMES_SSE__ITEM_ENTRY, 0, hot->flags & HERMES_SSE__CHUNKED);
    }
    g->through = entry->seq;
  }
  if (to > stream->hub->head)
    to = stream->hub->head;
  if (to > g->through)
    g->through = to;
}

void hermes_sse__gather_stream(hermes_sse__gather *g, const struct hermes_sse_stream *stream,
                               const hermes_sse__hot *hot, int entries, int max, size_t max_bytes)
{
  int chunked = (hot->flags & HERMES_SSE__CHUNKED) != 0;

  hermes_sse__gather_forget(g);
  if (stream->out)
    add(g, stream->out, HERMES_SSE__ITEM_OUT, stream->out_at, chunked);
  if (stream->final)
    return;
  add_sends(g, stream->sends, max, max_bytes, chunked);
  if (entries && !g->more)
    add_entries(g, stream, hot, max, max_bytes);
}

/* One send() of one piece costs less than a vector, and the piece is made once for all that are in step. */
static void make_block(const hermes_sse_environment *env, hermes_sse__gather *g)
{
  unsigned char *at;

  if (g->n < 2 || g->bytes > BLOCK_MAX_BYTES || g->bytes / (size_t)g->n > BLOCK_MAX_FRAME ||
      hermes_sse__readers_n(g->list) < BLOCK_MIN_READERS)
    return;
  if (g->room_bytes < g->bytes) {
    at = hermes_sse__resize(env, g->room, g->bytes, 1);
    if (!at)
      return;
    g->room = at;
    g->room_bytes = g->bytes;
  }
  at = g->room;
  for (int i = 0; i < g->n; i++) {
    memcpy(at, g->iov[i].iov_base, g->iov[i].iov_len);
    at += g->iov[i].iov_len;
  }
  g->block = (struct iovec){ .iov_base = g->room, .iov_len = g->bytes };
}

void hermes_sse__gather_list(const hermes_sse_environment *env, hermes_sse__gather *g, const hermes_sse__readers *list,
                             uint64_t position, int chunked)
{
  hermes_sse__walk walk;
  const hermes_sse__entry *entry;

  hermes_sse__gather_forget(g);
  hermes_sse__walk_start(&walk, list, position);
  if (!walk.entry)
    return;
  g->list = list;
  g->chunked = chunked;
  g->first = walk.entry->seq;
  if (walk.index == (list->key ? list->key->first : list->log->first))
    g->after = hermes_sse__readers_lost_to(list);
  else
    g->after = hermes_sse__entry_at(list->log, list->key ? walk.entry->before : walk.index - 1)->seq;
  for (; (entry = walk.entry); hermes_sse__walk_next(&walk)) {
    if (full(g, entry->frame, HERMES_SSE_IOV_MAX, HERMES_SSE__GATHER_BYTES)) {
      g->more = 1;
      break;
    }
    add(g, entry->frame, HERMES_SSE__ITEM_ENTRY, 0, chunked);
    g->last = entry->seq;
  }
  make_block(env, g);
}
