/* Streams mode: what has gone from Redis is told, once, and ids never go back; what others put there is judged. */
#include "fleet.h"
#include "suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct wiped {
  server s;
  fleet f;
  sink clients[2];
  int n; /* published */
} wiped;

static void publish(wiped *w, int host_number)
{
  char text[16];
  size_t all = (size_t)w->n + 1;

  snprintf(text, sizeof text, "%d", w->n++);
  ck_assert_int_eq(host_publish(&w->f.hosts[host_number], "t", text), HERMES_SSE_OK);
  FLEET_UNTIL(&w->f, client_events(&w->clients[0]) >= all && client_events(&w->clients[1]) >= all);
}

static void begin(wiped *w)
{
  hermes_sse_redis_options o = { .mode = HERMES_SSE_REDIS_STREAMS, .timeout_ms = 2000 };

  w->n = 0;
  server_start(&w->s, NULL);
  fleet_init(&w->f);
  for (int i = 0; i < 2; i++)
    fleet_add(&w->f, &o, w->s.port);
  FLEET_UNTIL(&w->f, fleet_is_through(&w->f));
  for (int i = 0; i < 2; i++)
    client_come(&w->f.hosts[i], &w->clients[i], "t", NULL, NULL);
}

static void end(wiped *w)
{
  for (int i = 0; i < 2; i++)
    client_leave(&w->clients[i]);
  fleet_clear(&w->f);
  server_stop(&w->s);
}

/* Both connections of both hosts go, and come again. */
static void disconnect(wiped *w)
{
  uint64_t before =
      host_figure(&w->f.hosts[0], "redis_losses_total") + host_figure(&w->f.hosts[1], "redis_losses_total");

  server_do(&w->s, "CLIENT KILL TYPE normal SKIPME yes");
  FLEET_UNTIL(&w->f,
              host_figure(&w->f.hosts[0], "redis_losses_total") + host_figure(&w->f.hosts[1], "redis_losses_total") >=
                  before + 4);
  FLEET_UNTIL(&w->f, fleet_is_through(&w->f));
}

static void expect_ids_rise(const sink *s)
{
  const char *at = client_seen_ids(s);
  hermes_sse_id last = { 0, 0 }, id;

  while (*at) {
    size_t len = strcspn(at, "=");

    ck_assert_int_eq(hermes_sse_id_parse(at, len, &id), HERMES_SSE_OK);
    ck_assert_msg(id.hi > last.hi || (id.hi == last.hi && id.lo >= last.lo), "%s", client_seen_ids(s));
    last = id;
    at += strcspn(at, " ");
    at += *at == ' ';
  }
}

/* After something was done to the stream while both were cut off: "0 1 <bridge> 2" on both. */
static void expect_told(wiped *w)
{
  disconnect(w);
  for (int i = 0; i < 2; i++)
    FLEET_UNTIL(&w->f, client_count(&w->clients[i], "<bridge>") >= 1);
  ck_assert_int_eq(host_publish(&w->f.hosts[0], "t", "777"), HERMES_SSE_OK);
  for (int i = 0; i < 2; i++) {
    FLEET_UNTIL(&w->f, client_count(&w->clients[i], "777") == 1);
    ck_assert_str_eq(client_seen(&w->clients[i]), "0 1 <bridge> 777");
    expect_ids_rise(&w->clients[i]);
  }
}

static void wiped_by(const char *command)
{
  wiped w;

  begin(&w);
  publish(&w, 0);
  publish(&w, 1);
  server_do(&w.s, command);
  expect_told(&w);
  end(&w);
}

START_TEST(a_wiped_stream_is_told)
{
  wiped_by("FLUSHALL");
  wiped_by("DEL hermes:events");
}
END_TEST

