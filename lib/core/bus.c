#include "core/bus.h"
#include "core/fork.h"
#include "core/options.h"
#include "core/place.h"
#include "core/relay.h"
#include <string.h>

enum {
  DEFAULT_EVENT_BYTES = 1 << 20,
  DEFAULT_PENDING_ENTRIES = 65536,
  DEFAULT_PENDING_BYTES = 64 << 20,
  DEFAULT_RETAINED_BYTES = 256 << 20
};

static int read_options(hermes_sse_bus_options *o, const hermes_sse_bus_options *options, hermes_sse_environment *env)
{
  const uint64_t most = UINT64_C(1) << 30;
  int rv = hermes_sse__options_read(o, sizeof *o, options);

  if (rv < 0)
    return rv;
  o->max_event_bytes = hermes_sse__or(o->max_event_bytes, DEFAULT_EVENT_BYTES);
  o->max_pending_entries = hermes_sse__or(o->max_pending_entries, DEFAULT_PENDING_ENTRIES);
  o->max_pending_bytes = hermes_sse__or(o->max_pending_bytes, DEFAULT_PENDING_BYTES);
  o->max_retained_bytes = hermes_sse__or(o->max_retained_bytes, DEFAULT_RETAINED_BYTES);
  rv = hermes_sse__environment_read(env, o->environment);
  if (rv < 0)
    return rv;
  if (o->max_event_bytes > most)
    return hermes_sse__refuse_number(env, "max_event_bytes", o->max_event_bytes, "1 to 1073741824");
  if (o->max_pending_entries > most)
    return hermes_sse__refuse_number(env, "max_pending_entries", o->max_pending_entries, "1 to 1073741824");
  return HERMES_SSE_OK;
}

int hermes_sse_bus_new(const hermes_sse_bus_options *options, hermes_sse_bus **bus)
{
  hermes_sse_bus_options o;
  hermes_sse_environment env;
  uint64_t random[3];
  hermes_sse_bus *b;
  int rv = read_options(&o, options, &env);

  if (rv < 0)
    return rv;
  if (env.random(random, sizeof random, env.user) < 0)
    return HERMES_SSE_ERR_RANDOM;
  b = hermes_sse__alloc(&env, 1, sizeof *b);
  if (!b)
    return HERMES_SSE_ERR_NOMEM;
  b->env = env;
  b->seed = (hermes_sse__seed){ random[0], random[1] };
  /* 16 digits: never mistaken for the milliseconds, 13 digits, that Redis puts first */
  b->run = UINT64_C(1000000000000000) + random[2] % UINT64_C(9000000000000000);
  b->max_event_bytes = o.max_event_bytes;
  b->max_retained_bytes = o.max_retained_bytes;
  b->forks = hermes_sse__forks();
  atomic_init(&b->refs, 1);
  atomic_init(&b->policy_version, 1);
  pthread_mutex_init(&b->lock, NULL);
  pthread_mutex_init(&b->hubs_lock, NULL);
  pthread_mutex_init(&b->relay_lock, NULL);
  hermes_sse__ring_init(&b->ring, o.max_pending_entries, o.max_pending_bytes);
  *bus = b;
  return HERMES_SSE_OK;
}

static void bus_unref(hermes_sse_bus *bus)
{
  hermes_sse_environment env = bus->env;

  if (atomic_fetch_sub(&bus->refs, 1) != 1)
    return;
  hermes_sse__ring_clear(&env, &bus->ring);
  hermes_sse__policies_clear(&env, &bus->policies);
  pthread_mutex_destroy(&bus->lock);
  pthread_mutex_destroy(&bus->hubs_lock);
  pthread_mutex_destroy(&bus->relay_lock);
  hermes_sse__release(&env, bus);
}

void hermes_sse_bus_free(hermes_sse_bus *bus)
{
  if (bus)
    bus_unref(bus);
}

