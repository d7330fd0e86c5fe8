#include "core/gap.h"
#include "core/follow.h"
#include "core/place.h"
#include "core/stream.h"
#include <stdio.h>

const char *hermes_sse_gap_name(int reason)
{
  switch (reason) {
#define GAP_NAME(name, number, label)                                                                                  \
  case number:                                                                                                         \
    return label;
    HERMES_SSE_GAP_MAP(GAP_NAME)
#undef GAP_NAME
  default:
    return reason == HERMES_SSE__GAP_NONE ? "none" : "unknown reason";
  }
}

/* All that the log holds comes after this place. A view does not lose in the order of the bus. */
static uint64_t held_after(const hermes_sse__readers *list)
{
  return list->log->is_view ? 0 : hermes_sse__readers_evicted_to(list);
}

/* The subscriptions that want what their logs hold begin there, the others now. 1 if any does. */
static int start_snapshot(hermes_sse_stream *stream, const hermes_sse_stream_options *o, uint64_t *position)
{
  const hermes_sse__sub *subs = stream->n_subs == 1 ? &stream->subs.one : stream->subs.many;
  uint64_t now = *position, first = now;

  for (size_t i = 0; i < stream->n_subs; i++) {
    if (o->topics[i].flags & HERMES_SSE_SUBSCRIPTION_SNAPSHOT && held_after(subs[i].list) < first)
      first = held_after(subs[i].list);
  }
  if (first == now)
    return 0;
  for (size_t i = 0; i < stream->n_subs; i++)
    stream->special->since[i] = o->topics[i].flags & HERMES_SSE_SUBSCRIPTION_SNAPSHOT ? held_after(subs[i].list) : now;
  stream->special->since_max = now;
  *position = first;
  return 1;
}

static int judge(const hermes_sse_stream *stream, hermes_sse_slice last_event_id, uint64_t *position)
{
  const hermes_sse_hub *hub = stream->hub;
  uint64_t place, lost = hermes_sse__followed_lost_to(stream);
  hermes_sse_id id;

  if (hermes_sse_id_parse(last_event_id.ptr, last_event_id.len, &id) < 0)
    return HERMES_SSE_GAP_UNKNOWN;
  if (!hermes_sse__place_of(hub->bus, &id, &place))
    return HERMES_SSE_GAP_RESTARTED;
  if (place > hermes_sse__bus_horizon(hub->bus))
    return HERMES_SSE_GAP_UNKNOWN;
  *position = place;
  if ((hub->floor > lost ? hub->floor : lost) <= place)
    return HERMES_SSE__GAP_NONE;
  return hermes_sse__loss_reason(stream, place) == HERMES_SSE_GAP_BRIDGE ? HERMES_SSE_GAP_BRIDGE
                                                                         : HERMES_SSE_GAP_EXPIRED;
}

int hermes_sse__gap_judge(hermes_sse_stream *stream, const hermes_sse_stream_options *o, uint64_t *position,
                          int *snapshot)
{
  const hermes_sse_hub *hub = stream->hub;
  int reason = HERMES_SSE__GAP_NONE, from_now;
  uint64_t lost;

  *position = hermes_sse__bus_now(hub->bus);
  *snapshot = 0;
  if (o->last_event_id.len > 0)
    reason = judge(stream, o->last_event_id, position);
  from_now = o->last_event_id.len == 0 || reason == HERMES_SSE_GAP_RESTARTED || reason == HERMES_SSE_GAP_UNKNOWN;
  if (from_now && stream->special)
    *snapshot = start_snapshot(stream, o, position);
  lost = hermes_sse__followed_lost_to(stream);
  if (hub->floor > lost)
    lost = hub->floor;
  if (lost > *position)
    hermes_sse__note_told(stream, lost);
  return reason;
}

/* With quotes, or null. */
static const char *json_id(char *buf, size_t cap, hermes_sse_slice id)
{
  if (id.len == 0)
    return "null";
  snprintf(buf, cap, "\"%.*s\"", (int)id.len, (const char *)id.ptr);
  return buf;
}

