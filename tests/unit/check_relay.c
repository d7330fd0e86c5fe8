/* A bus with a relay: what is published goes to it, what it brings comes from the bus, and it hears who follows what. */
#include "relay.h"
#include "suite.h"

static world w;
static relay r;

static void init(void)
{
  world_init(&w, NULL);
  memset(&r, 0, sizeof r);
}

static int publish(const char *topic, const char *type, const char *data)
{
  hermes_sse_message m = {
    .size = sizeof m, .topic = hermes_sse_str(topic), .type = hermes_sse_str(type), .data = hermes_sse_str(data)
  };

  return hermes_sse_bus_publish(w.bus, &m);
}

/* ---- publishing ---- */

START_TEST(a_relay_takes_what_is_published)
{
  static const char data[] = "d";
  hermes_sse_message m = { .size = sizeof m, .topic = { "t", 1 }, .key = { "k", 1 }, .type = { "y", 1 }, .meta = 7 };
  sink s;

  init();
  world_open(&w, &s, "t", NULL);
  ck_assert_int_eq(relay_set(w.bus, &r, 0), HERMES_SSE_OK);
  m.data = hermes_sse_str(data);
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_OK);
  ck_assert_uint_eq(r.published, 1);
  ck_assert_uint_eq(r.message.meta, 7);
  ck_assert_ptr_eq(r.message.data.ptr, data);
  ck_assert_ptr_eq(r.message.topic.ptr, m.topic.ptr);
  ck_assert_ptr_eq(r.message.key.ptr, m.key.ptr);
  ck_assert_ptr_eq(r.message.type.ptr, m.type.ptr);
  r.gives = HERMES_SSE_ERR_FULL;
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_ERR_FULL);
  r.gives = 5;
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), 5);
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "");
  ck_assert_uint_eq(world_stats(&w).published, 0);
  world_leave(&s);
  world_clear(&w);
}
END_TEST

/* "The message was checked": a relay that sends it far away learns too late that here nobody can take it. */
START_TEST(what_cannot_be_published_does_not_reach_the_relay)
{
  static char large[(1 << 20) + 1], long_topic[HERMES_SSE_TOPIC_MAX + 2], long_key[HERMES_SSE_KEY_MAX + 2];
  hermes_sse_message m = { .size = sizeof m, .topic = { "t", 1 } };

  init();
  memset(large, 'x', sizeof large - 1);
  memset(long_topic, 't', sizeof long_topic - 1);
  memset(long_key, 'k', sizeof long_key - 1);
  ck_assert_int_eq(relay_set(w.bus, &r, 0), HERMES_SSE_OK);
  ck_assert_int_eq(publish("", NULL, "x"), HERMES_SSE_ERR_BAD_TOPIC);
  ck_assert_int_eq(publish(long_topic, NULL, "x"), HERMES_SSE_ERR_BAD_TOPIC);
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, NULL), HERMES_SSE_ERR_OPTION);
  m.size = 1;
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_ERR_OPTION);
  m.size = sizeof m;
  m.topic = (hermes_sse_slice){ "t\0u", 3 };
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_ERR_BAD_TOPIC);
  m.topic = hermes_sse_str("t");
  m.key = hermes_sse_str(long_key);
  ck_assert_int_eq(hermes_sse_bus_publish(w.bus, &m), HERMES_SSE_ERR_BAD_KEY);
  ck_assert_uint_eq(r.published, 0);
  ck_assert_int_eq(publish("t", "two\nlines", "x"), HERMES_SSE_ERR_BAD_TYPE);
  ck_assert_int_eq(publish("t", NULL, large), HERMES_SSE_ERR_TOO_LARGE);
  ck_assert_uint_eq(r.published, 0);
  ck_assert_int_eq(hermes_sse_bus_drain(w.bus, NULL), HERMES_SSE_OK);
  ck_assert_int_eq(publish("t", NULL, "x"), HERMES_SSE_ERR_CLOSED);
  ck_assert_uint_eq(r.published, 0);
  world_clear(&w);
}
END_TEST

