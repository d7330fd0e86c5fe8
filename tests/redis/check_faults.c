/* Pub/sub mode: what breaks without going away, and what does not fit. */
#include "proxy.h"
#include "suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const channels[] = { "t" };

enum { PROBE_MS = 300 };

static hermes_sse_redis_options listening(void)
{
  return (
      hermes_sse_redis_options){ .channels = channels, .n_channels = 1, .probe_ms = PROBE_MS, .timeout_ms = PROBE_MS };
}

static void expect_served(fleet *f, server *s, sink *client, const char *data)
{
  size_t n = client_count(client, data);

  server_publish(s, "t", data);
  FLEET_UNTIL(f, client_count(client, data) > n);
}

/* P24: within two intervals, and some for the machine. */
static void lose_probe(fleet *f, uint64_t from)
{
  host *h = &f->hosts[0];

  FLEET_UNTIL(f, host_state(h) == HERMES_SSE_REDIS_STATE_AWAY);
  ck_assert_uint_le(fleet_real_ms() - from, 2 * PROBE_MS + 400);
  ck_assert_uint_eq(host_figure(h, "redis_probes_lost_total"), 1);
  ck_assert(host_logged(h, "subscriptions: lost") && host_logged(h, "commands: lost"));
  ck_assert_int_eq(host_logged_times(h, "what is published does not come back"), 2);
}

START_TEST(a_frozen_redis_is_noticed)
{
  hermes_sse_redis_options o = listening();
  server s;
  fleet f;
  sink client;
  uint64_t from;

  server_start(&s, NULL);
  fleet_init(&f);
  fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, fleet_is_through(&f) && host_figure(&f.hosts[0], "redis_probe_seconds") > 0);
  client_come(&f.hosts[0], &client, "t", NULL, NULL);
  from = fleet_real_ms();
  server_freeze(&s);
  lose_probe(&f, from);
  server_thaw(&s);
  FLEET_UNTIL(&f, fleet_is_through(&f) && client_events(&client) > 0);
  expect_served(&f, &s, &client, "1");
  ck_assert_str_eq(client_seen(&client), "<bridge> 1");
  client_leave(&client);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

