#include "redis/bridge.h"
#include "redis/scripts.h"
#include <stdio.h>
#include <string.h>

enum { REMEMBER_S = 86400, AGAIN_MS = 20 };

/* Followers that hubs have told of and the bridge has still to look at. */
struct hermes_sse__demand {
  struct hermes_sse__demand *next;
  int on;
  size_t len;
  char topic[];
};

/* ---- any thread ---- */

/* Under the lock: 1 if what is published on the topic comes back to us, so that the bus gets it then. */
static int comes_back(const hermes_sse_redis *r, hermes_sse_slice topic)
{
  if (r->is_streams || r->options.flags & HERMES_SSE_REDIS_PUBLISH_ONLY)
    return 1;
  return atomic_load(&r->state) != HERMES_SSE_REDIS_STATE_AWAY &&
         hermes_sse__channels_taker(&r->channels, topic.ptr, topic.len) != NULL;
}

void hermes_sse__outgoing_note(hermes_sse_redis *r)
{
  hermes_sse__bridge_set(&r->figures.waiting_bytes, r->outbox.bytes);
  hermes_sse__bridge_set(&r->figures.waiting, r->outbox.unconfirmed);
}

/* Served without having come back; if Redis is away, it is also to be sent when that is over. */
static void note_served(hermes_sse_redis *r, hermes_sse__outgoing *o)
{
  o->is_served = 1;
  o->is_alone = atomic_load(&r->state) == HERMES_SSE_REDIS_STATE_AWAY;
  hermes_sse__bridge_count(&r->figures.alone, o->is_alone);
}

/* Under the lock. */
static int publish_locked(hermes_sse_redis *r, const hermes_sse_message *message)
{
  hermes_sse__outgoing *outgoing;
  int rv = hermes_sse__outbox_add(&r->env, &r->outbox, message, r->origin, &outgoing);

  if (rv == HERMES_SSE_ERR_FULL)
    hermes_sse__bridge_count(&r->figures.overflowed, 1);
  if (rv < 0)
    return rv;
  if (!comes_back(r, message->topic)) {
    rv = hermes_sse_bus_ingest(r->bus, NULL, message);
    if (rv < 0) {
      hermes_sse__outbox_take_back(&r->env, &r->outbox);
      return rv;
    }
    note_served(r, outgoing);
  }
  outgoing->is_served |= r->is_streams || r->options.flags & HERMES_SSE_REDIS_PUBLISH_ONLY;
  hermes_sse__outgoing_note(r);
  hermes_sse_hub_wake(r->hub);
  return HERMES_SSE_OK;
}

static int publish(hermes_sse_bus *bus, const hermes_sse_message *message, void *user)
{
  hermes_sse_redis *r = user;
  int rv;

  (void)bus;
  pthread_mutex_lock(&r->lock);
  rv = r->hub ? publish_locked(r, message) : HERMES_SSE_ERR_CLOSED;
  pthread_mutex_unlock(&r->lock);
  return rv;
}

int hermes_sse__outgoing_import(hermes_sse_redis *r, const hermes_sse_message *message)
{
  hermes_sse__outgoing *outgoing;
  int rv;

  pthread_mutex_lock(&r->lock);
  rv = hermes_sse__outbox_add(&r->env, &r->outbox, message, r->origin, &outgoing);
  if (rv == HERMES_SSE_OK) {
    outgoing->is_served = outgoing->is_imported = 1;
    hermes_sse__outgoing_note(r);
    hermes_sse_hub_wake(r->hub);
  }
  pthread_mutex_unlock(&r->lock);
  return rv;
}

static int demand(hermes_sse_bus *bus, hermes_sse_slice topic, int on, void *user)
{
  hermes_sse_redis *r = user;
  hermes_sse__demand *d = hermes_sse__alloc_raw(&r->env, 1, sizeof *d + topic.len), **at;

  (void)bus;
  if (!d)
    return HERMES_SSE_ERR_NOMEM;
  d->next = NULL;
  d->on = on;
  d->len = topic.len;
  memcpy(d->topic, topic.ptr, topic.len);
  pthread_mutex_lock(&r->lock);
  for (at = &r->demands; *at;)
    at = &(*at)->next;
  *at = d;
  if (r->hub)
    hermes_sse_hub_wake(r->hub);
  pthread_mutex_unlock(&r->lock);
  return HERMES_SSE_OK;
}

