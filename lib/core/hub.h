/* The hub inside, and how its parts enter and leave it. */
#ifndef HERMES_SSE_CORE_HUB_H
#define HERMES_SSE_CORE_HUB_H
#include "core/bus.h"
#include "core/gather.h"
#include "core/log.h"
#include "core/oldest.h"
#include <hermes_sse/extend.h>

typedef struct hermes_sse__part {
  struct hermes_sse__part *next;
  hermes_sse_part part;
  void *user; /* with part.run NULL: detached inside a callback, released later */
} hermes_sse__part;

struct hermes_sse_hub {
  hermes_sse_bus *bus; /* NULL once the hub is freed and only its streams remain */
  hermes_sse_environment env;
  hermes_sse_hub_options options;
  unsigned depth;        /* host callbacks under way */
  uint8_t dying;         /* freed inside a callback */
  uint8_t has_pull;      /* a pull stream was ever opened: its host takes what a run offers after that run */
  uint8_t has_deadline;  /* a stream with one was ever opened */
  uint8_t is_watched;    /* a part that wants to see events was ever attached */
  uint8_t broken_reason; /* HERMES_SSE_GAP_, of `broken_to` */
  unsigned relay_seen;   /* version of the relay that knows what is followed here */

  hermes_sse_hub *next_in_bus, *next_cursor; /* the bus's lists, under its locks */
  uint64_t cursor;                           /* under the bus's lock: the last index that the ring may forget for us */
  atomic_int awake;                          /* a wake was sent and no run has begun since */
  hermes_sse__kick *kicks;                   /* under hubs_lock */

  uint64_t read;        /* last index of the ring that is in the logs */
  uint64_t events_read; /* of the bus, up to there */
  uint64_t policy_seen; /* version of the policies that the logs follow */
  uint64_t head;        /* last place that is in the logs */
  uint64_t head_before; /* `head` when the last run ended */
  uint64_t floor;       /* up to here this hub cannot tell what there was: before it joined, lapped, or vanished logs */
  uint64_t
      broken_to;     /* and up to here whatever a stream follows may be missing: the ring went by, or a relay says so */
  uint64_t told_max; /* no stream was told of losses beyond this place */
  uint64_t rest_ms;  /* throttled streams: the first rest is over */
  uint64_t now_ms, epoch_ms; /* the host's clock; records hold now_ms - epoch_ms + 1 in 32 bits */
  uint8_t started;           /* the epoch is set */

  hermes_sse__slots slots;
  hermes_sse__queue ready, listed, resting, grave;
  hermes_sse__table logs;
  hermes_sse__oldest oldest; /* unless the bus has no bound over all topics */
  hermes_sse__log *views;
  hermes_sse__log *touched;
  hermes_sse__readers *news, **news_end;

  hermes_sse__gather shared;   /* for the readers of the list that is being swept */
  hermes_sse__gather gather;   /* for one stream: the one being served, or peeked at */
  hermes_sse_stream *peeked;   /* whose peek the gather holds; NULL: nobody's */
  hermes_sse_frame *heartbeat; /* of this run, for streams at `heartbeat_seq` */
  uint64_t heartbeat_seq;
  hermes_sse_frame *heartbeat_bytes; /* the host's own; NULL: none */

  uint32_t hand;    /* the clock visits this slot next */
  uint64_t hand_ms; /* and is due to have come there at this time */
  uint64_t aged_ms; /* when logs were last looked through for old entries */
  size_t aged_bucket;
  uint8_t draining;
  uint32_t drain_at; /* slots before this one were told */
  uint64_t drain_ms; /* when the drain began here */

  hermes_sse__part *parts;
  uint64_t random;   /* state for jitter */
  uint64_t clock_ns; /* for latencies: read once for many writes */
  unsigned clock_uses;
  hermes_sse__counters counters;
};

/* Drive calls: HERMES_SSE_ERR_REENTRANT inside a callback, HERMES_SSE_ERR_STATE when the hub is freed. */
int hermes_sse__hub_enter(hermes_sse_hub *hub);
/* Ends a drive call: streams and the hub itself that were freed inside callbacks go now. */
void hermes_sse__hub_leave(hermes_sse_hub *hub);

/* Wakes every hub that sleeps. */
void hermes_sse__hubs_wake(hermes_sse_bus *bus);

/* Now, as records hold it; never 0. */
static inline uint32_t hermes_sse__hub_ms(const hermes_sse_hub *hub)
{
  return (uint32_t)(hub->now_ms - hub->epoch_ms) + 1;
}

/* 0 <= result < bound; for jitter, not for secrets. bound > 0. */
uint64_t hermes_sse__hub_random(hermes_sse_hub *hub, uint64_t bound);

/* Releases the hub when it is freed and its last stream is, too. */
void hermes_sse__hub_last(hermes_sse_hub *hub);

/* Lists with news, first come first served. A list is in it at most once. */
void hermes_sse__news_push(hermes_sse_hub *hub, hermes_sse__readers *list);
hermes_sse__readers *hermes_sse__news_pop(hermes_sse_hub *hub);

#endif
