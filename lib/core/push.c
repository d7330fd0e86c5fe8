#include "core/push.h"
#include "core/advance.h"
#include "core/follow.h"
#include "core/offer.h"

/* Tells a level-triggered host once. 0 if the stream is gone. */
static int watch(hermes_sse_stream *stream, hermes_sse__hot *hot, int on)
{
  hermes_sse_hub *hub = stream->hub;
  int rv;

  if (!hub->options.want_write || !(hot->flags & HERMES_SSE__WATCHED) == !on)
    return 1;
  hot->flags ^= HERMES_SSE__WATCHED;
  hub->depth++;
  rv = hub->options.want_write(stream, on, hot->user);
  hub->depth--;
  if (!hermes_sse__is_live(hub, hot))
    return 0;
  if (rv < 0)
    hermes_sse__stream_end(stream, HERMES_SSE_CLOSE_PEER);
  return rv >= 0;
}

static int block(hermes_sse_stream *stream, hermes_sse__hot *hot)
{
  hot->flags |= HERMES_SSE__BLOCKED;
  return watch(stream, hot, 1);
}

static void refuse(hermes_sse_stream *stream, hermes_sse_ssize written, size_t offered)
{
  if (written >= 0)
    hermes_sse__log_line(
        &stream->hub->env, HERMES_SSE_LOG_ERROR,
        "writev returned %lld of %llu bytes offered: accepted are 1 to all of them, or a negative status",
        (long long)written, (unsigned long long)offered);
  hermes_sse__stream_end(stream, HERMES_SSE_CLOSE_PEER);
}

hermes_sse_ssize hermes_sse__push_write(hermes_sse_stream *stream, hermes_sse__hot *hot, const struct iovec *iov, int n,
                                        size_t bytes)
{
  hermes_sse_hub *hub = stream->hub;
  hermes_sse_ssize written;

  hub->depth++;
  written = hub->options.writev(stream, iov, n, hot->user);
  hub->depth--;
  if (HERMES_SSE__UNLIKELY(!hermes_sse__is_live(hub, hot)))
    return HERMES_SSE__GONE;
  if (HERMES_SSE__LIKELY(written > 0 && (size_t)written <= bytes)) {
    hot->last_write = hermes_sse__hub_ms(hub);
    hermes_sse__count_bytes(stream, hot, (uint64_t)written);
    return (size_t)written == bytes || block(stream, hot) ? written : HERMES_SSE__GONE;
  }
  if (written == HERMES_SSE_ERR_AGAIN) {
    hot->last_write = hermes_sse__hub_ms(hub);
    return block(stream, hot) ? 0 : HERMES_SSE__GONE;
  }
  refuse(stream, written, bytes);
  return HERMES_SSE__GONE;
}

void hermes_sse__push(hermes_sse_stream *stream)
{
  hermes_sse_hub *hub = stream->hub;
  hermes_sse__hot *hot = hermes_sse__stream_hot(stream);
  hermes_sse__gather *gather = &hub->gather;

  for (;;) {
    hermes_sse_ssize written;

    if (hermes_sse__offer(stream, hot, HERMES_SSE_IOV_MAX, HERMES_SSE__GATHER_BYTES) == 0)
      break;
    written = hermes_sse__push_write(stream, hot, gather->iov, gather->n, gather->bytes);
    if (written < 0)
      return;
    hermes_sse__advance(stream, hot, gather, (size_t)written);
    if (!hermes_sse__is_live(hub, hot) || hot->flags & HERMES_SSE__BLOCKED)
      return;
    if (!gather->more && !(hot->flags & (HERMES_SSE__EXTRA | HERMES_SSE__SPECIAL)) &&
        !hermes_sse__fell_behind(stream, hot))
      break;
  }
  if (hermes_sse__is_live(hub, hot))
    watch(stream, hot, 0);
}
