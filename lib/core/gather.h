/* The vector of what a stream sends next: the rest of a half-written frame, its private events, then its topics' entries in
 * the order of the bus. It borrows the frames: it is good until logs change or the stream does. */
#ifndef HERMES_SSE_CORE_GATHER_H
#define HERMES_SSE_CORE_GATHER_H
#include "core/walk.h"
#include <sys/uio.h>

enum { HERMES_SSE__ITEM_OUT, HERMES_SSE__ITEM_SEND, HERMES_SSE__ITEM_ENTRY };

typedef struct hermes_sse__item {
  hermes_sse_frame *frame;
  uint8_t kind;
  unsigned filtered, throttled; /* left out before it */
} hermes_sse__item;

typedef struct hermes_sse__gather {
  int n;                        /* items */
  int more;                     /* there was no room for all */
  uint64_t through;             /* for one stream: all up to here is in it, or is not for this stream */
  unsigned filtered, throttled; /* left out */
  size_t bytes;
  struct iovec iov[HERMES_SSE_IOV_MAX];
  hermes_sse__item items[HERMES_SSE_IOV_MAX];

  /* Shared by the readers of one list that are in step: those with after <= position < first. */
  const hermes_sse__readers *list; /* NULL: not shared */
  int chunked;
  uint64_t after, first, last;
  struct iovec block;  /* the same bytes in one piece; iov_base NULL: none */
  unsigned char *room; /* what `block` lies in */
  size_t room_bytes;
} hermes_sse__gather;

/* Most bytes of one gather, but for the first item. */
enum { HERMES_SSE__GATHER_BYTES = 1 << 20 };

/* For one stream, whatever it follows; `max` items and about `max_bytes`. Without `entries` only its own output. */
void hermes_sse__gather_stream(hermes_sse__gather *gather, const struct hermes_sse_stream *stream,
                               const hermes_sse__hot *hot, int entries, int max, size_t max_bytes);

/* For all readers of `list` that are in step with `position`, which must not be behind what the list has lost. */
void hermes_sse__gather_list(const hermes_sse_environment *env, hermes_sse__gather *gather,
                             const hermes_sse__readers *list, uint64_t position, int chunked);

static inline int hermes_sse__gather_fits(const hermes_sse__gather *gather, const hermes_sse__readers *list,
                                          uint64_t position, int chunked)
{
  return gather->list == list && position >= gather->after && position < gather->first && gather->chunked == chunked;
}

/* Forgets what it holds: before logs change. */
void hermes_sse__gather_forget(hermes_sse__gather *gather);

#endif