/* Only the subscriptions' connection is dead: its peer gets no messages any more. */
START_TEST(a_half_open_subscription_is_noticed)
{
  hermes_sse_redis_options o = listening();
  server s;
  proxy p;
  fleet f;
  sink client;
  uint64_t from;

  server_start(&s, NULL);
  fleet_init(&f);
  proxy_init(&p, &f, s.port);
  fleet_add(&f, &o, p.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  client_come(&f.hosts[0], &client, "t", NULL, NULL);
  expect_served(&f, &s, &client, "1");
  proxy_mute_subscribers(&p);
  from = fleet_real_ms();
  server_publish(&s, "t", "2");                                         /* nobody hears it */
  ck_assert_int_eq(host_publish(&f.hosts[0], "t", "3"), HERMES_SSE_OK); /* nor does this one come back */
  lose_probe(&f, from);
  FLEET_UNTIL(&f, fleet_is_through(&f) && client_count(&client, "<bridge>") > 0);
  expect_served(&f, &s, &client, "4");
  ck_assert_str_eq(client_seen(&client), "1 3 <bridge> 4");
  client_leave(&client);
  fleet_clear(&f);
  proxy_clear(&p);
  server_stop(&s);
}
END_TEST

/* P25 */
START_TEST(a_slow_subscriber_is_thrown_out_and_told)
{
  static const char *const args[] = { "--client-output-buffer-limit", "pubsub 65536 0 0", NULL };
  hermes_sse_redis_options o = listening();
  char *data = malloc(32 << 10);
  server s;
  fleet f;
  sink client;

  memset(data, '7', 3000);
  data[3000] = 0;
  o.probe_ms = HERMES_SSE_NEVER;
  server_start(&s, args);
  fleet_init(&f);
  fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  client_come(&f.hosts[0], &client, "t", NULL, NULL);
  expect_served(&f, &s, &client, "1");
  for (int i = 0; i < 4000; i++) /* nobody turns the loop meanwhile */
    server_publish(&s, "t", data);
  FLEET_UNTIL(&f, client_count(&client, "<bridge>") > 0 && fleet_is_through(&f));
  expect_served(&f, &s, &client, "2");
  ck_assert_uint_eq(client_count(&client, "<bridge>"), 1);
  ck_assert_uint_lt(client_events(&client), 4003);
  ck_assert_uint_eq(host_figure(&f.hosts[0], "redis_malformed_total"), 0);
  client_leave(&client);
  fleet_clear(&f);
  server_stop(&s);
  free(data);
}
END_TEST

START_TEST(too_much_that_waits_is_refused_and_counted)
{
  hermes_sse_redis_options o = listening();
  server s;
  fleet f;
  host *h;
  sink client;
  int taken = 0, rv;

  o.max_pending_bytes = 4096;
  server_start(&s, NULL);
  fleet_init(&f);
  h = fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  client_come(h, &client, "t", NULL, NULL);
  server_kill(&s);
  FLEET_UNTIL(&f, host_state(h) == HERMES_SSE_REDIS_STATE_AWAY);
  while ((rv = host_publish(h, "t", "1")) == HERMES_SSE_OK && taken < 1000)
    taken++;
  ck_assert_int_eq(rv, HERMES_SSE_ERR_FULL);
  ck_assert_int_eq(host_publish(h, "t", "1"), HERMES_SSE_ERR_FULL);
  ck_assert_int_gt(taken, 4);
  ck_assert_uint_eq(host_figure(h, "redis_overflowed_total"), 2);
  ck_assert_uint_eq(host_figure(h, "redis_waiting"), (uint64_t)taken);
  ck_assert_uint_gt(host_figure(h, "redis_waiting_bytes"), 2048);
  ck_assert_uint_le(host_figure(h, "redis_waiting_bytes"), 4096 + 512);
  FLEET_UNTIL(&f, client_count(&client, "1") == (size_t)taken); /* what was refused was not served either */
  server_again(&s);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  FLEET_UNTIL(&f, host_figure(h, "redis_waiting_bytes") == 0);
  ck_assert_int_eq(host_publish(h, "t", "2"), HERMES_SSE_OK);
  FLEET_UNTIL(&f, client_count(&client, "2") == 1);
  ck_assert_uint_eq(client_count(&client, "1"), (size_t)taken);
  client_leave(&client);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

/* Whatever is accepted also leaves: nothing that waits alone is larger than what may wait. */
static void just_fits(uint64_t mode)
{
  enum { MOST = 4096 };
  static const char *const keys[] = { "t" };
  hermes_sse_redis_options o = { .mode = mode, .max_pending_bytes = MOST };
  server s;
  fleet f;
  host *h;
  sink client;

  if (mode == HERMES_SSE_REDIS_PUBSUB) {
    o.channels = keys;
    o.n_channels = 1;
  }
  server_start(&s, NULL);
  fleet_init(&f);
  h = fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  client_come(h, &client, "t", NULL, NULL);
  for (size_t len = 1000; len <= MOST; len += 129) {
    char data[MOST + 1];
    int rv;

    memset(data, '7', len);
    data[len] = 0;
    rv = host_publish(h, "t", data);
    ck_assert_msg(rv == HERMES_SSE_OK || rv == HERMES_SSE_ERR_FULL, "%s", hermes_sse_status_name(rv));
    FLEET_UNTIL(&f, host_figure(h, "redis_waiting_bytes") == 0);
  }
  ck_assert_int_eq(host_publish(h, "t", "1"), HERMES_SSE_OK);
  FLEET_UNTIL(&f, client_count(&client, "1") == 1);
  client_leave(&client);
  fleet_clear(&f);
  server_stop(&s);
}

START_TEST(what_is_accepted_leaves)
{
  just_fits(HERMES_SSE_REDIS_PUBSUB);
  just_fits(HERMES_SSE_REDIS_STREAMS);
}
END_TEST

/* Data near a megabyte, where what is around it makes the difference. */
START_TEST(large_data_arrives_or_is_refused)
{
  hermes_sse_redis_options o = listening();
  char *data = malloc((1 << 20) + 1);
  server s;
  fleet f;
  sink clients[2];

  o.timeout_ms = 5000;
  server_start(&s, NULL);
  fleet_init(&f);
  for (int i = 0; i < 2; i++)
    fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  for (int i = 0; i < 2; i++)
    client_come(&f.hosts[i], &clients[i], "t", NULL, NULL);
  for (size_t len = (1 << 20) - 400; len <= 1 << 20; len += 40) {
    size_t before = client_events(&clients[0]);
    int rv;

    memset(data, '7', len);
    data[len] = 0;
    rv = host_publish(&f.hosts[0], "t", data);
    if (rv == HERMES_SSE_OK)
      FLEET_UNTIL(&f, client_events(&clients[0]) > before && client_events(&clients[1]) > before &&
                          host_figure(&f.hosts[0], "redis_waiting_bytes") == 0);
    else
      ck_assert_int_eq(rv, HERMES_SSE_ERR_TOO_LARGE);
  }
  ck_assert_uint_gt(client_events(&clients[1]), 0);
  ck_assert_uint_eq(host_figure(&f.hosts[1], "redis_malformed_total"), 0);
  for (int i = 0; i < 2; i++)
    client_leave(&clients[i]);
  fleet_clear(&f);
  server_stop(&s);
  free(data);
}
END_TEST

START_TEST(publishing_alone)
{
  hermes_sse_redis_options o = { .flags = HERMES_SSE_REDIS_PUBLISH_ONLY }, listens = listening();
  server s;
  fleet f;
  sink client, own;

  server_start(&s, NULL);
  fleet_init(&f);
  fleet_add(&f, &o, s.port);
  fleet_add(&f, &listens, s.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  client_come(&f.hosts[0], &own, "t", NULL, NULL);
  client_come(&f.hosts[1], &client, "t", NULL, NULL);
  ck_assert_int_eq(host_publish(&f.hosts[0], "t", "1"), HERMES_SSE_OK);
  FLEET_UNTIL(&f, client_events(&client) == 1);
  server_kill(&s);
  FLEET_UNTIL(&f, host_state(&f.hosts[0]) == HERMES_SSE_REDIS_STATE_AWAY);
  ck_assert_int_eq(host_publish(&f.hosts[0], "t", "2"), HERMES_SSE_OK);
  server_again(&s);
  FLEET_UNTIL(&f, fleet_is_through(&f) && host_figure(&f.hosts[0], "redis_waiting") == 0);
  fleet_for(&f, 50);
  ck_assert_str_eq(client_seen(&own), "");
  ck_assert_uint_eq(client_count(&client, "1"), 1);
  ck_assert_int_eq(server_clients(&s, "hermes-sse-"), 3);
  client_leave(&client);
  client_leave(&own);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

SUITE_MAIN("redis faults", a_frozen_redis_is_noticed, a_half_open_subscription_is_noticed,
           a_slow_subscriber_is_thrown_out_and_told, too_much_that_waits_is_refused_and_counted,
           what_is_accepted_leaves, large_data_arrives_or_is_refused, publishing_alone)