int hermes_sse_bus_head(const hermes_sse_bus *bus, hermes_sse_id *id)
{
  *id = hermes_sse__bus_id(bus, hermes_sse__bus_seq(bus));
  return HERMES_SSE_OK;
}

int hermes_sse_bus_topic(hermes_sse_bus *bus, const char *pattern, const hermes_sse_topic_options *options)
{
  int rv;

  pthread_mutex_lock(&bus->lock);
  rv = hermes_sse__policies_set(&bus->env, &bus->policies, pattern, options);
  if (rv == HERMES_SSE_OK)
    atomic_fetch_add(&bus->policy_version, 1);
  pthread_mutex_unlock(&bus->lock);
  if (rv == HERMES_SSE_OK)
    hermes_sse__hubs_wake(bus);
  return rv;
}

static int check_topic(hermes_sse_slice topic)
{
  return topic.len == 0 || topic.len > HERMES_SSE_TOPIC_MAX || memchr(topic.ptr, 0, topic.len)
             ? HERMES_SSE_ERR_BAD_TOPIC
             : HERMES_SSE_OK;
}

static int check_message(const hermes_sse_message *message)
{
  int rv = check_topic(message->topic);

  if (rv < 0)
    return rv;
  return message->key.len > HERMES_SSE_KEY_MAX ? HERMES_SSE_ERR_BAD_KEY : HERMES_SSE_OK;
}

/* Under the lock: the frame's place. 0: it has none, as the id from elsewhere is missing or not beyond the last. */
static uint64_t next_place(const hermes_sse_bus *bus, const hermes_sse_frame *frame, const hermes_sse_id *id)
{
  uint64_t last = atomic_load_explicit((_Atomic uint64_t *)(uintptr_t)&bus->seq, memory_order_relaxed), place;

  if (!id && !atomic_load((atomic_int *)(uintptr_t)&bus->foreign_ids))
    return last + 1;
  if (!id)
    return frame->mark ? last : 0;
  if (!hermes_sse__place_of(bus, id, &place) || place == 0 || (frame->mark ? place < last : place <= last))
    return 0;
  return place;
}

/* Takes the frame, on failure too. */
static int append(hermes_sse_bus *bus, hermes_sse_frame *frame, const hermes_sse_id *foreign)
{
  uint64_t place = 0;
  int rv;

  frame->published_ns = bus->env.clock_ns(bus->env.user);
  pthread_mutex_lock(&bus->lock);
  rv = hermes_sse__ring_reserve(&bus->env, &bus->ring, frame->size);
  if (rv == HERMES_SSE_OK) {
    place = next_place(bus, frame, foreign);
    if (place == 0 && (foreign || !frame->mark))
      rv = HERMES_SSE_ERR_BAD_ID;
  }
  if (rv == HERMES_SSE_OK) {
    hermes_sse_id id = hermes_sse__bus_id(bus, place);

    frame->seq = place;
    if (!frame->mark)
      hermes_sse__frame_number(frame, place, &id);
    atomic_store_explicit(&bus->published, bus->published + !frame->mark, memory_order_relaxed);
    if (frame->mark == HERMES_SSE__MARK_LIVE) {
      bus->live_at = bus->ring.next;
      atomic_store_explicit(&bus->live, 1, memory_order_release);
    }
    hermes_sse__ring_push(&bus->ring, frame);
    atomic_store_explicit(&bus->seq, place, memory_order_release);
    atomic_store_explicit(&bus->last, bus->ring.next - 1, memory_order_release);
    if (!bus->cursors)
      hermes_sse__ring_trim(&bus->ring, bus->ring.next);
  }
  pthread_mutex_unlock(&bus->lock);
  if (rv < 0)
    hermes_sse__frame_unref(frame);
  else if (atomic_load(&bus->asleep) > 0)
    hermes_sse__hubs_wake(bus);
  return rv;
}

