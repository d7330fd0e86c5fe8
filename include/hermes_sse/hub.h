/* The hub: one event loop's half of a bus. It holds the topic logs, the streams and the clock, and belongs to one thread
 * at a time. */
#ifndef HERMES_SSE_HUB_H
#define HERMES_SSE_HUB_H
#include <hermes_sse/bus.h>
#include <sys/uio.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct hermes_sse_hub hermes_sse_hub;
typedef struct hermes_sse_stream hermes_sse_stream;

/* Why a stream is told that it missed something; X(NAME, number, label). The label is in the gap event, in the header
   hermes-sse-gap, and in metrics. */
#define HERMES_SSE_GAP_MAP(X)                                                                                          \
  X(EXPIRED, 1, "expired")     /* its last event id is older than what is retained */                                  \
  X(RESTARTED, 2, "restarted") /* its last event id is of another run, or another server */                            \
  X(UNKNOWN, 3, "unknown")     /* its last event id cannot be judged: garbage, or from the future */                   \
  X(SLOW, 4, "slow")           /* the log moved past it, or its hub did not run for too long */                        \
  X(BRIDGE, 5, "bridge")       /* events of other servers may be missing: the way to them was cut */

enum {
#define HERMES_SSE_GAP_ENUM(name, number, label) HERMES_SSE_GAP_##name = number,
  HERMES_SSE_GAP_MAP(HERMES_SSE_GAP_ENUM)
#undef HERMES_SSE_GAP_ENUM
};

/* The label of a HERMES_SSE_GAP_ reason; "none" for 0, "unknown reason" for any other int. Static. Class: any. */
HERMES_SSE_API const char *hermes_sse_gap_name(int reason);

/* A gap that is about to be told. Borrowed for the call. */
typedef struct hermes_sse_gap {
  size_t size;
  uint64_t reason;       /* HERMES_SSE_GAP_ */
  hermes_sse_slice from; /* the last event id that the stream had; empty: none that is one */
  hermes_sse_slice to;   /* the id that comes next; empty: nothing yet */
} hermes_sse_gap;

typedef struct hermes_sse_hub_options {
  size_t size;
  void *user;
  /* "Run soon": there is work and none was announced since the last run began. On the thread that made the work, under a
     lock: it may call nothing of the library. Never after hermes_sse_hub_free() returned. NULL: the host runs the hub in
     every turn of its loop. */
  void (*wake)(hermes_sse_hub *hub, void *user);
  /* Writes to a client; for streams without HERMES_SSE_STREAM_PULL, then required. Returns the bytes taken: less than
     offered means full until hermes_sse_stream_writable(). HERMES_SSE_ERR_AGAIN: nothing taken, full. Any other negative
     value: the client is gone (HERMES_SSE_CLOSE_PEER). 0, or more than offered, breaks the contract and ends the stream
     the same way. 1 <= n <= HERMES_SSE_IOV_MAX; the vectors are borrowed for the call. */
  hermes_sse_ssize (*writev)(hermes_sse_stream *stream, const struct iovec *iov, int n, void *stream_user);
  /* For level-triggered loops: watch for writable (on = 1) or stop (0). Called on change only. A negative return ends
     the stream as writev's does. NULL: edge-triggered loops, which report every edge. */
  int (*want_write)(hermes_sse_stream *stream, int on, void *stream_user);
  /* What a heartbeat says: the host's own event, borrowed until the next call on the hub; its id must be empty, the
     stream's position is written there. Asked at most once a run. NULL, or returns NULL: a comment with the position as
     id. An event that does not encode, or that is larger than the bus allows, counts as NULL and is logged. */
  const hermes_sse_event *(*heartbeat)(hermes_sse_hub *hub, void *user);
  /* Heartbeats of own bytes, verbatim and without id, in place of the above; copied. Empty: none. */
  hermes_sse_slice heartbeat_bytes;
  uint64_t heartbeat_ms; /* a stream is never silent for longer; default 30000; HERMES_SSE_NEVER: off; 10 to 2^30 */
  uint64_t timeout_ms;   /* a stream whose client takes none of the bytes that wait for this long ends
                            (HERMES_SSE_CLOSE_TIMEOUT); default 300000; HERMES_SSE_NEVER: off; 10 to 2^30 */
  uint64_t lifetime_ms;  /* every stream ends after this time, randomised by a fifth either way
                            (HERMES_SSE_CLOSE_LIFETIME); default HERMES_SSE_NEVER; 10 to 2^30 */
  /* What a gap event says: the host's own event, borrowed until the next call on the hub; its id must be empty, the
     stream's position is written there. NULL, or returns NULL: `event: gap` with the data {"from":<id>|null,
     "to":<id>|null,"missed":null,"reason":"<label>"}. An event that does not encode counts as NULL and is logged. */
  const hermes_sse_event *(*gap)(hermes_sse_hub *hub, const hermes_sse_gap *gap, void *user);
  /* Asks whether the stream is still allowed; the host answers with hermes_sse_stream_allow(), now or later. For every
     stream, busy or idle, each recheck_ms (default 60000; 10 to 2^30). A stream whose host has not said yes to any of
     recheck_failures + 1 questions in a row (default 3 failures) ends with HERMES_SSE_CLOSE_DENIED. NULL: never. */
  void (*recheck)(hermes_sse_stream *stream, void *stream_user);
  uint64_t recheck_ms;
  uint64_t recheck_failures; /* at most 250; HERMES_SSE_NEVER: questions without an answer do no harm */
} hermes_sse_hub_options;