START_TEST(a_bus_has_one_relay_at_a_time)
{
  static relay other;
  sink s;

  init();
  memset(&other, 0, sizeof other);
  world_open(&w, &s, "t", NULL);
  ck_assert_int_eq(hermes_sse_bus_relay(w.bus, NULL, NULL), HERMES_SSE_OK); /* it has none */
  ck_assert_int_eq(relay_set(w.bus, &r, 0), HERMES_SSE_OK);
  ck_assert_int_eq(relay_set(w.bus, &other, 0), HERMES_SSE_ERR_STATE);
  ck_assert_int_eq(relay_set(w.bus, &other, HERMES_SSE_RELAY_IDS), HERMES_SSE_ERR_STATE);
  ck_assert_int_eq(publish("t", NULL, "to r"), HERMES_SSE_OK);
  ck_assert_uint_eq(r.published, 1);
  ck_assert_int_eq(hermes_sse_bus_relay(w.bus, NULL, NULL), HERMES_SSE_OK);
  ck_assert_int_eq(publish("t", NULL, "alone"), HERMES_SSE_OK);
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "alone");
  ck_assert_int_eq(relay_set(w.bus, &other, 0), HERMES_SSE_OK);
  ck_assert_int_eq(publish("t", NULL, "to other"), HERMES_SSE_OK);
  ck_assert_uint_eq(r.published, 1);
  ck_assert_uint_eq(other.published, 1);
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(ids_of_a_relay_are_for_a_bus_without_events_and_for_good)
{
  init();
  world_publish(&w, "t", NULL, "x");
  ck_assert_int_eq(relay_set(w.bus, &r, HERMES_SSE_RELAY_IDS), HERMES_SSE_ERR_STATE);
  ck_assert_int_eq(publish("t", NULL, "still alone"), HERMES_SSE_OK);
  ck_assert_int_eq(relay_ingest(w.bus, "1-1", "t", NULL, "x"), HERMES_SSE_ERR_BAD_ID);
  ck_assert_int_eq(hermes_sse_bus_live(w.bus), HERMES_SSE_ERR_STATE);
  world_clear(&w);
  init();
  ck_assert_int_eq(relay_set(w.bus, &r, HERMES_SSE_RELAY_IDS), HERMES_SSE_OK);
  ck_assert_int_eq(publish("t", NULL, "x"), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_bus_relay(w.bus, NULL, NULL), HERMES_SSE_OK);
  ck_assert_int_eq(publish("t", NULL, "x"), HERMES_SSE_ERR_CLOSED);
  ck_assert_int_eq(relay_set(w.bus, &r, 0), HERMES_SSE_ERR_STATE);
  ck_assert_int_eq(relay_set(w.bus, &r, HERMES_SSE_RELAY_IDS), HERMES_SSE_ERR_STATE);
  ck_assert_uint_eq(r.published, 1);
  ck_assert_uint_eq(world_stats(&w).published, 0);
  world_clear(&w);
}
END_TEST

