#include "redis/bridge.h"
#include "redis/scripts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_AT_ONCE = 256, BLOCK_MS = 4000 };

/* Ids that the bus takes are below (extend.h). */
#define HI_END (UINT64_C(1) << 42)
#define LO_END (UINT64_C(1) << 21)

/* ---- entries ---- */

static int read_id(const hermes_sse__reply *reply, hermes_sse_id *id)
{
  return reply->kind == HERMES_SSE__REPLY_STRING && hermes_sse_id_parse(reply->text, reply->len, id) == HERMES_SSE_OK;
}

static int is_after(const hermes_sse_id *a, const hermes_sse_id *b)
{
  return a->hi != b->hi ? a->hi > b->hi : a->lo > b->lo;
}

/* The last id that may be before this one. */
static hermes_sse_id before(hermes_sse_id id)
{
  if (id.lo > 0)
    return (hermes_sse_id){ .hi = id.hi, .lo = id.lo - 1 };
  return (hermes_sse_id){ .hi = id.hi > 0 ? id.hi - 1 : 0, .lo = LO_END - 1 };
}

static hermes_sse_slice slice_of(const hermes_sse__reply *text)
{
  return (hermes_sse_slice){ .ptr = text->text, .len = text->len };
}

/* 1: a mark, whose topic is the message's. */
static int read_fields(const hermes_sse__reply *fields, hermes_sse_message *m)
{
  int is_mark = 0;

  for (size_t i = 0; i + 1 < fields->n; i += 2) {
    const hermes_sse__reply *name = &fields->items[i], *value = &fields->items[i + 1];

    if (name->kind != HERMES_SSE__REPLY_STRING || name->len != 1 || value->kind != HERMES_SSE__REPLY_STRING)
      continue;
    switch (name->text[0]) {
    case 't':
      m->topic = slice_of(value);
      break;
    case 'k':
      m->key = slice_of(value);
      break;
    case 'e':
      m->type = slice_of(value);
      break;
    case 'd':
      m->data = slice_of(value);
      break;
    case 'm':
      m->meta = strtoull(value->text, NULL, 10);
      break;
    case 'g':
      is_mark = 1;
      break;
    default:
      break;
    }
  }
  if (is_mark && m->topic.len == 0)
    m->topic = hermes_sse_str("*");
  return is_mark;
}

/* Redis goes on from there, so that perhaps all are from now on: each is a gap, and the first of them is logged, the second, the fourth
 * ... */
static int take_out_of_range(hermes_sse_redis *r, const hermes_sse_id *id)
{
  hermes_sse_id next = { .hi = id->hi + 1 };
  uint64_t n = atomic_fetch_add(&r->figures.malformed, 1) + 1;

  if (hermes_sse__is_power(n))
    hermes_sse__log_line(&r->env, HERMES_SSE_LOG_ERROR, "an entry of %s has an id that is out of range", r->stream_key);
  if (id->hi >= HI_END - 1) { /* that place has no id either */
    hermes_sse_bus_head(r->bus, &next);
    next.lo = next.lo < LO_END - 1 ? next.lo + 1 : 0;
    next.hi += next.lo == 0;
  }
  return hermes_sse_bus_gap(r->bus, hermes_sse_str("*"), HERMES_SSE_GAP_BRIDGE, &next);
}

static int take_message(hermes_sse_redis *r, const hermes_sse_id *id, const hermes_sse_message *m)
{
  int rv = hermes_sse_bus_ingest(r->bus, id, m);

  if (rv == HERMES_SSE_OK || rv == HERMES_SSE_ERR_NOMEM || rv == HERMES_SSE_ERR_CLOSED)
    return rv;
  if (rv != HERMES_SSE_ERR_BAD_ID) {
    hermes_sse__incoming_refused(r, r->stream_key, rv);
    return HERMES_SSE_OK;
  }
  if (id->hi < HI_END && id->lo < LO_END)
    return HERMES_SSE_OK; /* read back once more: the bus has it */
  return take_out_of_range(r, id);
}

