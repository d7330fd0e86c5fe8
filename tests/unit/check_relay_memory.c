/* Every allocation of a bus with a relay fails once, alone and with all later ones: nothing leaks, nothing is lost without a
 * word, and the relay hears of as many ends as of beginnings. */
#include "relay.h"
#include "suite.h"
#include "sweep.h"

enum { STREAMS = 5 };

/* A gap that does not get a place changes nothing. */
static int gap(hermes_sse_bus *bus, const char *topic, const memory *m)
{
  hermes_sse_id before, after;
  int rv;

  hermes_sse_bus_head(bus, &before);
  rv = sweep_ok(relay_gap(bus, topic, HERMES_SSE_GAP_BRIDGE, NULL), m);
  hermes_sse_bus_head(bus, &after);
  if (!rv)
    ck_assert(before.hi == after.hi && before.lo == after.lo);
  return rv;
}

static void run(hermes_sse_hub *hub, sink *s, uint64_t *now, const memory *m)
{
  for (int i = 0; i < 4; i++) {
    sweep_ok(hermes_sse_hub_run(hub, *now += 20, 0, NULL), m);
    if (s[4].stream)
      world_pull(&s[4]);
  }
}

static size_t count(const char *text, const char *what)
{
  size_t n = 0;

  for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
    n++;
  return n;
}

static void open_streams(hermes_sse_hub *hub, sink *s, int ids, const memory *m)
{
  hermes_sse_subscription topics[] = { { .topic = { "t", 1 } },
                                       { .topic = { "t", 1 }, .key = { "k", 1 } },
                                       { .topic = { "t*", 2 } },
                                       { .topic = { "u", 1 } } };

  for (int i = 0; i < STREAMS; i++) {
    /* by topic; key and pattern; pattern and "u"; one that comes back; one that is pulled */
    hermes_sse_stream_options o = { .size = sizeof o, .user = &s[i], .topics = topics, .n_topics = 1 };

    if (i == 1 || i == 2) {
      o.topics = topics + i;
      o.n_topics = 2;
    }
    if (i == 3)
      o.last_event_id = hermes_sse_str(ids ? "1000-1" : "7-7");
    o.flags = i == 4 ? HERMES_SSE_STREAM_PULL : 0;
    o.throttle_ms = i == 2 ? 10 : 0;
    sink_init(&s[i]);
    if (!sweep_ok(hermes_sse_stream_open(hub, &o, &s[i].stream), m))
      ck_assert_ptr_null(s[i].stream);
  }
}

static void relayed(const hermes_sse_environment *environment, memory *m, void *user)
{
  const int ids = user != NULL;
  hermes_sse_bus_options bo = { .size = sizeof bo, .environment = environment };
  hermes_sse_hub_options ho = { .size = sizeof ho, .writev = sink_writev, .heartbeat_ms = 1000 };
  hermes_sse_subscription more = { .topic = { "more", 4 } };
  hermes_sse_bus *bus = NULL;
  hermes_sse_hub *hub = NULL;
  sink s[STREAMS];
  static relay r;
  uint64_t now = 1000;
  size_t expected = 0;
  int is_live = !ids;

  memset(&r, 0, sizeof r);
  r.brings = ids ? 2 : 1;
  r.last.hi = 1000;
  if (!sweep_ok(hermes_sse_bus_new(&bo, &bus), m))
    return;
  if (!sweep_ok(hermes_sse_hub_new(bus, &ho, &hub), m)) {
    hermes_sse_bus_free(bus);
    return;
  }
  memset(s, 0, sizeof s);
  ck_assert_int_eq(relay_set(bus, &r, ids ? HERMES_SSE_RELAY_IDS : 0), HERMES_SSE_OK); /* takes no memory */
  sweep_ok(hermes_sse_hub_run(hub, now, 0, NULL), m);
  open_streams(hub, s, ids, m);
  sweep_publish(bus, "elsewhere", NULL, "x", m);
  if (ids) {
    sweep_publish(bus, "t", "k", "x", m);
    run(hub, s, &now, m);
    is_live = sweep_ok(hermes_sse_bus_live(bus), m);
    if (!is_live && !m->fail_from)
      is_live = sweep_ok(hermes_sse_bus_live(bus), m); /* one that failed can be asked again */
  }
  for (int i = 0; i < 10; i++) {
    if (i == 3 || i == 7)
      gap(bus, i == 3 ? "*" : "t", m);
    expected += (size_t)sweep_publish(bus, "t", i % 2 ? "k" : NULL, "x", m);
    sweep_publish(bus, "u", NULL, "x", m);
    if (i % 4 == 3)
      run(hub, s, &now, m);
    if (i == 5)
      gap(bus, "n*", m);
  }
  if (s[0].stream && hermes_sse_stream_reason(s[0].stream) == 0)
    sweep_ok(hermes_sse_stream_subscribe(s[0].stream, &more), m);
  gap(bus, "more", m);
  for (int i = 0; i < 3; i++)
    run(hub, s, &now, m);
  for (int i = 0; i < STREAMS; i += 4) /* those that follow "t" from live on */
    if (s[i].stream && !m->fail_from && hermes_sse_stream_reason(s[i].stream) == 0) {
      const char *seen = relay_seen(&s[i]);

      ck_assert_msg(count(seen, "x") == (is_live ? expected : 0), "stream %d of %zu: %s", i, expected, seen);
      if (m->failed == 0)
        ck_assert_uint_ge(count(seen, "<bridge>"), 2);
    }
  for (int i = 0; i < STREAMS; i++) {
    hermes_sse_stream_free(s[i].stream);
    sink_clear(&s[i]);
  }
  ck_assert_uint_eq(count(r.told, "+"), count(r.told, "-"));
  for (const char *at = r.told; (at = strchr(at, '+')); at++) {
    char name[16], off[20];

    snprintf(name, sizeof name, "%.*s ", (int)strcspn(at + 1, " "), at + 1);
    snprintf(off, sizeof off, "-%.*s", (int)strlen(name) - 1, name);
    ck_assert_ptr_nonnull(strstr(at, off));
  }
  ck_assert_int_eq(hermes_sse_bus_relay(bus, NULL, NULL), HERMES_SSE_OK);
  hermes_sse_hub_free(hub);
  hermes_sse_bus_free(bus);
}