START_TEST(options_that_no_relay_has_are_refused)
{
  struct {
    hermes_sse_relay relay;
    uint64_t newer;
  } grown = { .relay = { .size = sizeof grown, .publish = relay_publish }, .newer = 0 };
  hermes_sse_relay o = { .size = sizeof o };

  init();
  ck_assert_int_eq(hermes_sse_bus_relay(w.bus, &o, &r), HERMES_SSE_ERR_OPTION);
  ck_assert_ptr_nonnull(strstr(w.memory.last_log, "relay.publish"));
  o.publish = relay_publish;
  o.flags = 2;
  ck_assert_int_eq(hermes_sse_bus_relay(w.bus, &o, &r), HERMES_SSE_ERR_OPTION);
  ck_assert_ptr_nonnull(strstr(w.memory.last_log, "relay.flags"));
  o.flags = 0;
  o.size = 1;
  ck_assert_int_eq(hermes_sse_bus_relay(w.bus, &o, &r), HERMES_SSE_ERR_OPTION);
  grown.newer = 1;
  ck_assert_int_eq(hermes_sse_bus_relay(w.bus, &grown.relay, &r), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(publish("t", NULL, "x"), HERMES_SSE_OK); /* no relay was set */
  ck_assert_uint_eq(r.published, 0);
  grown.newer = 0;
  ck_assert_int_eq(hermes_sse_bus_relay(w.bus, &grown.relay, &r), HERMES_SSE_OK);
  ck_assert_int_eq(publish("t", NULL, "x"), HERMES_SSE_OK);
  ck_assert_uint_eq(r.published, 1);
  world_clear(&w);
}
END_TEST

/* ---- what it brings, without ids ---- */

START_TEST(what_is_brought_goes_on_where_the_run_was)
{
  hermes_sse_id head;
  size_t wakes;
  sink s;

  init();
  world_open(&w, &s, "t", NULL);
  world_publish(&w, "t", NULL, "1");
  ck_assert_int_eq(relay_ingest(w.bus, NULL, "t", NULL, "2"), HERMES_SSE_OK); /* no relay is needed */
  ck_assert_int_eq(relay_set(w.bus, &r, 0), HERMES_SSE_OK);
  r.brings = 1;
  world_publish(&w, "t", NULL, "3");
  world_run(&w, 0);
  wakes = w.wakes;
  ck_assert_int_eq(relay_ingest(w.bus, NULL, "t", "k", "4"), HERMES_SSE_OK);
  ck_assert_uint_gt(w.wakes, wakes);
  ck_assert_int_eq(relay_ingest(w.bus, "1-1", "t", NULL, "no"), HERMES_SSE_ERR_BAD_ID);
  ck_assert_int_eq(relay_gap(w.bus, "t", HERMES_SSE_GAP_BRIDGE, "1-1"), HERMES_SSE_ERR_BAD_ID);
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "1 2 3 4");
  ck_assert_int_eq(hermes_sse_bus_head(w.bus, &head), HERMES_SSE_OK);
  ck_assert_uint_eq(head.lo, 4);
  ck_assert_uint_eq(world_last_id(&s).hi, head.hi);
  ck_assert_uint_eq(world_last_id(&s).lo, 4);
  ck_assert_uint_eq(world_stats(&w).published, 4);
  world_leave(&s);
  world_clear(&w);
}
END_TEST

START_TEST(what_is_brought_is_checked_as_what_is_published)
{
  static char large[(1 << 20) + 1];
  hermes_sse_message m = { .size = 1, .topic = { "t", 1 } };

  memset(large, 'x', sizeof large - 1);
  for (int ids = 0; ids < 2; ids++) {
    hermes_sse_id id = { 1000, 1 }, *given = ids ? &id : NULL, head;

    init();
    ck_assert_int_eq(relay_set(w.bus, &r, ids ? HERMES_SSE_RELAY_IDS : 0), HERMES_SSE_OK);
    m = (hermes_sse_message){ .size = 1, .topic = { "t", 1 } };
    ck_assert_int_eq(hermes_sse_bus_ingest(w.bus, given, &m), HERMES_SSE_ERR_OPTION);
    ck_assert_int_eq(hermes_sse_bus_ingest(w.bus, given, NULL), HERMES_SSE_ERR_OPTION);
    m.size = sizeof m;
    m.topic.len = 0;
    ck_assert_int_eq(hermes_sse_bus_ingest(w.bus, given, &m), HERMES_SSE_ERR_BAD_TOPIC);
    m.topic = (hermes_sse_slice){ "t\0", 2 };
    ck_assert_int_eq(hermes_sse_bus_ingest(w.bus, given, &m), HERMES_SSE_ERR_BAD_TOPIC);
    m.topic = hermes_sse_str("t");
    m.key = (hermes_sse_slice){ large, HERMES_SSE_KEY_MAX + 1 };
    ck_assert_int_eq(hermes_sse_bus_ingest(w.bus, given, &m), HERMES_SSE_ERR_BAD_KEY);
    m.key.len = 0;
    m.type = hermes_sse_str("two\nlines");
    ck_assert_int_eq(hermes_sse_bus_ingest(w.bus, given, &m), HERMES_SSE_ERR_BAD_TYPE);
    m.type.len = 0;
    m.data = hermes_sse_str(large);
    ck_assert_int_eq(hermes_sse_bus_ingest(w.bus, given, &m), HERMES_SSE_ERR_TOO_LARGE);
    m.data = hermes_sse_str("x");
    hermes_sse_bus_head(w.bus, &head);
    ck_assert_uint_eq(head.lo, 0);
    ck_assert_int_eq(hermes_sse_bus_ingest(w.bus, given, &m), HERMES_SSE_OK); /* none of them took a place */
    hermes_sse_bus_head(w.bus, &head);
    ck_assert_uint_eq(head.lo, 1);
    id.lo++;
    ck_assert_int_eq(hermes_sse_bus_drain(w.bus, NULL), HERMES_SSE_OK);
    ck_assert_int_eq(hermes_sse_bus_ingest(w.bus, given, &m), HERMES_SSE_ERR_CLOSED);
    world_clear(&w);
  }
}
END_TEST

