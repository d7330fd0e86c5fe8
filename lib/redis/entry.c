#include "redis/entry.h"
#include <stdlib.h>
#include <string.h>

/* Ids that the bus takes are below (extend.h). */
#define HI_END (UINT64_C(1) << 42)
#define LO_END (UINT64_C(1) << 21)

int hermes_sse__entry_read_id(const hermes_sse__reply *reply, hermes_sse_id *id)
{
  return reply->kind == HERMES_SSE__REPLY_STRING && hermes_sse_id_parse(reply->text, reply->len, id) == HERMES_SSE_OK;
}

int hermes_sse__id_is_after(const hermes_sse_id *a, const hermes_sse_id *b)
{
  return a->hi != b->hi ? a->hi > b->hi : a->lo > b->lo;
}

static int is_in_range(const hermes_sse_id *id)
{
  return id->hi < HI_END && id->lo < LO_END;
}

hermes_sse_id hermes_sse__id_before(hermes_sse_id id)
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

/* An id that is out of range has no place: then it is told where the next one has one, as Redis goes on from there and perhaps all are
 * from now on. */
int hermes_sse__entry_missing(hermes_sse_redis *r, hermes_sse_slice topic, int reason, const hermes_sse_id *id)
{
  hermes_sse_id to = *id;
  int rv;

  if (!is_in_range(id) && id->hi < HI_END - 1) {
    to = (hermes_sse_id){ .hi = id->hi + 1 };
  } else if (!is_in_range(id)) {
    hermes_sse_bus_head(r->bus, &to);
    to.lo = to.lo < LO_END - 1 ? to.lo + 1 : 0;
    to.hi += to.lo == 0;
  }
  rv = hermes_sse_bus_gap(r->bus, topic, reason, &to);
  return rv == HERMES_SSE_ERR_BAD_ID ? HERMES_SSE_OK : rv; /* the bus has more already */
}

/* The first of them is logged, the second, the fourth ... */
int hermes_sse__entry_pass_over(hermes_sse_redis *r, const hermes_sse_id *id, const char *why)
{
  uint64_t n = atomic_fetch_add(&r->figures.malformed, 1) + 1;

  if (hermes_sse__is_power(n))
    hermes_sse__log_line(&r->env, HERMES_SSE_LOG_ERROR, "an entry of %s %s", r->stream_key, why);
  return hermes_sse__entry_missing(r, hermes_sse_str("*"), HERMES_SSE_GAP_BRIDGE, id);
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
  if (is_in_range(id))
    return HERMES_SSE_OK; /* read back once more: the bus has it */
  return hermes_sse__entry_pass_over(r, id, "has an id that is out of range");
}

int hermes_sse__entry_take(hermes_sse_redis *r, const hermes_sse__reply *entry)
{
  hermes_sse_message m = { .size = sizeof m };
  hermes_sse_id id;
  int rv;

  if (entry->kind != HERMES_SSE__REPLY_ARRAY || entry->n != 2 || !hermes_sse__entry_read_id(&entry->items[0], &id))
    return HERMES_SSE_ERR_BAD_DATA;
  if (read_fields(&entry->items[1], &m))
    rv = hermes_sse__entry_missing(r, m.topic, HERMES_SSE_GAP_BRIDGE, &id);
  else
    rv = take_message(r, &id, &m);
  if (rv == HERMES_SSE_ERR_NOMEM)
    return rv;
  hermes_sse__bridge_count(&r->figures.received, 1);
  hermes_sse__bridge_set(&r->figures.received_ms, r->now_ms);
  if (hermes_sse__id_is_after(&id, &r->last_id))
    r->last_id = id;
  return HERMES_SSE_OK;
}
