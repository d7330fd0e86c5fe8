/* Pub/sub mode against a real Redis: one order everywhere, and what becomes of it when Redis goes and comes. */
#include "proxy.h"
#include "suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const t_and_u[] = { "t", "u" };

static hermes_sse_redis_options listening(void)
{
  return (hermes_sse_redis_options){ .channels = t_and_u, .n_channels = 2, .probe_ms = 500, .timeout_ms = 1000 };
}

/* Three hosts that are through, each with a client of "t". */
static void three(fleet *f, server *s, sink *clients, const hermes_sse_redis_options *o)
{
  fleet_init(f);
  for (int i = 0; i < 3; i++)
    fleet_add(f, o, s->port);
  FLEET_UNTIL(f, fleet_is_through(f));
  for (int i = 0; i < 3; i++)
    client_come(&f->hosts[i], &clients[i], "t", NULL, NULL);
}

static void leave_three(fleet *f, sink *clients)
{
  for (int i = 0; i < 3; i++)
    client_leave(&clients[i]);
  fleet_clear(f);
}

static int have(sink *clients, int n, size_t events)
{
  for (int i = 0; i < n; i++)
    if (client_events(&clients[i]) < events)
      return 0;
  return 1;
}

START_TEST(one_order_on_three_hosts)
{
  enum { EACH = 50 };
  hermes_sse_redis_options o = listening();
  server s;
  fleet f;
  sink clients[3];

  server_start(&s, NULL);
  three(&f, &s, clients, &o);
  for (int i = 0; i < EACH; i++) {
    char data[16];

    for (int j = 0; j < 3; j++) {
      snprintf(data, sizeof data, "%d", 1000 * (j + 1) + i);
      ck_assert_int_eq(host_publish(&f.hosts[j], "t", data), HERMES_SSE_OK);
    }
    snprintf(data, sizeof data, "%d", 9000 + i);
    ck_assert_int_eq(server_publish(&s, "t", data), 3);
    if (i % 7 == 0)
      fleet_turn(&f, 1);
  }
  FLEET_UNTIL(&f, have(clients, 3, 4 * EACH) && fleet_is_through(&f));
  fleet_for(&f, 50);
  for (int i = 0; i < 3; i++)
    ck_assert_str_eq(client_seen(&clients[i]), client_seen(&clients[0]));
  for (int i = 0; i < EACH; i++) {
    char data[16];

    for (int j = 0; j < 4; j++) {
      snprintf(data, sizeof data, "%d", (j < 3 ? 1000 * (j + 1) : 9000) + i);
      ck_assert_uint_eq(client_count(&clients[0], data), 1);
    }
  }
  for (int i = 0; i < 3; i++) {
    ck_assert_uint_eq(host_figure(&f.hosts[i], "redis_confirmed_total"), EACH);
    ck_assert_uint_eq(host_figure(&f.hosts[i], "redis_received_total"), 4 * EACH);
    ck_assert_uint_eq(host_figure(&f.hosts[i], "redis_doubled_total"), 0);
    ck_assert_uint_eq(host_figure(&f.hosts[i], "redis_alone_total"), 0);
    ck_assert_uint_eq(host_figure(&f.hosts[i], "redis_waiting_bytes"), 0);
    ck_assert_uint_eq(host_figure(&f.hosts[i], "redis_up"), 1);
    ck_assert_ptr_null(host_trouble(&f.hosts[i]));
  }
  leave_three(&f, clients);
  server_stop(&s);
}
END_TEST

/* While Redis is away what is published here is served here; when it is back it goes to the others, and all are told. */
START_TEST(redis_killed_and_restarted)
{
  hermes_sse_redis_options o = listening();
  server s;
  fleet f;
  sink clients[3];

  server_start(&s, NULL);
  three(&f, &s, clients, &o);
  ck_assert_int_eq(host_publish(&f.hosts[0], "t", "1"), HERMES_SSE_OK);
  FLEET_UNTIL(&f, have(clients, 3, 1));
  server_kill(&s);
  FLEET_UNTIL(&f, host_state(&f.hosts[0]) == HERMES_SSE_REDIS_STATE_AWAY);
  ck_assert_str_eq(host_trouble(&f.hosts[0]), "Redis is away");
  for (int i = 2; i <= 4; i++)
    ck_assert_int_eq(host_publish(&f.hosts[0], "t", i == 2 ? "2" : i == 3 ? "3" : "4"), HERMES_SSE_OK);
  FLEET_UNTIL(&f, have(clients, 1, 4));
  ck_assert_str_eq(client_seen(&clients[0]), "1 2 3 4");
  ck_assert_str_eq(client_seen(&clients[1]), "1");
  ck_assert_uint_eq(host_figure(&f.hosts[0], "redis_alone_total"), 3);
  ck_assert_uint_eq(host_figure(&f.hosts[0], "redis_waiting"), 3);
  server_again(&s);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  for (int i = 0; i < 3; i++)
    FLEET_UNTIL(&f, client_count(&clients[i], "<bridge>") == 1);
  ck_assert_int_eq(host_publish(&f.hosts[1], "t", "5"), HERMES_SSE_OK);
  for (int i = 0; i < 3; i++)
    FLEET_UNTIL(&f, client_count(&clients[i], "5") == 1);
  fleet_for(&f, 50);
  ck_assert_str_eq(client_seen(&clients[0]), "1 2 3 4 <bridge> 5");
  for (int i = 1; i < 3; i++) { /* those that listened again in time have the three, and all are told */
    const char *seen = client_seen(&clients[i]);

    ck_assert_msg(strncmp(seen, "1 <bridge> ", 11) == 0 && strcmp(seen + strlen(seen) - 2, " 5") == 0, "%s", seen);
    for (const char *const *w = (const char *const[]){ "2", "3", "4", NULL }; *w; w++)
      ck_assert_msg(client_count(&clients[i], *w) <= 1, "%s", seen);
    ck_assert_uint_eq(client_count(&clients[i], "<bridge>"), 1);
  }
  ck_assert_uint_eq(host_figure(&f.hosts[0], "redis_waiting"), 0);
  ck_assert_uint_eq(host_figure(&f.hosts[0], "redis_losses_total"), 2);
  ck_assert_uint_eq(host_figure(&f.hosts[0], "redis_resubscriptions_total"), 2);
  leave_three(&f, clients);
  server_stop(&s);
}
END_TEST