static int may_call(hermes_sse_bus *bus, const hermes_sse_message *message, void *user)
{
  hermes_sse_stats stats = { .size = sizeof stats };
  hermes_sse_id id;

  (void)user;
  ck_assert_int_eq(hermes_sse_bus_head(bus, &id), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_bus_stats(bus, &stats), HERMES_SSE_OK);
  ck_assert_int_eq(relay_gap(bus, "t", HERMES_SSE_GAP_BRIDGE, NULL), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_bus_live(bus), HERMES_SSE_ERR_STATE);
  hermes_sse_hub_wake(w.hub);
  return hermes_sse_bus_ingest(bus, NULL, message);
}

static int may_call_too(hermes_sse_bus *bus, hermes_sse_slice topic, int on, void *user)
{
  hermes_sse_message m = { .size = sizeof m, .topic = { "t", 1 }, .data = topic };

  m.data = hermes_sse_str(on ? "on" : "off");
  ck_assert_int_eq(may_call(bus, &m, user), HERMES_SSE_OK);
  return HERMES_SSE_OK;
}

START_TEST(a_relay_may_bring_from_inside_its_functions)
{
  hermes_sse_relay o = { .size = sizeof o, .publish = may_call, .demand = may_call_too };
  sink s, more;

  init();
  ck_assert_int_eq(hermes_sse_bus_relay(w.bus, &o, NULL), HERMES_SSE_OK);
  world_run(&w, 0);
  world_open(&w, &s, "t", NULL); /* "from now on" is after what demand brings */
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "");
  world_publish(&w, "t", NULL, "x");
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "<bridge> x");
  world_open(&w, &more, "u", NULL);
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "<bridge> x <bridge> on");
  world_leave(&more);
  world_run(&w, 0);
  ck_assert_str_eq(relay_seen(&s), "<bridge> x <bridge> on <bridge> off");
  world_leave(&s);
  world_clear(&w);
}
END_TEST

/* A mark waits as an event does. */
START_TEST(the_slowest_hub_says_for_how_long_it_was_not_read)
{
  enum { MS = 1000000 };
  hermes_sse_hub *second = NULL;

  init();
  ck_assert_uint_eq(hermes_sse_bus_unread_ms(w.bus), 0);
  ck_assert_int_eq(hermes_sse_hub_new(w.bus, NULL, &second), HERMES_SSE_OK);
  w.memory.clock_ns += 1000 * (uint64_t)MS;
  ck_assert_uint_eq(hermes_sse_bus_unread_ms(w.bus), 0); /* nothing came meanwhile */
  world_publish(&w, "t", NULL, "x");
  w.memory.clock_ns += 20 * MS;
  relay_bridge_gap(&w, "t");
  w.memory.clock_ns += 30 * MS;
  ck_assert_uint_eq(hermes_sse_bus_unread_ms(w.bus), 50);
  world_run(&w, 0);
  ck_assert_uint_eq(hermes_sse_bus_unread_ms(w.bus), 50); /* the second has not read it */
  ck_assert_int_eq(hermes_sse_hub_run(second, 1, 0, NULL), HERMES_SSE_OK);
  ck_assert_uint_eq(hermes_sse_bus_unread_ms(w.bus), 0);
  relay_bridge_gap(&w, "t");
  w.memory.clock_ns += 7 * MS;
  world_run(&w, 0);
  ck_assert_uint_eq(hermes_sse_bus_unread_ms(w.bus), 7);
  hermes_sse_hub_free(second);
  ck_assert_uint_eq(hermes_sse_bus_unread_ms(w.bus), 0);
  world_clear(&w);
}
END_TEST

SUITE_MAIN("relay", a_relay_takes_what_is_published, what_cannot_be_published_does_not_reach_the_relay,
           a_bus_has_one_relay_at_a_time, ids_of_a_relay_are_for_a_bus_without_events_and_for_good,
           options_that_no_relay_has_are_refused, what_is_brought_goes_on_where_the_run_was,
           what_is_brought_is_checked_as_what_is_published, a_relay_may_bring_from_inside_its_functions,
           the_slowest_hub_says_for_how_long_it_was_not_read)
