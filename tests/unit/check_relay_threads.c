/* Publishers, hubs and a relay on threads of their own. Runs under TSan. */
#include "loop.h"
#include "relay.h"
#include "suite.h"
#include <sched.h>

enum { PUBLISHERS = 3, HUBS = 2, EACH = 1000 };

/* Now and then a hub has one more follower. */
static void come_and_go(loop *l, uint64_t now)
{
  static const char *const names[] = { "t", "other", "t*" };

  if (now % 8 != 0)
    return;
  for (int i = 0; i < 3; i++) {
    hermes_sse_subscription t = { .topic = hermes_sse_str(names[i]) };
    hermes_sse_stream_options o = { .size = sizeof o, .flags = HERMES_SSE_STREAM_PULL, .topics = &t, .n_topics = 1 };
    hermes_sse_stream *stream = NULL;

    ck_assert_int_eq(hermes_sse_stream_open(l->hub, &o, &stream), HERMES_SSE_OK);
    hermes_sse_stream_free(stream);
  }
}

/* Plain fields: that it is called by one thread at a time, and not after it was removed, TSan sees. */
typedef struct counting {
  int removed, with_ids, following;
  hermes_sse_id last;
  size_t calls;
} counting;

static int on_publish(hermes_sse_bus *bus, const hermes_sse_message *message, void *user)
{
  counting *c = user;

  ck_assert_int_eq(c->removed, 0);
  c->calls++;
  c->last.lo++;
  return hermes_sse_bus_ingest(bus, c->with_ids ? &c->last : NULL, message);
}

static int on_demand(hermes_sse_bus *bus, hermes_sse_slice topic, int on, void *user)
{
  counting *c = user;

  (void)bus;
  ck_assert_int_eq(c->removed, 0);
  if (topic.len == 1)
    c->following += on ? 1 : -1;
  ck_assert_int_ge(c->following, 0);
  ck_assert_int_le(c->following, HUBS);
  return HERMES_SSE_OK;
}

static int set(hermes_sse_bus *bus, counting *c)
{
  hermes_sse_relay o = {
    .size = sizeof o, .flags = c->with_ids ? HERMES_SSE_RELAY_IDS : 0, .publish = on_publish, .demand = on_demand
  };

  c->removed = c->following = 0;
  return hermes_sse_bus_relay(bus, &o, c);
}

static void removed(hermes_sse_bus *bus, counting *c)
{
  ck_assert_int_eq(hermes_sse_bus_relay(bus, NULL, NULL), HERMES_SSE_OK);
  c->removed = 1;
}

typedef struct publisher {
  hermes_sse_bus *bus;
  int name;
  int published;
  const atomic_int *may_go_on; /* beyond the half; NULL: always */
  pthread_t thread;
} publisher;

static void *publish(void *arg)
{
  publisher *p = arg;
  hermes_sse_message m = { .size = sizeof m, .topic = hermes_sse_str("t"), .key = hermes_sse_str("k") };

  for (; p->published < EACH; p->published++) {
    char text[32];
    int rv;

    while (p->published == EACH / 2 && p->may_go_on && !atomic_load(p->may_go_on))
      sched_yield();
    snprintf(text, sizeof text, "%d:%d", p->name, p->published);
    m.data = hermes_sse_str(text);
    rv = hermes_sse_bus_publish(p->bus, &m);
    if (rv == HERMES_SSE_ERR_CLOSED)
      break;
    ck_assert_int_eq(rv, HERMES_SSE_OK);
  }
  return NULL;
}

static void start_publishers(publisher *p, hermes_sse_bus *bus, const atomic_int *may_go_on)
{
  for (int i = 0; i < PUBLISHERS; i++) {
    p[i] = (publisher){ .bus = bus, .name = i, .may_go_on = may_go_on };
    pthread_create(&p[i].thread, NULL, publish, &p[i]);
  }
}

