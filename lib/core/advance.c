#include "core/advance.h"
#include "core/histogram.h"

enum { CLOCK_USES = 32 };

void hermes_sse__delivered(hermes_sse_hub *hub, const hermes_sse_frame *frame, uint64_t events)
{
  hermes_sse__count(&hub->counters.delivered, events);
  if (hub->clock_uses == 0 || frame->published_ns > hub->clock_ns) {
    hub->clock_ns = hub->env.clock_ns(hub->env.user);
    hub->clock_uses = CLOCK_USES;
  }
  hub->clock_uses--;
  hermes_sse__histogram_add(&hub->counters.latency_us,
                            hub->clock_ns > frame->published_ns ? (hub->clock_ns - frame->published_ns) / 1000u : 0,
                            events);
}

void hermes_sse__count_bytes(hermes_sse_stream *stream, hermes_sse__hot *hot, uint64_t bytes)
{
  uint64_t sum = hot->bytes + bytes;

  hot->bytes = (uint32_t)sum;
  if (HERMES_SSE__UNLIKELY(sum > UINT32_MAX))
    stream->byte_wraps = (uint16_t)(stream->byte_wraps + (sum >> 32));
  hermes_sse__count(&stream->hub->counters.bytes, bytes);
}

static void pop_send(hermes_sse_stream *stream)
{
  hermes_sse_frame *first = stream->sends->next;

  stream->send_bytes -= first->event_len;
  if (first == stream->sends)
    stream->sends = NULL;
  else
    stream->sends->next = first->next;
}

/* The item is taken, wholly or from here on as `out`: it is no longer where it waited. Its reference is passed on. */
static hermes_sse_frame *lift(hermes_sse_stream *stream, hermes_sse__hot *hot, const hermes_sse__item *item)
{
  switch (item->kind) {
  case HERMES_SSE__ITEM_OUT:
    stream->out = NULL;
    return item->frame;
  case HERMES_SSE__ITEM_SEND:
    pop_send(stream);
    return item->frame;
  default:
    hot->position = item->frame->seq;
    return NULL;
  }
}

/* Of what was left out, what the stream is past now that it has taken `taken` items, the last of them perhaps in part. */
static void count_left_out(hermes_sse_hub *hub, const hermes_sse__gather *gather, int taken)
{
  unsigned filtered = taken == gather->n ? gather->filtered : taken > 0 ? gather->items[taken - 1].filtered : 0;
  unsigned throttled = taken == gather->n ? gather->throttled : taken > 0 ? gather->items[taken - 1].throttled : 0;

  if (filtered > 0)
    hermes_sse__count(&hub->counters.filtered, filtered);
  if (throttled > 0)
    hermes_sse__count(&hub->counters.throttled, throttled);
}

void hermes_sse__advance(hermes_sse_stream *stream, hermes_sse__hot *hot, const hermes_sse__gather *gather,
                         size_t bytes)
{
  const hermes_sse_frame *newest = NULL;
  uint64_t events = 0;
  int i;

  for (i = 0; i < gather->n && bytes >= gather->iov[i].iov_len; i++) {
    const hermes_sse__item *item = &gather->items[i];

    bytes -= gather->iov[i].iov_len;
    if (item->kind == HERMES_SSE__ITEM_ENTRY) {
      newest = item->frame;
      events++;
    }
    hermes_sse__frame_unref(lift(stream, hot, item));
  }
  count_left_out(stream->hub, gather, bytes > 0 ? i + 1 : i);
  if (i == gather->n && gather->through > hot->position)
    hot->position = gather->through;
  if (bytes > 0) {
    const hermes_sse__item *item = &gather->items[i];
    uint32_t before = item->kind == HERMES_SSE__ITEM_OUT ? stream->out_at : 0;
    hermes_sse_frame *frame = lift(stream, hot, item);

    if (!frame) {
      newest = item->frame;
      events++;
      frame = hermes_sse__frame_ref(item->frame);
    }
    stream->out = frame;
    stream->out_at = before + (uint32_t)bytes;
  } else if (!stream->out) {
    stream->out_at = 0;
  }
  if (newest)
    hermes_sse__delivered(stream->hub, newest, events);
  hermes_sse__stream_note_extra(stream, hot);
  if (stream->final && !stream->out)
    hermes_sse__stream_end(stream, stream->closing);
}
