/* A bridge ends at any moment, in any order with its hub and bus; what waits then; and its clock. */
#include "fake.h"
#include "suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STAGES = 40 };

static const char *const channels[] = { "t", "p*" };

/* How many calls of watch until it frees the bridge; 0: it does not. */
typedef struct freeing {
  host *h;
  int countdown;
  int calls_after; /* that are more than the closing of what is open */
} freeing;

static int freeing_watch(hermes_sse_redis *redis, int fd, int was, int want, void *user)
{
  freeing *x = user;
  int rv = hermes_sse_poll_watch(redis, fd, was, want, &x->h->set);

  if (x->countdown < 0 && want != 0)
    x->calls_after++;
  if (x->countdown > 0 && --x->countdown == 0) {
    x->countdown = -1;
    hermes_sse_redis_free(redis);
    hermes_sse_redis_free(redis); /* has no effect */
    ck_assert_int_eq(hermes_sse_redis_ready(redis, fd, HERMES_SSE_READ), HERMES_SSE_ERR_NOT_FOUND);
    x->h->redis = NULL;
  }
  return rv;
}

static hermes_sse_redis_options options_of(uint64_t mode)
{
  hermes_sse_redis_options o = { .mode = mode, .probe_ms = 100, .timeout_ms = 1000 };

  if (mode == HERMES_SSE_REDIS_PUBSUB) {
    o.channels = channels;
    o.n_channels = 2;
  }
  return o;
}

/* Messages, a probe, a reconnect: up to `turns` turns of the loop. */
static void live(fleet *f, fake *k, host *h, int turns)
{
  for (int i = 0; i < turns; i++) {
    if (h->redis && i % 4 == 3)
      ck_assert_int_eq(host_publish(h, "t", "1"), HERMES_SSE_OK);
    if (i == STAGES / 2)
      fake_hang_up(k);
    fleet_jump(f, 40);
    fleet_turn(f, 0);
  }
}

static void free_in_watch(uint64_t mode, int countdown)
{
  hermes_sse_redis_options o = options_of(mode);
  freeing x = { .countdown = countdown };
  fleet f;
  fake k;
  sink client;

  fleet_init(&f);
  fake_init(&k, &f);
  x.h = fleet_host(&f);
  client_come(x.h, &client, "t", NULL, NULL);
  o.watch = freeing_watch;
  o.user = &x;
  host_bridge(x.h, &o, k.port);
  live(&f, &k, x.h, STAGES);
  ck_assert_int_eq(x.calls_after, 0);
  if (x.countdown < 0 && mode == HERMES_SSE_REDIS_PUBSUB) { /* the bus serves alone */
    ck_assert_int_eq(host_publish(x.h, "t", "9"), HERMES_SSE_OK);
    FLEET_UNTIL(&f, client_count(&client, "9") == 1);
    ck_assert_int_eq(x.h->set.n, 0);
  } else if (x.countdown < 0) {
    ck_assert_int_lt(host_publish(x.h, "t", "9"), 0);
  }
  x.countdown = 0;
  client_leave(&client);
  fleet_clear(&f);
  fake_clear(&k);
}

START_TEST(freed_inside_watch)
{
  for (int i = 1; i < 16; i++) {
    free_in_watch(HERMES_SSE_REDIS_PUBSUB, i);
    free_in_watch(HERMES_SSE_REDIS_STREAMS, i);
  }
}
END_TEST

/* `order`: 0 bridge, hub, bus; 1 hub, bridge, bus; 2 bus, hub, bridge; 3 bus, bridge, hub. */
static void free_in_order(uint64_t mode, int order, int turns)
{
  hermes_sse_redis_options o = options_of(mode);
  fleet f;
  fake k;
  host *h;
  sink client;

  fleet_init(&f);
  fake_init(&k, &f);
  h = fleet_add(&f, &o, k.port);
  client_come(h, &client, "t", NULL, NULL);
  live(&f, &k, h, turns);
  if (order >= 2) {
    hermes_sse_bus_free(h->bus);
    h->bus = NULL;
    fleet_turn(&f, 0);
  }
  if (order == 1 || order == 2) {
    hermes_sse_hub_free(h->hub);
    h->hub = NULL;
    ck_assert_int_eq(h->set.n, 0);
    ck_assert_int_eq(host_state(h), HERMES_SSE_REDIS_STATE_AWAY);
    ck_assert_str_eq(host_trouble(h), "Redis is away");
    ck_assert_int_eq(hermes_sse_redis_ready(h->redis, 0, HERMES_SSE_READ), HERMES_SSE_ERR_NOT_FOUND);
    hermes_sse_redis_resolved(h->redis, NULL, NULL, 0);
  }
  hermes_sse_redis_free(h->redis);
  h->redis = NULL;
  client_leave(&client);
  fleet_clear(&f);
  fake_clear(&k);
}