START_TEST(a_relay_survives)
{
  ck_assert_uint_gt(memory_sweep(relayed, NULL), 60);
}
END_TEST

START_TEST(a_relay_with_ids_survives)
{
  ck_assert_uint_gt(memory_sweep(relayed, (void *)1), 60);
}
END_TEST

/* A relay that comes when much is followed, and that allocates nothing on the way. */
static void told_later(const hermes_sse_environment *environment, memory *m, void *user)
{
  hermes_sse_bus_options bo = { .size = sizeof bo, .environment = environment };
  hermes_sse_hub_options ho = { .size = sizeof ho, .writev = sink_writev, .heartbeat_ms = HERMES_SSE_NEVER };
  hermes_sse_subscription topics[] = { { .topic = { "a", 1 } },
                                       { .topic = { "b", 1 }, .key = { "k", 1 } },
                                       { .topic = { "c*", 2 } } };
  hermes_sse_stream_options o = { .size = sizeof o, .topics = topics, .n_topics = 3 };
  hermes_sse_bus *bus = NULL;
  hermes_sse_hub *hub = NULL;
  static relay r;
  sink s;

  (void)user;
  memset(&r, 0, sizeof r);
  sink_init(&s);
  o.user = &s;
  if (!sweep_ok(hermes_sse_bus_new(&bo, &bus), m))
    return;
  if (sweep_ok(hermes_sse_hub_new(bus, &ho, &hub), m)) {
    const int opened = sweep_ok(hermes_sse_stream_open(hub, &o, &s.stream), m);
    size_t calls;

    sweep_ok(hermes_sse_hub_run(hub, 1, 0, NULL), m);
    calls = m->calls;
    ck_assert_int_eq(relay_set(bus, &r, 0), HERMES_SSE_OK);
    ck_assert_int_eq(hermes_sse_hub_run(hub, 2, 0, NULL), HERMES_SSE_OK);
    ck_assert_uint_eq(m->calls, calls);
    ck_assert_uint_eq(count(r.told, "+"), opened ? 3 : 0);
    hermes_sse_stream_free(s.stream);
    ck_assert_uint_eq(count(r.told, "-"), opened ? 3 : 0);
    hermes_sse_hub_free(hub);
  }
  hermes_sse_bus_free(bus);
  sink_clear(&s);
}

START_TEST(a_relay_that_comes_later_takes_no_memory)
{
  ck_assert_uint_gt(memory_sweep(told_later, NULL), 8);
}
END_TEST

SUITE_MAIN("relay memory", a_relay_survives, a_relay_with_ids_survives, a_relay_that_comes_later_takes_no_memory)
