#include "parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

hermes_sse_subscription client_subscription(const following *f)
{
  return (hermes_sse_subscription){ .topic = hermes_sse_str(f->topic == TOPICS ? "*" : model_topics[f->topic]),
                                    .key = hermes_sse_str(model_keys[f->key]),
                                    .flags = f->flags };
}

static int is_odd(const hermes_sse_message *message, void *user)
{
  (void)user;
  return message->meta % 2 == 0;
}

static following choose(uint8_t what, uint64_t since, uint64_t flags)
{
  return (following){ .topic = what % (TOPICS + 1), .key = what / 16 % KEYS, .since = since, .flags = flags };
}

static int same(const following *f, const following *g)
{
  return f->topic == g->topic && f->key == g->key;
}

/* What a client follows is chosen once: it comes back for the same. */
static void choose_follows(client *c, uint8_t how, uint8_t more)
{
  c->filters = how % 8 == 1;
  c->throttles = how % 8 == 2;
  c->n_follows = 0;
  for (unsigned i = 0; i <= how / 8 % 3u; i++) {
    following f = choose((uint8_t)(more + 37 * i), 0, 0);
    size_t k = 0;

    while (k < c->n_follows && !same(&c->follows[k], &f))
      k++;
    if (k == c->n_follows)
      c->follows[c->n_follows++] = f;
  }
}

static hermes_sse_ticket admit(const client *c)
{
  char name[8];
  hermes_sse_limit_key key = { .key_class = "principal" };
  hermes_sse_ticket ticket = { 0 };

  key.key = (hermes_sse_slice){ name, (size_t)snprintf(name, sizeof name, "p%d", (int)(c - m.clients) % PRINCIPALS) };
  hermes_sse_limits_admit(m.limits, &key, 1, m.now, NULL, &ticket);
  return ticket;
}

static void attach(client *c, uint8_t how, uint64_t place, int is_foreign, int wants_snapshot)
{
  int resumes = c->cursor[0] && !is_foreign;
  uint64_t from = resumes ? judge_place(hermes_sse_str(c->cursor)) : place;

  if (resumes && from < c->at && !c->told)
    model_fail("client %d: its cursor %llu is behind what came, %llu", (int)(c - m.clients), (unsigned long long)from,
               (unsigned long long)c->at);
  c->at = from;
  c->told = 0;
  if (!resumes && wants_snapshot) {
    c->at = 0;
    c->told = ALL_TOPICS;
  }
  /* what it followed from a place on it follows from where it was, now that it names all of it at once */
  for (size_t i = 0; i < c->n_follows; i++)
    c->follows[i].since = !resumes && !wants_snapshot ? place : 0;
  if (!resumes) { /* another page, whose parser knows nothing */
    c->cursor[0] = 0;
    hermes_sse_parser_free(c->parser);
    if (hermes_sse_parser_new(NULL, &c->parser) < 0)
      model_fail("out of memory");
  }
  c->sends = c->sends_came = 0;
  c->left_over = 0;
  c->has_dropped = 0;
  c->is_full = 0;
  c->on_wire = c->chunk_left = c->chunk_line_len = 0;
  c->capacity = 64 + how * 8u;
}

void client_come(client *c, uint8_t how, uint8_t more)
{
  static const hermes_sse_event greeting = { .size = sizeof greeting, .type = { "hi", 2 }, .data = { "hi", 2 } };
  hermes_sse_subscription subscriptions[SUBSCRIPTIONS];
  hermes_sse_stream_options o = { .size = sizeof o, .user = c, .topics = subscriptions, .ticket = admit(c) };
  int is_foreign = more % 16 == 7, wants_snapshot = more % 8 == 3;
  hermes_sse_id head;
  int rv;

  if (c->n_follows == 0)
    choose_follows(c, how, more);
  for (size_t i = 0; i < c->n_follows; i++) {
    c->follows[i].flags = wants_snapshot ? HERMES_SSE_SUBSCRIPTION_SNAPSHOT : 0;
    subscriptions[i] = client_subscription(&c->follows[i]);
  }
  o.n_topics = c->n_follows;
  c->hub = how / 2 % HUBS;
  c->pulls = how % 3 == 0;
  c->is_chunked = how % 5 == 0;
  o.flags = (c->pulls ? HERMES_SSE_STREAM_PULL : 0u) | (c->is_chunked ? HERMES_SSE_STREAM_CHUNKED : 0u);
  o.last_event_id = hermes_sse_str(is_foreign ? (more & 16 ? "1-1" : "?") : c->cursor);
  o.greeting = how & 64 ? &greeting : NULL;
  o.filter = c->filters ? is_odd : NULL;
  o.throttle_ms = c->throttles ? 40 : 0;
  if (how % 16 == 9)
    o.lifetime_ms = 300;
  hermes_sse_bus_head(m.bus, &head);
  rv = hermes_sse_stream_open(m.hubs[c->hub], &o, &c->stream);
  if (rv < 0) {
    if (rv != HERMES_SSE_ERR_NOMEM || m.options.fail_every == 0)
      model_fail("open: %s", hermes_sse_status_name(rv));
    hermes_sse_ticket_release(&o.ticket);
    return;
  }
  m.n_opened++;
  attach(c, how, head.lo, is_foreign, wants_snapshot);
}

