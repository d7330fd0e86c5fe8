/* A scripted client: takes bytes as its script says, keeps them, and reads them as the event stream standard tells a client
 * to, written apart from the library. */
#ifndef HERMES_SSE_TESTS_SINK_H
#define HERMES_SSE_TESTS_SINK_H
#include <hermes_sse/stream.h>

typedef struct sink {
  hermes_sse_stream *stream;
  char *bytes;
  size_t n, capacity;
  size_t calls;
  size_t per_call;             /* takes at most this at a time; 0: all */
  size_t room;                 /* takes this much more, then is full; SIZE_MAX: never */
  size_t act_at;               /* at this call (1 is the first) ... */
  hermes_sse_ssize gives;      /* ... writev returns this without taking anything ... */
  void (*act)(struct sink *s); /* ... or does this first, if set */
  void *context;
  int watched; /* want_write's last */
  size_t watch_calls;
  int chunked; /* decode chunks first */
  int head;    /* an HTTP head comes first */
} sink;

void sink_init(sink *s);
void sink_clear(sink *s);
/* Forgets what came so far. */
void sink_forget(sink *s);
void sink_take(sink *s, const void *bytes, size_t n);

/* For hermes_sse_hub_options; the stream's user is the sink. */
hermes_sse_ssize sink_writev(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user);
int sink_want_write(hermes_sse_stream *stream, int on, void *user);

/* One event as a client dispatches it, or a comment, or a retry. */
typedef struct received {
  char type[128], data[2048], id[64]; /* id: the last event id when it was dispatched */
  char comment[256];
  long retry; /* -1: none */
  int dispatched;
} received;

/* Decodes everything that came: up to `max` events and comments. Fails the test on broken chunk framing. The number.
   `ended` (may be NULL): 1 if the last chunk came. */
size_t sink_read(const sink *s, received *events, size_t max, int *ended);

#endif
