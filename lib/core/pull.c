#include "core/advance.h"
#include "core/offer.h"
#include <string.h>

/* Fills the hub's gather. Vectors, 0, HERMES_SSE_ERR_EOF. */
static int offer(hermes_sse_stream *stream, int max, size_t max_bytes)
{
  hermes_sse_hub *hub = stream->hub;
  hermes_sse__hot *hot = hermes_sse__stream_hot(stream);

  hub->peeked = NULL;
  if (hermes_sse__is_live(hub, hot))
    hermes_sse__offer(stream, hot, max, max_bytes ? max_bytes : SIZE_MAX);
  if (!(hot->flags & HERMES_SSE__LIVE)) {
    stream->over = 1;
    if (stream->queue == HERMES_SSE__LISTED)
      hermes_sse__queue_remove(&hub->slots, &hub->listed, stream);
    return HERMES_SSE_ERR_EOF;
  }
  if (hub->gather.n == 0)
    hot->flags |= HERMES_SSE__IDLE;
  else
    hub->peeked = stream;
  return hub->gather.n;
}

static int enter(const hermes_sse_stream *stream)
{
  int rv = hermes_sse__hub_enter(stream->hub);

  if (rv < 0)
    return rv;
  return hermes_sse__stream_hot(stream)->flags & HERMES_SSE__PULL ? HERMES_SSE_OK : HERMES_SSE_ERR_STATE;
}

int hermes_sse_stream_peek(hermes_sse_stream *stream, struct iovec *iov, int max, size_t max_bytes)
{
  int rv = enter(stream);

  if (rv < 0)
    return rv;
  if (!iov || max < 1 || max > HERMES_SSE_IOV_MAX)
    return HERMES_SSE_ERR_OPTION;
  rv = offer(stream, max, max_bytes);
  if (rv > 0)
    memcpy(iov, stream->hub->gather.iov, (size_t)rv * sizeof *iov);
  return rv;
}

static void took(hermes_sse_stream *stream, size_t bytes)
{
  hermes_sse_hub *hub = stream->hub;
  hermes_sse__hot *hot = hermes_sse__stream_hot(stream);

  hub->peeked = NULL;
  if (bytes == 0)
    return;
  hot->last_write = hermes_sse__hub_ms(hub);
  hermes_sse__count_bytes(stream, hot, bytes);
  hermes_sse__advance(stream, hot, &hub->gather, bytes);
}

int hermes_sse_stream_advance(hermes_sse_stream *stream, size_t bytes)
{
  int rv = enter(stream);

  if (rv < 0)
    return rv;
  if (stream->hub->peeked != stream || bytes > stream->hub->gather.bytes)
    return HERMES_SSE_ERR_STATE;
  took(stream, bytes);
  return HERMES_SSE_OK;
}

int hermes_sse_stream_take(hermes_sse_stream *stream, struct iovec *iov, hermes_sse_frame **frames, int max,
                           size_t max_bytes)
{
  const hermes_sse__gather *gather = &stream->hub->gather;
  int n;

  if (!frames)
    return HERMES_SSE_ERR_OPTION;
  n = hermes_sse_stream_peek(stream, iov, max, max_bytes);
  for (int i = 0; i < n; i++)
    frames[i] = hermes_sse__frame_ref(gather->items[i].frame);
  if (n > 0)
    took(stream, gather->bytes);
  return n;
}

hermes_sse_ssize hermes_sse_stream_read(hermes_sse_stream *stream, void *buf, size_t cap)
{
  const hermes_sse__gather *gather = &stream->hub->gather;
  size_t copied = 0;
  int n = enter(stream);

  if (n < 0)
    return n;
  if (cap == 0 || !buf)
    return HERMES_SSE_ERR_OPTION;
  n = offer(stream, HERMES_SSE_IOV_MAX, cap);
  if (n <= 0)
    return n;
  for (int i = 0; i < n && copied < cap; i++) {
    size_t len = gather->iov[i].iov_len;

    if (len > cap - copied)
      len = cap - copied;
    memcpy((char *)buf + copied, gather->iov[i].iov_base, len);
    copied += len;
  }
  took(stream, copied);
  return (hermes_sse_ssize)copied;
}