static void parse(client *c, const char *bytes, size_t n)
{
  hermes_sse_event e = { .size = sizeof e };
  int found;

  hermes_sse_parser_feed(c->parser, bytes, n);
  while ((found = hermes_sse_parser_next(c->parser, &e)) != 0) {
    if (found < 0)
      model_fail("the parser: %s", hermes_sse_status_name(found));
    judge_event(c, &e);
    if (e.id.len > 0 && e.type.len == 1 && *(const char *)e.type.ptr == 'n')
      snprintf(c->cursor, sizeof c->cursor, "%.*s", (int)e.id.len, (const char *)e.id.ptr);
  }
  judge_id(c, hermes_sse_parser_last_event_id(c->parser));
}

/* The next byte of chunk framing; its payload goes to the parser a byte at a time. */
static void unchunk(client *c, char byte)
{
  if (c->chunk_left > 2) {
    parse(c, &byte, 1);
    c->chunk_left--;
  } else if (c->chunk_left > 0) {
    if (byte != "\n\r"[c->chunk_left - 1])
      model_fail("client %d: a chunk without its end", (int)(c - m.clients));
    c->chunk_left--;
  } else if (byte == '\n') {
    size_t size = strtoul(c->chunk_line, NULL, 16);

    c->chunk_left = size > 0 ? size + 2 : 2;
    c->chunk_line_len = 0;
    memset(c->chunk_line, 0, sizeof c->chunk_line);
  } else if (c->chunk_line_len + 1 < sizeof c->chunk_line) {
    c->chunk_line[c->chunk_line_len++] = byte;
  }
}

void client_read(client *c, size_t bytes)
{
  size_t n = bytes < c->on_wire ? bytes : c->on_wire;

  if (c->is_chunked)
    for (size_t i = 0; i < n; i++)
      unchunk(c, c->wire[i]);
  else
    parse(c, c->wire, n);
  c->on_wire -= n;
  memmove(c->wire, c->wire + n, c->on_wire);
  if (c->is_full && c->stream && !c->pulls && !c->is_stalled) {
    c->is_full = 0;
    hermes_sse_stream_writable(c->stream);
  }
}

void client_leave(client *c, unsigned share)
{
  if (!c->stream)
    return;
  hermes_sse_stream_free(c->stream);
  c->stream = NULL;
  client_read(c, c->on_wire * share / 255);
  m.figures.cuts += c->on_wire > 0;
  c->on_wire = 0;
  hermes_sse_parser_reset(c->parser);
}

static void take(client *c, const void *bytes, size_t n)
{
  memcpy(c->wire + c->on_wire, bytes, n);
  c->on_wire += n;
}

static void pull(client *c, uint8_t how)
{
  struct iovec iov[4];
  hermes_sse_frame *frames[4];
  size_t room = c->capacity - c->on_wire, taken = 0;
  hermes_sse_ssize n;

  if (room == 0)
    return;
  if (how % 3 == 0) {
    n = hermes_sse_stream_read(c->stream, c->wire + c->on_wire, room);
    c->on_wire += n > 0 ? (size_t)n : 0;
  } else if (how % 3 == 1) {
    n = hermes_sse_stream_peek(c->stream, iov, 4, room);
    for (int i = 0; i < n && taken < room; i++) {
      size_t some = iov[i].iov_len < room - taken ? iov[i].iov_len : room - taken;

      take(c, iov[i].iov_base, some);
      taken += some;
    }
    if (n > 0 && hermes_sse_stream_advance(c->stream, taken) != HERMES_SSE_OK)
      model_fail("advance");
  } else {
    /* whole vectors: as many as surely have room */
    n = room >= 1500 ? hermes_sse_stream_take(c->stream, iov, frames, 2, 200) : 0;
    for (int i = 0; i < n; i++) {
      if (c->on_wire + iov[i].iov_len > WIRE)
        model_fail("a vector of %zu bytes", iov[i].iov_len);
      take(c, iov[i].iov_base, iov[i].iov_len);
      hermes_sse_frame_release(frames[i]);
    }
  }
  if (n < 0 && n != HERMES_SSE_ERR_EOF && (n != HERMES_SSE_ERR_NOMEM || m.options.fail_every == 0))
    model_fail("pull: %s", hermes_sse_status_name((int)n));
}

