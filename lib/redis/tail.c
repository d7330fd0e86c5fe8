#include "redis/bridge.h"
#include "redis/entry.h"
#include "redis/scripts.h"
#include <stdio.h>

enum { MOST_AT_ONCE = 256, BLOCK_MS = 4000 };

/* ---- asking ---- */

static int ask(hermes_sse_redis *r, const char *const *argv)
{
  int rv = hermes_sse__connection_say(r->tail, argv);

  if (rv < 0) {
    hermes_sse__connection_drop(r->tail, hermes_sse_strerror(rv));
    return rv;
  }
  r->tail_owed++;
  r->tail_is_timed = 0;
  r->tail_asked_ms = r->now_ms;
  return HERMES_SSE_OK;
}

static void look(hermes_sse_redis *r)
{
  char id[HERMES_SSE_ID_MAX] = "", entries[24];
  const char *const argv[] = { "EVAL", hermes_sse__script_look, "1", r->stream_key, id, entries, NULL };

  if (r->has_begun)
    hermes_sse_id_format(&r->last_id, id, sizeof id);
  snprintf(entries, sizeof entries, "%llu", (unsigned long long)r->options.read_back);
  ask(r, argv);
}

/* First where the stream begins: who was too slow for what it keeps would not see that something is missing. While it reads back it does
 * not wait for more: that there is none is what it wants to know. */
static void read_on(hermes_sse_redis *r)
{
  const char *const begins[] = { "EVAL", hermes_sse__script_first, "1", r->stream_key, NULL };
  char id[HERMES_SSE_ID_MAX], count[24], block[24];
  const char *const wait[] = { "XREAD", "COUNT", count, "BLOCK", block, "STREAMS", r->stream_key, id, NULL };
  const char *const now[] = { "XREAD", "COUNT", count, "STREAMS", r->stream_key, id, NULL };

  hermes_sse_id_format(&r->last_id, id, sizeof id);
  snprintf(count, sizeof count, "%llu", (unsigned long long)r->tail_count);
  snprintf(block, sizeof block, "%d", BLOCK_MS);
  if (ask(r, begins) == HERMES_SSE_OK)
    ask(r, r->is_live ? wait : now);
}

/* ---- answers ---- */

/* Where reading back begins: before `first`, or at the stream's end. What was before is not there for those who come back. */
static int begin(hermes_sse_redis *r, const hermes_sse_id *last, const hermes_sse_id *first)
{
  hermes_sse_id from = first ? hermes_sse__id_before(*first) : *last;
  int rv = HERMES_SSE_OK;

  if (from.hi + from.lo > 0)
    rv = hermes_sse__entry_missing(r, hermes_sse_str("*"), HERMES_SSE_GAP_EXPIRED, &from);
  if (rv < 0)
    return rv;
  r->last_id = from;
  r->has_begun = 1;
  r->began_empty = !first;
  return HERMES_SSE_OK;
}

/* The last entry that we took is not there any more. Nothing is missing only if what follows it follows at once. */
static int resume(hermes_sse_redis *r, const hermes_sse_id *last, const hermes_sse_id *next)
{
  hermes_sse_id to = next ? hermes_sse__id_before(*next) : *last;
  int rv;

  if (!hermes_sse__id_is_after(&to, &r->last_id))
    return HERMES_SSE_OK;
  rv = hermes_sse__entry_missing(r, hermes_sse_str("*"), HERMES_SSE_GAP_BRIDGE, &to);
  if (rv == HERMES_SSE_OK)
    r->last_id = to;
  return rv;
}

/* A stream that begins after what we took last has lost something, unless it has been empty since we came. */
static int on_first(hermes_sse_redis *r, const hermes_sse__reply *reply)
{
  hermes_sse_id first;

  if (reply->kind == HERMES_SSE__REPLY_NIL)
    return HERMES_SSE_OK;
  if (!hermes_sse__entry_read_id(reply, &first))
    return HERMES_SSE_ERR_BAD_DATA;
  return r->began_empty ? HERMES_SSE_OK : resume(r, &first, &first);
}

/* Not even one came whole. */
static int leave_out(hermes_sse_redis *r, const hermes_sse_id *next)
{
  int rv = next ? hermes_sse__entry_pass_over(r, next, "is larger than max_reply_bytes") : HERMES_SSE_OK;

  if (rv < 0)
    return rv;
  if (next)
    r->last_id = *next;
  r->tail_count = 1;
  return HERMES_SSE_OK;
}