/* Each publisher's events, from the first that came on, without a hole up to its last. */
static size_t check_order(sink *s, const publisher *publishers)
{
  int next[PUBLISHERS] = { -1, -1, -1 };
  size_t n = 0;

  sink_take(s, "", 1);
  for (const char *at = s->bytes; (at = strstr(at, "data: ")); at += 6, n++) {
    int name, number;

    if (at[6] == '{') { /* a gap: what was missed before the bus was live */
      n--;
      continue;
    }
    ck_assert_int_eq(sscanf(at, "data: %d:%d", &name, &number), 2);
    ck_assert(next[name] < 0 || next[name] == number);
    next[name] = number + 1;
  }
  for (int i = 0; i < PUBLISHERS; i++)
    ck_assert(next[i] < 0 || next[i] == publishers[i].published);
  return n;
}

/* What came before the bus was live is told first, by each hub in its own time: what comes next is there already, or not. */
static const char *after_the_gap(sink *s)
{
  sink_take(s, "", 1);
  s->n--;
  ck_assert_ptr_eq(strstr(s->bytes, "event: gap"), s->bytes);
  return strstr(s->bytes, "\n\n");
}

START_TEST(a_relay_comes_and_goes_while_events_flow)
{
  hermes_sse_bus *bus = NULL;
  static loop loops[HUBS];
  publisher publishers[PUBLISHERS];
  static counting c;
  atomic_int stop = 0;

  memset(&c, 0, sizeof c);
  ck_assert_int_eq(hermes_sse_bus_new(NULL, &bus), HERMES_SSE_OK);
  for (int i = 0; i < HUBS; i++) {
    loop_init(&loops[i], bus, &stop);
    loops[i].between = come_and_go;
    loop_start(&loops[i]);
  }
  start_publishers(publishers, bus, NULL);
  for (int i = 0; i < 100; i++) {
    ck_assert_int_eq(set(bus, &c), HERMES_SSE_OK);
    ck_assert_int_eq(relay_gap(bus, "other", HERMES_SSE_GAP_BRIDGE, NULL), HERMES_SSE_OK);
    removed(bus, &c);
  }
  ck_assert_int_eq(set(bus, &c), HERMES_SSE_OK);
  for (int i = 0; i < PUBLISHERS; i++)
    pthread_join(publishers[i].thread, NULL);
  atomic_store(&stop, 1);
  for (int i = 0; i < HUBS; i++)
    loop_join(&loops[i]);
  ck_assert_int_eq(c.following, HUBS);
  ck_assert_uint_eq(loops[0].sink.n, loops[1].sink.n);
  ck_assert(memcmp(loops[0].sink.bytes, loops[1].sink.bytes, loops[0].sink.n) == 0);
  for (int i = 0; i < HUBS; i++) {
    ck_assert_uint_eq(check_order(&loops[i].sink, publishers), PUBLISHERS * EACH);
    loop_clear(&loops[i]);
  }
  ck_assert_int_eq(c.following, 0);
  hermes_sse_bus_free(bus);
}
END_TEST

START_TEST(a_relay_with_ids_goes_while_events_flow)
{
  hermes_sse_stats stats = { .size = sizeof stats };
  hermes_sse_bus *bus = NULL;
  static loop loops[HUBS];
  publisher publishers[PUBLISHERS];
  static counting c;
  atomic_int stop = 0, is_live = 0;
  size_t n, published = 0;

  memset(&c, 0, sizeof c);
  c.with_ids = 1;
  c.last.hi = 1000;
  ck_assert_int_eq(hermes_sse_bus_new(NULL, &bus), HERMES_SSE_OK);
  ck_assert_int_eq(set(bus, &c), HERMES_SSE_OK);
  for (int i = 0; i < HUBS; i++) {
    loop_init(&loops[i], bus, &stop);
    loops[i].between = come_and_go;
    loop_start(&loops[i]);
  }
  start_publishers(publishers, bus, &is_live);
  do
    ck_assert_int_eq(hermes_sse_bus_stats(bus, &stats), HERMES_SSE_OK);
  while (stats.published < EACH / 4);
  ck_assert_int_eq(hermes_sse_bus_live(bus), HERMES_SSE_OK);
  atomic_store(&is_live, 1);
  do {
    ck_assert_int_eq(relay_gap(bus, "other", HERMES_SSE_GAP_BRIDGE, NULL), HERMES_SSE_OK);
    ck_assert_int_eq(hermes_sse_bus_stats(bus, &stats), HERMES_SSE_OK);
  } while (stats.published < 2 * EACH);
  removed(bus, &c);
  for (int i = 0; i < PUBLISHERS; i++) {
    pthread_join(publishers[i].thread, NULL);
    published += (size_t)publishers[i].published;
  }
  atomic_store(&stop, 1);
  for (int i = 0; i < HUBS; i++)
    loop_join(&loops[i]);
  ck_assert_uint_eq(published, c.calls);
  ck_assert_int_eq(hermes_sse_bus_stats(bus, &stats), HERMES_SSE_OK);
  ck_assert_uint_eq(stats.published, published);
  /* both began at the same place, wherever their hubs were */
  ck_assert_str_eq(after_the_gap(&loops[0].sink), after_the_gap(&loops[1].sink));
  n = check_order(&loops[0].sink, publishers);
  ck_assert_uint_ge(n, 2 * EACH - PUBLISHERS * EACH / 2);
  ck_assert_uint_le(n, published - EACH / 4);
  for (int i = 0; i < HUBS; i++)
    loop_clear(&loops[i]);
  hermes_sse_bus_free(bus);
}
END_TEST

