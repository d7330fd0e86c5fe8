/* Clients that come, are cut off at any byte and come back, against a model of what each must have seen: nothing lost,
 * nothing doubled, nothing out of order, and no gap but a true one. HERMES_SSE_TESTS=long: many more runs. */
#include "suite.h"
#include "world.h"

enum {
  TOPICS = 3,
  KEYS = 3,
  CLIENTS = 6,
  HUBS = 2,
  STEPS = 400,
  TIGHT = 0,
  TIGHT_KEEPS = KEYS,
  EVENTS_MAX = 2000,
  SUBSCRIPTIONS = 3
};

static const char *const topics[TOPICS] = { "a", "b", "c" };
static const char *const keys[KEYS] = { NULL, "k", "l" };

typedef struct client {
  sink sink;
  hermes_sse_subscription follows[SUBSCRIPTIONS];
  size_t n_follows;
  size_t hub;
  uint64_t flags;
  char cursor[64];   /* last event id, as it would send it */
  uint64_t progress; /* all that it follows up to here came, or was told as lost */
  int told;          /* a gap was told: events of the topic that drops may be missing until its next one comes */
} client;

static struct {
  world w;
  hermes_sse_hub *hubs[HUBS];
  struct {
    int topic, key;
  } published[EVENTS_MAX]; /* number n has the id <run>-<n + 1> */
  size_t n_published;
  client clients[CLIENTS];
  uint64_t random;
  int evicts; /* retention is tight: gaps may be told */
  size_t gaps, came, cuts;
} m;

static unsigned chance(unsigned below)
{
  m.random = m.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (unsigned)(m.random >> 33) % below;
}

static int matches(const client *c, size_t number)
{
  const char *topic = topics[m.published[number].topic], *key = keys[m.published[number].key];

  for (size_t i = 0; i < c->n_follows; i++)
    if (strcmp(c->follows[i].topic.ptr, topic) == 0 &&
        (c->follows[i].key.len == 0 || (key && strcmp(c->follows[i].key.ptr, key) == 0)))
      return 1;
  return 0;
}

/* The place of the next event that this client must see, 0 if there is none. */
static uint64_t expected(const client *c)
{
  for (size_t n = c->progress; n < m.n_published; n++)
    if (matches(c, n) && !(c->told && m.published[n].topic == TIGHT))
      return n + 1;
  return 0;
}

static uint64_t place(const char *id)
{
  hermes_sse_id parsed;

  ck_assert_msg(hermes_sse_id_parse(id, strlen(id), &parsed) == HERMES_SSE_OK, "id '%s'", id);
  return parsed.lo;
}

static void judge_gap(client *c, const received *r)
{
  char from[96];
  uint64_t next = expected(c);

  if (strstr(r->data, "\"reason\":\"slow\"}")) { /* the stream knows what it took: perhaps more than it has an id for */
    snprintf(from, sizeof from, "{\"from\":\"%s\",", r->id);
    ck_assert_uint_ge(place(r->id), c->progress);
    ck_assert(next == 0 || place(r->id) < next);
  } else {
    snprintf(from, sizeof from, "{\"from\":\"%s\",", c->cursor);
    ck_assert_ptr_nonnull(strstr(r->data, "\"reason\":\"expired\"}"));
  }
  ck_assert_msg(strncmp(r->data, from, strlen(from)) == 0, "%s does not begin %s", r->data, from);
  ck_assert_msg(m.evicts, "a gap where nothing was dropped: %s", r->data);
  ck_assert_uint_ge(place(r->id), c->progress);
  c->told = 1;
  m.gaps++;
}

static void judge(client *c, const received *r)
{
  uint64_t next = expected(c);

  if (strcmp(r->type, "gap") == 0) {
    judge_gap(c, r);
  } else if (strcmp(r->type, "n") == 0) {
    uint64_t number = strtoull(r->data, NULL, 10);

    if (c->told && m.published[number - 1].topic == TIGHT)
      ck_assert_msg(matches(c, number - 1) && number > c->progress && (next == 0 || number < next),
                    "%llu came, %llu was to come", (unsigned long long)number, (unsigned long long)next);
    else
      ck_assert_msg(number == next, "%llu came, %llu was to come", (unsigned long long)number,
                    (unsigned long long)next);
    ck_assert_uint_eq(place(r->id), number);
    c->told = c->told && m.published[number - 1].topic != TIGHT;
    c->progress = number;
    m.came++;
  } else if (r->id[0]) { /* a greeting or a heartbeat: its id may not pass over anything */
    uint64_t at = place(r->id);

    ck_assert_msg(next == 0 || at < next, "'%s%s' promises %llu, but %llu did not come", r->data, r->comment,
                  (unsigned long long)at, (unsigned long long)next);
    ck_assert_uint_ge(at, c->progress);
    c->progress = at;
  }
  if (r->id[0])
    memcpy(c->cursor, r->id, sizeof c->cursor);
}

