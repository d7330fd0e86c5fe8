#include "core/hub.h"
#include "core/clock.h"
#include "core/drain.h"
#include "core/fork.h"
#include "core/ingest.h"
#include "core/options.h"
#include "core/relay.h"
#include "core/retention.h"
#include "core/stream.h"
#include "core/sweep.h"
#include "core/throttle.h"
#include "core/view.h"
#include <limits.h>

enum {
  DEFAULT_HEARTBEAT_MS = 30000,
  DEFAULT_TIMEOUT_MS = 300000,
  DEFAULT_RECHECK_MS = 60000,
  DEFAULT_RECHECK_FAILURES = 3,
  MAX_RECHECK_FAILURES = 250,
  MIN_PERIOD_MS = 10,
  RETRY_NOMEM_MS = 10
};

static int period_ok(uint64_t ms)
{
  return ms == HERMES_SSE_NEVER || (ms >= MIN_PERIOD_MS && ms <= UINT64_C(1) << 30);
}

static int read_options(const hermes_sse_environment *env, hermes_sse_hub_options *o,
                        const hermes_sse_hub_options *options)
{
  static const char accepted[] = "10 to 1073741824, 0 for the default, HERMES_SSE_NEVER";
  int rv = hermes_sse__options_read(o, sizeof *o, options);

  if (rv < 0)
    return rv;
  o->heartbeat_ms = hermes_sse__or(o->heartbeat_ms, DEFAULT_HEARTBEAT_MS);
  o->timeout_ms = hermes_sse__or(o->timeout_ms, DEFAULT_TIMEOUT_MS);
  o->lifetime_ms = hermes_sse__or(o->lifetime_ms, HERMES_SSE_NEVER);
  o->recheck_ms = hermes_sse__or(o->recheck_ms, DEFAULT_RECHECK_MS);
  o->recheck_failures = hermes_sse__or(o->recheck_failures, DEFAULT_RECHECK_FAILURES);
  if (o->recheck_ms == HERMES_SSE_NEVER || !period_ok(o->recheck_ms))
    return hermes_sse__refuse_number(env, "recheck_ms", o->recheck_ms, "10 to 1073741824, 0 for the default");
  if (o->recheck_failures > MAX_RECHECK_FAILURES && o->recheck_failures != HERMES_SSE_NEVER)
    return hermes_sse__refuse_number(env, "recheck_failures", o->recheck_failures, "at most 250, HERMES_SSE_NEVER");
  if (!period_ok(o->heartbeat_ms))
    return hermes_sse__refuse_number(env, "heartbeat_ms", o->heartbeat_ms, accepted);
  if (!period_ok(o->timeout_ms))
    return hermes_sse__refuse_number(env, "timeout_ms", o->timeout_ms, accepted);
  if (!period_ok(o->lifetime_ms))
    return hermes_sse__refuse_number(env, "lifetime_ms", o->lifetime_ms, accepted);
  return HERMES_SSE_OK;
}

static int own_heartbeat(hermes_sse_hub *hub)
{
  const hermes_sse_slice *bytes = &hub->options.heartbeat_bytes;

  if (bytes->len == 0)
    return HERMES_SSE_OK;
  if (bytes->len > hub->bus->max_event_bytes)
    return hermes_sse__refuse_number(&hub->env, "heartbeat_bytes of length", bytes->len, "at most max_event_bytes");
  hub->heartbeat_bytes = hermes_sse__frame_verbatim(&hub->env, bytes->ptr, bytes->len);
  return hub->heartbeat_bytes ? HERMES_SSE_OK : HERMES_SSE_ERR_NOMEM;
}

int hermes_sse_hub_new(hermes_sse_bus *bus, const hermes_sse_hub_options *options, hermes_sse_hub **hub)
{
  hermes_sse_hub_options o;
  hermes_sse_hub *h;
  int rv = read_options(&bus->env, &o, options);

  if (rv < 0)
    return rv;
  h = hermes_sse__alloc(&bus->env, 1, sizeof *h);
  if (!h)
    return HERMES_SSE_ERR_NOMEM;
  h->bus = bus;
  h->env = bus->env;
  h->options = o;
  h->news_end = &h->news;
  hermes_sse__slots_init(&h->slots);
  hermes_sse__queue_init(&h->ready);
  hermes_sse__queue_init(&h->listed);
  hermes_sse__queue_init(&h->resting);
  h->rest_ms = HERMES_SSE_NEVER;
  hermes_sse__queue_init(&h->grave);
  rv = h->env.random(&h->random, sizeof h->random, h->env.user) < 0 ? HERMES_SSE_ERR_RANDOM : own_heartbeat(h);
  if (rv == HERMES_SSE_OK)
    rv = hermes_sse__bus_join(bus, h);
  if (rv < 0) {
    hermes_sse__frame_unref(h->heartbeat_bytes);
    hermes_sse__release(&bus->env, h);
    return rv;
  }
  h->head_before = h->head;
  *hub = h;
  return HERMES_SSE_OK;
}