int hermes_sse__outgoing_start(hermes_sse_redis *r)
{
  hermes_sse_relay relay = { .size = sizeof relay, .publish = publish };

  if (r->is_streams)
    relay.flags = HERMES_SSE_RELAY_IDS;
  else if (!r->channels.all && r->subscriptions)
    relay.demand = demand;
  return hermes_sse_bus_relay(r->bus, &relay, r);
}

void hermes_sse__outgoing_stop(hermes_sse_redis *r)
{
  hermes_sse__demand *d;

  if (r->bus)
    hermes_sse_bus_relay(r->bus, NULL, NULL);
  while ((d = r->demands)) {
    r->demands = d->next;
    hermes_sse__release(&r->env, d);
  }
}

/* ---- the hub's thread ---- */

static void follow(hermes_sse_redis *r, const hermes_sse__demand *d)
{
  hermes_sse__channel *channel;

  pthread_mutex_lock(&r->lock);
  channel = hermes_sse__channel_get(&r->env, &r->channels, d->topic, d->len);
  if (channel && d->on) {
    channel->followers++;
  } else if (channel && channel->followers > 0 && --channel->followers == 0) {
    hermes_sse__subscriptions_unwanted(r, channel);
  }
  pthread_mutex_unlock(&r->lock);
  if (channel)
    hermes_sse__subscriptions_reconcile(r, channel);
}

void hermes_sse__demands_run(hermes_sse_redis *r)
{
  hermes_sse__demand *d;

  if (!r->hub)
    return;
  pthread_mutex_lock(&r->lock);
  d = r->demands;
  r->demands = NULL;
  pthread_mutex_unlock(&r->lock);
  while (d) {
    hermes_sse__demand *next = d->next;

    follow(r, d);
    hermes_sse__release(&r->env, d);
    d = next;
  }
}

void hermes_sse__outgoing_serve(hermes_sse_redis *r)
{
  for (hermes_sse__outgoing *o = r->outbox.first; o; o = o->next) {
    hermes_sse_message message = hermes_sse__outgoing_message(o);

    if (o->is_served || comes_back(r, message.topic))
      continue;
    if (hermes_sse_bus_ingest(r->bus, NULL, &message) < 0)
      r->owes_gap = 1;
    note_served(r, o);
  }
  hermes_sse__outbox_tidy(&r->env, &r->outbox);
  hermes_sse__outgoing_note(r);
}

static int say_publish(hermes_sse_redis *r, const hermes_sse__outgoing *o)
{
  const char *argv[] = { r->options.flags & HERMES_SSE_REDIS_SHARDED ? "SPUBLISH" : "PUBLISH", o->bytes,
                         o->bytes + o->envelope_at };
  const size_t lens[] = { strlen(argv[0]), o->topic_len, o->envelope_len };
  hermes_sse__answer answer = { .kind = HERMES_SSE__ASKED_PUBLISH, .number = o->number };

  return hermes_sse__commands_ask(r, answer, 3, argv, lens);
}

typedef struct arguments {
  const char *argv[32];
  size_t lens[32];
  int n;
} arguments;

static void add(arguments *a, const char *text, size_t len)
{
  a->argv[a->n] = text;
  a->lens[a->n++] = len;
}

static void add_text(arguments *a, const char *text)
{
  add(a, text, strlen(text));
}

static void add_field(arguments *a, const char *name, const char *text, size_t len)
{
  if (len == 0)
    return;
  add_text(a, name);
  add(a, text, len);
}

