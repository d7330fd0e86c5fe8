#include "splice.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIRE = 8192 };

static void keep(client *c, record r)
{
  if (c->n_records == c->room) {
    c->room = 2 * c->room + 256;
    c->records = realloc(c->records, c->room * sizeof *c->records);
    if (!c->records)
      splice_fail("out of memory");
  }
  c->records[c->n_records++] = r;
}

static uint32_t place(hermes_sse_slice text)
{
  hermes_sse_id id;

  if (hermes_sse_id_parse(text.ptr, text.len, &id) != HERMES_SSE_OK || id.lo > UINT32_MAX)
    splice_fail("not an id: '%.*s'", (int)text.len, (const char *)text.ptr);
  return (uint32_t)id.lo;
}

/* "name":"<id>" or "name":null in a gap's data. */
static uint32_t member(hermes_sse_slice data, const char *name)
{
  const char *at = memmem(data.ptr, data.len, name, strlen(name));

  if (!at)
    splice_fail("no %s in the gap %.*s", name, (int)data.len, (const char *)data.ptr);
  at += strlen(name);
  return *at == '"' ? place((hermes_sse_slice){ .ptr = at + 1, .len = strcspn(at + 1, "\"") }) : 0;
}

static void took(client *c, const hermes_sse_event *e, totals *t)
{
  char text[32];
  unsigned publisher, number;

  if (e->type.len == 3 && memcmp(e->type.ptr, "gap", 3) == 0) {
    if (c->observes)
      splice_fail("the observer is told of a gap: %.*s", (int)e->data.len, (const char *)e->data.ptr);
    keep(c, (record){ .what = GAP, .at = member(e->data, "\"from\":"), .to = member(e->data, "\"to\":") });
    t->gaps++;
    return;
  }
  snprintf(text, sizeof text, "%.*s", (int)e->data.len, (const char *)e->data.ptr);
  if (sscanf(text, "%u:%u", &publisher, &number) != 2)
    splice_fail("an event that nobody published: '%s'", text);
  keep(c, (record){ .what = EVENT, .at = place(e->id), .name = publisher << 24 | number });
  t->events++;
}

static void parse(client *c, const char *bytes, size_t n, totals *t)
{
  hermes_sse_event e = { .size = sizeof e };
  hermes_sse_slice id;
  int found;

  hermes_sse_parser_feed(c->parser, bytes, n);
  while ((found = hermes_sse_parser_next(c->parser, &e)) != 0) {
    if (found < 0)
      splice_fail("the parser: %s", hermes_sse_status_name(found));
    took(c, &e, t);
  }
  id = hermes_sse_parser_last_event_id(c->parser);
  snprintf(c->cursor, sizeof c->cursor, "%.*s", (int)id.len, (const char *)id.ptr);
}

static void choose_kinds(client *c, uint64_t *random)
{
  static const char *const patterns[] = { "roomy-*", "tight-*", "conflated-*" };
  static const unsigned from[] = { 0, TIGHT_FROM, CONFLATED_FROM, TOPICS };

  c->n_follows = 1 + splice_chance(random, SUBSCRIPTIONS);
  for (size_t i = 0; i < c->n_follows; i++) {
    unsigned topic = splice_chance(random, TOPICS), key = splice_chance(random, KEYS), group;

    switch (splice_chance(random, 8)) {
    case 0:
      group = splice_chance(random, 3);
      c->follows[i] = (hermes_sse_subscription){ .topic = hermes_sse_str(patterns[group]) };
      for (topic = from[group]; topic < from[group + 1]; topic++)
        for (key = 0; key < KEYS; key++)
          c->follows_kinds |= kind(topic, key);
      break;
    case 1:
    case 2:
    case 3:
      c->follows[i] = (hermes_sse_subscription){ .topic = hermes_sse_str(splice_topics[topic]),
                                                 .key = hermes_sse_str(splice_keys[key]) };
      c->follows_kinds |= kind(topic, key);
      break;
    default:
      c->follows[i] = (hermes_sse_subscription){ .topic = hermes_sse_str(splice_topics[topic]) };
      for (key = 0; key < KEYS; key++)
        c->follows_kinds |= kind(topic, key);
    }
  }
}