/* The stream's last id; whether the last entry that we took is there; the id of the first that we did not take. */
static int on_look(hermes_sse_redis *r, const hermes_sse__reply *reply)
{
  hermes_sse_id last, id;
  const hermes_sse_id *next = NULL;
  int rv = HERMES_SSE_OK;

  if (reply->kind != HERMES_SSE__REPLY_ARRAY || reply->n != 3 || !hermes_sse__entry_read_id(&reply->items[0], &last) ||
      reply->items[1].kind != HERMES_SSE__REPLY_INTEGER)
    return HERMES_SSE_ERR_BAD_DATA;
  if (reply->items[2].kind != HERMES_SSE__REPLY_NIL) {
    if (!hermes_sse__entry_read_id(&reply->items[2], &id))
      return HERMES_SSE_ERR_BAD_DATA;
    next = &id;
  }
  if (!r->has_begun)
    rv = begin(r, &last, next);
  else if (reply->items[1].integer == 0)
    rv = resume(r, &last, next);
  if (rv == HERMES_SSE_OK && r->tail_count == 0)
    rv = leave_out(r, next);
  if (rv < 0)
    return rv;
  r->is_following = 1;
  hermes_sse__bridge_count(&r->figures.resubscribed, 1);
  hermes_sse__connection_settled(r->tail);
  return HERMES_SSE_OK;
}

static int take_entries(hermes_sse_redis *r, const hermes_sse__reply *entries)
{
  for (size_t i = 0; i < entries->n; i++) {
    int rv = hermes_sse__entry_take(r, &entries->items[i]);

    if (rv < 0)
      return rv;
  }
  return HERMES_SSE_OK;
}

static int on_entries(hermes_sse_redis *r, const hermes_sse__reply *reply)
{
  int is_all = reply->kind == HERMES_SSE__REPLY_NIL, rv = HERMES_SSE_OK;

  if (!is_all) {
    if (reply->kind != HERMES_SSE__REPLY_ARRAY || reply->n != 1 || reply->items[0].n != 2 ||
        reply->items[0].kind != HERMES_SSE__REPLY_ARRAY)
      return HERMES_SSE_ERR_BAD_DATA;
    is_all = reply->items[0].items[1].n < r->tail_count;
    r->began_empty = 0;
    rv = take_entries(r, &reply->items[0].items[1]);
    r->tail_count = r->tail_count < MOST_AT_ONCE ? 2 * r->tail_count : MOST_AT_ONCE;
  }
  if (rv == HERMES_SSE_OK && is_all && !r->is_live) {
    rv = hermes_sse_bus_live(r->bus);
    r->is_live = rv == HERMES_SSE_OK;
  }
  return rv;
}

static int take_reply(hermes_sse_redis *r, const hermes_sse__reply *reply)
{
  if (!r->is_following)
    return on_look(r, reply);
  return r->tail_owed > 0 ? on_first(r, reply) : on_entries(r, reply);
}

static void on_reply(hermes_sse__connection *connection, const hermes_sse__reply *reply, void *user)
{
  hermes_sse_redis *r = user;
  int rv;

  if (reply->kind == HERMES_SSE__REPLY_ERROR || r->tail_owed == 0) {
    hermes_sse__connection_drop(connection, reply->kind == HERMES_SSE__REPLY_ERROR ? reply->text
                                                                                   : "an answer that nobody asked for");
    return;
  }
  r->tail_owed--;
  rv = take_reply(r, reply);
  if (rv < 0)
    hermes_sse__connection_drop(connection, hermes_sse_strerror(rv));
  else if (r->tail_owed == 0)
    read_on(r);
  hermes_sse__bridge_judge(r);
}

static void on_up(hermes_sse__connection *connection, void *user)
{
  hermes_sse_redis *r = user;

  (void)connection;
  hermes_sse__bridge_count(&r->figures.connected, 1);
  look(r);
}

/* An answer that was too large for us would be again: less is asked for next time, and in the end the entry is left out. */
static void on_down(hermes_sse__connection *connection, int was_up, const char *why, void *user)
{
  hermes_sse_redis *r = user;

  (void)why;
  hermes_sse__bridge_count(&r->figures.lost, was_up ? 1 : 0);
  if (hermes_sse__connection_was_too_large(connection))
    r->tail_count = r->tail_count > 1 && r->tail_count < 4 ? 1 : r->tail_count / 4;
  r->is_following = r->tail_owed = 0;
  hermes_sse__bridge_judge(r);
}

int hermes_sse__tail_start(hermes_sse_redis *r)
{
  hermes_sse__connection_options o = hermes_sse__bridge_connection(r, "tail");

  o.up = on_up;
  o.reply = on_reply;
  o.down = on_down;
  r->tail_count = MOST_AT_ONCE;
  return hermes_sse__connection_new(&o, &r->tail);
}

uint64_t hermes_sse__tail_run(hermes_sse_redis *r)
{
  uint64_t patience = r->options.timeout_ms + (r->is_following ? BLOCK_MS : 0), next;

  if (!r->tail_is_timed)
    r->tail_asked_ms = r->now_ms;
  r->tail_is_timed = 1;
  if (r->tail_owed > 0 && r->now_ms - r->tail_asked_ms >= patience)
    hermes_sse__connection_drop(r->tail, "no answer in time");
  next = hermes_sse__connection_run(r->tail, r->now_ms);
  return r->tail_owed > 0 ? hermes_sse__sooner(next, r->tail_asked_ms + patience) : next;
}