/* Nothing was added meanwhile, and the last id is known: what is missing had been served. */
START_TEST(a_trimmed_stream_that_goes_on_is_no_gap)
{
  wiped w;

  begin(&w);
  publish(&w, 0);
  publish(&w, 1);
  server_do(&w.s, "XTRIM hermes:events MAXLEN 0");
  disconnect(&w);
  ck_assert_int_eq(host_publish(&w.f.hosts[0], "t", "2"), HERMES_SSE_OK);
  for (int i = 0; i < 2; i++)
    FLEET_UNTIL(&w.f, client_count(&w.clients[i], "2") == 1);
  for (int i = 0; i < 2; i++) {
    ck_assert_uint_le(client_count(&w.clients[i], "<bridge>"), 1);
    expect_ids_rise(&w.clients[i]);
  }
  end(&w);
}
END_TEST

/* Entries came and went while nobody looked. */
START_TEST(what_was_trimmed_unseen_is_told)
{
  wiped w;

  begin(&w);
  publish(&w, 0);
  publish(&w, 1);
  server_do(&w.s, "CLIENT KILL TYPE normal SKIPME yes"); /* nobody turns the loop, so they stay away */
  server_do(&w.s, "XADD hermes:events * t t e x d 2");
  server_do(&w.s, "XTRIM hermes:events MAXLEN 0");
  for (int i = 0; i < 2; i++)
    FLEET_UNTIL(&w.f, client_count(&w.clients[i], "<bridge>") >= 1);
  server_do(&w.s, "XADD hermes:events * t t e x d 3");
  for (int i = 0; i < 2; i++) {
    FLEET_UNTIL(&w.f, client_count(&w.clients[i], "3") == 1);
    ck_assert_str_eq(client_seen(&w.clients[i]), "0 1 <bridge> 3");
    expect_ids_rise(&w.clients[i]);
  }
  end(&w);
}
END_TEST

START_TEST(an_older_copy_is_told)
{
  wiped w;
  redisReply *copy;

  begin(&w);
  publish(&w, 0);
  copy = server_ask(&w.s, "DUMP hermes:events");
  publish(&w, 1);
  ck_assert_int_eq(copy->type, REDIS_REPLY_STRING);
  server_do(&w.s, "RESTORE hermes:events 0 %b REPLACE", copy->str, copy->len);
  freeReplyObject(copy);
  expect_told(&w);
  end(&w);
}
END_TEST

/* What is in the stream may be anybody's. */
START_TEST(odd_entries_are_refused_or_taken)
{
  static const char *const odd[] = { "XADD hermes:events * a b",
                                     "XADD hermes:events * t t",
                                     "XADD hermes:events * d 1 e x",
                                     "XADD hermes:events * t t e x",
                                     "XADD hermes:events * tt t e x d 1",
                                     "XADD hermes:events * t u e x d 1 m nonsense",
                                     "XADD hermes:events * t t e a\nb d 1",
                                     NULL };
  wiped w;
  char long_topic[400];

  begin(&w);
  publish(&w, 0);
  for (int i = 0; odd[i]; i++)
    server_do(&w.s, odd[i]);
  memset(long_topic, 'x', sizeof long_topic);
  long_topic[sizeof long_topic - 1] = 0;
  server_do(&w.s, "XADD hermes:events * t %s e x d 1", long_topic);
  server_do(&w.s, "XADD hermes:events * t t e %b d 1", "a\nb", (size_t)3);
  server_do(&w.s, "XADD hermes:events * d 5 junk 1 m 7 e x t t d 6"); /* any order, the last counts */
  for (int i = 0; i < 2; i++)
    FLEET_UNTIL(&w.f, client_count(&w.clients[i], "6") == 1);
  ck_assert_uint_ge(host_figure(&w.f.hosts[0], "redis_malformed_total"), 4);
  ck_assert(host_logged(&w.f.hosts[0], "message on hermes:events refused"));
  server_do(&w.s, "XADD hermes:events * g anything");
  server_do(&w.s, "XADD hermes:events * g bridge t elsewhere");
  server_do(&w.s, "XADD hermes:events * t t e x d 7");
  for (int i = 0; i < 2; i++) {
    FLEET_UNTIL(&w.f, client_count(&w.clients[i], "7") == 1);
    ck_assert_uint_eq(client_count(&w.clients[i], "<bridge>"), 1);
    ck_assert_int_eq(host_is_through(&w.f.hosts[i]), 1);
  }
  end(&w);
}
END_TEST