/* HERMES_SSE_ERR_NOMEM: the entry is to be read again. HERMES_SSE_ERR_BAD_DATA: it is none. */
static int take_entry(hermes_sse_redis *r, const hermes_sse__reply *entry)
{
  hermes_sse_message m = { .size = sizeof m };
  hermes_sse_id id;
  int rv;

  if (entry->kind != HERMES_SSE__REPLY_ARRAY || entry->n != 2 || !read_id(&entry->items[0], &id))
    return HERMES_SSE_ERR_BAD_DATA;
  if (read_fields(&entry->items[1], &m))
    rv = hermes_sse_bus_gap(r->bus, m.topic, HERMES_SSE_GAP_BRIDGE, &id);
  else
    rv = take_message(r, &id, &m);
  if (rv == HERMES_SSE_ERR_NOMEM)
    return rv;
  hermes_sse__bridge_count(&r->figures.received, 1);
  hermes_sse__bridge_set(&r->figures.received_ms, r->now_ms);
  if (is_after(&id, &r->last_id))
    r->last_id = id;
  return HERMES_SSE_OK;
}

/* ---- asking ---- */

static int ask(hermes_sse_redis *r, const char *const *argv)
{
  int rv = hermes_sse__connection_say(r->tail, argv);

  if (rv < 0) {
    hermes_sse__connection_drop(r->tail, hermes_sse_strerror(rv));
    return rv;
  }
  r->tail_is_asked = 1;
  r->tail_is_timed = 0;
  r->tail_asked_ms = r->now_ms;
  return HERMES_SSE_OK;
}

static void look(hermes_sse_redis *r)
{
  char id[HERMES_SSE_ID_MAX] = "", entries[24];
  uint64_t most = r->tail_count > 1 ? r->tail_count * 4 : 1; /* one comes whole, or nothing ever does */
  uint64_t n = r->options.read_back < most ? r->options.read_back : most;
  const char *const argv[] = { "EVAL", hermes_sse__script_look, "1", r->stream_key, id, entries, NULL };

  if (r->is_live)
    hermes_sse_id_format(&r->last_id, id, sizeof id);
  snprintf(entries, sizeof entries, "%llu", (unsigned long long)n);
  ask(r, argv);
}

static void read_on(hermes_sse_redis *r)
{
  char id[HERMES_SSE_ID_MAX], count[24], block[24];
  const char *const argv[] = { "XREAD", "COUNT", count, "BLOCK", block, "STREAMS", r->stream_key, id, NULL };

  hermes_sse_id_format(&r->last_id, id, sizeof id);
  snprintf(count, sizeof count, "%llu", (unsigned long long)r->tail_count);
  snprintf(block, sizeof block, "%d", BLOCK_MS);
  ask(r, argv);
}

/* ---- answers ---- */

static int begin(hermes_sse_redis *r, const hermes_sse_id *last, const hermes_sse__reply *entries)
{
  hermes_sse_slice all = hermes_sse_str("*");
  hermes_sse_id first = *last;
  int rv;

  if (entries->n > 0) {
    if (entries->items[entries->n - 1].n != 2 || !read_id(&entries->items[entries->n - 1].items[0], &first))
      return HERMES_SSE_ERR_BAD_DATA;
    first = before(first);
  }
  rv = first.hi + first.lo > 0 ? hermes_sse_bus_gap(r->bus, all, HERMES_SSE_GAP_EXPIRED, &first) : HERMES_SSE_OK;
  if (rv < 0 && rv != HERMES_SSE_ERR_BAD_ID) /* the bus has more already, of an attempt that was cut off */
    return rv;
  for (size_t i = entries->n; i > 0; i--) {
    rv = take_entry(r, &entries->items[i - 1]);
    if (rv < 0)
      return rv;
  }
  rv = hermes_sse_bus_live(r->bus);
  if (rv < 0)
    return rv;
  r->last_id = *last;
  r->is_live = 1;
  return HERMES_SSE_OK;
}