START_TEST(freed_in_any_order_at_any_moment)
{
  for (int turns = 0; turns < STAGES; turns++)
    for (int order = 0; order < 4; order++) {
      free_in_order(HERMES_SSE_REDIS_PUBSUB, order, turns);
      free_in_order(HERMES_SSE_REDIS_STREAMS, order, turns);
    }
  hermes_sse_redis_free(NULL);
}
END_TEST

/* What waits is served here when the bridge goes, as nobody else can tell any more. */
START_TEST(what_waits_is_served_at_the_end)
{
  hermes_sse_redis_options o = options_of(HERMES_SSE_REDIS_PUBSUB);
  fleet f;
  fake k;
  host *h;
  sink client;

  fleet_init(&f);
  fake_init(&k, &f);
  h = fleet_add(&f, &o, k.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  client_come(h, &client, "t", NULL, NULL);
  fake_answer(&k, "PUBLISH", "", 100);
  ck_assert_int_eq(host_publish(h, "t", "1"), HERMES_SSE_OK);
  fleet_for(&f, 30);
  ck_assert_str_eq(client_seen(&client), "");
  hermes_sse_redis_free(h->redis);
  h->redis = NULL;
  ck_assert_int_eq(host_publish(h, "t", "2"), HERMES_SSE_OK);
  FLEET_UNTIL(&f, client_events(&client) == 2);
  ck_assert_str_eq(client_seen(&client), "1 2");
  client_leave(&client);
  fleet_clear(&f);
  fake_clear(&k);
}
END_TEST

/* What was published while Redis was away is on its way until Redis has it; what is published since then is not. */
START_TEST(flushing_until_redis_has_it)
{
  hermes_sse_redis_options o = options_of(HERMES_SSE_REDIS_PUBSUB);
  fleet f;
  fake k;
  host *h;

  o.probe_ms = HERMES_SSE_NEVER;
  fleet_init(&f);
  fake_init(&k, &f);
  h = fleet_add(&f, &o, k.port);
  ck_assert_int_eq(host_publish(h, "t", "1"), HERMES_SSE_OK);
  fake_answer(&k, "PUBLISH", "", 1);
  FLEET_UNTIL(&f, k.hits == 1 && host_state(h) == HERMES_SSE_REDIS_STATE_FLUSHING);
  ck_assert_uint_eq(host_figure(h, "redis_up"), 1);
  ck_assert_ptr_null(host_trouble(h));
  FLEET_UNTIL(&f, host_is_through(h)); /* asked again, after no answer in time */
  fake_answer(&k, "PUBLISH", "", 1);
  ck_assert_int_eq(host_publish(h, "t", "2"), HERMES_SSE_OK);
  FLEET_UNTIL(&f, k.hits == 1);
  fleet_for(&f, 30);
  ck_assert_int_eq(host_is_through(h), 1);
  fleet_clear(&f);
  fake_clear(&k);
}
END_TEST

/* ---- the clock ---- */

/* The loop slept until Redis said something: that, too, is when the next question is asked, and its time begins then. */
START_TEST(time_begins_when_it_is_asked)
{
  enum { BLOCK_MS = 4000, TIMEOUT_MS = 1000 };
  hermes_sse_redis_options o = { .mode = HERMES_SSE_REDIS_STREAMS, .timeout_ms = TIMEOUT_MS };
  fleet f;
  fake k;

  fleet_init(&f);
  fake_init(&k, &f);
  fleet_add(&f, &o, k.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  fleet_for(&f, 30);
  for (int i = 0; i < 5; i++) {
    fleet_jump(&f, BLOCK_MS - 100); /* nothing came in this time */
    fake_say_waiting(&k, "*-1\r\n");
    fleet_for(&f, 5);
    fleet_jump(&f, TIMEOUT_MS + 500);
    fleet_for(&f, 5);
    ck_assert_msg(host_figure(&f.hosts[0], "redis_losses_total") == 0, "%s", f.hosts[0].log);
    fake_say_waiting(&k, "*-1\r\n");
    fleet_for(&f, 5);
  }
  fleet_clear(&f);
  fake_clear(&k);
}
END_TEST

SUITE_MAIN("redis lifetime", freed_inside_watch, freed_in_any_order_at_any_moment, what_waits_is_served_at_the_end,
           flushing_until_redis_has_it, time_begins_when_it_is_asked)