static int default_frame(const hermes_sse_stream *stream, const hermes_sse_gap *gap, const hermes_sse_id *id,
                         hermes_sse_frame **frame)
{
  hermes_sse_event event = { .size = sizeof event, .type = hermes_sse_str("gap") };
  char data[256], from[HERMES_SSE_ID_MAX + 2], to[HERMES_SSE_ID_MAX + 2];

  snprintf(data, sizeof data, "{\"from\":%s,\"to\":%s,\"missed\":null,\"reason\":\"%s\"}",
           json_id(from, sizeof from, gap->from), json_id(to, sizeof to, gap->to),
           hermes_sse_gap_name((int)gap->reason));
  event.data = hermes_sse_str(data);
  return hermes_sse__frame_event(&stream->hub->env, UINT32_MAX, &event, id, frame);
}

/* The host's own event. HERMES_SSE_OK with no frame: it has none. */
static int own_frame(const hermes_sse_stream *stream, const hermes_sse_gap *gap, const hermes_sse_id *id,
                     hermes_sse_frame **frame)
{
  hermes_sse_hub *hub = stream->hub;
  const hermes_sse_event *event;
  int rv;

  if (!hub->options.gap)
    return HERMES_SSE_OK;
  hub->depth++;
  event = hub->options.gap(hub, gap, hub->options.user);
  hub->depth--;
  if (!event)
    return HERMES_SSE_OK;
  rv = hermes_sse__frame_event(&hub->env, hub->bus->max_event_bytes, event, id, frame);
  if (rv == HERMES_SSE_OK || rv == HERMES_SSE_ERR_NOMEM)
    return rv;
  hermes_sse__log_line(&hub->env, HERMES_SSE_LOG_ERROR, "gap event not usable (%s); the library's own is sent instead",
                       hermes_sse_strerror(rv));
  return HERMES_SSE_OK;
}

int hermes_sse__gap_frame(const hermes_sse_stream *stream, int reason, hermes_sse_slice last_event_id,
                          const uint64_t *position, hermes_sse_frame **frame)
{
  const hermes_sse_bus *bus = stream->hub->bus;
  char from[HERMES_SSE_ID_MAX], to[HERMES_SSE_ID_MAX];
  hermes_sse_gap gap = { .size = sizeof gap, .reason = (uint64_t)reason };
  hermes_sse_id id;
  uint64_t next = hermes_sse__followed_next(stream, hermes_sse__stream_hot(stream)->position);
  int rv;

  if (position && *position == HERMES_SSE__UNBEGUN)
    position = NULL;
  if (hermes_sse_id_parse(last_event_id.ptr, last_event_id.len, &id) == HERMES_SSE_OK)
    gap.from = (hermes_sse_slice){ .ptr = from, .len = (size_t)hermes_sse_id_format(&id, from, sizeof from) };
  if (next > 0) {
    id = hermes_sse__bus_id(bus, next);
    gap.to = (hermes_sse_slice){ .ptr = to, .len = (size_t)hermes_sse_id_format(&id, to, sizeof to) };
  }
  id = hermes_sse__bus_id(bus, position ? *position : 0);
  *frame = NULL;
  rv = own_frame(stream, &gap, position ? &id : NULL, frame);
  if (rv == HERMES_SSE_OK && !*frame)
    rv = default_frame(stream, &gap, position ? &id : NULL, frame);
  return rv;
}

void hermes_sse__gap_tell(hermes_sse_stream *stream, hermes_sse__hot *hot)
{
  hermes_sse_hub *hub = stream->hub;
  uint64_t lost = hermes_sse__followed_lost_to(stream);
  int reason = hermes_sse__loss_reason(stream, hot->position);
  hermes_sse_id at = hermes_sse__bus_id(hub->bus, hot->position);
  hermes_sse_frame *frame = NULL;
  char text[HERMES_SSE_ID_MAX];

  if (hermes_sse__must_close_slow(stream, hot)) {
    hermes_sse__stream_end(stream, HERMES_SSE_CLOSE_SLOW);
    return;
  }
  if (hub->broken_to > lost)
    lost = hub->broken_to;
  hermes_sse_id_format(&at, text, sizeof text);
  if (hermes_sse__gap_frame(stream, reason, hermes_sse_str(text), &hot->position, &frame) < 0) {
    hermes_sse__stream_end(stream, HERMES_SSE_CLOSE_SLOW);
    return;
  }
  if (hub->dying || (hot->flags & (HERMES_SSE__LIVE | HERMES_SSE__FREED)) != HERMES_SSE__LIVE) {
    hermes_sse__frame_unref(frame);
    return;
  }
  hermes_sse__note_told(stream, lost);
  stream->out = frame;
  stream->out_at = 0;
  hermes_sse__stream_note_extra(stream, hot);
  hermes_sse__count(&hub->counters.gaps[reason], 1);
}
