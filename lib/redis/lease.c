#include "redis/bridge.h"
#include "redis/scripts.h"
#include <stdio.h>
#include <string.h>

enum { LEASE_MS = 9000, TAKE, KEEP, MARK };

void hermes_sse__lease_key(const hermes_sse_redis *r, char buf[HERMES_SSE__KEY_ROOM])
{
  snprintf(buf, HERMES_SSE__KEY_ROOM, "%s:import", r->stream_key);
}

static int ask(hermes_sse_redis *r, uint64_t number, const char *word)
{
  char lease[HERMES_SSE__KEY_ROOM], ms[24], entries[24];
  const char *const argv[] = {
    "EVALSHA", r->scripts[HERMES_SSE__SCRIPT_LEASE], "2", lease, r->stream_key, word, r->origin, ms, entries, NULL
  };

  if (!r->is_ready)
    return HERMES_SSE_ERR_STATE;
  hermes_sse__lease_key(r, lease);
  snprintf(ms, sizeof ms, "%d", LEASE_MS);
  snprintf(entries, sizeof entries, "%llu", (unsigned long long)r->options.max_entries);
  return hermes_sse__commands_say(r, (hermes_sse__answer){ .kind = HERMES_SSE__ASKED_LEASE, .number = number }, argv);
}

void hermes_sse__lease_reset(hermes_sse_redis *r)
{
  r->owes_mark |= r->marks_asked > 0;
  r->marks_asked = 0;
  r->lease_is_asked = 0;
  r->lease_at_ms = r->now_ms;
}

void hermes_sse__lease_leave(hermes_sse_redis *r)
{
  if (r->has_lease && ask(r, KEEP, "leave") == HERMES_SSE_OK)
    hermes_sse__connection_flush(r->commands, r->now_ms);
  r->has_lease = 0;
}

void hermes_sse__lease_heard(hermes_sse_redis *r)
{
  r->owes_mark = 1;
}

int hermes_sse__lease_mark(hermes_sse_redis *r)
{
  int rv;

  if (!r->owes_mark)
    return HERMES_SSE_OK;
  rv = ask(r, MARK, "mark");
  if (rv < 0)
    return rv;
  r->marks_asked++;
  r->owes_mark = 0;
  return HERMES_SSE_OK;
}

void hermes_sse__lease_answered(hermes_sse_redis *r, uint64_t asked, const hermes_sse__reply *reply)
{
  if (reply->kind == HERMES_SSE__REPLY_ERROR) {
    hermes_sse__connection_drop(r->commands, reply->text);
    return;
  }
  if (asked == MARK) {
    r->marks_asked--;
    return;
  }
  r->lease_is_asked = 0;
  if (reply->integer == 0 && r->has_lease)
    hermes_sse__log_line(&r->env, HERMES_SSE_LOG_INFO, "another server imports now");
  else if (reply->integer == 2)
    hermes_sse__log_line(&r->env, HERMES_SSE_LOG_INFO, "this server imports now");
  r->has_lease = reply->integer != 0;
}

/* Only who has the lease listens. */
static void listen_or_not(hermes_sse_redis *r)
{
  if (r->has_lease && !r->subscriptions) {
    hermes_sse__subscriptions_start(r);
  } else if (!r->has_lease && r->subscriptions) {
    hermes_sse__connection_free(r->subscriptions);
    r->subscriptions = NULL;
    r->is_subscribed = 0;
    r->subscriptions_owed.first = r->subscriptions_owed.next = 0;
    pthread_mutex_lock(&r->lock);
    hermes_sse__channels_reset(&r->channels);
    pthread_mutex_unlock(&r->lock);
  }
}

uint64_t hermes_sse__lease_run(hermes_sse_redis *r)
{
  listen_or_not(r);
  if (!r->is_ready)
    return HERMES_SSE_NEVER;
  if (!r->lease_is_asked && r->now_ms >= r->lease_at_ms &&
      ask(r, r->has_lease ? KEEP : TAKE, r->has_lease ? "keep" : "take") == HERMES_SSE_OK) {
    r->lease_is_asked = 1;
    r->lease_at_ms = r->now_ms + LEASE_MS / 3;
  }
  return r->lease_at_ms > r->now_ms ? r->lease_at_ms : r->now_ms + LEASE_MS / 3;
}

/* What is in the stream already says so; what we cannot hold is told as missing. */
void hermes_sse__lease_import(hermes_sse_redis *r, const hermes_sse__reply *channel, const hermes_sse__reply *payload)
{
  hermes_sse_message m = { .size = sizeof m, .topic = { .ptr = channel->text, .len = channel->len } };
  hermes_sse__envelope e;
  int rv = hermes_sse__envelope_read((hermes_sse_slice){ .ptr = payload->text, .len = payload->len }, &e);

  hermes_sse__bridge_count(&r->figures.received, 1);
  if (rv < 0) {
    hermes_sse__incoming_refused(r, channel->text, rv);
    return;
  }
  if (e.has_id)
    return;
  if (e.origin[0] && !hermes_sse__origin_is_new(&r->env, &r->origins, e.origin, e.number, r->now_ms)) {
    hermes_sse__bridge_count(&r->figures.doubled, 1);
    return;
  }
  m.type = e.type;
  m.data = e.data;
  m.key = (hermes_sse_slice){ .ptr = e.key, .len = e.key_len };
  m.meta = e.meta;
  r->owes_mark |= !r->is_subscribed; /* one channel may be heard before all are confirmed */
  rv = hermes_sse__outgoing_import(r, &m);
  if (rv == HERMES_SSE_OK)
    hermes_sse__bridge_count(&r->figures.imported, 1);
  else if (rv == HERMES_SSE_ERR_FULL)
    hermes_sse__bridge_count(&r->figures.overflowed, 1);
  r->owes_mark |= rv < 0;
}