/* The most vectors that writev gets and hermes_sse_stream_peek() uses. */
#define HERMES_SSE_IOV_MAX 256

/* A hub that sees what is published from now on. The bus must live for this call; `options` may be NULL (pull only).
   HERMES_SSE_ERR_NOMEM, _OPTION, _RANDOM, _CLOSED (draining). Class: any. */
HERMES_SSE_API int hermes_sse_hub_new(hermes_sse_bus *bus, const hermes_sse_hub_options *options, hermes_sse_hub **hub);

/* Frees the hub; NULL is nothing. Its streams end, unwritten, and are still to be freed by the host, who alone frees
   streams. Inside a callback it takes effect when the call under way returns. The hub's thread; never fails. */
HERMES_SSE_API void hermes_sse_hub_free(hermes_sse_hub *hub);

/* Does all due work that was there on entry: reads the bus, delivers, keeps the clock (heartbeats, time-outs, lifetimes),
   applies retention. `now_ms` is the host's monotonic clock; going back counts as standing still. At most about `budget`
   streams are served (0: no bound), the rest waits for the next run, which is then due at once. `next_ms`: when to run
   again at the latest, absolute: `now_ms` if the budget ran out, HERMES_SSE_NEVER if only a wake can bring work. It may
   be NULL. HERMES_SSE_ERR_REENTRANT; HERMES_SSE_ERR_FORKED; HERMES_SSE_ERR_NOMEM (nothing is lost, the rest is done by a
   later run; `next_ms` is set). Class: drive. */
HERMES_SSE_API int hermes_sse_hub_run(hermes_sse_hub *hub, uint64_t now_ms, size_t budget, uint64_t *next_ms);

/* The next stream that needs its host, or NULL: a pull stream that has output again after it had none, or any stream
   that has ended (hermes_sse_stream_reason() tells, and the host frees it). Each is listed once per occasion. Take them
   all after a run. Class: submit. */
HERMES_SSE_API hermes_sse_stream *hermes_sse_hub_next(hermes_sse_hub *hub);

/* The hub's streams that have not ended, one after another, in no order that means anything: NULL gives the first. A
   stream opened meanwhile may be missed. Class: getter. */
HERMES_SSE_API hermes_sse_stream *hermes_sse_hub_stream(const hermes_sse_hub *hub, const hermes_sse_stream *after);

/* How many streams of this hub follow exactly this: a topic, one key of it, or a pattern. Class: getter. */
HERMES_SSE_API size_t hermes_sse_hub_followers(const hermes_sse_hub *hub, hermes_sse_slice topic, hermes_sse_slice key);

/* A deadline as the time-out of poll() or epoll_wait(): -1 for HERMES_SSE_NEVER, else 0 to INT_MAX. Class: any. */
HERMES_SSE_API int hermes_sse_poll_timeout(uint64_t next_ms, uint64_t now_ms);

/* The host's pointer from the options. Class: getter. */
HERMES_SSE_API void *hermes_sse_hub_user(const hermes_sse_hub *hub);

#ifdef __cplusplus
}
#endif
#endif
