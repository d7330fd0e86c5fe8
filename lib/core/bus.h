/* The bus inside: one order for all publishers, a ring, and the list of hubs that read it.
 *
 * Two locks, never held together: `lock` guards the order (ring, policies, the hubs' cursors); `hubs_lock` guards the list of
 * hubs, their inboxes and every call of `wake`, so that no wake comes after hermes_sse_hub_free() returned. A third, `relay_lock`,
 * is held around every call of the relay, which may take the other two. */
#ifndef HERMES_SSE_CORE_BUS_H
#define HERMES_SSE_CORE_BUS_H
#include "core/counters.h"
#include "core/policy.h"
#include "core/ring.h"
#include <hermes_sse/extend.h>
#include <pthread.h>

typedef struct hermes_sse__kick {
  struct hermes_sse__kick *next;
  uint64_t seq; /* what was published before it is still sent */
  size_t key_len;
  char key_class[HERMES_SSE_KEY_CLASS_MAX + 1];
  unsigned char key[HERMES_SSE_KEY_MAX];
} hermes_sse__kick;

struct hermes_sse_bus {
  hermes_sse_environment env;
  hermes_sse__seed seed;
  uint64_t run; /* the ids' first half */
  uint64_t max_event_bytes, max_retained_bytes;
  unsigned forks;   /* of this process when the bus was made */
  atomic_uint refs; /* the host's handle, and each hub */

  pthread_mutex_t lock;
  hermes_sse__ring ring;
  hermes_sse__policies policies;
  _Atomic uint64_t policy_version; /* counts changes, so that logs know when to ask again */
  hermes_sse_hub *cursors;         /* the same hubs as below, linked by next_cursor */
  _Atomic uint64_t seq;            /* the last place given; written under the lock */
  _Atomic uint64_t last;           /* the last index of the ring; written under the lock */
  _Atomic uint64_t published;      /* events among those; written under the lock */
  atomic_int foreign_ids;          /* places are ids of a relay; never goes back to 0 */
  atomic_int live;                 /* the relay has said where now is */
  uint64_t live_at;                /* the index of that word; 0: it has not */

  pthread_mutex_t hubs_lock;
  hermes_sse_hub *hubs;
  atomic_uint asleep; /* hubs whose next event needs a wake */
  atomic_int draining;
  hermes_sse_drain_options drain; /* constant once draining is set */
  hermes_sse__counters gone;      /* of hubs that were freed */

  pthread_mutex_t relay_lock;
  hermes_sse_relay relay; /* publish NULL: none */
  void *relay_user;
  atomic_int has_relay;
  atomic_uint relay_version; /* counts relays, so that hubs know when to tell what they follow */
};

/* The hub joins: its cursor is the head. HERMES_SSE_ERR_CLOSED while draining. */
int hermes_sse__bus_join(hermes_sse_bus *bus, hermes_sse_hub *hub);

/* The hub leaves for good: no wake comes after this, its counters stay in the sum. The bus itself may go with it. */
void hermes_sse__bus_leave(hermes_sse_bus *bus, hermes_sse_hub *hub);

hermes_sse__policy hermes_sse__bus_policy(hermes_sse_bus *bus, const void *topic, size_t len);

/* What the ring dropped before a hub had read it. */
typedef struct hermes_sse__loss {
  uint64_t n;      /* of the ring; 0: nothing */
  uint64_t events; /* among them */
  uint64_t to;     /* the last one's place */
  int has_live;    /* the word that the bus is live is among them */
} hermes_sse__loss;

/* Up to `max` frames after the hub's cursor and not after the index `target`, each with a reference; the cursor stays, but for what was
   lost. */
size_t hermes_sse__bus_read(hermes_sse_bus *bus, hermes_sse_hub *hub, uint64_t target, hermes_sse_frame **frames,
                            size_t max, hermes_sse__loss *loss);

/* The hub has `n` more; the ring forgets what all have. */
void hermes_sse__bus_advance(hermes_sse_bus *bus, hermes_sse_hub *hub, size_t n);

#endif