uint64_t hermes_sse__hub_random(hermes_sse_hub *hub, uint64_t bound)
{
  uint64_t x;

  hub->random += UINT64_C(0x9e3779b97f4a7c15);
  x = hub->random;
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return (x ^ x >> 31) % bound;
}

static void wake_locked(hermes_sse_hub *hub)
{
  if (atomic_exchange(&hub->awake, 1))
    return;
  atomic_fetch_sub(&hub->bus->asleep, 1);
  hub->options.wake(hub, hub->options.user);
}

void hermes_sse_hub_wake(hermes_sse_hub *hub)
{
  if (!hub->bus || !hub->options.wake || atomic_load(&hub->awake))
    return;
  pthread_mutex_lock(&hub->bus->hubs_lock);
  wake_locked(hub);
  pthread_mutex_unlock(&hub->bus->hubs_lock);
}

void hermes_sse__hubs_wake(hermes_sse_bus *bus)
{
  pthread_mutex_lock(&bus->hubs_lock);
  for (hermes_sse_hub *h = bus->hubs; h; h = h->next_in_bus)
    if (h->options.wake)
      wake_locked(h);
  pthread_mutex_unlock(&bus->hubs_lock);
}

/* From here on new work wakes the host again. Before the ring is read: what comes later is announced. */
static void fall_asleep(hermes_sse_hub *hub)
{
  if (hub->options.wake && atomic_exchange(&hub->awake, 0))
    atomic_fetch_add(&hub->bus->asleep, 1);
}

static void release_logs(hermes_sse_hub *hub)
{
  hermes_sse__views_tidy(hub, 1);
  while (hub->logs.n > 0)
    for (size_t i = 0; hub->logs.n > 0 && i < hermes_sse__table_buckets(&hub->logs); i++) {
      hermes_sse__node *node = hermes_sse__table_bucket(&hub->logs, i);

      if (!node)
        continue;
      hermes_sse__table_remove(&hub->env, &hub->logs, node);
      hermes_sse__log_free(&hub->env, hermes_sse__log_of(node));
    }
  hermes_sse__release(&hub->env, hub->oldest.logs);
}

static void detach_parts(hermes_sse_hub *hub)
{
  hermes_sse__part *part;

  while ((part = hub->parts)) {
    hub->parts = part->next;
    if (part->part.run) {
      hub->depth++;
      part->part.gone(hub, part->user);
      hub->depth--;
    }
    hermes_sse__release(&hub->env, part);
  }
}

/* Streams that were freed inside callbacks give their slots back. */
static void bury(hermes_sse_hub *hub)
{
  hermes_sse_stream *stream;

  while ((stream = hermes_sse__queue_pop(&hub->slots, &hub->grave)))
    hermes_sse__slots_give(&hub->slots, stream->slot);
}

static void hub_release(hermes_sse_hub *hub)
{
  hermes_sse_bus *bus = hub->bus;

  detach_parts(hub);
  bury(hub);
  pthread_mutex_lock(&bus->hubs_lock);
  if (hub->options.wake && !atomic_exchange(&hub->awake, 1))
    atomic_fetch_sub(&bus->asleep, 1);
  pthread_mutex_unlock(&bus->hubs_lock);
  hermes_sse__streams_orphan(hub);
  release_logs(hub);
  hermes_sse__kicks_clear(hub);
  hermes_sse__frame_unref(hub->heartbeat);
  hermes_sse__frame_unref(hub->heartbeat_bytes);
  hermes_sse__release(&hub->env, hub->shared.room);
  hermes_sse__count(&hub->counters.topics, -hermes_sse__counted(&hub->counters.topics));
  hermes_sse__count(&hub->counters.retained_entries, -hermes_sse__counted(&hub->counters.retained_entries));
  hermes_sse__count(&hub->counters.retained_bytes, -hermes_sse__counted(&hub->counters.retained_bytes));
  hub->bus = NULL;
  hermes_sse__bus_leave(bus, hub);
  hermes_sse__hub_last(hub);
}

void hermes_sse__hub_last(hermes_sse_hub *hub)
{
  hermes_sse_environment env = hub->env;

  if (hub->bus || hub->slots.used > 0)
    return;
  hermes_sse__slots_clear(&env, &hub->slots);
  hermes_sse__release(&env, hub);
}

void hermes_sse_hub_free(hermes_sse_hub *hub)
{
  if (!hub || hub->dying)
    return;
  hub->dying = 1;
  if (hub->depth == 0)
    hermes_sse__hub_leave(hub);
}

int hermes_sse__hub_enter(hermes_sse_hub *hub)
{
  if (hub->depth > 0)
    return HERMES_SSE_ERR_REENTRANT;
  if (!hub->bus)
    return HERMES_SSE_ERR_STATE;
  return hub->bus->forks == hermes_sse__forks() ? HERMES_SSE_OK : HERMES_SSE_ERR_FORKED;
}

void hermes_sse__hub_leave(hermes_sse_hub *hub)
{
  bury(hub);
  if (hub->dying && hub->bus)
    hub_release(hub);
}