void splice_client_init(client *c, uint64_t *random, int observes)
{
  memset(c, 0, sizeof *c);
  c->observes = observes;
  c->capacity = observes ? 1 << 22 : 256 + splice_chance(random, WIRE);
  c->wire = malloc(c->capacity);
  if (!c->wire || hermes_sse_parser_new(NULL, &c->parser) != HERMES_SSE_OK)
    splice_fail("out of memory");
  if (!observes) {
    choose_kinds(c, random);
    return;
  }
  c->follows[0] = (hermes_sse_subscription){ .topic = hermes_sse_str("*") };
  c->n_follows = 1;
  c->follows_kinds = ~UINT64_C(0);
}

void splice_client_clear(client *c)
{
  hermes_sse_parser_free(c->parser);
  free(c->wire);
  free(c->records);
}

void splice_client_attach(client *c, loop *l)
{
  hermes_sse_stream_options o = { .size = sizeof o, .user = c, .topics = c->follows, .n_topics = c->n_follows };
  hermes_sse_id from;

  o.last_event_id = hermes_sse_str(c->cursor);
  if (!c->observes && splice_chance(&l->random, 4) == 0)
    o.flags = HERMES_SSE_STREAM_PULL;
  c->pulls = o.flags != 0;
  if (hermes_sse_stream_open(l->hub, &o, &c->stream) != HERMES_SSE_OK ||
      hermes_sse_stream_position(c->stream, &from) != HERMES_SSE_OK)
    splice_fail("a stream does not open");
  if (c->cursor[0])
    from.lo = place(o.last_event_id);
  keep(c, (record){ .what = c->cursor[0] ? RESUMED : ATTACHED, .at = (uint32_t)from.lo });
  l->totals.attached++;
  l->totals.resumed += c->cursor[0] != 0;
  c->full = 0;
}

void splice_client_cut(client *c, loop *l)
{
  splice_client_read(c, l, splice_chance(&l->random, (unsigned)c->on_wire + 1));
  l->totals.bytes_lost += c->on_wire;
  l->totals.cuts++;
  c->on_wire = 0;
  hermes_sse_parser_reset(c->parser);
  hermes_sse_stream_free(c->stream);
  c->stream = NULL;
}

void splice_client_read(client *c, loop *l, size_t bytes)
{
  size_t n = bytes < c->on_wire ? bytes : c->on_wire;

  parse(c, c->wire, n, &l->totals);
  c->on_wire -= n;
  memmove(c->wire, c->wire + n, c->on_wire);
  if (c->full && c->on_wire < c->capacity) {
    c->full = 0;
    hermes_sse_stream_writable(c->stream);
  }
}

void splice_client_pull(client *c, loop *l)
{
  hermes_sse_ssize n = 0;

  while (c->pulls && c->on_wire < c->capacity) {
    size_t room = c->capacity - c->on_wire, some = 1 + splice_chance(&l->random, 700);

    n = hermes_sse_stream_read(c->stream, c->wire + c->on_wire, some < room ? some : room);
    if (n <= 0)
      break;
    c->on_wire += (size_t)n;
  }
  if (n < 0 && n != HERMES_SSE_ERR_EOF)
    splice_fail("pull: %s", hermes_sse_status_name((int)n));
}

hermes_sse_ssize splice_client_writev(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  client *c = user;
  size_t taken = 0, limit = c->capacity - c->on_wire;

  (void)stream;
  if (!c->observes) {
    uint64_t *random = &splice_current->random;

    switch (splice_chance(random, 2000)) {
    case 0:
      return HERMES_SSE_ERR_PEER;
    case 1:
    case 2:
    case 3:
    case 4:
      limit = limit < 3 ? limit : splice_chance(random, 3);
      break;
    default:
      if (splice_chance(random, 3) == 0)
        limit = splice_chance(random, (unsigned)limit + 1);
    }
  }
  for (int i = 0; i < n && taken < limit; i++) {
    size_t some = iov[i].iov_len < limit - taken ? iov[i].iov_len : limit - taken;

    memcpy(c->wire + c->on_wire, iov[i].iov_base, some);
    c->on_wire += some;
    taken += some;
    c->full |= some < iov[i].iov_len;
  }
  c->full |= taken == limit;
  return taken > 0 ? (hermes_sse_ssize)taken : HERMES_SSE_ERR_AGAIN;
}
