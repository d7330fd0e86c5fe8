#include "redis/bridge.h"
#include <string.h>

enum { SUBSCRIBE, UNSUBSCRIBE, N_WHAT };

static const char *command(const hermes_sse_redis *r, const hermes_sse__channel *channel, int what)
{
  static const char *const plain[N_WHAT] = { "SUBSCRIBE", "UNSUBSCRIBE" };
  static const char *const pattern[N_WHAT] = { "PSUBSCRIBE", "PUNSUBSCRIBE" };
  static const char *const sharded[N_WHAT] = { "SSUBSCRIBE", "SUNSUBSCRIBE" };

  if (r->options.flags & HERMES_SSE_REDIS_SHARDED)
    return sharded[what];
  return channel->is_pattern ? pattern[what] : plain[what];
}

static int say(hermes_sse_redis *r, hermes_sse__answer answer, const char *word, const char *name)
{
  const char *const argv[] = { word, name, NULL };
  int rv = hermes_sse__expected_reserve(&r->env, &r->subscriptions_owed);

  if (rv == HERMES_SSE_OK)
    rv = hermes_sse__connection_say(r->subscriptions, argv);
  if (rv < 0)
    return rv;
  answer.asked_ms = r->now_ms;
  hermes_sse__expected_push(&r->subscriptions_owed, answer);
  return HERMES_SSE_OK;
}

static int lingers(const hermes_sse_redis *r, const hermes_sse__channel *channel)
{
  return channel->followers == 0 && r->now_ms - channel->unwanted_ms < r->options.linger_ms;
}

static int is_wanted(const hermes_sse_redis *r, const hermes_sse__channel *channel)
{
  return channel->followers > 0 || (channel->confirmed && lingers(r, channel));
}

void hermes_sse__subscriptions_reconcile(hermes_sse_redis *r, hermes_sse__channel *channel)
{
  char glob[2 * HERMES_SSE_TOPIC_MAX + 2];
  hermes_sse__answer answer = { .about = channel };
  int wanted = is_wanted(r, channel);

  if (channel->asked || (channel->denied && wanted) || !hermes_sse__connection_is_up(r->subscriptions))
    return;
  if (wanted == channel->confirmed) {
    if (!wanted && channel->followers == 0) {
      pthread_mutex_lock(&r->lock);
      hermes_sse__channel_forget(&r->env, &r->channels, channel);
      pthread_mutex_unlock(&r->lock);
    }
    return;
  }
  answer.kind = wanted ? HERMES_SSE__ASKED_SUBSCRIBE : HERMES_SSE__ASKED_UNSUBSCRIBE;
  if (channel->is_pattern)
    hermes_sse__channel_glob(channel, glob);
  channel->asked = say(r, answer, command(r, channel, wanted ? SUBSCRIBE : UNSUBSCRIBE),
                       channel->is_pattern ? glob : channel->name) == HERMES_SSE_OK;
  if (!channel->asked)
    r->tidy_ms = hermes_sse__sooner(r->tidy_ms, r->now_ms + HERMES_SSE__RETRY_MIN_MS);
}

/* ---- what Redis says ---- */

static int is_message(const hermes_sse__reply *reply, const char *word, size_t n)
{
  return reply->kind == HERMES_SSE__REPLY_ARRAY && reply->n == n && hermes_sse__reply_is(&reply->items[0], word) &&
         reply->items[1].kind == HERMES_SSE__REPLY_STRING && reply->items[n - 1].kind == HERMES_SSE__REPLY_STRING &&
         reply->items[n - 2].kind == HERMES_SSE__REPLY_STRING;
}

/* All that was wanted when the connection came up is there, or refused: others may have published in between. */
static void complete(hermes_sse_redis *r)
{
  if (r->is_subscribed || r->channels.n_awaited > 0)
    return;
  r->is_subscribed = 1;
  hermes_sse__connection_settled(r->subscriptions);
  hermes_sse__bridge_count(&r->figures.resubscribed, 1);
  if (r->is_streams)
    hermes_sse__lease_heard(r);
  else
    hermes_sse__subscriptions_gap(r);
  hermes_sse__bridge_judge(r);
}