/* As scripts.h has it. */
static int say_add(hermes_sse_redis *r, const hermes_sse__outgoing *o, uint64_t first)
{
  char numbers_key[HERMES_SSE__KEY_ROOM], lease_key[HERMES_SSE__KEY_ROOM], number[24], base[24], keep[24], remember[24],
      meta[24];
  hermes_sse__answer answer = { .kind = HERMES_SSE__ASKED_PUBLISH, .number = o->number };
  arguments a = { .n = 0 };

  snprintf(numbers_key, sizeof numbers_key, "%s:numbers:%s", r->stream_key, r->origin);
  hermes_sse__lease_key(r, lease_key);
  snprintf(number, sizeof number, "%llu", (unsigned long long)o->number);
  snprintf(base, sizeof base, "%llu", (unsigned long long)first);
  snprintf(keep, sizeof keep, "%llu", (unsigned long long)r->options.max_entries);
  snprintf(remember, sizeof remember, "%d", REMEMBER_S);
  snprintf(meta, sizeof meta, "%llu", (unsigned long long)o->meta);
  add_text(&a, "EVALSHA");
  add_text(&a, r->scripts[HERMES_SSE__SCRIPT_PUBLISH]);
  add_text(&a, "3");
  add_text(&a, r->stream_key);
  add_text(&a, numbers_key);
  add_text(&a, lease_key);
  add_text(&a, number);
  add_text(&a, base);
  add_text(&a, keep);
  add_text(&a, remember);
  add_text(&a, o->is_imported ? r->origin : "");
  add(&a, o->bytes, o->is_imported ? 0 : o->topic_len);
  add(&a, o->bytes + o->envelope_at, o->is_imported ? 0 : o->envelope_len);
  add_field(&a, "t", o->bytes, o->topic_len);
  add_field(&a, "k", o->bytes + o->key_at, o->key_len);
  add_field(&a, "e", o->bytes + o->type_at, o->type_len);
  add_field(&a, "d", o->bytes + o->data_at, o->data_len);
  add_field(&a, "m", meta, o->meta > 0 ? strlen(meta) : 0);
  add_field(&a, "o", r->origin, strlen(r->origin));
  return hermes_sse__commands_ask(r, answer, a.n, a.argv, a.lens);
}

uint64_t hermes_sse__outgoing_run(hermes_sse_redis *r)
{
  uint64_t first = 0;
  int rv = HERMES_SSE_OK;

  if (!r->is_ready)
    return HERMES_SSE_NEVER;
  if (hermes_sse__lease_mark(r) < 0) /* nothing overtakes the word that something before it may be missing */
    return r->now_ms + AGAIN_MS;
  pthread_mutex_lock(&r->lock);
  for (hermes_sse__outgoing *o = r->outbox.unsent ? r->outbox.first : NULL; o && first == 0; o = o->next)
    first = o->is_confirmed ? 0 : o->number;
  while (r->outbox.unsent && rv == HERMES_SSE_OK) {
    hermes_sse__outgoing *o = r->outbox.unsent;

    if (!o->is_confirmed)
      rv = r->is_streams ? say_add(r, o, first) : say_publish(r, o);
    if (rv == HERMES_SSE_OK) {
      o->is_sent = 1;
      r->outbox.unsent = o->next;
    }
  }
  pthread_mutex_unlock(&r->lock);
  return rv == HERMES_SSE_OK ? HERMES_SSE_NEVER : r->now_ms + AGAIN_MS;
}

/* Redis will not have it, now or ever; the connection is given up otherwise, and all that is not confirmed is sent again. */
static int is_refusal(const hermes_sse_redis *r, const hermes_sse__reply *reply)
{
  return !r->is_streams && (strncmp(reply->text, "NOPERM", 6) == 0 || strncmp(reply->text, "ERR", 3) == 0);
}

void hermes_sse__outgoing_answered(hermes_sse_redis *r, uint64_t number, const hermes_sse__reply *reply)
{
  int is_error = reply->kind == HERMES_SSE__REPLY_ERROR;
  hermes_sse__outgoing *o;

  if (is_error && !is_refusal(r, reply)) {
    hermes_sse__connection_drop(r->commands, reply->text);
    return;
  }
  if (is_error && hermes_sse__is_power(atomic_fetch_add(&r->figures.refused, 1) + 1))
    hermes_sse__log_line(&r->env, HERMES_SSE_LOG_WARNING, "Redis refused a message: %s", reply->text);
  pthread_mutex_lock(&r->lock);
  o = hermes_sse__outbox_find(&r->outbox, number);
  if (o) {
    hermes_sse__outbox_confirm(&r->outbox, o);
    hermes_sse__bridge_count(&r->figures.confirmed, !is_error);
    if (is_error && !o->is_served) {
      hermes_sse_message message = hermes_sse__outgoing_message(o);

      r->owes_gap |= hermes_sse_bus_ingest(r->bus, NULL, &message) < 0;
      o->is_served = 1;
    }
    hermes_sse__outbox_tidy(&r->env, &r->outbox);
    hermes_sse__outgoing_note(r);
  }
  pthread_mutex_unlock(&r->lock);
  hermes_sse__connection_settled(r->commands);
}
