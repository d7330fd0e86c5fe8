#include "redis/bridge.h"
#include "core/options.h"
#include "redis/scripts.h"
#include <stdio.h>
#include <string.h>

enum {
  DEFAULT_ENTRIES = 10000,
  MAX_READ_BACK = 100000,
  DEFAULT_LINGER_MS = 5000,
  DEFAULT_PROBE_MS = 5000,
  DEFAULT_TIMEOUT_MS = 5000,
  DEFAULT_PENDING_BYTES = 16 << 20,
  DEFAULT_REPLY_BYTES = 8 << 20
};

static int check_channels(const hermes_sse_environment *env, const hermes_sse_redis_options *o)
{
  for (size_t i = 0; i < o->n_channels; i++) {
    size_t len = o->channels && o->channels[i] ? strlen(o->channels[i]) : 0;

    if (len < 1 || len > HERMES_SSE_TOPIC_MAX)
      return hermes_sse__refuse(env, "channels", "names of 1 to 255 bytes");
    if (o->channels[i][len - 1] == '*' && o->flags & HERMES_SSE_REDIS_SHARDED)
      return hermes_sse__refuse(env, "channels, a pattern with HERMES_SSE_REDIS_SHARDED", "names without '*'");
  }
  return HERMES_SSE_OK;
}

static int check(const hermes_sse_environment *env, const hermes_sse_redis_options *o)
{
  const uint64_t known = HERMES_SSE_REDIS_SHARDED | HERMES_SSE_REDIS_IMPORT | HERMES_SSE_REDIS_TLS_INSECURE |
                         HERMES_SSE_REDIS_PUBLISH_ONLY;

  if (!o->watch)
    return hermes_sse__refuse(env, "watch", "a function");
  if (!o->url)
    return hermes_sse__refuse(env, "url", "redis://, rediss:// or unix://");
  if (o->flags & ~known)
    return hermes_sse__refuse_number(env, "flags", o->flags, "HERMES_SSE_REDIS_ flags of this version");
  if (o->mode != HERMES_SSE_REDIS_PUBSUB && o->mode != HERMES_SSE_REDIS_STREAMS)
    return hermes_sse__refuse_number(env, "mode", o->mode, "HERMES_SSE_REDIS_PUBSUB, HERMES_SSE_REDIS_STREAMS");
  if (o->flags & HERMES_SSE_REDIS_IMPORT && (o->mode != HERMES_SSE_REDIS_STREAMS || o->n_channels == 0))
    return hermes_sse__refuse(env, "HERMES_SSE_REDIS_IMPORT", "streams mode, with channels");
  if (o->flags & HERMES_SSE_REDIS_SHARDED && o->mode == HERMES_SSE_REDIS_STREAMS)
    return hermes_sse__refuse(env, "HERMES_SSE_REDIS_SHARDED", "pub/sub mode");
  if (o->stream_key && (strlen(o->stream_key) < 1 || strlen(o->stream_key) > HERMES_SSE__STREAM_KEY_MAX))
    return hermes_sse__refuse(env, "stream_key", "1 to 255 bytes");
  if (o->read_back > MAX_READ_BACK)
    return hermes_sse__refuse_number(env, "read_back", o->read_back, "at most 100000");
  if (o->timeout_ms < 10 || o->timeout_ms > 1u << 30)
    return hermes_sse__refuse_number(env, "timeout_ms", o->timeout_ms, "10 to 1073741824, 0 for the default");
  if (o->probe_ms < 10)
    return hermes_sse__refuse_number(env, "probe_ms", o->probe_ms, "10 or more, 0 for the default, HERMES_SSE_NEVER");
  return check_channels(env, o);
}