static int read_message(const hermes_sse_bus *bus, hermes_sse_message *m, const hermes_sse_message *message)
{
  int rv = message ? hermes_sse__options_read(m, sizeof *m, message) : HERMES_SSE_ERR_OPTION;

  rv = rv == HERMES_SSE_OK ? check_message(m) : HERMES_SSE_ERR_OPTION;
  if (rv < 0)
    return rv;
  if (bus->forks != hermes_sse__forks())
    return HERMES_SSE_ERR_FORKED;
  return atomic_load_explicit((atomic_int *)(uintptr_t)&bus->draining, memory_order_acquire) ? HERMES_SSE_ERR_CLOSED
                                                                                             : HERMES_SSE_OK;
}

static int append_message(hermes_sse_bus *bus, const hermes_sse_message *m, const hermes_sse_id *id)
{
  hermes_sse_frame *frame = NULL;
  int rv = hermes_sse__frame_message(&bus->env, &bus->seed, bus->max_event_bytes, m, &frame);

  if (rv < 0)
    return rv;
  return append(bus, frame, id);
}

int hermes_sse_bus_publish(hermes_sse_bus *bus, const hermes_sse_message *message)
{
  hermes_sse_message m;
  int rv = read_message(bus, &m, message), status;

  if (rv < 0)
    return rv;
  if (hermes_sse__relay_publish(bus, &m, &status))
    return status;
  rv = append_message(bus, &m, NULL);
  if (rv == HERMES_SSE_ERR_BAD_ID && hermes_sse__relay_publish(bus, &m, &status))
    return status; /* a relay that brings ids was set in between */
  return rv;
}

/* ---- what a relay brings ---- */

int hermes_sse_bus_ingest(hermes_sse_bus *bus, const hermes_sse_id *id, const hermes_sse_message *message)
{
  hermes_sse_message m;
  int rv = read_message(bus, &m, message);

  if (rv < 0)
    return rv;
  if (!id != !atomic_load(&bus->foreign_ids))
    return HERMES_SSE_ERR_BAD_ID;
  return append_message(bus, &m, id);
}

static int append_mark(hermes_sse_bus *bus, uint8_t mark, hermes_sse_slice topic, const hermes_sse_id *id)
{
  hermes_sse_frame *frame = hermes_sse__frame_mark(&bus->env, &bus->seed, mark, topic);

  return frame ? append(bus, frame, id) : HERMES_SSE_ERR_NOMEM;
}

int hermes_sse_bus_gap(hermes_sse_bus *bus, hermes_sse_slice topic, int reason, const hermes_sse_id *id)
{
  if (check_topic(topic) < 0)
    return HERMES_SSE_ERR_BAD_TOPIC;
  if (reason < HERMES_SSE_GAP_EXPIRED || reason > HERMES_SSE_GAP_BRIDGE)
    return HERMES_SSE_ERR_OPTION;
  if (id && !atomic_load(&bus->foreign_ids))
    return HERMES_SSE_ERR_BAD_ID;
  return append_mark(bus, (uint8_t)reason, topic, id);
}

int hermes_sse_bus_live(hermes_sse_bus *bus)
{
  if (!atomic_load(&bus->foreign_ids) || atomic_load(&bus->live))
    return HERMES_SSE_ERR_STATE;
  return append_mark(bus, HERMES_SSE__MARK_LIVE, (hermes_sse_slice){ .ptr = NULL }, NULL);
}

int hermes_sse__bus_join(hermes_sse_bus *bus, hermes_sse_hub *hub)
{
  pthread_mutex_lock(&bus->hubs_lock);
  if (atomic_load(&bus->draining)) {
    pthread_mutex_unlock(&bus->hubs_lock);
    return HERMES_SSE_ERR_CLOSED;
  }
  hub->next_in_bus = bus->hubs;
  bus->hubs = hub;
  if (hub->options.wake)
    atomic_fetch_add(&bus->asleep, 1);
  pthread_mutex_unlock(&bus->hubs_lock);
  atomic_fetch_add(&bus->refs, 1);
  pthread_mutex_lock(&bus->lock);
  hub->next_cursor = bus->cursors;
  bus->cursors = hub;
  hub->cursor = hub->read = bus->ring.next - 1;
  hub->events_read = bus->ring.events_before + bus->ring.events;
  hub->head = hub->floor = hermes_sse__bus_seq(bus);
  pthread_mutex_unlock(&bus->lock);
  return HERMES_SSE_OK;
}