static void settle(hermes_sse_redis *r, const hermes_sse__answer *answer, const hermes_sse__reply *error)
{
  hermes_sse__channel *channel = answer->about;
  int subscribed = answer->kind == HERMES_SSE__ASKED_SUBSCRIBE;

  if (!channel) { /* the probe's */
    r->probe_is_asked = 0;
    if (error)
      hermes_sse__probe_refused(r, error);
    else
      r->has_probe = 1;
    return;
  }
  pthread_mutex_lock(&r->lock);
  channel->asked = 0;
  hermes_sse__channel_await(&r->channels, channel, 0);
  if (error)
    hermes_sse__channel_deny(&r->channels, channel);
  else
    hermes_sse__channel_confirm(&r->channels, channel, subscribed);
  if (!channel->confirmed && !r->is_streams)
    hermes_sse__outgoing_serve(r); /* what was published meanwhile does not come back */
  pthread_mutex_unlock(&r->lock);
  if (error)
    hermes_sse__log_line(&r->env, HERMES_SSE_LOG_WARNING, "Redis refused channel %s: %s", channel->name, error->text);
  else if (subscribed && r->is_subscribed && !r->is_streams)
    hermes_sse__incoming_gap(r, channel->name, strlen(channel->name));
  hermes_sse__subscriptions_reconcile(r, channel);
  complete(r);
}

/* An answer, as it is no message: the next one that is owed. */
static void answered(hermes_sse_redis *r, const hermes_sse__reply *reply)
{
  int is_error = reply->kind == HERMES_SSE__REPLY_ERROR;
  hermes_sse__answer answer;

  if (!hermes_sse__expected_pop(&r->subscriptions_owed, &answer)) {
    hermes_sse__connection_drop(r->subscriptions, is_error ? reply->text : "an answer that nobody asked for");
    return;
  }
  if (is_error && strncmp(reply->text, "NOPERM", 6) != 0)
    hermes_sse__connection_drop(r->subscriptions, reply->text);
  else if (answer.kind != HERMES_SSE__ASKED_PING)
    settle(r, &answer, is_error ? reply : NULL);
}