static int read_options(hermes_sse_environment *env, hermes_sse_redis_options *o,
                        const hermes_sse_redis_options *options)
{
  int rv = options ? hermes_sse__options_read(o, sizeof *o, options) : HERMES_SSE_ERR_OPTION;

  if (rv == HERMES_SSE_OK)
    rv = hermes_sse__environment_read(env, o->environment);
  if (rv < 0)
    return rv;
  o->mode = hermes_sse__or(o->mode, HERMES_SSE_REDIS_PUBSUB);
  o->max_entries = hermes_sse__or(o->max_entries, DEFAULT_ENTRIES);
  o->read_back = hermes_sse__or(o->read_back, o->max_entries < MAX_READ_BACK ? o->max_entries : MAX_READ_BACK);
  o->linger_ms = hermes_sse__or(o->linger_ms, DEFAULT_LINGER_MS);
  o->probe_ms = hermes_sse__or(o->probe_ms, DEFAULT_PROBE_MS);
  o->timeout_ms = hermes_sse__or(o->timeout_ms, DEFAULT_TIMEOUT_MS);
  o->max_pending_bytes = hermes_sse__or(o->max_pending_bytes, DEFAULT_PENDING_BYTES);
  o->max_reply_bytes = hermes_sse__or(o->max_reply_bytes, DEFAULT_REPLY_BYTES);
  return check(env, o);
}

static char *copy(const hermes_sse_environment *env, const char *text, const char *otherwise)
{
  text = text ? text : otherwise;
  return hermes_sse__copy(env, text, strlen(text));
}

/* ---- making and releasing ---- */

static void release(hermes_sse_redis *r)
{
  hermes_sse_environment env = r->env;

  hermes_sse__connection_free(r->commands);
  hermes_sse__connection_free(r->subscriptions);
  hermes_sse__connection_free(r->tail);
  hermes_sse__expected_clear(&env, &r->owed);
  hermes_sse__expected_clear(&env, &r->subscriptions_owed);
  hermes_sse__outbox_clear(&env, &r->outbox);
  hermes_sse__channels_clear(&env, &r->channels);
  hermes_sse__origins_clear(&env, &r->origins);
  hermes_sse__url_clear(&env, &r->url);
  hermes_sse__release(&env, r->client_name);
  hermes_sse__release(&env, r->stream_key);
  hermes_sse__release(&env, r->ca_file);
  for (size_t i = 0; i < sizeof r->scripts / sizeof *r->scripts; i++)
    hermes_sse__release(&env, r->scripts[i]);
  pthread_mutex_destroy(&r->lock);
  hermes_sse__release(&env, r);
}

static int set_names(hermes_sse_redis *r, const hermes_sse_redis_options *o)
{
  uint64_t random[3];

  if (r->env.random(random, sizeof random, r->env.user) < 0)
    return HERMES_SSE_ERR_RANDOM;
  snprintf(r->origin, sizeof r->origin, "%016llx", (unsigned long long)random[0]);
  snprintf(r->probe_channel, sizeof r->probe_channel, HERMES_SSE__PROBES "%s", r->origin);
  r->channels.seed = r->origins.seed = (hermes_sse__seed){ random[1], random[2] };
  r->client_name = copy(&r->env, o->client_name, "hermes-sse");
  r->stream_key = copy(&r->env, o->stream_key, "hermes:events");
  r->ca_file = o->ca_file ? copy(&r->env, o->ca_file, NULL) : NULL;
  if (!r->client_name || !r->stream_key || (o->ca_file && !r->ca_file))
    return HERMES_SSE_ERR_NOMEM;
  for (size_t i = 0; i < o->n_channels; i++) {
    hermes_sse__channel *channel =
        hermes_sse__channel_get(&r->env, &r->channels, o->channels[i], strlen(o->channels[i]));

    if (!channel)
      return HERMES_SSE_ERR_NOMEM;
    channel->followers = 1;
  }
  return hermes_sse__url_parse(&r->env, o->url, &r->url);
}

static int start_connections(hermes_sse_redis *r)
{
  int rv = hermes_sse__commands_start(r);

  if (rv < 0 || r->options.flags & HERMES_SSE_REDIS_PUBLISH_ONLY)
    return rv;
  return r->is_streams ? hermes_sse__tail_start(r) : hermes_sse__subscriptions_start(r);
}

/* What borrows from the host is not looked at any more. */
static void forget_texts(hermes_sse_redis_options *o)
{
  o->environment = NULL;
  o->url = o->client_name = o->stream_key = o->ca_file = NULL;
  o->channels = NULL;
}

static const char *trouble_of(const hermes_sse_redis *r, int state)
{
  if (r->channels.n_denied > 0)
    return "a channel is refused by Redis";
  return state == HERMES_SSE_REDIS_STATE_AWAY ? "Redis is away" : NULL;
}

