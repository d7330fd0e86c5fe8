/* Writing to push streams through the host's writev: a loop over what pull offers. */
#ifndef HERMES_SSE_CORE_PUSH_H
#define HERMES_SSE_CORE_PUSH_H
#include "core/stream.h"

enum { HERMES_SSE__GONE = -1 };

/* One call of the host's writev with `n` vectors of `bytes` together. The bytes taken; the stream is blocked if that is
   not all. HERMES_SSE__GONE: it has ended or was freed, do not touch it. */
hermes_sse_ssize hermes_sse__push_write(hermes_sse_stream *stream, hermes_sse__hot *hot, const struct iovec *iov, int n,
                                        size_t bytes);

/* Writes whatever waits, until nothing does or the sink is full. */
void hermes_sse__push(hermes_sse_stream *stream);

#endif