/* Where the last whole unit (chunk, or event) before `n` ends. */
static size_t whole(const sink *s, size_t n)
{
  size_t at = 0;

  if (s->chunked) {
    while (at < n) {
      char *rest;
      size_t size = strtoul(s->bytes + at, &rest, 16), end = (size_t)(rest - s->bytes) + 2 + size + 2;

      if (size == 0 || end > n)
        break;
      at = end;
    }
    return at;
  }
  for (size_t i = 2; i <= n; i++)
    if (s->bytes[i - 1] == '\n' && s->bytes[i - 2] == '\n')
      at = i;
  return at;
}

/* What came so far is judged, but for the last bytes, which a cut connection loses. */
static void read_all(client *c, int cut)
{
  static received r[4096];
  size_t n, end = c->sink.n;

  if (end == 0)
    return;
  sink_take(&c->sink, "", 1); /* a NUL for strtoul */
  if (cut)
    end = chance((unsigned)end + 1);
  c->sink.n = whole(&c->sink, end);
  n = c->sink.n > 0 ? sink_read(&c->sink, r, 4096, NULL) : 0;
  for (size_t i = 0; i < n; i++)
    judge(c, &r[i]);
}

static void leave(client *c, int cut)
{
  hermes_sse_stream_free(c->sink.stream);
  c->sink.stream = NULL;
  m.cuts += (size_t)cut;
  read_all(c, cut);
  sink_clear(&c->sink);
}

static void come(client *c)
{
  static const hermes_sse_event greeting = { .size = sizeof greeting, .type = { "hi", 2 }, .data = { "hi", 2 } };
  hermes_sse_stream_options o = { .size = sizeof o,
                                  .user = &c->sink,
                                  .topics = c->follows,
                                  .n_topics = c->n_follows,
                                  .last_event_id = hermes_sse_str(c->cursor),
                                  .greeting = chance(2) ? &greeting : NULL };

  sink_init(&c->sink);
  c->hub = chance(HUBS);
  o.flags = chance(4); /* pull, chunked */
  c->flags = o.flags;
  c->sink.chunked = (o.flags & HERMES_SSE_STREAM_CHUNKED) != 0;
  c->sink.per_call = chance(3) ? 0 : 1 + chance(40);
  if (!c->cursor[0])
    c->progress = m.n_published;
  ck_assert_int_eq(hermes_sse_stream_open(m.hubs[c->hub], &o, &c->sink.stream), HERMES_SSE_OK);
}

static void choose_topics(client *c)
{
  c->n_follows = 1 + chance(SUBSCRIPTIONS);
  for (size_t i = 0; i < c->n_follows; i++)
    c->follows[i] = (hermes_sse_subscription){ .topic = hermes_sse_str(topics[chance(TOPICS)]),
                                               .key = hermes_sse_str(keys[chance(KEYS)]) };
}

static void publish_to(int topic, int key)
{
  char text[16];
  hermes_sse_message message = { .size = sizeof message,
                                 .topic = hermes_sse_str(topics[topic]),
                                 .key = hermes_sse_str(keys[key]),
                                 .type = hermes_sse_str("n") };

  ck_assert_uint_lt(m.n_published, EVENTS_MAX);
  m.published[m.n_published].topic = topic;
  m.published[m.n_published++].key = key;
  snprintf(text, sizeof text, "%zu", m.n_published);
  message.data = hermes_sse_str(text);
  ck_assert_int_eq(hermes_sse_bus_publish(m.w.bus, &message), HERMES_SSE_OK);
}

static void pull_some(client *c)
{
  struct iovec iov[4];
  hermes_sse_frame *frames[4];
  char buf[64];
  size_t left, len;
  int n;

  switch (chance(3)) {
  case 0:
    n = (int)hermes_sse_stream_read(c->sink.stream, buf, 1 + chance(sizeof buf));
    if (n > 0)
      sink_take(&c->sink, buf, (size_t)n);
    return;
  case 1:
    n = hermes_sse_stream_take(c->sink.stream, iov, frames, 1 + (int)chance(4), chance(3) * 50);
    for (int i = 0; i < n; i++) {
      sink_take(&c->sink, iov[i].iov_base, iov[i].iov_len);
      hermes_sse_frame_release(frames[i]);
    }
    return;
  default:
    n = hermes_sse_stream_peek(c->sink.stream, iov, 1 + (int)chance(4), chance(3) * 50);
    if (n <= 0)
      return;
    left = chance(100);
    len = 0;
    for (int i = 0; i < n; i++) {
      size_t some = iov[i].iov_len < left ? iov[i].iov_len : left;

      sink_take(&c->sink, iov[i].iov_base, some);
      left -= some;
      len += some;
    }
    ck_assert_int_eq(hermes_sse_stream_advance(c->sink.stream, len), HERMES_SSE_OK);
  }
}