/* What waits to come back is served before the bus goes on without a bridge, so that nothing overtakes it. */
static void stop_outgoing(hermes_sse_redis *r)
{
  pthread_mutex_lock(&r->lock);
  atomic_store(&r->state, HERMES_SSE_REDIS_STATE_AWAY);
  atomic_store(&r->trouble, trouble_of(r, HERMES_SSE_REDIS_STATE_AWAY));
  if (r->hub && !r->is_streams)
    hermes_sse__outgoing_serve(r);
  pthread_mutex_unlock(&r->lock);
  hermes_sse__outgoing_stop(r);
}

/* Closed for good: as the bus has nobody else any more, it serves alone. */
static void close_bridge(hermes_sse_redis *r)
{
  stop_outgoing(r);
  hermes_sse__lease_leave(r);
  hermes_sse__connection_free(r->commands);
  hermes_sse__connection_free(r->subscriptions);
  hermes_sse__connection_free(r->tail);
  r->commands = r->subscriptions = r->tail = NULL;
  r->is_ready = r->is_subscribed = r->is_following = 0;
  pthread_mutex_lock(&r->lock);
  hermes_sse__bridge_count(&r->figures.dropped, r->outbox.unconfirmed);
  r->hub = NULL;
  r->bus = NULL;
  pthread_mutex_unlock(&r->lock);
  hermes_sse__store_clear(r);
}

static void leave(hermes_sse_redis *r)
{
  if (--r->depth > 0 || !r->is_freed)
    return;
  if (r->hub)
    close_bridge(r);
  release(r);
}

/* ---- in the hub's turns ---- */

static int state_of(hermes_sse_redis *r)
{
  int listens = r->subscriptions && !r->is_streams, state = HERMES_SSE_REDIS_STATE_THROUGH;

  if (!r->hub || !r->is_ready || (listens && !r->is_subscribed) || (r->tail && !(r->is_following && r->is_live)))
    return HERMES_SSE_REDIS_STATE_AWAY;
  pthread_mutex_lock(&r->lock);
  for (const hermes_sse__outgoing *o = r->outbox.first; o && state == HERMES_SSE_REDIS_STATE_THROUGH; o = o->next)
    if (!o->is_confirmed && o->is_alone && listens)
      state = HERMES_SSE_REDIS_STATE_FLUSHING;
    else if (!o->is_confirmed)
      break; /* what was published since then is behind what was published before */
  pthread_mutex_unlock(&r->lock);
  return state;
}

void hermes_sse__bridge_judge(hermes_sse_redis *r)
{
  int before = atomic_load(&r->state), state = state_of(r);

  atomic_store(&r->trouble, trouble_of(r, state));
  hermes_sse__bridge_set(&r->figures.channels_denied, r->channels.n_denied);
  if (state == before)
    return;
  pthread_mutex_lock(&r->lock);
  atomic_store(&r->state, state);
  if (state == HERMES_SSE_REDIS_STATE_AWAY && !r->is_streams)
    hermes_sse__outgoing_serve(r);
  pthread_mutex_unlock(&r->lock);
  hermes_sse__log_line(&r->env, HERMES_SSE_LOG_INFO, "bridge to Redis: %s", hermes_sse_redis_state_name(state));
}

static void run(hermes_sse_hub *hub, uint64_t now_ms, uint64_t *next_ms, void *user)
{
  hermes_sse_redis *r = user;
  uint64_t next = HERMES_SSE_NEVER;

  (void)hub;
  r->depth++;
  r->now_ms = now_ms;
  hermes_sse__bridge_set(&r->figures.now_ms, now_ms);
  hermes_sse__demands_run(r);
  if (!r->is_freed && r->options.flags & HERMES_SSE_REDIS_IMPORT)
    next = hermes_sse__sooner(next, hermes_sse__lease_run(r));
  if (!r->is_freed && r->subscriptions)
    next = hermes_sse__sooner(next, hermes_sse__subscriptions_run(r));
  if (!r->is_freed && r->tail)
    next = hermes_sse__sooner(next, hermes_sse__tail_run(r));
  if (!r->is_freed) /* last, as the others ask through it */
    next = hermes_sse__sooner(next, hermes_sse__commands_run(r));
  if (!r->is_freed)
    hermes_sse__bridge_judge(r);
  *next_ms = hermes_sse__sooner(*next_ms, next);
  leave(r);
}