/* Ids have 42 bits and 21: what is beyond cannot be served, and is not passed over in silence. */
static void out_of_range(const char *id)
{
  wiped w;

  begin(&w);
  publish(&w, 0);
  server_do(&w.s, "XADD hermes:events %s t t e x d 1", id);
  for (int i = 0; i < 2; i++) {
    FLEET_UNTIL(&w.f, client_count(&w.clients[i], "<bridge>") >= 1);
    ck_assert_uint_eq(client_count(&w.clients[i], "1"), 0);
    ck_assert(host_logged(&w.f.hosts[i], "out of range"));
    ck_assert_int_eq(host_is_through(&w.f.hosts[i]), 1);
    expect_ids_rise(&w.clients[i]);
  }
  end(&w);
}

START_TEST(an_id_out_of_range_is_told)
{
  out_of_range("4000000000000-2097152");
  out_of_range("5000000000000-1");
  out_of_range("18446744073709551615-18446744073709551614");
}
END_TEST

/* Numbers that near their end go on in the next millisecond. */
START_TEST(a_crowded_millisecond_is_left)
{
  wiped w;

  begin(&w);
  publish(&w, 0);
  server_do(&w.s, "XADD hermes:events 3000000000000-1048577 t t e x d 1");
  w.n++;
  publish(&w, 0);
  publish(&w, 1);
  for (int i = 0; i < 2; i++) {
    ck_assert_str_eq(client_seen(&w.clients[i]), "0 1 2 3");
    ck_assert_str_eq(client_id(&w.clients[i]), "3000000000001-1");
  }
  end(&w);
}
END_TEST

START_TEST(no_stream_at_that_key)
{
  hermes_sse_redis_options o = { .mode = HERMES_SSE_REDIS_STREAMS, .stream_key = "other" };
  server s;
  fleet f;
  sink client;

  server_start(&s, NULL);
  server_do(&s, "SET other text");
  fleet_init(&f);
  fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, host_logged(&f.hosts[0], "WRONGTYPE"));
  ck_assert_int_eq(host_state(&f.hosts[0]), HERMES_SSE_REDIS_STATE_AWAY);
  ck_assert_int_eq(host_publish(&f.hosts[0], "t", "1"), HERMES_SSE_OK);
  fleet_for(&f, 100);
  server_do(&s, "DEL other");
  FLEET_UNTIL(&f, fleet_is_through(&f));
  client_come(&f.hosts[0], &client, "t", NULL, NULL);
  ck_assert_int_eq(host_publish(&f.hosts[0], "t", "2"), HERMES_SSE_OK);
  FLEET_UNTIL(&f, client_count(&client, "2") == 1);
  ck_assert_int_eq(server_integer(&s, "XLEN other"), 2);
  client_leave(&client);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

/* SCRIPT FLUSH, as after a fail-over. */
START_TEST(forgotten_scripts_are_loaded_again)
{
  wiped w;

  begin(&w);
  publish(&w, 0);
  server_do(&w.s, "SCRIPT FLUSH");
  publish(&w, 0);
  publish(&w, 1);
  ck_assert(host_logged(&w.f.hosts[0], "NOSCRIPT"));
  for (int i = 0; i < 2; i++)
    ck_assert_str_eq(client_seen(&w.clients[i]), "0 1 2");
  end(&w);
}
END_TEST

SUITE_MAIN("redis wiped", a_wiped_stream_is_told, a_trimmed_stream_that_goes_on_is_no_gap,
           what_was_trimmed_unseen_is_told, an_older_copy_is_told, odd_entries_are_refused_or_taken,
           an_id_out_of_range_is_told, a_crowded_millisecond_is_left, no_stream_at_that_key,
           forgotten_scripts_are_loaded_again)
