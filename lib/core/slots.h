/* The streams' memory: two records per stream in slabs that never move, found by slot number.
 *
 * The hot record is what a sweep touches for a stream in step; the cold one, which the host's handle points to, is touched
 * only at a partial write, a private event or a close. */
#ifndef HERMES_SSE_CORE_SLOTS_H
#define HERMES_SSE_CORE_SLOTS_H
#include "core/environment.h"
#include "core/frame.h"

enum { HERMES_SSE__SLAB = 256 };
#define HERMES_SSE__NO_SLOT UINT32_MAX

enum {
  HERMES_SSE__LIVE = 1, /* the slot is in use and its stream has not ended */
  HERMES_SSE__PULL = 2,
  HERMES_SSE__CHUNKED = 4,
  HERMES_SSE__SINGLE = 8,    /* exactly one subscription: `cold->subs.one` */
  HERMES_SSE__BLOCKED = 16,  /* push: the sink is full */
  HERMES_SSE__EXTRA = 32,    /* something besides log entries: `out`, `sends`, or closing */
  HERMES_SSE__IDLE = 64,     /* pull: the host was told that there is nothing; list it when there is */
  HERMES_SSE__WATCHED = 128, /* want_write(1) was called last */
  HERMES_SSE__FREED = 256,   /* freed inside a callback; the slot goes when the call under way returns */
  HERMES_SSE__SPECIAL = 512, /* what it gets is not what others of its list get: `special` */
  HERMES_SSE__LATE = 2048,   /* its bus was not live when it came: what it missed by that is still to be told */
  HERMES_SSE__RESTING = 1024 /* throttled: its next batch is not due yet; in the queue of those */
};

typedef struct hermes_sse__hot {
  uint64_t position;
  void *user;
  uint32_t last_write; /* hub's milliseconds: when bytes were taken last, or began to wait */
  uint32_t flags;
  uint32_t deadline; /* hub's milliseconds; 0: none */
  uint32_t bytes;    /* taken so far; carried over into `byte_wraps` */
} hermes_sse__hot;

/* What few streams have. */
typedef struct hermes_sse__special {
  int (*filter)(const hermes_sse_message *message, void *user);
  uint32_t throttle_ms;
  uint32_t batch_ms;                            /* hub's milliseconds: the next batch may begin */
  uint64_t batch_to;                            /* the batch under way ends here */
  uint64_t since_max;                           /* the latest of `since` */
  uint64_t since[HERMES_SSE_SUBSCRIPTIONS_MAX]; /* of each subscription: it follows what came after this place */
} hermes_sse__special;

/* Membership of one list of readers. */
typedef struct hermes_sse__sub {
  struct hermes_sse__readers *list;
  uint32_t index; /* in the list's array */
} hermes_sse__sub;

/* The queues of a hub that a stream may be in: at most one at a time. */
enum { HERMES_SSE__UNQUEUED, HERMES_SSE__READY, HERMES_SSE__LISTED, HERMES_SSE__REST, HERMES_SSE__GRAVE };

struct hermes_sse_stream {
  hermes_sse_hub *hub;
  hermes_sse_frame *out;        /* what goes first: the rest of a half-written frame, or head and greeting */
  hermes_sse_frame *sends;      /* the last of a circle linked by `next`; NULL: none */
  uint64_t close_at;            /* while closing: what was published up to here is still sent */
  uint64_t told;                /* what has been lost so far, up to here, has been told */
  hermes_sse__special *special; /* NULL: nothing of that */
  hermes_sse_ticket ticket;
  union {
    hermes_sse__sub one;
    hermes_sse__sub *many;
  } subs;
  uint32_t slot;
  uint32_t out_at;        /* bytes of `out` already taken */
  uint32_t before, after; /* in its queue */
  uint32_t send_bytes;
  uint32_t retry_ms;          /* told at the end; 0: not */
  uint32_t opened, rechecked; /* hub's milliseconds */
  uint16_t byte_wraps;
  uint8_t unconfirmed; /* rechecks since the host last said yes */
  uint8_t finish;      /* a drain leaves it to its host */
  uint8_t n_subs;
  uint8_t queue;
  uint8_t closing; /* the HERMES_SSE_CLOSE_ reason that it will end with; 0: not closing */
  uint8_t reason;  /* ended */
  uint8_t final;   /* `out` is the last there will be */
  uint8_t gap;     /* reason of the gap known at open; 0: none */
  uint8_t http;
  uint8_t over; /* a pull stream whose host has seen the end */
};

typedef struct hermes_sse__queue {
  uint32_t first, last;
  size_t n;
} hermes_sse__queue;

typedef struct hermes_sse__slots {
  hermes_sse__hot **hot;
  struct hermes_sse_stream **cold;
  size_t n_slabs, cap_slabs;
  uint32_t n;    /* slots handed out so far; all in 0 <= slot < n */
  uint32_t free; /* first of the free ones, linked by cold `after`; HERMES_SSE__NO_SLOT: none */
  uint32_t used;
} hermes_sse__slots;

void hermes_sse__slots_init(hermes_sse__slots *slots);

/* A zeroed pair of records. HERMES_SSE_ERR_NOMEM. */
int hermes_sse__slots_take(const hermes_sse_environment *env, hermes_sse__slots *slots, uint32_t *slot);
void hermes_sse__slots_give(hermes_sse__slots *slots, uint32_t slot);
void hermes_sse__slots_clear(const hermes_sse_environment *env, hermes_sse__slots *slots);

static inline hermes_sse__hot *hermes_sse__hot_of(const hermes_sse__slots *slots, uint32_t slot)
{
  return &slots->hot[slot / HERMES_SSE__SLAB][slot % HERMES_SSE__SLAB];
}

static inline struct hermes_sse_stream *hermes_sse__cold_of(const hermes_sse__slots *slots, uint32_t slot)
{
  return &slots->cold[slot / HERMES_SSE__SLAB][slot % HERMES_SSE__SLAB];
}

void hermes_sse__queue_init(hermes_sse__queue *queue);
/* `kind` is the HERMES_SSE__ name of the queue. The stream must be in none. */
void hermes_sse__queue_push(hermes_sse__slots *slots, hermes_sse__queue *queue, struct hermes_sse_stream *stream,
                            uint8_t kind);
void hermes_sse__queue_remove(hermes_sse__slots *slots, hermes_sse__queue *queue, struct hermes_sse_stream *stream);
/* NULL when empty. */
struct hermes_sse_stream *hermes_sse__queue_pop(hermes_sse__slots *slots, hermes_sse__queue *queue);

#endif