static void gone(hermes_sse_hub *hub, void *user)
{
  hermes_sse_redis *r = user;

  (void)hub;
  r->depth++;
  close_bridge(r);
  leave(r);
}

int hermes_sse_redis_new(hermes_sse_hub *hub, const hermes_sse_redis_options *options, hermes_sse_redis **redis)
{
  static const hermes_sse_part part = { .size = sizeof part, .run = run, .gone = gone };
  hermes_sse_environment env;
  hermes_sse_redis_options o;
  hermes_sse_redis *r;
  int rv = read_options(&env, &o, options);

  if (rv < 0)
    return rv;
  if (!hermes_sse_hub_bus(hub))
    return HERMES_SSE_ERR_STATE;
  r = hermes_sse__alloc(&env, 1, sizeof *r);
  if (!r)
    return HERMES_SSE_ERR_NOMEM;
  r->env = env;
  r->options = o;
  r->hub = hub;
  r->bus = hermes_sse_hub_bus(hub);
  r->is_streams = o.mode == HERMES_SSE_REDIS_STREAMS;
  r->outbox.max_bytes = o.max_pending_bytes;
  r->queries_end = &r->queries;
  atomic_init(&r->state, HERMES_SSE_REDIS_STATE_AWAY);
  atomic_init(&r->trouble, trouble_of(r, HERMES_SSE_REDIS_STATE_AWAY));
  pthread_mutex_init(&r->lock, NULL);
  rv = set_names(r, &o);
  rv = rv == HERMES_SSE_OK ? start_connections(r) : rv;
  rv = rv == HERMES_SSE_OK ? hermes_sse_hub_attach(hub, &part, r) : rv;
  if (rv == HERMES_SSE_OK) {
    rv = hermes_sse__outgoing_start(r);
    if (rv < 0)
      hermes_sse_hub_detach(hub, r);
  }
  if (rv < 0) {
    release(r);
    return rv;
  }
  forget_texts(&r->options);
  *redis = r;
  return HERMES_SSE_OK;
}

void hermes_sse_redis_free(hermes_sse_redis *r)
{
  if (!r || r->is_freed)
    return;
  r->is_freed = 1;
  r->depth++;
  if (r->hub)
    hermes_sse_hub_detach(r->hub, r);
  stop_outgoing(r);
  leave(r);
}

int hermes_sse_redis_ready(hermes_sse_redis *r, int fd, int events)
{
  hermes_sse__connection *const all[] = { r->commands, r->subscriptions, r->tail };
  int taken = 0;

  if (!r->hub || r->is_freed)
    return HERMES_SSE_ERR_NOT_FOUND;
  r->depth++;
  for (size_t i = 0; i < sizeof all / sizeof *all && !taken && !r->is_freed; i++)
    taken = all[i] && hermes_sse__connection_ready(all[i], r->now_ms, fd, events);
  if (taken && !r->is_freed) {
    hermes_sse__bridge_judge(r);
    hermes_sse_hub_wake(r->hub); /* deadlines may have moved */
  }
  leave(r);
  return taken ? HERMES_SSE_OK : HERMES_SSE_ERR_NOT_FOUND;
}

void hermes_sse_redis_resolved(hermes_sse_redis *r, const struct sockaddr *const *addresses, const uint32_t *lens,
                               size_t n)
{
  hermes_sse__connection *const all[] = { r->commands, r->subscriptions, r->tail };

  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i] && !r->is_freed)
      hermes_sse__connection_resolved(all[i], addresses, lens, n);
  if (r->hub)
    hermes_sse_hub_wake(r->hub);
}

int hermes_sse_redis_state(const hermes_sse_redis *r)
{
  return atomic_load((atomic_int *)(uintptr_t)&r->state);
}

const char *hermes_sse_redis_state_name(int state)
{
  switch (state) {
#define STATE_NAME(name, number, label)                                                                                \
  case number:                                                                                                         \
    return label;
    HERMES_SSE_REDIS_STATE_MAP(STATE_NAME)
#undef STATE_NAME
  default:
    return "unknown";
  }
}