/* The last entry that we took is not there any more. Nothing is missing only if what follows it follows at once. */
static int resume(hermes_sse_redis *r, const hermes_sse_id *last, const hermes_sse__reply *next)
{
  hermes_sse_id to = *last;
  int rv = HERMES_SSE_OK;

  if (next->n > 0) {
    if (next->items[0].n != 2 || !read_id(&next->items[0].items[0], &to))
      return HERMES_SSE_ERR_BAD_DATA;
    to = before(to);
  }
  if (!is_after(&to, &r->last_id))
    return HERMES_SSE_OK;
  rv = hermes_sse_bus_gap(r->bus, hermes_sse_str("*"), HERMES_SSE_GAP_BRIDGE, &to);
  if (rv == HERMES_SSE_OK)
    r->last_id = to;
  return rv;
}

static int on_look(hermes_sse_redis *r, const hermes_sse__reply *reply)
{
  hermes_sse_id last;
  int rv = HERMES_SSE_OK;

  if (reply->kind != HERMES_SSE__REPLY_ARRAY || reply->n != 3 || !read_id(&reply->items[0], &last) ||
      reply->items[1].kind != HERMES_SSE__REPLY_INTEGER || reply->items[2].kind != HERMES_SSE__REPLY_ARRAY)
    return HERMES_SSE_ERR_BAD_DATA;
  if (!r->is_live)
    rv = begin(r, &last, &reply->items[2]);
  else if (reply->items[1].integer == 0)
    rv = resume(r, &last, &reply->items[2]);
  if (rv < 0)
    return rv;
  r->is_following = 1;
  hermes_sse__bridge_count(&r->figures.resubscribed, 1);
  hermes_sse__connection_settled(r->tail);
  return HERMES_SSE_OK;
}

static int on_entries(hermes_sse_redis *r, const hermes_sse__reply *reply)
{
  const hermes_sse__reply *entries;

  if (reply->kind == HERMES_SSE__REPLY_NIL)
    return HERMES_SSE_OK;
  if (reply->kind != HERMES_SSE__REPLY_ARRAY || reply->n != 1 || reply->items[0].n != 2 ||
      reply->items[0].kind != HERMES_SSE__REPLY_ARRAY)
    return HERMES_SSE_ERR_BAD_DATA;
  entries = &reply->items[0].items[1];
  for (size_t i = 0; i < entries->n; i++) {
    int rv = take_entry(r, &entries->items[i]);

    if (rv < 0)
      return rv;
  }
  r->tail_count = r->tail_count < MOST_AT_ONCE ? 2 * r->tail_count : MOST_AT_ONCE;
  return HERMES_SSE_OK;
}

static void on_reply(hermes_sse__connection *connection, const hermes_sse__reply *reply, void *user)
{
  hermes_sse_redis *r = user;
  int rv;

  if (reply->kind == HERMES_SSE__REPLY_ERROR || !r->tail_is_asked) {
    hermes_sse__connection_drop(connection, reply->kind == HERMES_SSE__REPLY_ERROR ? reply->text
                                                                                   : "an answer that nobody asked for");
    return;
  }
  r->tail_is_asked = 0;
  rv = r->is_following ? on_entries(r, reply) : on_look(r, reply);
  if (rv < 0)
    hermes_sse__connection_drop(connection, hermes_sse_strerror(rv));
  else
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

/* An answer that was too large for us would be again: less is asked for next time. */
static void on_down(hermes_sse__connection *connection, int was_up, const char *why, void *user)
{
  hermes_sse_redis *r = user;

  (void)why;
  hermes_sse__bridge_count(&r->figures.lost, was_up ? 1 : 0);
  if (hermes_sse__connection_was_too_large(connection))
    r->tail_count = r->tail_count > 4 ? r->tail_count / 4 : 1;
  r->is_following = r->tail_is_asked = 0;
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
  if (r->tail_is_asked && r->now_ms - r->tail_asked_ms >= patience)
    hermes_sse__connection_drop(r->tail, "no answer in time");
  next = hermes_sse__connection_run(r->tail, r->now_ms);
  return r->tail_is_asked ? hermes_sse__sooner(next, r->tail_asked_ms + patience) : next;
}
