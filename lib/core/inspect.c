/* What can be asked of a stream. */
#include "core/follow.h"
#include "core/head.h"
#include "core/options.h"
#include "core/place.h"
#include "core/stream.h"
#include "core/walk.h"

enum { LAG_MAX = 10000 };

int hermes_sse_stream_header(const hermes_sse_stream *stream, size_t i, const char **name, const char **value)
{
  return hermes_sse__head_header(stream->gap, i, name, value);
}

int hermes_sse_stream_reason(const hermes_sse_stream *stream)
{
  return stream->reason;
}

void *hermes_sse_stream_user(const hermes_sse_stream *stream)
{
  return hermes_sse__stream_hot(stream)->user;
}

int hermes_sse_stream_position(const hermes_sse_stream *stream, hermes_sse_id *id)
{
  const hermes_sse_hub *hub = stream->hub;
  const hermes_sse__hot *hot = hermes_sse__stream_hot(stream);
  uint64_t position = hot->position;

  if (!hub->bus)
    return HERMES_SSE_ERR_STATE;
  if (stream->out && stream->out->seq) /* half an event is none */
    position = stream->out->seq - 1;
  else if (position < hub->head && hermes_sse__caught_up(stream, position) && !hermes_sse__fell_behind(stream, hot))
    position = hub->head;
  if (position == HERMES_SSE__UNBEGUN)
    return HERMES_SSE_ERR_AGAIN;
  *id = hermes_sse__bus_id(hub->bus, position);
  return HERMES_SSE_OK;
}

hermes_sse_stream *hermes_sse_hub_stream(const hermes_sse_hub *hub, const hermes_sse_stream *after)
{
  for (uint32_t slot = after ? after->slot + 1 : 0; hub->bus && slot < hub->slots.n; slot++)
    if (hermes_sse__hot_of(&hub->slots, slot)->flags & HERMES_SSE__LIVE)
      return hermes_sse__cold_of(&hub->slots, slot);
  return NULL;
}

static void measure_lag(const hermes_sse_stream *stream, hermes_sse_stream_info *info)
{
  const hermes_sse__sub *subs = stream->n_subs == 1 ? &stream->subs.one : stream->subs.many;
  uint64_t position = hermes_sse__stream_hot(stream)->position;
  hermes_sse__walk walks[HERMES_SSE_SUBSCRIPTIONS_MAX];
  const hermes_sse__entry *entry;

  for (size_t i = 0; i < stream->n_subs; i++) {
    uint64_t since = stream->special ? stream->special->since[i] : 0;

    hermes_sse__walk_start(&walks[i], subs[i].list, since > position ? since : position);
  }
  for (; info->lag_entries < LAG_MAX && (entry = hermes_sse__walks_merge(walks, stream->n_subs)); info->lag_entries++)
    if (info->lag_entries == 0)
      info->lag_ms = hermes_sse__hub_ms(stream->hub) - entry->at_ms;
}

int hermes_sse_stream_info_get(const hermes_sse_stream *stream, hermes_sse_stream_info *info)
{
  const hermes_sse__hot *hot = hermes_sse__stream_hot(stream);
  hermes_sse_stream_info i = { .ticket = stream->ticket };

  if (!(hot->flags & HERMES_SSE__LIVE))
    return HERMES_SSE_ERR_STATE;
  i.opened_ms = stream->hub->epoch_ms + stream->opened - 1;
  i.bytes = hot->bytes + ((uint64_t)stream->byte_wraps << 32);
  i.subscriptions = stream->n_subs;
  i.closing = stream->closing;
  measure_lag(stream, &i);
  return hermes_sse__options_write(info, &i, sizeof i);
}

int hermes_sse_stream_subscription(const hermes_sse_stream *stream, size_t i, hermes_sse_subscription *subscription)
{
  const hermes_sse__sub *subs = stream->n_subs == 1 ? &stream->subs.one : stream->subs.many;
  const hermes_sse__log *log;

  if (i >= stream->n_subs)
    return HERMES_SSE_ERR_NOT_FOUND;
  log = subs[i].list->log;
  *subscription = (hermes_sse_subscription){ .topic = { .ptr = log->name, .len = (size_t)log->len + log->is_view } };
  if (subs[i].list->key)
    subscription->key = (hermes_sse_slice){ .ptr = subs[i].list->key->name, .len = subs[i].list->key->len };
  return HERMES_SSE_OK;
}