static void set_now(hermes_sse_hub *hub, uint64_t now_ms)
{
  if (!hub->started) {
    hub->started = 1;
    hermes_sse__clock_start(hub, now_ms);
  } else if (now_ms > hub->now_ms) {
    hub->now_ms = now_ms;
  }
}

static void run_parts(hermes_sse_hub *hub, uint64_t *next_ms)
{
  hermes_sse__part **at;

  for (hermes_sse__part *p = hub->parts; p && !hub->dying; p = p->next)
    if (p->part.run) {
      hub->depth++;
      p->part.run(hub, hub->now_ms, next_ms, p->user);
      hub->depth--;
    }
  for (at = &hub->parts; *at;) {
    hermes_sse__part *part = *at;

    if (part->part.run) {
      at = &part->next;
    } else {
      *at = part->next;
      hermes_sse__release(&hub->env, part);
    }
  }
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

int hermes_sse_hub_run(hermes_sse_hub *hub, uint64_t now_ms, size_t budget, uint64_t *next_ms)
{
  uint64_t next = HERMES_SSE_NEVER;
  size_t left = budget > 0 ? budget : SIZE_MAX;
  int rv = hermes_sse__hub_enter(hub);

  if (rv < 0)
    return rv;
  set_now(hub, now_ms);
  fall_asleep(hub);
  hub->peeked = NULL;
  rv = hermes_sse__relay_run(hub);
  if (rv == HERMES_SSE_OK)
    rv = hermes_sse__ingest(hub);
  hermes_sse__kicks_run(hub);
  hermes_sse__drain_run(hub);
  hermes_sse__clock_run(hub);
  hermes_sse__throttle_run(hub);
  hermes_sse__ready_run(hub, &left);
  hermes_sse__sweep_run(hub, &left);
  run_parts(hub, &next);
  hermes_sse__retention_run(hub);
  hub->head_before = hub->head;
  next = earlier(next, hermes_sse__clock_next(hub));
  next = earlier(next, hermes_sse__drain_next(hub));
  next = earlier(next, hermes_sse__throttle_next(hub));
  next = earlier(next, hermes_sse__retention_next(hub));
  if (rv < 0)
    next = earlier(next, hub->now_ms + RETRY_NOMEM_MS);
  else if (hub->news || hub->ready.n > 0 || (!hub->options.wake && hermes_sse__ingest_waits(hub)))
    next = hub->now_ms;
  /* deadlines are in the hub's time, which does not go back; the host counts from its own */
  if (next_ms)
    *next_ms = next != HERMES_SSE_NEVER && now_ms < hub->now_ms ? next - (hub->now_ms - now_ms) : next;
  hermes_sse__hub_leave(hub);
  return rv;
}

hermes_sse_stream *hermes_sse_hub_next(hermes_sse_hub *hub)
{
  return hub->bus ? hermes_sse__queue_pop(&hub->slots, &hub->listed) : NULL;
}

int hermes_sse_poll_timeout(uint64_t next_ms, uint64_t now_ms)
{
  if (next_ms == HERMES_SSE_NEVER)
    return -1;
  if (next_ms <= now_ms)
    return 0;
  return next_ms - now_ms > INT_MAX ? INT_MAX : (int)(next_ms - now_ms);
}

void *hermes_sse_hub_user(const hermes_sse_hub *hub)
{
  return hub->options.user;
}

hermes_sse_bus *hermes_sse_hub_bus(const hermes_sse_hub *hub)
{
  return hub->bus;
}

int hermes_sse_hub_attach(hermes_sse_hub *hub, const hermes_sse_part *part, void *user)
{
  hermes_sse_part p;
  hermes_sse__part *new;

  if (!part || hermes_sse__options_read(&p, sizeof p, part) < 0 || !p.run || !p.gone)
    return HERMES_SSE_ERR_OPTION;
  new = hermes_sse__alloc(&hub->env, 1, sizeof *new);
  if (!new)
    return HERMES_SSE_ERR_NOMEM;
  new->part = p;
  new->user = user;
  new->next = hub->parts;
  hub->parts = new;
  hub->is_watched |= p.event != NULL;
  hermes_sse_hub_wake(hub);
  return HERMES_SSE_OK;
}

int hermes_sse_hub_detach(hermes_sse_hub *hub, void *user)
{
  for (hermes_sse__part *p = hub->parts; p; p = p->next)
    if (p->user == user && p->part.run) {
      p->part.run = NULL;
      return HERMES_SSE_OK;
    }
  return HERMES_SSE_ERR_NOT_FOUND;
}

void hermes_sse__news_push(hermes_sse_hub *hub, hermes_sse__readers *list)
{
  if (list->queued)
    return;
  list->queued = 1;
  list->next_news = NULL;
  *hub->news_end = list;
  hub->news_end = &list->next_news;
}

hermes_sse__readers *hermes_sse__news_pop(hermes_sse_hub *hub)
{
  hermes_sse__readers *list = hub->news;

  if (!list)
    return NULL;
  hub->news = list->next_news;
  if (!hub->news)
    hub->news_end = &hub->news;
  return list;
}
