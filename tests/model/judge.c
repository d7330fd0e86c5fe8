#include "parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 1: published after the subscription began, and passed by the filter. */
static int is_wanted(const client *c, uint64_t n)
{
  unsigned topic = m.published[n].topic, key = m.published[n].key;

  if (c->filters && m.published[n].meta % 2)
    return 0;
  for (size_t i = 0; i < c->n_follows; i++) {
    const following *f = &c->follows[i];

    if (n > f->since && (f->topic == TOPICS || f->topic == topic) && (f->key == 0 || f->key == key))
      return 1;
  }
  return 0;
}

/* A newer one of its key may take its place. */
static int may_be_left_out(const client *c, uint64_t n)
{
  if (m.published[n].key == 0 || n >= m.complete_from)
    return 0;
  return m.published[n].topic == CONFLATED || c->throttles;
}

uint64_t judge_lost(const client *c, uint64_t end)
{
  for (uint64_t n = c->at + 1; n < end && n <= m.n_published; n++)
    if (is_wanted(c, n) && !(c->told >> m.published[n].topic & 1) && !may_be_left_out(c, n))
      return n;
  return 0;
}

uint64_t judge_place(hermes_sse_slice id)
{
  hermes_sse_id parsed;

  if (hermes_sse_id_parse(id.ptr, id.len, &parsed) != HERMES_SSE_OK)
    model_fail("not an id: '%.*s'", (int)id.len, (const char *)id.ptr);
  return parsed.lo;
}

static unsigned may_lose(const client *c)
{
  return m.options.is_bounded || m.hub_floor[c->hub] > 0 ? ALL_TOPICS : 1u << TIGHT | 1u << CLOSING;
}

static int follows_any(const client *c, unsigned topics)
{
  for (size_t i = 0; i < c->n_follows; i++)
    if (c->follows[i].topic == TOPICS || topics >> c->follows[i].topic & 1)
      return 1;
  return 0;
}

static void judge_gap(client *c, const hermes_sse_event *event)
{
  int is_foreign = memmem(event->data.ptr, event->data.len, "restarted", 9) ||
                   memmem(event->data.ptr, event->data.len, "unknown", 7);

  m.figures.gaps++;
  if (is_foreign)
    return;
  if (!c->has_dropped && !follows_any(c, may_lose(c)))
    model_fail("client %d: a gap where nothing can be lost: %.*s", (int)(c - m.clients), (int)event->data.len,
               (const char *)event->data.ptr);
  c->told |= may_lose(c);
}

static void judge_number(client *c, const hermes_sse_event *event)
{
  uint64_t n = strtoull(event->data.ptr, NULL, 10), lost;
  int number = (int)(c - m.clients);

  if (n < 1 || n > m.n_published || judge_place(event->id) != n)
    model_fail("client %d: event %llu has the id %.*s", number, (unsigned long long)n, (int)event->id.len,
               (const char *)event->id.ptr);
  if (m.options.skip_event && (uint64_t)m.options.skip_event <= n) {
    m.options.skip_event = 0;
    return;
  }
  if (n <= c->at)
    model_fail("client %d: %llu came, it was at %llu", number, (unsigned long long)n, (unsigned long long)c->at);
  if (!is_wanted(c, n)) {
    if (c->left_over == 0)
      model_fail("client %d: %llu came, which it does not follow", number, (unsigned long long)n);
    c->left_over--;
    return;
  }
  lost = judge_lost(c, n);
  if (lost)
    model_fail("client %d: after %llu came %llu; %llu is lost", number, (unsigned long long)c->at,
               (unsigned long long)n, (unsigned long long)lost);
  c->at = n;
  c->told &= ~(1u << m.published[n].topic);
  m.figures.came++;
}

void judge_event(client *c, const hermes_sse_event *event)
{
  hermes_sse_slice type = event->type;

  if (type.len == 3 && memcmp(type.ptr, "gap", 3) == 0)
    judge_gap(c, event);
  else if (type.len == 1 && *(const char *)type.ptr == 'n')
    judge_number(c, event);
  else if (type.len == 1 && *(const char *)type.ptr == 's')
    c->sends_came++;
  else if (type.len != 2)
    model_fail("client %d: an event that nobody sent: %.*s", (int)(c - m.clients), (int)type.len,
               (const char *)type.ptr);
}

/* Greeting, gap or heartbeat: its id may not pass over anything. */
void judge_id(client *c, hermes_sse_slice id)
{
  uint64_t at, lost;

  if (id.len == 0 || (id.len == strlen(c->cursor) && memcmp(id.ptr, c->cursor, id.len) == 0))
    return;
  snprintf(c->cursor, sizeof c->cursor, "%.*s", (int)id.len, (const char *)id.ptr);
  at = judge_place(id);
  lost = judge_lost(c, at + 1);
  if (lost)
    model_fail("client %d: its id %llu passes over %llu", (int)(c - m.clients), (unsigned long long)at,
               (unsigned long long)lost);
  if (at > m.n_published)
    model_fail("client %d: an id from the future, %llu", (int)(c - m.clients), (unsigned long long)at);
  c->at = at > c->at ? at : c->at;
}