static void trim(hermes_sse_bus *bus)
{
  uint64_t first = bus->ring.next;

  for (const hermes_sse_hub *h = bus->cursors; h; h = h->next_cursor)
    if (h->cursor + 1 < first)
      first = h->cursor + 1;
  hermes_sse__ring_trim(&bus->ring, first);
}

void hermes_sse__bus_leave(hermes_sse_bus *bus, hermes_sse_hub *hub)
{
  hermes_sse_hub **at;

  pthread_mutex_lock(&bus->hubs_lock);
  for (at = &bus->hubs; *at != hub;)
    at = &(*at)->next_in_bus;
  *at = hub->next_in_bus;
  hermes_sse__counters_add(&bus->gone, &hub->counters);
  pthread_mutex_unlock(&bus->hubs_lock);
  pthread_mutex_lock(&bus->lock);
  for (at = &bus->cursors; *at != hub;)
    at = &(*at)->next_cursor;
  *at = hub->next_cursor;
  trim(bus);
  pthread_mutex_unlock(&bus->lock);
  bus_unref(bus);
}

hermes_sse__policy hermes_sse__bus_policy(hermes_sse_bus *bus, const void *topic, size_t len)
{
  hermes_sse__policy policy;

  pthread_mutex_lock(&bus->lock);
  policy = hermes_sse__policies_find(&bus->policies, topic, len);
  pthread_mutex_unlock(&bus->lock);
  return policy;
}

size_t hermes_sse__bus_read(hermes_sse_bus *bus, hermes_sse_hub *hub, uint64_t target, hermes_sse_frame **frames,
                            size_t max, hermes_sse__loss *loss)
{
  const hermes_sse__ring *ring = &bus->ring;
  size_t n = 0;

  loss->n = 0;
  pthread_mutex_lock(&bus->lock);
  if (hub->cursor + 1 < ring->first) {
    loss->n = ring->first - 1 - hub->cursor;
    loss->events = ring->events_before - hub->events_read;
    loss->to = ring->dropped_to;
    loss->has_live = bus->live_at > hub->cursor && bus->live_at < ring->first;
    hub->cursor = ring->first - 1;
  }
  for (uint64_t index = hub->cursor + 1; index <= target && index < ring->next && n < max; index++)
    frames[n++] = hermes_sse__frame_ref(hermes_sse__ring_at(ring, index));
  pthread_mutex_unlock(&bus->lock);
  return n;
}

void hermes_sse__bus_advance(hermes_sse_bus *bus, hermes_sse_hub *hub, size_t n)
{
  pthread_mutex_lock(&bus->lock);
  hub->cursor += n;
  trim(bus);
  pthread_mutex_unlock(&bus->lock);
}

uint64_t hermes_sse_bus_unread_ms(const hermes_sse_bus *bus)
{
  pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&bus->lock;
  uint64_t now_ns = bus->env.clock_ns(bus->env.user), oldest_ns = now_ns;
  const hermes_sse__ring *ring = &bus->ring;

  pthread_mutex_lock(lock);
  for (const hermes_sse_hub *h = bus->cursors; h; h = h->next_cursor) {
    uint64_t index = h->cursor + 1 > ring->first ? h->cursor + 1 : ring->first;

    if (index < ring->next && hermes_sse__ring_at(ring, index)->published_ns < oldest_ns)
      oldest_ns = hermes_sse__ring_at(ring, index)->published_ns;
  }
  pthread_mutex_unlock(lock);
  return (now_ns - oldest_ns) / 1000000u;
}
