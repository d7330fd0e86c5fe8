/* The splice soak: clients that are cut off at any byte and come back from their last id, on any hub, while publishers publish.
 * What each client saw is kept as a record and judged when all is over, against the one order that an observer saw. */
#ifndef HERMES_SSE_TESTS_SPLICE_H
#define HERMES_SSE_TESTS_SPLICE_H
#include <hermes_sse/hermes_sse.h>
#include <hermes_sse/parser.h>
#include <pthread.h>
#include <stdint.h>

enum {
  TOPICS = 14, /* six that keep everything, six that keep little, two that are conflated */
  TIGHT_FROM = 6,
  CONFLATED_FROM = 12,
  KEYS = 4,
  TIGHT_KEEPS = 40, /* events of a topic */
  PUBLISHERS = 4,
  HUBS = 2,
  SUBSCRIPTIONS = 3
};

extern const char *const splice_topics[TOPICS];
extern const char *const splice_keys[KEYS];

/* Kinds of events, one bit each: topic t with key k is bit t * KEYS + k. */
typedef uint64_t kinds;

static inline kinds kind(unsigned topic, unsigned key)
{
  return UINT64_C(1) << (topic * KEYS + key);
}

/* What a client saw, in its order. */
typedef struct record {
  enum { ATTACHED, RESUMED, EVENT, GAP } what; /* ATTACHED: without an id to resume from */
  uint32_t at;                                 /* the place: of the event; the client's cursor; where the gap begins */
  uint32_t to;                                 /* GAP: the place that comes next, 0: nothing yet */
  uint32_t name;                               /* EVENT: its publisher's name for it */
} record;

typedef struct client {
  hermes_sse_stream *stream;
  hermes_sse_parser *parser;
  hermes_sse_subscription follows[SUBSCRIPTIONS];
  size_t n_follows;
  kinds follows_kinds;
  int pulls;
  int observes;   /* always writable, never cut off */
  char *wire;     /* what the server's writes took and the client has not read yet */
  size_t on_wire; /* bytes */
  size_t capacity;
  int full; /* the last write did not fit */
  char cursor[64];
  record *records;
  size_t n_records, room;
} client;

typedef struct totals {
  uint64_t attached, resumed, cuts, events, gaps, bytes_lost;
} totals;

typedef struct loop {
  pthread_t thread;
  hermes_sse_hub *hub;
  uint64_t random;
  client **clients; /* here now: room for all */
  size_t n_clients;
  totals totals;
  pthread_mutex_t lock; /* of what follows */
  pthread_cond_t woken;
  int is_woken;
  client **arriving; /* room for all */
  size_t n_arriving;
} loop;

/* The loop of this thread. */
extern _Thread_local loop *splice_current;

uint64_t splice_now_ms(void);
unsigned splice_chance(uint64_t *random, unsigned below);
/* Prints and ends the program. */
_Noreturn void splice_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* splice_client.c: all on the thread of the client's loop. */
void splice_client_init(client *c, uint64_t *random, int observes);
void splice_client_clear(client *c);
void splice_client_attach(client *c, loop *l);
/* The connection breaks: what is on the wire is lost, a part of it may still be read. */
void splice_client_cut(client *c, loop *l);
/* Reads about so much from the wire. */
void splice_client_read(client *c, loop *l, size_t bytes);
/* Takes what its stream has onto the wire, if that is a pull stream. */
void splice_client_pull(client *c, loop *l);
hermes_sse_ssize splice_client_writev(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user);

/* splice_judge.c. The order is told by an observer's records. `published[p][n]` is the kind, as topic * KEYS + key, of
   publisher p's event n, which is named p << 24 | n. The `last` events are the last of their kinds, so that they must come on
   conflated topics too. */
void splice_order(const client *observer, uint8_t *const published[], const uint32_t n_published[], size_t last);
void splice_order_clear(void);
/* Fails the program unless what the client saw is the order, without loss, double or false gap. */
void splice_judge(const client *c, size_t number);

#endif
