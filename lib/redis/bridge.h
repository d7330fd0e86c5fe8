/* One bridge inside. All of it runs on its hub's thread, but for publishing, demand and the store, which come from any thread and touch
 * what `lock` guards. The order of locks: the bus's relay lock, `lock`, then the bus's others; `lock` is never held while a callback of
 * the host runs. */
#ifndef HERMES_SSE_REDIS_BRIDGE_H
#define HERMES_SSE_REDIS_BRIDGE_H
#include "redis/channels.h"
#include "redis/connection.h"
#include "redis/expected.h"
#include "redis/origins.h"
#include "redis/outbox.h"
#include <hermes_sse/redis.h>
#include <pthread.h>
#include <stdatomic.h>

/* Keys at Redis are the stream's with something after it. */
enum { HERMES_SSE__STREAM_KEY_MAX = 255, HERMES_SSE__KEY_ROOM = 320 };
enum { HERMES_SSE__ORIGIN_LEN = 16, HERMES_SSE__RETRY_MIN_MS = 100, HERMES_SSE__RETRY_MAX_MS = 10000 };

/* Where probes go, each server's with its name; nothing there is an event. */
#define HERMES_SSE__PROBES "hermes:probe:"

/* What the commands' connection still owes an answer to. */
enum {
  HERMES_SSE__ASKED_SCRIPT,  /* number: which */
  HERMES_SSE__ASKED_PUBLISH, /* number: of the message */
  HERMES_SSE__ASKED_PROBE,
  HERMES_SSE__ASKED_INFO,
  HERMES_SSE__ASKED_STORE,     /* about: the query */
  HERMES_SSE__ASKED_LEASE,     /* number: what was asked of it */
  HERMES_SSE__ASKED_SUBSCRIBE, /* about: the channel, NULL: the probe's; on the subscriptions' connection */
  HERMES_SSE__ASKED_UNSUBSCRIBE,
  HERMES_SSE__ASKED_PING
};

typedef _Atomic uint64_t hermes_sse__bridge_figure;

typedef struct hermes_sse__bridge_figures {
  hermes_sse__bridge_figure connected, lost,
      resubscribed; /* connections that came up, that went down; subscriptions complete again */
  hermes_sse__bridge_figure received, malformed, doubled; /* messages that came; of those: no event, seen before */
  hermes_sse__bridge_figure confirmed, overflowed, refused,
      dropped;                               /* messages that went: Redis has them; no room for them; Redis does not
                                                                        want them; the bridge was freed before */
  hermes_sse__bridge_figure alone, imported; /* served without Redis; put into the stream for others */
  hermes_sse__bridge_figure probes_lost, probe_ms,
      received_ms;                                 /* of the last probe; the hub's time of the last message */
  hermes_sse__bridge_figure used_bytes, max_bytes; /* of Redis's memory; 0: not known */
  hermes_sse__bridge_figure waiting_bytes, waiting, channels_denied, now_ms;
} hermes_sse__bridge_figures;

typedef struct hermes_sse__query hermes_sse__query;   /* store.c */
typedef struct hermes_sse__demand hermes_sse__demand; /* outgoing.c */

struct hermes_sse_redis {
  hermes_sse_environment env;
  hermes_sse_redis_options options; /* with defaults; its texts are the bridge's own */
  hermes_sse__url url;
  char *client_name, *stream_key, *ca_file;
  char origin[HERMES_SSE__ORIGIN_LEN + 1]; /* who we are, on the wire */
  hermes_sse_hub *hub;                     /* NULL: freed, and nothing is done any more */
  hermes_sse_bus *bus;
  uint64_t now_ms;
  unsigned depth; /* calls under way; freed meanwhile: released by the last */
  uint8_t is_freed;
  uint8_t is_streams;
  uint8_t owes_gap; /* a gap could not be told for want of memory */
  hermes_sse__bridge_figures figures;
  atomic_int state;
  const char *_Atomic trouble; /* a static text; NULL: none */