/* One server alone is cut off: it serves its own at once, and the others, who heard each other all the time, get each of them once and
 * are told of nothing. */
START_TEST(one_server_is_cut_off)
{
  hermes_sse_redis_options o = listening();
  server s;
  proxy p;
  fleet f;
  sink clients[3];

  server_start(&s, NULL);
  fleet_init(&f);
  proxy_init(&p, &f, s.port);
  for (int i = 0; i < 3; i++)
    fleet_add(&f, &o, i == 0 ? p.port : s.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  for (int i = 0; i < 3; i++)
    client_come(&f.hosts[i], &clients[i], "t", NULL, NULL);
  proxy_close(&p);
  ck_assert_int_eq(host_publish(&f.hosts[0], "t", "1"), HERMES_SSE_OK); /* perhaps on its way when it happens */
  proxy_cut_all(&p);
  FLEET_UNTIL(&f, host_state(&f.hosts[0]) == HERMES_SSE_REDIS_STATE_AWAY);
  for (int i = 2; i <= 3; i++)
    ck_assert_int_eq(host_publish(&f.hosts[0], "t", i == 2 ? "2" : "3"), HERMES_SSE_OK);
  ck_assert_int_eq(host_publish(&f.hosts[1], "t", "9"), HERMES_SSE_OK);
  FLEET_UNTIL(&f, have(clients, 1, 3) && have(clients + 1, 2, 1));
  proxy_open(&p);
  FLEET_UNTIL(&f, fleet_is_through(&f) && have(clients + 1, 2, 4) && have(clients, 1, 4));
  ck_assert_int_eq(host_publish(&f.hosts[0], "t", "4"), HERMES_SSE_OK);
  FLEET_UNTIL(&f, have(clients, 3, 5));
  fleet_for(&f, 50);
  ck_assert_str_eq(client_seen(&clients[0]), "1 2 3 <bridge> 4");
  for (int i = 1; i < 3; i++)
    ck_assert_str_eq(client_seen(&clients[i]), "9 1 2 3 4");
  ck_assert(!host_logged(&f.hosts[1], "bridge to Redis: flushing")); /* what comes back at once is nothing to flush */
  leave_three(&f, clients);
  proxy_clear(&p);
  server_stop(&s);
}
END_TEST

/* What others write is served as they wrote it, on one line; what is no event disturbs nothing. */
START_TEST(data_of_others)
{
  static const char *const bad[] = { "", "x", "[]", "{\"type\":\"gap\",\"data\":1}", "{\"type\":\"x\"}" };
  hermes_sse_redis_options o = listening();
  server s;
  fleet f;
  sink clients[3], keyed;

  server_start(&s, NULL);
  three(&f, &s, clients, &o);
  client_come(&f.hosts[0], &keyed, "t", "d", NULL);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    server_do(&s, "PUBLISH t %s", bad[i]);
  server_publish(&s, "t", "{\n\"download_id\":\r\n\"d\",\t\"n\":1.10}");
  server_publish(&s, "t", "18446744073709551615");
  FLEET_UNTIL(&f, have(clients, 3, 2));
  for (int i = 0; i < 3; i++) {
    ck_assert_ptr_nonnull(
        strstr(client_seen(&clients[i]), "{ \"download_id\":  \"d\",\t\"n\":1.10} 18446744073709551615"));
    ck_assert_uint_eq(host_figure(&f.hosts[i], "redis_malformed_total"), 5);
    ck_assert_int_eq(host_logged_times(&f.hosts[i], "message on t refused"), 3); /* the first, the second, the fourth */
  }
  ck_assert_uint_eq(client_events(&keyed), 1);
  client_leave(&keyed);
  leave_three(&f, clients);
  server_stop(&s);
}
END_TEST

SUITE_MAIN("redis pubsub", one_order_on_three_hosts, redis_killed_and_restarted, one_server_is_cut_off, data_of_others)
