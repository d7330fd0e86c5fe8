#include "core/drain.h"
#include "core/limits.h"
#include "core/options.h"
#include "core/place.h"
#include "core/stream.h"
#include <string.h>

enum { DEFAULT_RETRY_MIN_MS = 1000, DEFAULT_RETRY_MAX_MS = 5000, DEFAULT_LATE_MS = 5000 };

/* ---- drain ---- */

int hermes_sse_bus_drain(hermes_sse_bus *bus, const hermes_sse_drain_options *options)
{
  hermes_sse_drain_options o;
  int rv = hermes_sse__options_read(&o, sizeof o, options);

  if (rv < 0)
    return rv;
  o.retry_min_ms = hermes_sse__or(o.retry_min_ms, DEFAULT_RETRY_MIN_MS);
  o.retry_max_ms =
      hermes_sse__or(o.retry_max_ms, o.retry_min_ms > DEFAULT_RETRY_MAX_MS ? o.retry_min_ms : DEFAULT_RETRY_MAX_MS);
  if (o.retry_min_ms > o.retry_max_ms)
    return hermes_sse__refuse_number(&bus->env, "retry_min_ms", o.retry_min_ms, "at most retry_max_ms");
  if (o.retry_max_ms > UINT32_MAX)
    return hermes_sse__refuse_number(&bus->env, "retry_max_ms", o.retry_max_ms, "at most 4294967295");
  if (o.within_ms > UINT32_MAX)
    return hermes_sse__refuse_number(&bus->env, "within_ms", o.within_ms, "at most 4294967295");
  o.deadline_ms = hermes_sse__or(o.deadline_ms, o.within_ms + DEFAULT_LATE_MS);
  if (o.deadline_ms < o.within_ms)
    return hermes_sse__refuse_number(&bus->env, "deadline_ms", o.deadline_ms, "at least within_ms");
  pthread_mutex_lock(&bus->hubs_lock);
  if (!atomic_load(&bus->draining)) {
    bus->drain = o;
    atomic_store_explicit(&bus->draining, 1, memory_order_release);
  }
  pthread_mutex_unlock(&bus->hubs_lock);
  hermes_sse__hubs_wake(bus);
  return HERMES_SSE_OK;
}

static uint32_t slots_due(const hermes_sse_hub *hub)
{
  uint64_t within = hub->bus->drain.within_ms, elapsed = hub->now_ms - hub->drain_ms;

  return elapsed >= within ? hub->slots.n : (uint32_t)(hub->slots.n * elapsed / within);
}

static void end_all(hermes_sse_hub *hub)
{
  for (uint32_t slot = 0; slot < hub->slots.n; slot++)
    if (hermes_sse__hot_of(&hub->slots, slot)->flags & HERMES_SSE__LIVE)
      hermes_sse__stream_end(hermes_sse__cold_of(&hub->slots, slot), HERMES_SSE_CLOSE_DRAIN);
}

static void drain_slot(hermes_sse_hub *hub, uint32_t slot)
{
  const hermes_sse_drain_options *drain = &hub->bus->drain;
  hermes_sse_stream *stream = hermes_sse__cold_of(&hub->slots, slot);
  uint64_t retry = drain->retry_min_ms + hermes_sse__hub_random(hub, drain->retry_max_ms - drain->retry_min_ms + 1);

  if (hermes_sse__hot_of(&hub->slots, slot)->flags & HERMES_SSE__LIVE && !stream->finish)
    hermes_sse__stream_close(stream, HERMES_SSE_CLOSE_DRAIN, hermes_sse__bus_seq(hub->bus), (uint32_t)retry);
}

void hermes_sse__drain_run(hermes_sse_hub *hub)
{
  uint32_t due;

  if (!atomic_load_explicit(&hub->bus->draining, memory_order_acquire))
    return;
  if (!hub->draining) {
    hub->draining = 1;
    hub->drain_ms = hub->now_ms;
  }
  due = slots_due(hub);
  while (hub->drain_at < due)
    drain_slot(hub, hub->drain_at++);
  if (hub->now_ms - hub->drain_ms >= hub->bus->drain.deadline_ms)
    end_all(hub);
}

