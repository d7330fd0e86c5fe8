#include "core/heartbeat.h"
#include "core/follow.h"
#include "core/place.h"
#include "core/push.h"

void hermes_sse__heartbeat_forget(hermes_sse_hub *hub)
{
  hermes_sse__frame_unref(hub->heartbeat);
  hub->heartbeat = NULL;
}

/* A new reference; NULL: no memory. The host is asked once a run: for streams elsewhere than at the head, which are few,
   a comment does. */
static hermes_sse_frame *frame_at(hermes_sse_hub *hub, uint64_t position)
{
  hermes_sse_event comment = { .size = sizeof comment, .flags = HERMES_SSE_EVENT_NO_DATA };
  const hermes_sse_event *event = NULL;
  hermes_sse_id at = hermes_sse__bus_id(hub->bus, position);
  const hermes_sse_id *id = position == HERMES_SSE__UNBEGUN ? NULL : &at;
  hermes_sse_frame *frame = NULL;
  int rv;

  if (hub->heartbeat_bytes)
    return hermes_sse__frame_ref(hub->heartbeat_bytes);
  if (hub->heartbeat && hub->heartbeat_seq == position)
    return hermes_sse__frame_ref(hub->heartbeat);
  if (hub->options.heartbeat && !hub->heartbeat) {
    hub->depth++;
    event = hub->options.heartbeat(hub, hub->options.user);
    hub->depth--;
  }
  if (event) {
    rv = hermes_sse__frame_event(&hub->env, hub->bus->max_event_bytes, event, id, &frame);
    if (rv < 0 && rv != HERMES_SSE_ERR_NOMEM)
      hermes_sse__log_line(&hub->env, HERMES_SSE_LOG_ERROR,
                           "heartbeat event not usable (%s); a comment is sent instead", hermes_sse_strerror(rv));
  }
  comment.comment = hermes_sse_str("heartbeat");
  if (!frame && hermes_sse__frame_event(&hub->env, UINT32_MAX, &comment, id, &frame) < 0)
    return NULL;
  if (!hub->heartbeat) {
    hub->heartbeat = hermes_sse__frame_ref(frame);
    hub->heartbeat_seq = position;
  }
  return frame;
}

void hermes_sse__heartbeat(hermes_sse_stream *stream, hermes_sse__hot *hot)
{
  hermes_sse_hub *hub = stream->hub;
  hermes_sse_frame *frame;
  const int rests = (hot->flags & HERMES_SSE__RESTING) != 0;

  if (stream->closing || hot->flags & HERMES_SSE__EXTRA || hermes_sse__fell_behind(stream, hot) ||
      (!rests && !hermes_sse__caught_up(stream, hot->position))) {
    hermes_sse__stream_ready(stream);
    return;
  }
  if (!rests && hot->position < hub->head)
    hot->position = hub->head;
  frame = frame_at(hub, hot->position);
  if (!frame || hub->dying || (hot->flags & (HERMES_SSE__LIVE | HERMES_SSE__EXTRA)) != HERMES_SSE__LIVE) {
    hermes_sse__frame_unref(frame);
    return;
  }
  stream->out = frame;
  stream->out_at = 0;
  hermes_sse__stream_note_extra(stream, hot);
  hermes_sse__count(&hub->counters.heartbeats, 1);
  if (hot->flags & HERMES_SSE__PULL)
    hermes_sse__stream_ready(stream);
  else
    hermes_sse__push(stream);
}