static void check_reason(const client *c, int reason)
{
  unsigned long long number = (unsigned long long)(c - m.clients);

  if (reason == HERMES_SSE_CLOSE_SLOW && m.options.fail_every == 0 && !m.options.is_bounded) {
    for (size_t i = 0; i < c->n_follows; i++)
      if (c->follows[i].topic == CLOSING || c->follows[i].topic == TOPICS)
        return;
    model_fail("client %llu was closed as slow, where no topic says so", number);
  }
  if (reason == HERMES_SSE_CLOSE_DENIED || reason == HERMES_SSE_CLOSE_DRAIN)
    model_fail("client %llu: %s", number, hermes_sse_close_name(reason));
}

void client_tend(client *c, uint8_t how)
{
  int reason;

  if (!c->stream)
    return;
  reason = hermes_sse_stream_reason(c->stream);
  if (reason) {
    check_reason(c, reason);
    client_leave(c, 255);
    return;
  }
  if (c->pulls && !c->is_stalled)
    pull(c, how);
  if (!c->is_stalled)
    client_read(c, how % 4 ? c->on_wire : how);
}

void client_subscribe(client *c, uint8_t what)
{
  hermes_sse_subscription s;
  hermes_sse_id head;
  following f;
  int rv;

  if (!c->stream || hermes_sse_stream_reason(c->stream) || c->n_follows == SUBSCRIPTIONS)
    return;
  hermes_sse_bus_head(m.bus, &head);
  f = choose(what, head.lo, 0);
  s = client_subscription(&f);
  for (size_t i = 0; i < c->n_follows; i++)
    if (same(&c->follows[i], &f))
      return;
  rv = hermes_sse_stream_subscribe(c->stream, &s);
  if (rv == HERMES_SSE_OK)
    c->follows[c->n_follows++] = f;
  else if (rv != HERMES_SSE_ERR_STATE && (rv != HERMES_SSE_ERR_NOMEM || m.options.fail_every == 0))
    model_fail("subscribe: %s", hermes_sse_status_name(rv));
}

void client_unsubscribe(client *c, uint8_t which)
{
  hermes_sse_subscription s;
  int rv;

  if (!c->stream || hermes_sse_stream_reason(c->stream) || c->n_follows < 2)
    return;
  which = (uint8_t)(which % c->n_follows);
  s = client_subscription(&c->follows[which]);
  rv = hermes_sse_stream_unsubscribe(c->stream, &s);
  if (rv != HERMES_SSE_OK && rv != HERMES_SSE_ERR_STATE)
    model_fail("unsubscribe: %s", hermes_sse_status_name(rv));
  if (rv == HERMES_SSE_OK) {
    /* of what the host has taken some is still on the wire */
    client_read(c, c->on_wire);
    c->follows[which] = c->follows[--c->n_follows];
    c->left_over++;
    c->has_dropped = 1;
  }
}

hermes_sse_ssize client_writev(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  client *c = user;
  size_t room = c->is_stalled ? 0 : c->capacity - c->on_wire, taken = 0;

  (void)stream;
  for (int i = 0; i < n && taken < room; i++) {
    size_t some = iov[i].iov_len < room - taken ? iov[i].iov_len : room - taken;

    take(c, iov[i].iov_base, some);
    taken += some;
  }
  c->is_full |= taken == room;
  return taken > 0 ? (hermes_sse_ssize)taken : HERMES_SSE_ERR_AGAIN;
}

void client_check(const client *c)
{
  uint64_t lost = judge_lost(c, m.n_published + 1);

  if (lost)
    model_fail("client %d: after %llu nothing came; %llu is lost", (int)(c - m.clients), (unsigned long long)c->at,
               (unsigned long long)lost);
  if (c->stream && c->sends_came != c->sends)
    model_fail("client %d: %zu of %zu events of its own came", (int)(c - m.clients), c->sends_came, c->sends);
}