  hermes_sse__connection *commands;
  hermes_sse__expected owed; /* by the commands' connection */
  uint8_t is_ready;          /* it may publish: scripts are known, and it is no replica */
  uint64_t info_ms;          /* when it is asked again how Redis is */
  char *scripts[4];          /* their names at Redis */

  hermes_sse__connection *subscriptions; /* pub/sub mode, or importing */
  hermes_sse__expected subscriptions_owed;
  uint8_t is_subscribed; /* all that was wanted when it came up is confirmed, or refused */
  uint64_t tidy_ms;      /* when channels are to be looked at */
  uint8_t has_probe;     /* the probe is subscribed */
  uint8_t probe_is_asked;
  uint8_t has_no_probe;   /* Redis does not let us: said once */
  char probe_channel[48]; /* where ours go */
  uint64_t probe_at_ms;   /* the next one */
  uint64_t probe_number;  /* under way if not 0 */
  uint64_t probe_sent_ms, probe_sent_ns;

  hermes_sse__connection *tail; /* streams mode */
  uint8_t has_begun;            /* last_id is a place in the stream */
  uint8_t began_empty;          /* no entry has come since */
  uint8_t is_live;              /* what was in the stream is read back */
  uint8_t is_following;         /* the tail reads on; else it looks where it stands first */
  uint8_t tail_owed;            /* answers */
  uint8_t tail_is_timed;        /* tail_asked_ms is of the run after; readiness has no clock of its own */
  uint64_t tail_asked_ms;
  /* Entries asked for at once; less after an answer that did not come whole; 0: not even one did. */
  uint64_t tail_count;
  hermes_sse_id last_id; /* the last entry that was taken */

  uint8_t has_lease, lease_is_asked, owes_mark;
  uint32_t marks_asked; /* not answered yet: owed again if they never are */
  uint64_t lease_at_ms; /* when it is asked for again */

  pthread_mutex_t lock;
  hermes_sse__outbox outbox;
  hermes_sse__channels channels;
  hermes_sse__origins origins; /* the hub's thread alone */
  hermes_sse__demand *demands;
  hermes_sse__query *queries, **queries_end;
};

static inline void hermes_sse__bridge_count(hermes_sse__bridge_figure *figure, uint64_t n)
{
  atomic_fetch_add_explicit(figure, n, memory_order_relaxed);
}

static inline void hermes_sse__bridge_set(hermes_sse__bridge_figure *figure, uint64_t value)
{
  atomic_store_explicit(figure, value, memory_order_relaxed);
}

/* 1: this message says something for the first, second, fourth ... time, and may be logged. */
static inline int hermes_sse__is_power(uint64_t n)
{
  return (n & (n - 1)) == 0;
}

/* ---- bridge.c ---- */

