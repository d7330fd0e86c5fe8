/* Streams mode with old workers: what they PUBLISH gets into the stream once, by one server at a time. */
#include "proxy.h"
#include "suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const channels[] = { "t", "u*" };

enum { LEASE_MS = 9000 };

static hermes_sse_redis_options importing(void)
{
  return (hermes_sse_redis_options){ .mode = HERMES_SSE_REDIS_STREAMS,
                                     .flags = HERMES_SSE_REDIS_IMPORT,
                                     .channels = channels,
                                     .n_channels = 2,
                                     .timeout_ms = 2000 };
}

/* The server that imports; NULL: none does. */
static host *importer(fleet *f)
{
  host *found = NULL;

  for (int i = 0; i < f->n; i++)
    if (f->hosts[i].redis && host_logged_times(&f->hosts[i], "this server imports now") >
                                 host_logged_times(&f->hosts[i], "another server imports now"))
      found = &f->hosts[i];
  return found;
}

static int listens(server *s)
{
  return server_integer(s, "PUBSUB NUMPAT") == 1 && server_clients(s, "hermes-sse-subscriptions") == 1;
}

/* Two hosts, of which one listens by now. */
static void two(fleet *f, server *s, const int *ports)
{
  hermes_sse_redis_options o = importing();

  for (int i = 0; i < 2; i++)
    fleet_add(f, &o, ports[i]);
  FLEET_UNTIL(f, fleet_is_through(f) && listens(s) && importer(f));
}

