#include "core/throttle.h"
#include "core/follow.h"

/* Rests end at multiples of this part of the interval, so that streams are woken together and the queue is seldom walked. */
enum { PARTS = 8 };

static void rest(hermes_sse_stream *stream, hermes_sse__hot *hot)
{
  hermes_sse_hub *hub = stream->hub;
  uint64_t until = hub->epoch_ms + stream->special->batch_ms - 1;

  if (hot->flags & HERMES_SSE__RESTING || stream->queue != HERMES_SSE__UNQUEUED)
    return;
  hot->flags |= HERMES_SSE__RESTING;
  hermes_sse__queue_push(&hub->slots, &hub->resting, stream, HERMES_SSE__REST);
  if (until < hub->rest_ms) {
    hub->rest_ms = until;
    hermes_sse_hub_wake(hub); /* the next run may be due earlier */
  }
}

int hermes_sse__throttle_open(hermes_sse_stream *stream, hermes_sse__hot *hot)
{
  hermes_sse_hub *hub = stream->hub;
  hermes_sse__special *s = stream->special;
  uint32_t now = hermes_sse__hub_ms(hub), part;

  if (!s || s->throttle_ms == 0 || stream->closing || hot->position < s->batch_to)
    return 1;
  if (hermes_sse__caught_up(stream, hot->position))
    return 1;
  if (s->batch_ms != 0 && (int32_t)(now - s->batch_ms) < 0) {
    rest(stream, hot);
    return 0;
  }
  part = s->throttle_ms / PARTS > 0 ? s->throttle_ms / PARTS : 1;
  s->batch_ms = (now + s->throttle_ms + part - 1) / part * part;
  s->batch_to = hub->head;
  return 1;
}

void hermes_sse__throttle_run(hermes_sse_hub *hub)
{
  uint32_t now = hermes_sse__hub_ms(hub);

  if (hub->now_ms < hub->rest_ms)
    return;
  hub->rest_ms = HERMES_SSE_NEVER;
  for (size_t n = hub->resting.n; n > 0; n--) {
    hermes_sse_stream *stream = hermes_sse__queue_pop(&hub->slots, &hub->resting);
    hermes_sse__hot *hot = hermes_sse__stream_hot(stream);

    hot->flags &= ~(uint32_t)HERMES_SSE__RESTING;
    if ((int32_t)(now - stream->special->batch_ms) < 0)
      rest(stream, hot);
    else
      hermes_sse__stream_ready(stream);
  }
}

uint64_t hermes_sse__throttle_next(const hermes_sse_hub *hub)
{
  return hub->resting.n > 0 ? hub->rest_ms : HERMES_SSE_NEVER;
}