/* Judges where the bridge stands after something has changed. */
void hermes_sse__bridge_judge(hermes_sse_redis *redis);
/* The earlier of two deadlines. */
static inline uint64_t hermes_sse__sooner(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

/* ---- outgoing.c: what is published here ---- */

int hermes_sse__outgoing_start(hermes_sse_redis *redis);
/* A message of another, for the stream. Errors as hermes_sse__outbox_add(). */
int hermes_sse__outgoing_import(hermes_sse_redis *redis, const hermes_sse_message *message);
/* Nothing is published through the bridge any more once this returns. */
void hermes_sse__outgoing_stop(hermes_sse_redis *redis);
/* Gives the connection what waits. */
uint64_t hermes_sse__outgoing_run(hermes_sse_redis *redis);
void hermes_sse__outgoing_answered(hermes_sse_redis *redis, uint64_t number, const hermes_sse__reply *reply);
/* Under the lock: what does not come back any more, as Redis is away or the channel is not listened to, is served here. */
void hermes_sse__outgoing_serve(hermes_sse_redis *redis);
/* Under the lock: what waits has changed. */
void hermes_sse__outgoing_note(hermes_sse_redis *redis);
void hermes_sse__demands_run(hermes_sse_redis *redis);

/* ---- commands.c: the connection that publishes and asks ---- */

int hermes_sse__commands_start(hermes_sse_redis *redis);
/* The options of any of the bridge's connections, but for `up`, `reply` and `down`. */
hermes_sse__connection_options hermes_sse__bridge_connection(hermes_sse_redis *redis, const char *role);
uint64_t hermes_sse__commands_run(hermes_sse_redis *redis);
/* Says something and owes its answer. HERMES_SSE_ERR_STATE: not up; or as hermes_sse__connection_command(). */
int hermes_sse__commands_ask(hermes_sse_redis *redis, hermes_sse__answer answer, int argc, const char *const *argv,
                             const size_t *lens);
int hermes_sse__commands_say(hermes_sse_redis *redis, hermes_sse__answer answer, const char *const *argv);

/* ---- incoming.c: from a channel to the bus ---- */

void hermes_sse__incoming(hermes_sse_redis *redis, const hermes_sse__reply *channel, const hermes_sse__reply *payload);
/* A message is no event: counted, and logged now and then. */
void hermes_sse__incoming_refused(hermes_sse_redis *redis, const char *channel, int status);
/* Events of this topic may be missing; told again from the next run if there is no memory now. */
void hermes_sse__incoming_gap(hermes_sse_redis *redis, const char *topic, size_t len);

/* ---- subscriptions.c ---- */

int hermes_sse__subscriptions_start(hermes_sse_redis *redis);
uint64_t hermes_sse__subscriptions_run(hermes_sse_redis *redis);
/* Asks for what a channel's state and followers differ in, if no answer is due. */
void hermes_sse__subscriptions_reconcile(hermes_sse_redis *redis, hermes_sse__channel *channel);
/* Nobody follows it any more: it is listened to for a while yet. */
void hermes_sse__subscriptions_unwanted(hermes_sse_redis *redis, hermes_sse__channel *channel);
/* Subscribes the probe, unless it is not to be, or was asked for. */
void hermes_sse__subscriptions_probe(hermes_sse_redis *redis);
/* All channels are told of a gap. */
void hermes_sse__subscriptions_gap(hermes_sse_redis *redis);

/* ---- probe.c: do messages still come? ---- */

uint64_t hermes_sse__probe_run(hermes_sse_redis *redis);
void hermes_sse__probe_came(hermes_sse_redis *redis, const hermes_sse__reply *payload);
void hermes_sse__probe_refused(hermes_sse_redis *redis, const hermes_sse__reply *error);
void hermes_sse__probe_reset(hermes_sse_redis *redis);

/* ---- tail.c: what is in the stream ---- */

int hermes_sse__tail_start(hermes_sse_redis *redis);
uint64_t hermes_sse__tail_run(hermes_sse_redis *redis);

/* ---- lease.c: one of all servers takes what others PUBLISH into the stream ---- */

/* Where the lease is at Redis. */
void hermes_sse__lease_key(const hermes_sse_redis *redis, char buf[HERMES_SSE__KEY_ROOM]);

uint64_t hermes_sse__lease_run(hermes_sse_redis *redis);
void hermes_sse__lease_answered(hermes_sse_redis *redis, uint64_t asked, const hermes_sse__reply *reply);
/* The commands' connection is another: nobody knows whose it is now. */
void hermes_sse__lease_reset(hermes_sse_redis *redis);
/* All channels are confirmed: what comes from now on goes into the stream, what came before may be missing there. */
void hermes_sse__lease_heard(hermes_sse_redis *redis);
/* Says so in the stream, if that is owed, before anything that is sent later. */
int hermes_sse__lease_mark(hermes_sse_redis *redis);
/* Lets another have it at once. */
void hermes_sse__lease_leave(hermes_sse_redis *redis);
/* A message on a channel, to be put into the stream. */
void hermes_sse__lease_import(hermes_sse_redis *redis, const hermes_sse__reply *channel,
                              const hermes_sse__reply *payload);

/* ---- store.c ---- */

void hermes_sse__store_run(hermes_sse_redis *redis);
void hermes_sse__store_answered(hermes_sse__query *query, const hermes_sse__reply *reply);
/* Answers a query that has no answer, and all that wait. */
void hermes_sse__store_fail(hermes_sse__query *query);
void hermes_sse__store_clear(hermes_sse_redis *redis);

#endif
