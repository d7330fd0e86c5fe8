#include "core/relay.h"
#include "core/options.h"
#include "core/place.h"
#include <string.h>

/* From here on places are ids from elsewhere, unless the bus has given some of its own. */
static int take_ids(hermes_sse_bus *bus)
{
  int rv;

  pthread_mutex_lock(&bus->lock);
  rv = hermes_sse__bus_seq(bus) > 0 ? HERMES_SSE_ERR_STATE : HERMES_SSE_OK;
  if (rv == HERMES_SSE_OK)
    atomic_store(&bus->foreign_ids, 1);
  pthread_mutex_unlock(&bus->lock);
  return rv;
}

int hermes_sse_bus_relay(hermes_sse_bus *bus, const hermes_sse_relay *relay, void *user)
{
  hermes_sse_relay r;
  int rv = hermes_sse__options_read(&r, sizeof r, relay);

  if (rv < 0)
    return rv;
  if (relay && !r.publish)
    return hermes_sse__refuse(&bus->env, "relay.publish", "a function");
  if (r.flags & ~(uint64_t)HERMES_SSE_RELAY_IDS)
    return hermes_sse__refuse_number(&bus->env, "relay.flags", r.flags, "HERMES_SSE_RELAY_IDS");
  pthread_mutex_lock(&bus->relay_lock);
  if (relay && (bus->relay.publish || atomic_load(&bus->foreign_ids)))
    rv = HERMES_SSE_ERR_STATE;
  else if (r.flags & HERMES_SSE_RELAY_IDS)
    rv = take_ids(bus);
  if (rv == HERMES_SSE_OK) {
    bus->relay = r;
    bus->relay_user = user;
    atomic_store(&bus->has_relay, relay != NULL);
    atomic_fetch_add(&bus->relay_version, 1);
  }
  pthread_mutex_unlock(&bus->relay_lock);
  if (rv == HERMES_SSE_OK)
    hermes_sse__hubs_wake(bus);
  return rv;
}

int hermes_sse__relay_publish(hermes_sse_bus *bus, const hermes_sse_message *message, int *status)
{
  int relayed;

  if (!atomic_load_explicit(&bus->has_relay, memory_order_acquire) &&
      !atomic_load_explicit(&bus->foreign_ids, memory_order_relaxed))
    return 0;
  pthread_mutex_lock(&bus->relay_lock);
  relayed = bus->relay.publish != NULL;
  if (relayed) {
    *status = hermes_sse__frame_check(bus->max_event_bytes, message);
    if (*status == HERMES_SSE_OK)
      *status = bus->relay.publish(bus, message, bus->relay_user);
  }
  pthread_mutex_unlock(&bus->relay_lock);
  if (!relayed && atomic_load(&bus->foreign_ids)) {
    *status = HERMES_SSE_ERR_CLOSED; /* whoever gave the ids is gone */
    return 1;
  }
  return relayed;
}

/* ---- who follows what ---- */

static int tell(hermes_sse_bus *bus, hermes_sse__log *log, int on)
{
  hermes_sse_slice topic = { .ptr = log->name, .len = log->len + (log->is_view ? 1u : 0u) };
  int rv = bus->relay.demand ? bus->relay.demand(bus, topic, on, bus->relay_user) : HERMES_SSE_OK;

  log->relay_told = on && rv >= 0 ? atomic_load(&bus->relay_version) : 0;
  return rv;
}

int hermes_sse__relay_follow(hermes_sse_hub *hub, hermes_sse__log *log)
{
  hermes_sse_bus *bus = hub->bus;
  int rv = HERMES_SSE_OK;

  if (log->followers == 0 && atomic_load_explicit(&bus->has_relay, memory_order_acquire)) {
    pthread_mutex_lock(&bus->relay_lock);
    if (hub->relay_seen == atomic_load(&bus->relay_version))
      rv = tell(bus, log, 1);
    pthread_mutex_unlock(&bus->relay_lock);
  }
  if (rv < 0)
    return rv;
  log->followers++;
  return HERMES_SSE_OK;
}

void hermes_sse__relay_unfollow(hermes_sse_hub *hub, hermes_sse__log *log)
{
  hermes_sse_bus *bus = hub->bus;

  if (--log->followers > 0 || !atomic_load_explicit(&bus->has_relay, memory_order_acquire))
    return;
  pthread_mutex_lock(&bus->relay_lock);
  if (log->relay_told == atomic_load(&bus->relay_version))
    tell(bus, log, 0);
  pthread_mutex_unlock(&bus->relay_lock);
}

/* Of what is followed and was not told to this relay. */
static int tell_late(hermes_sse_bus *bus, hermes_sse__log *log)
{
  if (log->followers == 0 || log->relay_told == atomic_load(&bus->relay_version))
    return HERMES_SSE_OK;
  return tell(bus, log, 1);
}

int hermes_sse__relay_run(hermes_sse_hub *hub)
{
  hermes_sse_bus *bus = hub->bus;
  int rv = HERMES_SSE_OK;

  if (hub->relay_seen == atomic_load_explicit(&bus->relay_version, memory_order_acquire))
    return HERMES_SSE_OK;
  pthread_mutex_lock(&bus->relay_lock);
  for (size_t i = 0; i < hermes_sse__table_buckets(&hub->logs) && rv >= 0; i++)
    for (hermes_sse__node *node = hermes_sse__table_bucket(&hub->logs, i); node && rv >= 0; node = node->next)
      rv = tell_late(bus, hermes_sse__log_of(node));
  for (hermes_sse__log *view = hub->views; view && rv >= 0; view = view->next_view)
    rv = tell_late(bus, view);
  if (rv >= 0)
    hub->relay_seen = atomic_load(&bus->relay_version);
  pthread_mutex_unlock(&bus->relay_lock);
  return rv < 0 ? rv : HERMES_SSE_OK;
}
