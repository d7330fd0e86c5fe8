#include "splice.h"
#include <stdio.h>
#include <stdlib.h>

/* Place n of the order: 0 is before all events. */
static struct {
  uint8_t *kind;
  uint32_t *name;
  uint32_t last;
  uint32_t complete_from; /* from here on no conflated event may be missing either */
} order;

void splice_order(const client *observer, uint8_t *const published[], const uint32_t n_published[], size_t last)
{
  uint32_t next[PUBLISHERS + 1] = { 0 };
  size_t events = 0, expected = 0;

  order.kind = calloc(observer->n_records + 2, 1);
  order.name = calloc(observer->n_records + 2, sizeof *order.name);
  if (!order.kind || !order.name)
    splice_fail("out of memory");
  for (size_t i = 0; i < observer->n_records; i++) {
    const record *r = &observer->records[i];
    unsigned publisher = r->name >> 24;

    if (r->what != EVENT)
      continue;
    if (r->at != ++order.last)
      splice_fail("the observer got place %u after %u", r->at, order.last - 1);
    if (publisher > PUBLISHERS || (r->name & 0xffffff) != next[publisher]++)
      splice_fail("publisher %u: its event %u came after %u others", publisher, r->name & 0xffffff, next[publisher]);
    order.kind[r->at] = published[publisher][r->name & 0xffffff];
    order.name[r->at] = r->name;
    events++;
  }
  for (int i = 0; i <= PUBLISHERS; i++)
    expected += n_published[i];
  if (events != expected)
    splice_fail("the observer got %zu events of %zu", events, expected);
  order.complete_from = order.last - (uint32_t)last + 1;
}

void splice_order_clear(void)
{
  free(order.kind);
  free(order.name);
}

static unsigned topic_of(uint32_t at)
{
  return order.kind[at] / KEYS;
}

static int is_followed(const client *c, uint32_t at)
{
  return at <= order.last && (c->follows_kinds >> order.kind[at] & 1);
}

/* A client's records, while they are judged. */
typedef struct judgement {
  const client *c;
  size_t number; /* the client's */
  size_t i;      /* record */
  uint32_t at;   /* up to here all came, or is told as lost */
  uint32_t told; /* topics, by bit, of which a gap was told: until their next event comes, events may be missing */
} judgement;

#define FAIL(j, ...) (show(j), splice_fail(__VA_ARGS__))

/* What it followed, and its last records, before the verdict. */
static void show(const judgement *j)
{
  static const char *const names[] = { "attached", "resumed", "event", "gap" };
  const client *c = j->c;

  for (size_t f = 0; f < c->n_follows; f++)
    printf("client %zu follows %s %s\n", j->number, (const char *)c->follows[f].topic.ptr,
           c->follows[f].key.len > 0 ? (const char *)c->follows[f].key.ptr : "");
  for (size_t n = j->i < 12 ? 0 : j->i - 12; n <= j->i && n < c->n_records; n++)
    printf("%s %u to %u\n", names[c->records[n].what], c->records[n].at, c->records[n].to);
}

/* The first event after j->at, and before `end`, that had to come. 0: none. */
static uint32_t lost_before(const judgement *j, uint32_t end)
{
  for (uint32_t n = j->at + 1; n < end && n <= order.last; n++)
    if (is_followed(j->c, n) && !(j->told >> topic_of(n) & 1) &&
        (topic_of(n) < CONFLATED_FROM || n >= order.complete_from))
      return n;
  return 0;
}

/* What comes next of the topic is not the next that there was. */
static int is_missing_some(const judgement *j, uint32_t after, unsigned topic)
{
  uint32_t came = order.last + 1, n = after + 1;

  for (size_t i = j->i + 1; i < j->c->n_records; i++)
    if (j->c->records[i].what == EVENT && topic_of(j->c->records[i].at) == topic) {
      came = j->c->records[i].at;
      break;
    }
  while (n < came && !(is_followed(j->c, n) && topic_of(n) == topic))
    n++;
  return n < came;
}

static void judge_gap(judgement *j)
{
  const record *r = &j->c->records[j->i];
  uint32_t lost = lost_before(j, r->at + 1);
  int is_true = 0;

  if (lost)
    FAIL(j, "a gap from %u, but %u did not come", r->at, lost);
  if (r->to && (r->to <= j->at || !is_followed(j->c, r->to)))
    FAIL(j, "at %u a gap to %u, which is not to come", j->at, r->to);
  for (unsigned topic = TIGHT_FROM; topic < CONFLATED_FROM; topic++) {
    if (j->c->follows_kinds >> topic * KEYS & ((1U << KEYS) - 1))
      is_true |= is_missing_some(j, r->at, topic);
    j->told |= 1U << topic;
  }
  if (!is_true)
    FAIL(j, "a gap from %u to %u, but nothing is missing", r->at, r->to);
  j->at = r->at > j->at ? r->at : j->at;
}

static void judge_event(judgement *j)
{
  const record *r = &j->c->records[j->i];
  uint32_t lost;

  if (r->at <= j->at || !is_followed(j->c, r->at))
    FAIL(j, "at %u came %u, doubled or not followed", j->at, r->at);
  if (r->name != order.name[r->at])
    FAIL(j, "another event than others got in place %u", r->at);
  if ((lost = lost_before(j, r->at)))
    FAIL(j, "after %u came %u; %u is lost", j->at, r->at, lost);
  j->at = r->at;
  j->told &= ~(1U << topic_of(r->at));
}

static void judge_resumed(judgement *j)
{
  const record *r = &j->c->records[j->i];
  uint32_t lost;

  if (r->at < j->at)
    FAIL(j, "came back from %u, was at %u", r->at, j->at);
  if ((lost = lost_before(j, r->at + 1)))
    FAIL(j, "its id %u passes over %u", r->at, lost);
  j->at = r->at;
}

void splice_judge(const client *c, size_t number)
{
  judgement j = { .c = c, .number = number };
  uint32_t lost;

  for (j.i = 0; j.i < c->n_records; j.i++)
    switch (c->records[j.i].what) {
    case ATTACHED:
      j.at = c->records[j.i].at;
      j.told = 0;
      break;
    case RESUMED:
      judge_resumed(&j);
      break;
    case EVENT:
      judge_event(&j);
      break;
    case GAP:
      judge_gap(&j);
    }
  if ((lost = lost_before(&j, order.last + 1)))
    FAIL(&j, "after %u nothing came; %u is lost", j.at, lost);
}