/* A client that was not served, or is full, may go on; one that has ended comes back. */
static void tend(client *c)
{
  if (!c->sink.stream)
    come(c);
  else if (hermes_sse_stream_reason(c->sink.stream) != 0)
    leave(c, 0);
  else if (c->flags & HERMES_SSE_STREAM_PULL)
    pull_some(c);
  else
    hermes_sse_stream_writable(c->sink.stream);
}

static void step(void)
{
  client *c = &m.clients[chance(CLIENTS)];

  switch (chance(8)) {
  case 0:
  case 1:
    for (unsigned i = chance(m.evicts ? 12 : 4); i > 0; i--)
      publish_to((int)chance(TOPICS), (int)chance(KEYS));
    break;
  case 2:
  case 3:
    ck_assert_int_eq(hermes_sse_hub_run(m.hubs[chance(HUBS)], m.w.now += chance(20), chance(4), NULL), HERMES_SSE_OK);
    break;
  case 4:
    if (c->sink.stream && chance(4) == 0)
      leave(c, 1);
    break;
  case 5:
    c->sink.room = chance(3) ? SIZE_MAX : chance(60);
    break;
  default:
    tend(c);
  }
}

/* Everybody takes all there is, and then has seen everything; also of the topic that drops, as its last events are kept. */
static void settle(void)
{
  for (int topic = 0; topic < TOPICS; topic++)
    for (int key = 0; key < KEYS; key++)
      publish_to(topic, key);
  for (size_t i = 0; i < CLIENTS; i++) {
    client *c = &m.clients[i];

    for (int round = 0; round < 3; round++) {
      if (!c->sink.stream)
        come(c);
      c->sink.room = SIZE_MAX;
      c->sink.per_call = 0;
      for (int turn = 0; turn < 4; turn++) {
        for (size_t k = 0; k < HUBS; k++)
          ck_assert_int_eq(hermes_sse_hub_run(m.hubs[k], m.w.now += 1, 0, NULL), HERMES_SSE_OK);
        if (c->flags & HERMES_SSE_STREAM_PULL)
          world_pull(&c->sink);
        else
          hermes_sse_stream_writable(c->sink.stream);
      }
      if (hermes_sse_stream_reason(c->sink.stream) == 0)
        break;
      leave(c, 0); /* it was too slow */
    }
    leave(c, 0);
    for (size_t f = 0; c->told && f < c->n_follows; f++)
      ck_assert_msg(strcmp(c->follows[f].topic.ptr, topics[TIGHT]) != 0, "client %zu never got what is kept", i);
    ck_assert_msg(expected(c) == 0, "client %zu never got %llu", i, (unsigned long long)expected(c));
  }
}

static void run_model(uint64_t seed, int evicts)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev, .heartbeat_ms = 100 };
  hermes_sse_topic_options tight = { .size = sizeof tight, .max_entries = TIGHT_KEEPS };

  memset(&m, 0, sizeof m);
  m.random = seed;
  m.evicts = evicts;
  if (seed % 5 == 0)
    o.lifetime_ms = 500;
  world_init(&m.w, &o);
  m.hubs[0] = m.w.hub;
  ck_assert_int_eq(hermes_sse_hub_new(m.w.bus, &o, &m.hubs[1]), HERMES_SSE_OK);
  if (evicts)
    ck_assert_int_eq(hermes_sse_bus_topic(m.w.bus, topics[TIGHT], &tight), HERMES_SSE_OK);
  for (size_t i = 0; i < CLIENTS; i++) {
    choose_topics(&m.clients[i]);
    come(&m.clients[i]);
  }
  for (int i = 0; i < STEPS; i++)
    step();
  settle();
  hermes_sse_hub_free(m.hubs[1]);
  world_clear(&m.w);
}

static uint64_t runs(void)
{
  const char *form = getenv("HERMES_SSE_TESTS");

  return form && strcmp(form, "long") == 0 ? 20000 : 150;
}

START_TEST(nothing_is_lost_doubled_or_out_of_order)
{
  size_t came = 0, cuts = 0;

  for (uint64_t seed = 1; seed <= runs(); seed++) {
    run_model(seed, 0);
    came += m.came;
    cuts += m.cuts;
  }
  ck_assert_uint_gt(came, 10 * runs());
  ck_assert_uint_gt(cuts, 2 * runs());
}
END_TEST

START_TEST(what_is_lost_is_told_before_anything_newer)
{
  size_t gaps = 0;

  for (uint64_t seed = 1; seed <= runs(); seed++) {
    run_model(seed, 1);
    gaps += m.gaps;
  }
  ck_assert_uint_gt(gaps, runs() / 10);
}
END_TEST

SUITE_MAIN("model", nothing_is_lost_doubled_or_out_of_order, what_is_lost_is_told_before_anything_newer)
