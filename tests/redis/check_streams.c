/* Streams mode against a real Redis: one order with Redis's own ids, and nothing lost or doubled, whatever goes. */
#include "proxy.h"
#include "suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kept[] = { "--appendonly", "yes", "--appendfsync", "always", NULL };

static hermes_sse_redis_options streams(void)
{
  return (hermes_sse_redis_options){ .mode = HERMES_SSE_REDIS_STREAMS, .timeout_ms = 2000 };
}

static void publish(host *h, int data)
{
  char text[16];

  snprintf(text, sizeof text, "%d", data);
  ck_assert_int_eq(host_publish(h, "t", text), HERMES_SSE_OK);
}

/* "from ... to", joined by blanks. */
static const char *numbers(int from, int to)
{
  static char text[8192];
  size_t len = 0;

  text[0] = 0;
  for (int i = from; i <= to; i++)
    len += (size_t)snprintf(text + len, sizeof text - len, "%s%d", len > 0 ? " " : "", i);
  return text;
}

static void two(fleet *f, int port)
{
  hermes_sse_redis_options o = streams();

  for (int i = 0; i < 2; i++)
    fleet_add(f, &o, port);
  FLEET_UNTIL(f, fleet_is_through(f));
}

START_TEST(the_ids_are_those_of_redis)
{
  server s;
  fleet f;
  sink clients[2];
  redisReply *entries;
  char expected[4096] = "";

  server_start(&s, NULL);
  fleet_init(&f);
  two(&f, s.port);
  for (int i = 0; i < 2; i++)
    client_come(&f.hosts[i], &clients[i], "t", NULL, NULL);
  for (int i = 0; i < 20; i++) {
    publish(&f.hosts[i % 2], i);
    if (i % 3 == 0)
      fleet_turn(&f, 2);
  }
  FLEET_UNTIL(&f, client_events(&clients[0]) == 20 && client_events(&clients[1]) == 20);
  entries = server_ask(&s, "XRANGE hermes:events - +");
  ck_assert_uint_eq(entries->elements, 20);
  for (size_t i = 0; i < entries->elements; i++) {
    const redisReply *fields = entries->element[i]->element[1];

    for (size_t j = 0; j + 1 < fields->elements; j += 2)
      if (strcmp(fields->element[j]->str, "d") == 0)
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%s=%s", i > 0 ? " " : "",
                 entries->element[i]->element[0]->str, fields->element[j + 1]->str);
  }
  for (int i = 0; i < 2; i++) {
    ck_assert_str_eq(client_seen_ids(&clients[i]), expected);
    client_leave(&clients[i]);
  }
  ck_assert_uint_eq(host_figure(&f.hosts[0], "redis_confirmed_total"), 10);
  ck_assert_uint_eq(host_figure(&f.hosts[0], "redis_waiting"), 0);
  ck_assert(!host_logged(&f.hosts[0], "flushing"));
  freeReplyObject(entries);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