uint64_t hermes_sse__drain_next(const hermes_sse_hub *hub)
{
  if (!hub->draining || hub->slots.used == 0)
    return HERMES_SSE_NEVER;
  if (hub->drain_at >= hub->slots.n)
    return hub->bus->drain.deadline_ms == HERMES_SSE_NEVER || hub->now_ms - hub->drain_ms >= hub->bus->drain.deadline_ms
               ? HERMES_SSE_NEVER
               : hub->drain_ms + hub->bus->drain.deadline_ms;
  return hub->drain_ms + (hub->drain_at + UINT64_C(1)) * hub->bus->drain.within_ms / hub->slots.n + 1;
}

/* ---- kick ---- */

static void release_kicks(const hermes_sse_environment *env, hermes_sse__kick *kick)
{
  hermes_sse__kick *next;

  for (; kick; kick = next) {
    next = kick->next;
    hermes_sse__release(env, kick);
  }
}

static hermes_sse__kick *copy_kick(const hermes_sse_environment *env, const hermes_sse__kick *kick)
{
  hermes_sse__kick *copy = hermes_sse__alloc_raw(env, 1, sizeof *copy);

  if (copy)
    *copy = *kick;
  return copy;
}

/* One copy for each hub, or none at all. */
static int hand_out(hermes_sse_bus *bus, const hermes_sse__kick *kick)
{
  hermes_sse__kick *copies = NULL;

  for (const hermes_sse_hub *hub = bus->hubs; hub; hub = hub->next_in_bus) {
    hermes_sse__kick *copy = copy_kick(&bus->env, kick);

    if (!copy) {
      release_kicks(&bus->env, copies);
      return HERMES_SSE_ERR_NOMEM;
    }
    copy->next = copies;
    copies = copy;
  }
  for (hermes_sse_hub *hub = bus->hubs; hub; hub = hub->next_in_bus) {
    hermes_sse__kick *copy = copies;

    copies = copy->next;
    copy->next = hub->kicks;
    hub->kicks = copy;
  }
  return HERMES_SSE_OK;
}

int hermes_sse_bus_kick(hermes_sse_bus *bus, const char *key_class, hermes_sse_slice key)
{
  hermes_sse__kick kick = { .key_len = key.len };
  size_t len = key_class ? strlen(key_class) : 0;
  int rv;

  if (key.len > HERMES_SSE_KEY_MAX)
    return HERMES_SSE_ERR_BAD_KEY;
  if (len == 0 || len > HERMES_SSE_KEY_CLASS_MAX)
    return HERMES_SSE_ERR_OPTION;
  memcpy(kick.key_class, key_class, len);
  if (key.len > 0)
    memcpy(kick.key, key.ptr, key.len);
  kick.seq = hermes_sse__bus_seq(bus);
  pthread_mutex_lock(&bus->hubs_lock);
  rv = hand_out(bus, &kick);
  pthread_mutex_unlock(&bus->hubs_lock);
  if (rv == HERMES_SSE_OK)
    hermes_sse__hubs_wake(bus);
  return rv;
}

static hermes_sse__kick *take_kicks(hermes_sse_hub *hub)
{
  hermes_sse__kick *kicks;

  pthread_mutex_lock(&hub->bus->hubs_lock);
  kicks = hub->kicks;
  hub->kicks = NULL;
  pthread_mutex_unlock(&hub->bus->hubs_lock);
  return kicks;
}

void hermes_sse__kicks_run(hermes_sse_hub *hub)
{
  hermes_sse__kick *kicks = take_kicks(hub);

  for (const hermes_sse__kick *kick = kicks; kick; kick = kick->next)
    for (uint32_t slot = 0; slot < hub->slots.n; slot++) {
      hermes_sse_stream *stream = hermes_sse__cold_of(&hub->slots, slot);
      hermes_sse_slice key = { .ptr = kick->key, .len = kick->key_len };

      if (hermes_sse__hot_of(&hub->slots, slot)->flags & HERMES_SSE__LIVE &&
          hermes_sse__ticket_has(&stream->ticket, kick->key_class, key))
        hermes_sse__stream_close(stream, HERMES_SSE_CLOSE_KICKED, kick->seq, 0);
    }
  release_kicks(&hub->env, kicks);
}

void hermes_sse__kicks_clear(hermes_sse_hub *hub)
{
  release_kicks(&hub->env, take_kicks(hub));
}
