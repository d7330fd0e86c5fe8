/* The bridge: one event stream over many servers, through Redis. Attached to a bus, it takes what is published there to Redis and
 * brings what Redis has to the bus. Library hermes-sse-redis; needs hiredis and cJSON inside, none of their types are here.
 *
 * Pub/sub mode (Redis 2.8 or newer): a topic is a channel, a message the envelope {"type","data","timestamp"} of the Hermes contract.
 * What is published here goes to Redis and comes back, so that every server has one order. While Redis is away local streams are
 * served at once, and what was published waits for Redis in a bounded buffer; when Redis is back every stream is told of a gap
 * (HERMES_SSE_GAP_BRIDGE), as others may have published meanwhile.
 *
 * Streams mode (Redis 7 or newer): all topics are one Redis Stream, whose ids are the events' ids. A client may come back to any
 * server, and to a server that was restarted, and misses nothing. Nothing is delivered before Redis has it.
 *
 * Call classes as in status.h; "the hub's thread" is that of the hub which the bridge lives in. Publishing stays any thread's. */
#ifndef HERMES_SSE_REDIS_H
#define HERMES_SSE_REDIS_H
#include <hermes_sse/extend.h>
#ifdef __cplusplus
extern "C" {
#endif
struct sockaddr;
typedef struct hermes_sse_redis hermes_sse_redis;

/* What a descriptor is watched for, and found ready for. */
enum { HERMES_SSE_READ = 1, HERMES_SSE_WRITE = 2 };

enum { HERMES_SSE_REDIS_PUBSUB = 1, HERMES_SSE_REDIS_STREAMS };

enum {
  HERMES_SSE_REDIS_SHARDED = 1, /* pub/sub mode: SSUBSCRIBE and SPUBLISH (Redis 7); no patterns */
  HERMES_SSE_REDIS_IMPORT =
      2, /* streams mode: what others PUBLISH on `channels` is added to the stream, by one server at a time */
  HERMES_SSE_REDIS_TLS_INSECURE = 4, /* rediss: the server's certificate is not looked at */
  HERMES_SSE_REDIS_PUBLISH_ONLY = 8  /* nothing is listened to, and nothing served here */
};

typedef struct hermes_sse_redis_options {
  size_t size;
  const hermes_sse_environment *environment; /* copied; NULL: all defaults */
  void *user;
  uint64_t flags;  /* HERMES_SSE_REDIS_ */
  uint64_t mode;   /* HERMES_SSE_REDIS_PUBSUB (default) or _STREAMS */
  const char *url; /* required: redis://[[user]:password@]host[:port][/db], rediss:// (TLS), unix:///path[?db=N] */
  /* The descriptor's interest changes from `was` to `want` (HERMES_SSE_READ | HERMES_SSE_WRITE); 0: none. When one is ready the host
     calls hermes_sse_redis_ready(). With `want` 0 it is about to be closed. Negative: it cannot be watched; the connection is tried
     again later. Required. As a callback: only submit calls are legal. */
  int (*watch)(hermes_sse_redis *redis, int fd, int was, int want, void *user);
  /* Asks the host for the addresses of a name, answered by hermes_sse_redis_resolved(); negative: it has none. NULL: c-ares. */
  int (*resolve)(hermes_sse_redis *redis, const char *host, uint16_t port, void *user);
  /* Pub/sub mode: what is listened to from the start, topics or prefixes with '*'. None: what the streams of all hubs follow, while
     they do. Streams mode: what HERMES_SSE_REDIS_IMPORT listens to. */
  const char *const *channels;
  size_t n_channels;
  const char
      *client_name; /* default "hermes-sse"; connections are <client_name>-commands, -subscriptions, -tail, -import */
  const char *stream_key; /* streams mode; default "hermes:events" */
  const char *ca_file;    /* rediss: PEM certificates that are trusted; NULL: the system's */
  uint64_t max_entries;   /* streams mode: about how many the stream keeps; default 10000 */
  uint64_t read_back;     /* streams mode: how many are read at the start; default max_entries, at most 100000 */
  uint64_t linger_ms;     /* a channel nobody follows any more is listened to for so long; default 5000 */
  uint64_t
      probe_ms; /* pub/sub mode: time between proofs that messages still come; default 5000; HERMES_SSE_NEVER: none */
  uint64_t timeout_ms;        /* to connect, and for an answer; default 5000 */
  uint64_t max_pending_bytes; /* published and not confirmed by Redis; default 16 MiB */
  uint64_t max_reply_bytes;   /* one message of Redis; default 8 MiB */
} hermes_sse_redis_options;

/* Where the bridge stands; X(NAME, number, label). */
#define HERMES_SSE_REDIS_STATE_MAP(X)                                                                                  \
  X(AWAY, 1, "away")         /* no connection, or not all of what is wanted is confirmed */                            \
  X(FLUSHING, 2, "flushing") /* Redis is there; what was published meanwhile is on its way */                          \
  X(THROUGH, 3, "through")   /* all is well */

enum {
#define HERMES_SSE_REDIS_STATE_ENUM(name, number, label) HERMES_SSE_REDIS_STATE_##name = number,
  HERMES_SSE_REDIS_STATE_MAP(HERMES_SSE_REDIS_STATE_ENUM)
#undef HERMES_SSE_REDIS_STATE_ENUM
};

/* Attaches a bridge to the hub's bus, before anything is published and any stream is opened there; it connects in the hub's next run. A bus
   has one bridge.
   Redis need not be there. HERMES_SSE_ERR_OPTION (logged: member and what is accepted), _STATE (the bus has a bridge, or in streams
   mode has events already), _NOMEM, _RANDOM, _FORKED. Class: submit. */
HERMES_SSE_API int hermes_sse_redis_new(hermes_sse_hub *hub, const hermes_sse_redis_options *options,
                                        hermes_sse_redis **redis);

/* Closes its connections and lets the bus go, which then serves alone (in streams mode nothing can be published any more). What was
   published and not confirmed is dropped and counted. NULL is nothing; legal when the hub is freed. Class: submit. */
HERMES_SSE_API void hermes_sse_redis_free(hermes_sse_redis *redis);

/* A descriptor of `watch` is ready: reads and writes what can be. HERMES_SSE_ERR_NOT_FOUND: not one of its own (closed meanwhile).
   Class: submit. */
HERMES_SSE_API int hermes_sse_redis_ready(hermes_sse_redis *redis, int fd, int events);

/* The answer to `resolve`: `n` addresses with their lengths, tried in turn; 0: there are none. Class: submit. */
HERMES_SSE_API void hermes_sse_redis_resolved(hermes_sse_redis *redis, const struct sockaddr *const *addresses,
                                              const uint32_t *lens, size_t n);

/* HERMES_SSE_REDIS_STATE_. Class: any. */
HERMES_SSE_API int hermes_sse_redis_state(const hermes_sse_redis *redis);

/* The label of a state; "unknown" for any other int. Static. Class: any. */
HERMES_SSE_API const char *hermes_sse_redis_state_name(int state);

/* A token store in Redis, under the keys as they come, for hermes_sse_service_new(). Answers on the hub's thread; a call while Redis is
   away is answered in the hub's next run with HERMES_SSE_ERR_AGAIN. The bridge must outlive whoever uses it. Class: any; `get`, `put` and `del` are
   legal on any thread. */
HERMES_SSE_API int hermes_sse_redis_store(hermes_sse_redis *redis, hermes_sse_store *store);

/* What the bridge has to say to metrics, health and readiness, for hermes_sse_service_report(). The bridge must outlive whoever uses
   it. Class: any. */
HERMES_SSE_API int hermes_sse_redis_report(hermes_sse_redis *redis, hermes_sse_report *report);

#ifdef __cplusplus
}
#endif
#endif
