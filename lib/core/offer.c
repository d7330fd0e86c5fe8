#include "core/offer.h"
#include "core/follow.h"
#include "core/gap.h"
#include "core/throttle.h"

/* Entries may be gathered: nothing was lost that has not been told. Told before any newer event, after what is half taken. */
static int may_go_on(hermes_sse_stream *stream, hermes_sse__hot *hot)
{
  if (!hermes_sse__fell_behind(stream, hot))
    return hermes_sse__throttle_open(stream, hot);
  if (stream->out || stream->sends)
    return 0;
  hermes_sse__gap_tell(stream, hot);
  return hermes_sse__is_live(stream->hub, hot) && hermes_sse__throttle_open(stream, hot);
}

/* What it wanted apart from others of its lists is behind it. */
static void drop_special(hermes_sse_stream *stream, hermes_sse__hot *hot)
{
  const hermes_sse__special *s = stream->special;

  if (!s || s->filter || s->throttle_ms > 0 || hot->position < s->since_max)
    return;
  hermes_sse__release(&stream->hub->env, stream->special);
  stream->special = NULL;
  hot->flags &= ~(uint32_t)HERMES_SSE__SPECIAL;
}

int hermes_sse__offer(hermes_sse_stream *stream, hermes_sse__hot *hot, int max, size_t max_bytes)
{
  hermes_sse_hub *hub = stream->hub;
  hermes_sse__gather *gather = &hub->gather;
  int entries;

  hermes_sse__gather_forget(gather);
  drop_special(stream, hot);
  entries = may_go_on(stream, hot);
  if (!hermes_sse__is_live(hub, hot))
    return 0;
  hermes_sse__gather_stream(gather, stream, hot, entries, max, max_bytes);
  if (gather->n == 0 && gather->through > hot->position) {
    hot->position = gather->through;
    hermes_sse__count(&hub->counters.filtered, gather->filtered);
    hermes_sse__count(&hub->counters.throttled, gather->throttled);
  }
  if (gather->n == 0 && hermes_sse__stream_finish(stream))
    hermes_sse__gather_stream(gather, stream, hot, 0, max, SIZE_MAX);
  return hermes_sse__is_live(hub, hot) ? gather->n : 0;
}