static int is_answer(const hermes_sse__reply *reply)
{
  static const char *const words[] = { "subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "pong" };

  if (reply->kind == HERMES_SSE__REPLY_ERROR || hermes_sse__reply_is(reply, "pong"))
    return 1;
  if (reply->kind != HERMES_SSE__REPLY_ARRAY || reply->n == 0)
    return 0;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (hermes_sse__reply_is(&reply->items[0], words[i]))
      return 1;
  return 0;
}

/* Of a cluster, when the channel's slot has moved: Redis has unsubscribed us, asked or not. */
static void on_sunsubscribe(hermes_sse_redis *r, const hermes_sse__reply *reply)
{
  const hermes_sse__answer *first = hermes_sse__expected_first(&r->subscriptions_owed);
  hermes_sse__channel *channel;

  if (first && first->kind == HERMES_SSE__ASKED_UNSUBSCRIBE && first->about &&
      hermes_sse__reply_is(&reply->items[1], ((const hermes_sse__channel *)first->about)->name)) {
    answered(r, reply);
    return;
  }
  channel = reply->items[1].kind == HERMES_SSE__REPLY_STRING
                ? hermes_sse__channel_find(&r->channels, reply->items[1].text, reply->items[1].len)
                : NULL;
  if (!channel)
    return;
  pthread_mutex_lock(&r->lock);
  hermes_sse__channel_confirm(&r->channels, channel, 0);
  hermes_sse__outgoing_serve(r);
  pthread_mutex_unlock(&r->lock);
  hermes_sse__subscriptions_reconcile(r, channel);
}

/* By which of the channels a message came; the probe's pattern is none of them. */
static void on_message(hermes_sse_redis *r, const hermes_sse__reply *channel, const hermes_sse__reply *payload,
                       int by_pattern, const hermes_sse__reply *pattern)
{
  const hermes_sse__channel *taker;
  char glob[2 * HERMES_SSE_TOPIC_MAX + 2];

  if (strncmp(channel->text, HERMES_SSE__PROBES, strlen(HERMES_SSE__PROBES)) == 0) {
    if (hermes_sse__reply_is(channel, r->probe_channel))
      hermes_sse__probe_came(r, payload);
    return;
  }
  taker = hermes_sse__channels_taker(&r->channels, channel->text, channel->len);
  if (!taker || taker->is_pattern != by_pattern)
    return;
  if (by_pattern) {
    hermes_sse__channel_glob(taker, glob);
    if (strcmp(pattern->text, glob) != 0)
      return;
  }
  if (r->is_streams)
    hermes_sse__lease_import(r, channel, payload);
  else
    hermes_sse__incoming(r, channel, payload);
}

static void on_reply(hermes_sse__connection *connection, const hermes_sse__reply *reply, void *user)
{
  hermes_sse_redis *r = user;

  if (is_message(reply, "message", 3) || is_message(reply, "smessage", 3))
    on_message(r, &reply->items[1], &reply->items[2], 0, NULL);
  else if (is_message(reply, "pmessage", 4))
    on_message(r, &reply->items[2], &reply->items[3], 1, &reply->items[1]);
  else if (is_answer(reply))
    answered(r, reply);
  else if (reply->kind == HERMES_SSE__REPLY_ARRAY && reply->n == 3 &&
           hermes_sse__reply_is(&reply->items[0], "sunsubscribe"))
    on_sunsubscribe(r, reply);
  else
    hermes_sse__connection_drop(connection, "what it says is no message");
}

/* ---- coming and going ---- */

/* By the one pattern for all servers' probes, as Redis compares a pattern with those of an ACL letter by letter. */
void hermes_sse__subscriptions_probe(hermes_sse_redis *r)
{
  int sharded = (r->options.flags & HERMES_SSE_REDIS_SHARDED) != 0;
  hermes_sse__answer answer = { .kind = HERMES_SSE__ASKED_SUBSCRIBE };

  if (r->options.probe_ms == HERMES_SSE_NEVER || r->has_no_probe || r->is_streams || r->probe_is_asked)
    return;
  r->probe_is_asked = say(r, answer, sharded ? "SSUBSCRIBE" : "PSUBSCRIBE",
                          sharded ? r->probe_channel : HERMES_SSE__PROBES "*") == HERMES_SSE_OK;
}

static void on_up(hermes_sse__connection *connection, void *user)
{
  hermes_sse_redis *r = user;
  hermes_sse__channel *next;

  (void)connection;
  hermes_sse__bridge_count(&r->figures.connected, 1);
  hermes_sse__subscriptions_probe(r);
  for (hermes_sse__channel *c = r->channels.all; c; c = next) {
    next = c->next;
    hermes_sse__channel_await(&r->channels, c, c->followers > 0);
    hermes_sse__subscriptions_reconcile(r, c);
  }
  complete(r);
}

static void on_down(hermes_sse__connection *connection, int was_up, const char *why, void *user)
{
  hermes_sse_redis *r = user;

  (void)connection, (void)why;
  hermes_sse__bridge_count(&r->figures.lost, was_up ? 1 : 0);
  r->is_subscribed = r->has_probe = r->probe_is_asked = 0;
  r->subscriptions_owed.first = r->subscriptions_owed.next = 0;
  hermes_sse__probe_reset(r);
  pthread_mutex_lock(&r->lock);
  hermes_sse__channels_reset(&r->channels);
  pthread_mutex_unlock(&r->lock);
  hermes_sse__bridge_judge(r);
}

int hermes_sse__subscriptions_start(hermes_sse_redis *r)
{
  hermes_sse__connection_options o = hermes_sse__bridge_connection(r, "subscriptions");

  o.up = on_up;
  o.reply = on_reply;
  o.down = on_down;
  return hermes_sse__connection_new(&o, &r->subscriptions);
}

void hermes_sse__subscriptions_gap(hermes_sse_redis *r)
{
  r->owes_gap = 0;
  for (const hermes_sse__channel *c = r->channels.all; c; c = c->next)
    hermes_sse__incoming_gap(r, c->name, strlen(c->name));
}

/* Channels that nobody has followed for a while, and those that could not be asked for: looked at only when there is one. */
static void tidy(hermes_sse_redis *r)
{
  hermes_sse__channel *next;

  if (r->now_ms < r->tidy_ms)
    return;
  r->tidy_ms = HERMES_SSE_NEVER;
  for (hermes_sse__channel *c = r->channels.all; c; c = next) {
    next = c->next;
    if (lingers(r, c))
      r->tidy_ms = hermes_sse__sooner(r->tidy_ms, c->unwanted_ms + r->options.linger_ms);
    else
      hermes_sse__subscriptions_reconcile(r, c);
  }
}

void hermes_sse__subscriptions_unwanted(hermes_sse_redis *r, hermes_sse__channel *channel)
{
  channel->unwanted_ms = r->now_ms;
  r->tidy_ms = hermes_sse__sooner(r->tidy_ms, r->now_ms + r->options.linger_ms);
}

uint64_t hermes_sse__subscriptions_run(hermes_sse_redis *r)
{
  const hermes_sse__answer *first = hermes_sse__expected_first(&r->subscriptions_owed);
  uint64_t next;

  if (first && r->now_ms - first->asked_ms >= r->options.timeout_ms)
    hermes_sse__connection_drop(r->subscriptions, "no answer in time");
  if (r->owes_gap && r->is_subscribed)
    hermes_sse__subscriptions_gap(r);
  tidy(r);
  if (hermes_sse__connection_is_up(r->subscriptions))
    complete(r);
  next = hermes_sse__sooner(r->tidy_ms, hermes_sse__probe_run(r));
  next = hermes_sse__sooner(next, hermes_sse__connection_run(r->subscriptions, r->now_ms));
  first = hermes_sse__expected_first(&r->subscriptions_owed);
  if (first)
    next = hermes_sse__sooner(next, first->asked_ms + r->options.timeout_ms);
  return r->owes_gap && r->is_subscribed ? r->now_ms + HERMES_SSE__RETRY_MIN_MS : next;
}
