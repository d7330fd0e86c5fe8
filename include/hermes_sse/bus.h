/* The bus: takes messages from any thread, gives each its place in one order, and holds them in a bounded ring until its
 * hubs have read them. What is kept for replay is each topic's own log, under the policy set here. */
#ifndef HERMES_SSE_BUS_H
#define HERMES_SSE_BUS_H
#include <hermes_sse/environment.h>
#include <hermes_sse/event.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct hermes_sse_bus hermes_sse_bus;

#define HERMES_SSE_TOPIC_MAX 255 /* bytes */
#define HERMES_SSE_KEY_MAX   255 /* bytes */

typedef struct hermes_sse_bus_options {
  size_t size;
  const hermes_sse_environment *environment; /* copied; NULL: all defaults */
  uint64_t max_event_bytes;                  /* longest encoded event; default 1 MiB, at most 1 GiB */
  uint64_t max_pending_entries; /* events published that a hub has not read yet; default 65536, at most 2^30 */
  uint64_t
      max_pending_bytes; /* the same in bytes; default 64 MiB. A hub that falls behind either bound has lost events:
                                   its streams are told, publishers never wait */
  uint64_t max_retained_bytes; /* of all topics together, as each topic's max_bytes counts; default 256 MiB;
                                  HERMES_SSE_NEVER: no bound. Beyond it the oldest events go first, whosever they are,
                                  never ahead of what was offered to the streams that keep up */
} hermes_sse_bus_options;

/* A bus with no hubs. `options` may be NULL. HERMES_SSE_ERR_NOMEM, _OPTION, _RANDOM. Class: any. */
HERMES_SSE_API int hermes_sse_bus_new(const hermes_sse_bus_options *options, hermes_sse_bus **bus);

/* Frees the bus; NULL is nothing. Hubs of it that still live go on with what they have, take no more, and must still be
   freed: objects may be freed in any order. No other thread may be in a call on this bus. Class: any. */
HERMES_SSE_API void hermes_sse_bus_free(hermes_sse_bus *bus);

enum {
  /* Of each key only the newest event is kept, once the older ones were offered to the streams that keep up: a stream that
     is behind pays for what survives, in order, and gets the last value of every key, or is told of a gap. Conflated
     events are no gap. Events without a key are all kept. */
  HERMES_SSE_TOPIC_CONFLATE = 1,
  /* A stream that the log has moved past ends (HERMES_SSE_CLOSE_SLOW). Without it the stream is told of a gap and goes on
     with what there is. */
  HERMES_SSE_TOPIC_CLOSE_SLOW = 2
};

/* How much of a topic is kept, and what becomes of slow streams. Each bound is kept by dropping the oldest, never ahead of what was offered to the streams
   that keep up. Zero: default. HERMES_SSE_NEVER: that bound is off. */
typedef struct hermes_sse_topic_options {
  size_t size;
  uint64_t max_entries; /* default 1000 */
  uint64_t max_bytes;   /* of encoded events with their overhead; default 4 MiB */
  uint64_t max_age_ms;  /* default 300000 */
  uint64_t flags;       /* HERMES_SSE_TOPIC_ */
} hermes_sse_topic_options;

/* Sets the policy of every topic that matches `pattern`: a topic, or a prefix and '*' ("download:*", "*"). The exact name
   wins over prefixes, a longer prefix over a shorter; a second call with the same pattern replaces the first. Existing
   topics follow in their hub's next run. `options` NULL: back to the default. HERMES_SSE_ERR_BAD_TOPIC (empty or too
   long), _OPTION, _NOMEM. Class: any. */
HERMES_SSE_API int hermes_sse_bus_topic(hermes_sse_bus *bus, const char *pattern,
                                        const hermes_sse_topic_options *options);

/* What is published. The event's id is the bus's own, or Redis's (redis.h). */
typedef struct hermes_sse_message {
  size_t size;
  hermes_sse_slice topic; /* required, 1 to HERMES_SSE_TOPIC_MAX bytes, any but NUL */
  hermes_sse_slice key; /* what within the topic it is about (a download); empty: nothing. Streams may follow one key */
  hermes_sse_slice type; /* as in hermes_sse_event */
  hermes_sse_slice data; /* as in hermes_sse_event */
  uint64_t meta;         /* the host's own number, kept with the event, never sent */
} hermes_sse_message;

/* Encodes the message once and gives it the next place in the order; every stream that follows its topic or key gets
   it in its hub's next run. Publishing to a topic that nobody follows costs the same however many streams are open.
   HERMES_SSE_ERR_OPTION (size), _BAD_TOPIC, _BAD_KEY, _BAD_TYPE, _TOO_LARGE, _NOMEM, _CLOSED (after drain), _FORKED. With a bridge
   (redis.h) it goes there first: then also _FULL (more waits for Redis than allowed), _BAD_DATA (no JSON) and _BAD_KEY (no UTF-8). Class: any. */