/* A topic, a key and a number of the host's own go through as they are, whatever bytes they have. */
START_TEST(key_and_bytes_go_through)
{
  hermes_sse_message m = { .size = sizeof m, .topic = { "a b\r\n\xff", 6 }, .key = { "k\"\n\0x", 5 } };
  server s;
  fleet f;
  sink all, one;
  hermes_sse_subscription followed = { .topic = m.topic, .key = m.key };
  hermes_sse_stream_options o = { .size = sizeof o, .user = &one, .topics = &followed, .n_topics = 1 };

  server_start(&s, NULL);
  fleet_init(&f);
  two(&f, s.port);
  client_come(&f.hosts[1], &all, "a*", NULL, NULL);
  sink_init(&one);
  ck_assert_int_eq(hermes_sse_stream_open(f.hosts[1].hub, &o, &one.stream), HERMES_SSE_OK);
  m.type = hermes_sse_str("x");
  m.data = hermes_sse_str("{\"a\": 1.10,\n\"b\":18446744073709551615}");
  m.meta = UINT64_MAX;
  ck_assert_int_eq(hermes_sse_bus_publish(f.hosts[0].bus, &m), HERMES_SSE_OK);
  FLEET_UNTIL(&f, client_events(&all) == 1 && client_events(&one) == 1);
  ck_assert_ptr_nonnull(memmem(one.bytes, one.n, "data: {\"a\": 1.10, \"b\":18446744073709551615}\n", 44));
  client_leave(&all);
  client_leave(&one);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

/* It takes a few events on each, and has what one who stays has. */
START_TEST(a_client_goes_to_another_host_and_back)
{
  enum { N = 60 };
  server s;
  fleet f;
  sink stays, moves;
  char id[HERMES_SSE_ID_MAX] = "", seen[4096] = "";
  int n = 0;

  server_start(&s, NULL);
  fleet_init(&f);
  two(&f, s.port);
  client_come(&f.hosts[0], &stays, "t", NULL, NULL);
  client_come(&f.hosts[0], &moves, "t", NULL, NULL);
  for (int round = 1; n < N; round++) {
    for (int i = 0; i < 6; i++, n++)
      publish(&f.hosts[n % 2], n);
    if (round % 2)
      FLEET_UNTIL(&f, client_events(&stays) == (size_t)n);
    snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s ", client_seen(&moves));
    if (client_events(&moves) > 0)
      strcpy(id, client_id(&moves));
    client_leave(&moves);
    client_come(&f.hosts[round % 2], &moves, "t", NULL, id);
  }
  FLEET_UNTIL(&f, client_events(&stays) == N && strcmp(client_id(&moves), client_id(&stays)) == 0);
  snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s", client_seen(&moves));
  for (char *at = seen; (at = strstr(at, "  "));) /* rounds in which it got nothing */
    memmove(at, at + 1, strlen(at));
  ck_assert_str_eq(seen, client_seen(&stays));
  client_leave(&moves);
  client_leave(&stays);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

START_TEST(a_host_is_restarted_and_replays)
{
  hermes_sse_redis_options o = streams();
  server s;
  fleet f;
  sink client, late;
  char id[HERMES_SSE_ID_MAX];

  o.read_back = 10;
  server_start(&s, NULL);
  fleet_init(&f);
  two(&f, s.port);
  client_come(&f.hosts[0], &client, "t", NULL, NULL);
  for (int i = 1; i <= 5; i++)
    publish(&f.hosts[0], i);
  FLEET_UNTIL(&f, client_events(&client) == 5);
  strcpy(id, client_id(&client));
  client_leave(&client);
  host_stop(&f.hosts[0]);
  for (int i = 6; i <= 9; i++)
    publish(&f.hosts[1], i);
  FLEET_UNTIL(&f, host_figure(&f.hosts[1], "redis_waiting") == 0);
  host_begin(&f.hosts[0]);
  host_bridge(&f.hosts[0], &o, s.port);
  client_come(&f.hosts[0], &client, "t", NULL, id); /* before the bridge knows anything */
  FLEET_UNTIL(&f, fleet_is_through(&f) && client_events(&client) >= 4);
  publish(&f.hosts[1], 10);
  FLEET_UNTIL(&f, client_count(&client, "10") == 1);
  ck_assert_str_eq(client_seen(&client), numbers(6, 10));
  for (int i = 11; i <= 20; i++)
    publish(&f.hosts[1], i);
  FLEET_UNTIL(&f, client_events(&client) == 15);
  client_leave(&client);
  host_stop(&f.hosts[0]);
  host_begin(&f.hosts[0]);
  host_bridge(&f.hosts[0], &o, s.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  client_come(&f.hosts[0], &late, "t", NULL, id); /* of what is not read back any more */
  FLEET_UNTIL(&f, client_events(&late) >= 1);
  ck_assert(strncmp(client_seen(&late), "<expired>", 9) == 0);
  client_leave(&late);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

START_TEST(redis_is_killed_and_nothing_is_lost)
{
  server s;
  fleet f;
  sink clients[2];
  int n = 0;

  server_start(&s, kept);
  fleet_init(&f);
  two(&f, s.port);
  for (int i = 0; i < 2; i++)
    client_come(&f.hosts[i], &clients[i], "t", NULL, NULL);
  publish(&f.hosts[0], n++);
  FLEET_UNTIL(&f, client_events(&clients[0]) == 1 && client_events(&clients[1]) == 1);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 40; i++, n++) {
      publish(&f.hosts[0], n);
      if (i % 5 == 0)
        fleet_turn(&f, 1);
    }
    server_kill(&s);
    for (int i = 0; i < 10; i++, n++) {
      publish(&f.hosts[0], n);
      fleet_turn(&f, 1);
    }
    FLEET_UNTIL(&f, host_state(&f.hosts[0]) == HERMES_SSE_REDIS_STATE_AWAY);
    ck_assert_uint_ge(host_figure(&f.hosts[0], "redis_waiting"), 10);
    server_again(&s);
    FLEET_UNTIL(&f, fleet_is_through(&f));
  }
  for (int i = 0; i < 2; i++)
    FLEET_UNTIL(&f, client_events(&clients[i]) >= (size_t)n);
  fleet_for(&f, 30);
  for (int i = 0; i < 2; i++) {
    ck_assert_str_eq(client_seen(&clients[i]), numbers(0, n - 1));
    client_leave(&clients[i]);
  }
  ck_assert_uint_eq(host_figure(&f.hosts[0], "redis_confirmed_total"), (uint64_t)n);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

/* Before Redis has it, and after: the answer is what is lost. */
START_TEST(a_connection_is_cut_around_a_message)
{
  hermes_sse_redis_options o = streams();
  server s;
  proxy p;
  fleet f;
  sink client;
  int n = 0;

  server_start(&s, NULL);
  fleet_init(&f);
  proxy_init(&p, &f, s.port);
  fleet_add(&f, &o, p.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  client_come(&f.hosts[0], &client, "t", NULL, NULL);
  for (int round = 0; round < 6; round++) {
    p.match = round % 3 == 2 ? "XREAD" : "EVALSHA";
    p.how = round % 2 ? PROXY_AFTER : PROXY_BEFORE;
    for (int i = 0; i < 5; i++) {
      publish(&f.hosts[0], n++);
      if (i == 2)
        fleet_turn(&f, 1);
    }
    FLEET_UNTIL(&f, p.cuts == round + 1);
    publish(&f.hosts[0], n++);
    FLEET_UNTIL(&f, client_events(&client) >= (size_t)n && fleet_is_through(&f));
  }
  ck_assert_str_eq(client_seen(&client), numbers(0, n - 1));
  ck_assert_int_eq(server_integer(&s, "XLEN hermes:events"), n);
  client_leave(&client);
  fleet_clear(&f);
  proxy_clear(&p);
  server_stop(&s);
}
END_TEST

SUITE_MAIN("redis streams", the_ids_are_those_of_redis, key_and_bytes_go_through,
           a_client_goes_to_another_host_and_back, a_host_is_restarted_and_replays, redis_is_killed_and_nothing_is_lost,
           a_connection_is_cut_around_a_message)