/* ---- between a publisher's look for a relay and its place in the order ---- */

typedef struct meanwhile {
  memory memory;
  hermes_sse_environment environment; /* the memory's own */
  hermes_sse_bus *bus;
  relay relay;
  int armed;
} meanwhile;

static void *set_meanwhile(void *arg)
{
  meanwhile *m = arg;

  (void)relay_set(m->bus, &m->relay, HERMES_SSE_RELAY_IDS);
  return NULL;
}

/* The publisher is in the middle of its call: another thread sets the relay. */
static void *alloc_meanwhile(size_t bytes, void *user)
{
  meanwhile *m = (meanwhile *)user;
  pthread_t thread;

  if (m->armed) {
    m->armed = 0;
    pthread_create(&thread, NULL, set_meanwhile, m);
    pthread_join(thread, NULL);
  }
  return m->environment.alloc(bytes, &m->memory);
}

START_TEST(no_event_slips_past_a_relay_that_is_being_set)
{
  static meanwhile m;
  hermes_sse_bus_options o = { .size = sizeof o };
  hermes_sse_message message = { .size = sizeof message, .topic = { "t", 1 }, .data = { "x", 1 } };
  hermes_sse_stats stats = { .size = sizeof stats };
  hermes_sse_environment environment;
  hermes_sse_id head;
  int rv, set_after;

  memset(&m, 0, sizeof m);
  memory_init(&m.memory);
  m.environment = environment = memory_environment(&m.memory);
  environment.alloc = alloc_meanwhile; /* `user`, the whole, begins with the memory */
  o.environment = &environment;
  ck_assert_int_eq(hermes_sse_bus_new(&o, &m.bus), HERMES_SSE_OK);
  m.armed = 1;
  rv = hermes_sse_bus_publish(m.bus, &message);
  set_after = relay_set(m.bus, &m.relay, HERMES_SSE_RELAY_IDS);
  hermes_sse_bus_stats(m.bus, &stats);
  hermes_sse_bus_head(m.bus, &head);
  /* either the event has a place and the relay was refused, or the relay is set and the event was for it */
  ck_assert_int_eq(set_after, HERMES_SSE_ERR_STATE);
  ck_assert_msg(rv != HERMES_SSE_OK || m.relay.published == 1 || (head.hi > 0 && head.lo == 1),
                "publish: %d, %llu events, head %llu-%llu", rv, (unsigned long long)stats.published,
                (unsigned long long)head.hi, (unsigned long long)head.lo);
  hermes_sse_bus_free(m.bus);
  ck_assert_uint_eq(m.memory.live_blocks, 0);
}
END_TEST

SUITE_MAIN("relay threads", a_relay_comes_and_goes_while_events_flow, a_relay_with_ids_goes_while_events_flow,
           no_event_slips_past_a_relay_that_is_being_set)