START_TEST(a_plain_publish_lands_in_the_stream_once)
{
  server s;
  fleet f;
  sink clients[2];

  server_start(&s, NULL);
  fleet_init(&f);
  two(&f, &s, (const int[]){ s.port, s.port });
  fleet_for(&f, 30); /* the mark of who begins to import */
  for (int i = 0; i < 2; i++)
    client_come(&f.hosts[i], &clients[i], "*", NULL, NULL);
  ck_assert_int_eq(server_publish(&s, "t", "1"), 1);
  ck_assert_int_eq(server_publish(&s, "ux", "2"), 1);
  for (int i = 0; i < 2; i++)
    FLEET_UNTIL(&f, client_events(&clients[i]) == 2);
  for (int i = 0; i < 2; i++) /* ours is heard by the importer, and says that it is in already */
    ck_assert_int_eq(host_publish(&f.hosts[i], "t", i ? "4" : "3"), HERMES_SSE_OK);
  for (int i = 0; i < 2; i++)
    FLEET_UNTIL(&f, client_events(&clients[i]) == 4);
  ck_assert_int_eq(server_publish(&s, "t", "not json"), 1);
  ck_assert_int_eq(server_integer(&s, "PUBLISH t %s", "[]"), 1);
  FLEET_UNTIL(&f, host_figure(importer(&f), "redis_malformed_total") == 2);
  fleet_for(&f, 50);
  for (int i = 0; i < 2; i++) {
    ck_assert_str_eq(client_seen(&clients[i]), client_seen(&clients[0]));
    ck_assert(strncmp(client_seen(&clients[i]), "1 2 ", 4) == 0);
  }
  ck_assert_int_eq(server_integer(&s, "XLEN hermes:events"), 5); /* with the mark */
  ck_assert_uint_eq(host_figure(&f.hosts[0], "redis_imported_total") + host_figure(&f.hosts[1], "redis_imported_total"),
                    2);
  for (int i = 0; i < 2; i++)
    client_leave(&clients[i]);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

/* A server in pub/sub mode publishes envelopes with an origin and no id: an old worker too. */
START_TEST(servers_in_pubsub_mode_are_imported_too)
{
  hermes_sse_redis_options o = { .channels = channels, .n_channels = 1 };
  server s;
  fleet f;
  sink client;

  server_start(&s, NULL);
  fleet_init(&f);
  two(&f, &s, (const int[]){ s.port, s.port });
  fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  fleet_for(&f, 30);
  client_come(&f.hosts[0], &client, "t", NULL, NULL);
  for (int i = 0; i < 3; i++)
    ck_assert_int_eq(host_publish(&f.hosts[2], "t", i == 0 ? "1" : i == 1 ? "2" : "3"), HERMES_SSE_OK);
  FLEET_UNTIL(&f, client_events(&client) == 3);
  server_do(
      &s, "PUBLISH t %s",
      "{\"type\":\"x\",\"data\":4,\"hermes_sse\":{\"origin\":\"someone\",\"number\":7,\"key\":\"k\",\"meta\":3}}");
  server_do(&s, "PUBLISH t %s", "{\"type\":\"x\",\"data\":4,\"hermes_sse\":{\"origin\":\"someone\",\"number\":7}}");
  FLEET_UNTIL(&f, client_events(&client) == 4);
  fleet_for(&f, 50);
  ck_assert_str_eq(client_seen(&client), "1 2 3 4");
  ck_assert_uint_eq(host_figure(importer(&f), "redis_doubled_total"), 1);
  client_leave(&client);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

/* The holder is cut off; while nobody holds the lease something is published that nobody hears. */
START_TEST(the_lease_is_taken_over_and_told)
{
  server s;
  proxy proxies[2];
  fleet f;
  sink clients[2];
  host *holder, *other;
  int held;

  server_start(&s, NULL);
  fleet_init(&f);
  for (int i = 0; i < 2; i++)
    proxy_init(&proxies[i], &f, s.port);
  two(&f, &s, (const int[]){ proxies[0].port, proxies[1].port });
  fleet_for(&f, 30);
  for (int i = 0; i < 2; i++)
    client_come(&f.hosts[i], &clients[i], "t", NULL, NULL);
  holder = importer(&f);
  held = holder == &f.hosts[1];
  other = &f.hosts[!held];
  server_publish(&s, "t", "1");
  FLEET_UNTIL(&f, client_events(&clients[0]) == 1 && client_events(&clients[1]) == 1);
  proxy_close(&proxies[held]);
  proxy_cut_all(&proxies[held]);
  FLEET_UNTIL(&f, host_state(holder) == HERMES_SSE_REDIS_STATE_AWAY);
  server_publish(&s, "t", "2");                    /* lost */
  server_do(&s, "PEXPIRE hermes:events:import 1"); /* in place of waiting for it */
  for (int i = 0; i < 8 && !host_logged(other, "this server imports now"); i++) {
    fleet_jump(&f, LEASE_MS / 6);
    fleet_for(&f, 20);
  }
  FLEET_UNTIL(&f, host_logged(other, "this server imports now") && listens(&s) &&
                      client_count(&clients[!held], "<bridge>") == 1);
  server_publish(&s, "t", "3");
  FLEET_UNTIL(&f, client_count(&clients[!held], "3") == 1);
  ck_assert_str_eq(client_seen(&clients[!held]), "1 <bridge> 3");
  proxy_open(&proxies[held]);
  for (int i = 0; i < 20 && !fleet_is_through(&f); i++) {
    fleet_jump(&f, 1000);
    fleet_for(&f, 20);
  }
  FLEET_UNTIL(&f, fleet_is_through(&f) && client_count(&clients[held], "3") == 1);
  ck_assert_str_eq(client_seen(&clients[held]), "1 <bridge> 3");
  for (int i = 0; i < 4; i++) { /* it learns that it holds nothing any more */
    fleet_jump(&f, LEASE_MS / 3);
    fleet_for(&f, 20);
  }
  ck_assert(host_logged(holder, "another server imports now"));
  ck_assert_int_eq(listens(&s), 1);
  server_publish(&s, "t", "4");
  for (int i = 0; i < 2; i++)
    FLEET_UNTIL(&f, client_count(&clients[i], "4") == 1);
  fleet_for(&f, 50);
  for (int i = 0; i < 2; i++) {
    ck_assert_str_eq(client_seen(&clients[i]), "1 <bridge> 3 4");
    client_leave(&clients[i]);
  }
  fleet_clear(&f);
  for (int i = 0; i < 2; i++)
    proxy_clear(&proxies[i]);
  server_stop(&s);
}
END_TEST

/* One that ends lets the other have it at once. */
START_TEST(who_leaves_lets_go)
{
  server s;
  fleet f;
  host *holder;

  server_start(&s, NULL);
  fleet_init(&f);
  two(&f, &s, (const int[]){ s.port, s.port });
  holder = importer(&f);
  host_stop(holder);
  for (int i = 0; i < 100 && server_integer(&s, "EXISTS hermes:events:import"); i++)
    fleet_for(&f, 5);
  ck_assert_int_eq(server_integer(&s, "EXISTS hermes:events:import"), 0);
  fleet_jump(&f, LEASE_MS / 3);
  FLEET_UNTIL(&f, importer(&f) && listens(&s));
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

/* A host that imports, a way to Redis that can be cut, and a client. */
typedef struct importing_host {
  server s;
  proxy p;
  fleet f;
  sink client;
} importing_host;

static void begin(importing_host *h)
{
  server_start(&h->s, NULL);
  fleet_init(&h->f);
  proxy_init(&h->p, &h->f, h->s.port);
}

/* When it listens, and has told what may be missing. */
static void begin_listening(importing_host *h, const hermes_sse_redis_options *o)
{
  begin(h);
  fleet_add(&h->f, o, h->p.port);
  FLEET_UNTIL(&h->f, fleet_is_through(&h->f) && listens(&h->s));
  fleet_for(&h->f, 30);
  client_come(&h->f.hosts[0], &h->client, "t", NULL, NULL);
}

static void end(importing_host *h)
{
  client_leave(&h->client);
  fleet_clear(&h->f);
  proxy_clear(&h->p);
  server_stop(&h->s);
}

/* The mark of a take-over is owed until Redis has it: cut before it comes there, and after. */
static void cut_around_mark(int how)
{
  hermes_sse_redis_options o = importing();
  importing_host h;

  begin(&h);
  h.p.match = "$4\r\nmark";
  h.p.how = how;
  fleet_add(&h.f, &o, h.p.port);
  client_come(&h.f.hosts[0], &h.client, "t", NULL, NULL);
  FLEET_UNTIL(&h.f, h.p.cuts == 1);
  FLEET_UNTIL(&h.f, fleet_is_through(&h.f) && listens(&h.s));
  FLEET_UNTIL(&h.f, server_integer(&h.s, "XLEN hermes:events") >= 1);
  server_publish(&h.s, "t", "1");
  FLEET_UNTIL(&h.f, client_count(&h.client, "1") == 1);
  end(&h);
}

START_TEST(the_mark_is_not_lost)
{
  cut_around_mark(PROXY_BEFORE);
  cut_around_mark(PROXY_AFTER);
}
END_TEST

/* Cuts every connection that wants to subscribe, again and again. */
static int cut_again(proxy *p)
{
  p->match = "SUBSCRIBE";
  p->how = PROXY_BEFORE;
  return 1;
}

/* What was heard after a loss waits for the commands' connection, and is there before the next subscription: the mark still comes first. */
START_TEST(the_mark_is_before_what_was_heard_after_it)
{
  hermes_sse_redis_options o = importing();
  importing_host h;

  begin_listening(&h, &o);
  server_publish(&h.s, "t", "1");
  FLEET_UNTIL(&h.f, client_count(&h.client, "1") == 1);
  server_do(&h.s, "ACL SETUSER default -script");
  proxy_cut_all(&h.p);
  FLEET_UNTIL(&h.f, listens(&h.s));
  server_publish(&h.s, "t", "2");
  FLEET_UNTIL(&h.f, host_figure(&h.f.hosts[0], "redis_imported_total") == 2);
  cut_again(&h.p);
  server_do(&h.s, "CLIENT KILL TYPE pubsub");
  server_do(&h.s, "ACL SETUSER default +script");
  FLEET_UNTIL(&h.f, cut_again(&h.p) && client_count(&h.client, "2") == 1);
  ck_assert_str_eq(client_seen(&h.client), "1 <bridge> 2");
  end(&h);
}
END_TEST

/* What was heard and not confirmed is put in again, and not twice. */
START_TEST(an_import_is_cut)
{
  hermes_sse_redis_options o = importing();
  importing_host h;

  begin_listening(&h, &o);
  for (int round = 0; round < 4; round++) {
    char data[16];

    snprintf(data, sizeof data, "%d", round);
    h.p.match = "EVALSHA";
    h.p.how = round % 2 ? PROXY_AFTER : PROXY_BEFORE;
    server_publish(&h.s, "t", data);
    FLEET_UNTIL(&h.f, h.p.cuts == round + 1);
    FLEET_UNTIL(&h.f, fleet_is_through(&h.f) && client_count(&h.client, data) == 1);
  }
  fleet_for(&h.f, 50);
  ck_assert_str_eq(client_seen(&h.client), "0 1 2 3");
  end(&h);
}
END_TEST

/* More than may wait is told as missing. */
START_TEST(what_finds_no_room_is_told)
{
  hermes_sse_redis_options o = importing();
  importing_host h;

  o.max_pending_bytes = 2000;
  begin_listening(&h, &o);
  for (int i = 0; i < 60; i++) /* nobody turns the loop; then they come at once */
    server_publish(&h.s, "t", "1");
  FLEET_UNTIL(&h.f, host_figure(&h.f.hosts[0], "redis_overflowed_total") > 0 &&
                        client_count(&h.client, "<bridge>") > 0 && host_figure(&h.f.hosts[0], "redis_waiting") == 0);
  server_publish(&h.s, "t", "2");
  FLEET_UNTIL(&h.f, client_count(&h.client, "2") == 1);
  ck_assert_uint_eq(client_count(&h.client, "1") + host_figure(&h.f.hosts[0], "redis_overflowed_total"), 60);
  end(&h);
}
END_TEST

SUITE_MAIN("redis import", a_plain_publish_lands_in_the_stream_once, servers_in_pubsub_mode_are_imported_too,
           the_lease_is_taken_over_and_told, who_leaves_lets_go, the_mark_is_not_lost,
           the_mark_is_before_what_was_heard_after_it, an_import_is_cut, what_finds_no_room_is_told)
