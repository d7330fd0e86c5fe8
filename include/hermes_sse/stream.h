/* A stream: one client's response, which is a position in the order of the bus and what is half written. */
#ifndef HERMES_SSE_STREAM_H
#define HERMES_SSE_STREAM_H
#include <hermes_sse/hub.h>
#include <hermes_sse/limits.h>
#ifdef __cplusplus
extern "C" {
#endif

enum {
  /* A newcomer, and one whose last event id is of no use, first gets what the log holds: of a conflated topic the last
     value of each key. Until it has got that, its greeting and gap carry no id, so that it gets it anew if it is cut off
     before. Streams that come back with a good id go on from there. */
  HERMES_SSE_SUBSCRIPTION_SNAPSHOT = 1
};

/* What a stream follows. A plain value. */
typedef struct hermes_sse_subscription {
  hermes_sse_slice topic; /* a topic, or a prefix and '*': every topic that starts with it, those to come too */
  hermes_sse_slice key;   /* empty: every event */
  uint64_t flags;         /* HERMES_SSE_SUBSCRIPTION_ */
} hermes_sse_subscription;

#define HERMES_SSE_SUBSCRIPTIONS_MAX 64 /* on one stream */

enum {
  HERMES_SSE_STREAM_PULL = 1, /* the host pulls (peek, take, read); never written to, listed by hermes_sse_hub_next() */
  HERMES_SSE_STREAM_CHUNKED = 2, /* HTTP/1.1 chunk framing under a head that the host wrote itself */
  HERMES_SSE_STREAM_FINISH = 4   /* a drain leaves it to its host, who closes it when it is done, until the deadline */
};

typedef struct hermes_sse_stream_options {
  size_t size;
  void *user;
  uint64_t flags; /* HERMES_SSE_STREAM_ */
  /* 0: the host writes the head (hermes_sse_stream_header()) and its own framing. 10: the stream's first bytes are an
     HTTP/1.0 head. 11: an HTTP/1.1 head, then chunks. */
  uint64_t http;
  const hermes_sse_subscription *topics; /* what it follows; may be none (hermes_sse_stream_send() alone) */
  size_t n_topics;                       /* at most HERMES_SSE_SUBSCRIPTIONS_MAX */
  /* As the client sent it, unchecked. An id of this run and within retention: replay from there. Any other: a gap event is
     told first, then from now. Empty: from now. */
  hermes_sse_slice last_event_id;
  hermes_sse_slice
      extra_headers; /* "name: value\r\n" lines after the stream's own, with `http`; no empty line, no NUL */
  const hermes_sse_event *greeting; /* first event; its id must be empty, the stream's position is written there */
  hermes_sse_ticket ticket;         /* taken on success only, given back when the stream ends */
  uint64_t lifetime_ms; /* ends this stream after exactly this time, if that is before the hub's lifetime ends it;
                                     0 or HERMES_SSE_NEVER: none */
  /* At most one batch of events in this time, up to where the hub is when it starts: the first at once, the last always.
     Of each key only the newest of the batch is sent, on every topic; what is left out is no gap. 0: off; 1 to 2^30. */
  uint64_t throttle_ms;
  /* 0: this event is kept back from this stream, also in replay; it is no gap. `message` has topic, key, type and meta,
     no data, and is borrowed for the call; `user` is the stream's. A pure function of its arguments: asked any number of
     times, and it may call nothing of the library. Of conflated topics it sees the survivors alone. NULL: all pass. */
  int (*filter)(const hermes_sse_message *message, void *user);
} hermes_sse_stream_options;

/* Opens a stream on a hub. Writes nothing: the first bytes go out in the hub's next run. The host frees it, always.
   HERMES_SSE_ERR_NOMEM, _OPTION (also a push stream on a hub without writev), _BAD_TOPIC, _BAD_KEY, _BAD_TYPE (greeting), _BAD_ID (greeting),
   _TOO_LARGE (greeting), _CLOSED (draining), _FORKED. Class: submit. */
HERMES_SSE_API int hermes_sse_stream_open(hermes_sse_hub *hub, const hermes_sse_stream_options *options,
                                          hermes_sse_stream **stream);

/* Frees the stream and gives its ticket back; NULL is nothing. Nothing calls back for it from now on. Legal also when its
   hub is freed, and inside callbacks, there too for the stream that is being written. Class: submit. */
HERMES_SSE_API void hermes_sse_stream_free(hermes_sse_stream *stream);

/* Response header number i for hosts that write the head: names in lower case, values NUL-terminated, static or alive
   with the stream. Known at open: hermes-sse-gap is among them when something was missed. HERMES_SSE_ERR_NOT_FOUND past
   the last. Class: getter. */
HERMES_SSE_API int hermes_sse_stream_header(const hermes_sse_stream *stream, size_t i, const char **name,
                                            const char **value);

/* The client can be written to again. Never writes: the next run does. HERMES_SSE_ERR_STATE for a pull stream.
   Class: submit. */
HERMES_SSE_API int hermes_sse_stream_writable(hermes_sse_stream *stream);

/* Follows one thing more, from now on: what was published before is not sent, SNAPSHOT or not. Following it already
   changes nothing. HERMES_SSE_ERR_FULL (HERMES_SSE_SUBSCRIPTIONS_MAX), _STATE (closing or ended), _BAD_TOPIC, _BAD_KEY,
   _OPTION (flags), _NOMEM. Class: submit. */
HERMES_SSE_API int hermes_sse_stream_subscribe(hermes_sse_stream *stream, const hermes_sse_subscription *subscription);

/* Follows it no longer: of its events none comes after what the host has taken. HERMES_SSE_ERR_NOT_FOUND, _STATE (ended).
   Class: submit. */
HERMES_SSE_API int hermes_sse_stream_unsubscribe(hermes_sse_stream *stream,
                                                 const hermes_sse_subscription *subscription);

/* The answer to the hub's `recheck`: `allowed` above 0: yes; 0: no, the stream ends now, with nothing more than its end
   (HERMES_SSE_CLOSE_DENIED); below: it cannot be told, which is the same as no answer. HERMES_SSE_ERR_STATE (ended).
   Class: submit. */
HERMES_SSE_API int hermes_sse_stream_allow(hermes_sse_stream *stream, int allowed);

/* Says something to this client alone (a snapshot, an answer in pieces), before whatever events of its topics it has not
   taken. The event may carry an id of the host's own; most should not, as it becomes the client's last event id.
   HERMES_SSE_ERR_FULL: HERMES_SSE_SEND_MAX bytes wait already. _STATE (closing or ended), _OPTION, _BAD_TYPE, _BAD_ID,
   _TOO_LARGE, _NOMEM. Class: submit. */
#define HERMES_SSE_SEND_MAX 4194304 /* bytes */
HERMES_SSE_API int hermes_sse_stream_send(hermes_sse_stream *stream, const hermes_sse_event *event);

/* Ends the stream (HERMES_SSE_CLOSE_HOST) after what was published and sent to it before this call; then it is listed by
   hermes_sse_hub_next(), or pulls HERMES_SSE_ERR_EOF. A second call changes nothing. HERMES_SSE_ERR_STATE (ended).
   Class: submit. */
HERMES_SSE_API int hermes_sse_stream_close(hermes_sse_stream *stream);

/* The host has seen that the client is gone: ends the stream at once (HERMES_SSE_CLOSE_PEER), so that it is counted as
   what it was; then it is freed as ever. HERMES_SSE_ERR_STATE (ended). Class: submit. */
HERMES_SSE_API int hermes_sse_stream_gone(hermes_sse_stream *stream);

/* The next bytes of a pull stream, at most `max` vectors (1 to HERMES_SSE_IOV_MAX) and about `max_bytes` (0: no bound; the
   first frame comes whole even if it is longer). The number of vectors; 0: nothing now, hermes_sse_hub_next() will list
   it; HERMES_SSE_ERR_EOF: over, and all was taken. The bytes live until the next drive call on the hub, or until this
   stream is freed. HERMES_SSE_ERR_STATE (not a pull stream), _OPTION, _REENTRANT, _NOMEM. Class: drive. */
HERMES_SSE_API int hermes_sse_stream_peek(hermes_sse_stream *stream, struct iovec *iov, int max, size_t max_bytes);

/* The client has taken `bytes` of the last peek, 0 to all of it. HERMES_SSE_ERR_STATE: more than that, or no peek of this
   stream since the hub's last drive call. Class: drive. */
HERMES_SSE_API int hermes_sse_stream_advance(hermes_sse_stream *stream, size_t bytes);

/* Encoded bytes with a count of their own, for hosts whose writes complete later. */
typedef struct hermes_sse_frame hermes_sse_frame;

/* peek and advance in one: as hermes_sse_stream_peek(), but all of it counts as taken, and each vector's bytes live until
   its frame, in the same place of `frames`, is released. Class: drive. */
HERMES_SSE_API int hermes_sse_stream_take(hermes_sse_stream *stream, struct iovec *iov, hermes_sse_frame **frames,
                                          int max, size_t max_bytes);

/* Gives one vector of hermes_sse_stream_take() back; legal after stream, hub and bus are gone. NULL is nothing.
   Class: any. */
HERMES_SSE_API void hermes_sse_frame_release(hermes_sse_frame *frame);

/* peek, copy and advance in one. Bytes copied, at most `cap`; 0: nothing now, as for peek; HERMES_SSE_ERR_EOF. `cap` 0 is
   HERMES_SSE_ERR_OPTION. Class: drive. */
HERMES_SSE_API hermes_sse_ssize hermes_sse_stream_read(hermes_sse_stream *stream, void *buf, size_t cap);

/* Why a stream ended; X(name, number, label). The label names it in metrics and logs. */
#define HERMES_SSE_CLOSE_MAP(X)                                                                                        \
  X(HOST, 1, "host")         /* hermes_sse_stream_close() */                                                           \
  X(PEER, 2, "peer")         /* the client is gone: the host's write said so, or hermes_sse_stream_gone() */           \
  X(TIMEOUT, 3, "timeout")   /* the client took nothing for too long */                                                \
  X(LIFETIME, 4, "lifetime") /* its longest life was over */                                                           \
  X(SLOW, 5, "slow")         /* its topic's log moved past it, and HERMES_SSE_TOPIC_CLOSE_SLOW is set */               \
  X(KICKED, 6, "kicked")     /* hermes_sse_bus_kick() */                                                               \
  X(DRAIN, 7, "drain")       /* hermes_sse_bus_drain() */                                                              \
  X(DENIED, 8, "denied")     /* it is not allowed any more: hermes_sse_stream_allow() */

enum {
#define HERMES_SSE_CLOSE_ENUM(name, number, label) HERMES_SSE_CLOSE_##name = number,
  HERMES_SSE_CLOSE_MAP(HERMES_SSE_CLOSE_ENUM)
#undef HERMES_SSE_CLOSE_ENUM
};

/* HERMES_SSE_CLOSE_ once it has ended, 0 while it lives (also while it is closing). Class: getter. */
HERMES_SSE_API int hermes_sse_stream_reason(const hermes_sse_stream *stream);

/* The label of a HERMES_SSE_CLOSE_ reason; "open" for 0, "unknown" for any other int. Static. Class: any. */
HERMES_SSE_API const char *hermes_sse_close_name(int reason);

/* The host's pointer from the options. Class: getter. */
HERMES_SSE_API void *hermes_sse_stream_user(const hermes_sse_stream *stream);

/* Its position: every event that it follows up to here was taken by the host or told as lost. HERMES_SSE_ERR_STATE when its
   hub is freed; HERMES_SSE_ERR_AGAIN while a bridge has still to learn where it begins. Class: getter. */
HERMES_SSE_API int hermes_sse_stream_position(const hermes_sse_stream *stream, hermes_sse_id *id);

/* What a stream is doing. */
typedef struct hermes_sse_stream_info {
  size_t size;
  uint64_t opened_ms;       /* on the host's clock */
  uint64_t bytes;           /* taken by the host: all it was ever sent */
  uint64_t lag_entries;     /* events in the logs that it follows and has not taken; counted up to 10000 */
  uint64_t lag_ms;          /* since the oldest of them came; 0: none */
  uint64_t subscriptions;   /* how many */
  uint64_t closing;         /* the HERMES_SSE_CLOSE_ reason it will end with; 0: it is not closing */
  hermes_sse_ticket ticket; /* to ask for its keys: hermes_sse_ticket_key() */
} hermes_sse_stream_info;

/* Fills `info` up to its size. HERMES_SSE_ERR_OPTION (size), _STATE (ended). Class: getter. */
HERMES_SSE_API int hermes_sse_stream_info_get(const hermes_sse_stream *stream, hermes_sse_stream_info *info);

/* Subscription i; its slices live until the stream's subscriptions change. HERMES_SSE_ERR_NOT_FOUND past the last.
   Class: getter. */
HERMES_SSE_API int hermes_sse_stream_subscription(const hermes_sse_stream *stream, size_t i,
                                                  hermes_sse_subscription *subscription);

#ifdef __cplusplus
}
#endif
#endif