HERMES_SSE_API int hermes_sse_bus_publish(hermes_sse_bus *bus, const hermes_sse_message *message);

/* The place of now: everything published so far is at or before it. Put it into a snapshot, hand that to the page, open
   the stream with it as last event id, and nothing is missed between. Class: any. */
HERMES_SSE_API int hermes_sse_bus_head(const hermes_sse_bus *bus, hermes_sse_id *id);

typedef struct hermes_sse_drain_options {
  size_t size;
  uint64_t within_ms;    /* closes are spread evenly over this time; default 0: all in the next run */
  uint64_t retry_min_ms; /* each client is told "retry:" with a random time from this ... */
  uint64_t retry_max_ms; /* ... to this; default 1000 to 5000; retry_min_ms above it is HERMES_SSE_ERR_OPTION */
  uint64_t deadline_ms; /* streams that are left after this time end at once, whatever waits for them; default within_ms
                            + 5000; at least within_ms; HERMES_SSE_NEVER: none */
} hermes_sse_drain_options;

/* Shuts the bus down gently: from now on no stream opens and nothing is published (HERMES_SSE_ERR_CLOSED); what was
   published is still sent; every stream is told its retry and closed with HERMES_SSE_CLOSE_DRAIN; one that was opened with
   HERMES_SSE_STREAM_FINISH is left to its host until the deadline. Done by the hubs in their next runs. `options` may be NULL. A second call changes nothing. HERMES_SSE_ERR_OPTION. Class: any. */
HERMES_SSE_API int hermes_sse_bus_drain(hermes_sse_bus *bus, const hermes_sse_drain_options *options);

/* Closes, in their hubs' next runs and after what was published before this call, the streams whose ticket has this key
   (limits.h), with HERMES_SSE_CLOSE_KICKED. HERMES_SSE_ERR_NOMEM, _BAD_KEY (longer than HERMES_SSE_KEY_MAX). Class: any. */
HERMES_SSE_API int hermes_sse_bus_kick(hermes_sse_bus *bus, const char *key_class, hermes_sse_slice key);

/* Counters since the bus was made, and gauges of now; summed over all hubs, freed ones included. */
typedef struct hermes_sse_stats {
  size_t size;
  uint64_t streams;     /* gauge: open, not ended */
  uint64_t opened;      /* streams */
  uint64_t closed_host; /* ended streams, by HERMES_SSE_CLOSE_ reason */
  uint64_t closed_peer;
  uint64_t closed_timeout;
  uint64_t closed_lifetime;
  uint64_t closed_slow;
  uint64_t closed_kicked;
  uint64_t closed_drain;
  uint64_t closed_denied;
  uint64_t published; /* events that got a place */
  uint64_t delivered; /* events written to a stream, wholly or in part */
  uint64_t bytes;     /* taken by hosts: heads, events, heartbeats and framing */
  uint64_t heartbeats;
  uint64_t gaps; /* gap events told; by HERMES_SSE_GAP_ reason: */
  uint64_t gaps_expired;
  uint64_t gaps_restarted;
  uint64_t gaps_unknown;
  uint64_t gaps_slow;
  uint64_t dropped;          /* events that left a topic's log by its bounds or the bus's, per hub */
  uint64_t conflated;        /* events that left a topic's log for a newer one of their key, per hub */
  uint64_t throttled;        /* events that a throttled stream skipped for a newer one of their key */
  uint64_t filtered;         /* events that a stream's filter kept back */
  uint64_t lapped;           /* events that a hub lost because it did not run for too long */
  uint64_t topics;           /* gauge: logs that exist */
  uint64_t retained_entries; /* gauge: in logs */
  uint64_t retained_bytes;   /* gauge: in logs */
  uint64_t gaps_bridge;
} hermes_sse_stats;

/* Fills `stats` up to its size. HERMES_SSE_ERR_OPTION (size). Class: any. */
HERMES_SSE_API int hermes_sse_bus_stats(const hermes_sse_bus *bus, hermes_sse_stats *stats);

/* A histogram with fixed bounds: buckets[i] counts values of at most 2^i units and more than 2^(i-1); the last bucket
   all that are greater. A plain value. */
#define HERMES_SSE_HISTOGRAM_BUCKETS 28
typedef struct hermes_sse_histogram {
  uint64_t count;
  uint64_t sum;
  uint64_t buckets[HERMES_SSE_HISTOGRAM_BUCKETS];
} hermes_sse_histogram;

enum {
  HERMES_SSE_HISTOGRAM_LATENCY = 1, /* microseconds from publish to the write, per delivered event; the clock is read
                                       once for up to 32 writes */
  HERMES_SSE_HISTOGRAM_LIFETIME     /* seconds from open to end, per stream */
};

/* HERMES_SSE_ERR_NOT_FOUND for another `which`. Class: any. */
HERMES_SSE_API int hermes_sse_bus_histogram(const hermes_sse_bus *bus, int which, hermes_sse_histogram *histogram);

#ifdef __cplusplus
}
#endif
#endif
