/* Channels that are listened to while somebody follows them: counted, lingering, patterns, sharded; and a random life beside a model. */
#include "fake.h"
#include "suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The channels that Redis has subscribers of; the probes' are patterns. */
static long long subscribed(server *s)
{
  redisReply *reply = server_ask(s, "PUBSUB CHANNELS");
  long long n = (long long)reply->elements;

  freeReplyObject(reply);
  return n;
}

static int is_subscribed(server *s, const char *channel)
{
  redisReply *reply = server_ask(s, "PUBSUB NUMSUB %s", channel);
  int n = (int)reply->element[1]->integer;

  freeReplyObject(reply);
  return n;
}

static hermes_sse_redis_options lingering(uint64_t ms)
{
  return (hermes_sse_redis_options){ .linger_ms = ms, .probe_ms = HERMES_SSE_NEVER, .timeout_ms = 2000 };
}

/* P33: whoever came first may go. */
START_TEST(followers_are_counted)
{
  hermes_sse_redis_options o = lingering(300);
  server s;
  fleet f;
  host *h;
  sink a, b, late;

  server_start(&s, NULL);
  fleet_init(&f);
  h = fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  ck_assert_int_eq(subscribed(&s), 0);
  client_come(h, &a, "t", NULL, NULL);
  client_come(h, &b, "t", "key", NULL);
  FLEET_UNTIL(&f, is_subscribed(&s, "t") == 1 && client_events(&a) == 1); /* told: it began to listen */
  ck_assert_str_eq(client_seen(&a), "<bridge>");
  client_leave(&a);
  fleet_for(&f, 400);
  server_do(&s, "PUBLISH t %s", "{\"type\":\"x\",\"data\":{\"download_id\":\"key\"}}");
  FLEET_UNTIL(&f, client_events(&b) == 2);
  client_leave(&b);
  fleet_for(&f, 100);
  ck_assert_int_eq(is_subscribed(&s, "t"), 1); /* it lingers */
  client_come(h, &late, "t", NULL, NULL);
  fleet_for(&f, 400);
  ck_assert_int_eq(is_subscribed(&s, "t"), 1);
  ck_assert_str_eq(client_seen(&late), ""); /* nothing was missed */
  client_leave(&late);
  FLEET_UNTIL(&f, is_subscribed(&s, "t") == 0);
  ck_assert_int_eq(host_is_through(h), 1);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

/* Whatever overlaps, each message comes once; '?' and the like mean themselves. */
START_TEST(patterns_and_channels_overlap)
{
  static const char *const all[] = { "down?[x]:*", "down?[x]:a*", "down?[x]:ab", "*", NULL };
  static const char *const fixed[] = { "down?[x]:*", "down?[x]:a*", "down?[x]:ab", "*" };
  server s;

  server_start(&s, NULL);
  for (int on_demand = 0; on_demand < 2; on_demand++) {
    hermes_sse_redis_options o = lingering(5000);
    fleet f;
    host *h;
    sink clients[4];

    if (!on_demand) {
      o.channels = fixed;
      o.n_channels = 4;
    }
    fleet_init(&f);
    h = fleet_add(&f, &o, s.port);
    FLEET_UNTIL(&f, fleet_is_through(&f));
    for (int i = 0; all[i]; i++)
      client_come(h, &clients[i], all[i], NULL, NULL);
    FLEET_UNTIL(&f, server_integer(&s, "PUBSUB NUMPAT") == 3 && is_subscribed(&s, "down?[x]:ab") == 1);
    fleet_for(&f, 30);
    for (int i = 0; i < 4; i++)
      sink_forget(&clients[i]);
    ck_assert_int_eq(host_publish(h, "down?[x]:ab", "1"), HERMES_SSE_OK);
    server_publish(&s, "down?[x]:ab", "2");
    server_publish(&s, "down?[x]:ac", "3");
    server_publish(&s, "down?[x]:b", "4");
    server_publish(&s, "downYx:ab", "5"); /* a glob would take it */
    FLEET_UNTIL(&f, client_events(&clients[3]) == 5);
    fleet_for(&f, 30);
    ck_assert_uint_eq(client_events(&clients[0]), 4);
    ck_assert_uint_eq(client_events(&clients[1]), 3);
    ck_assert_uint_eq(client_events(&clients[2]), 2);
    for (int i = 0; i < 4; i++)
      client_leave(&clients[i]);
    fleet_clear(&f);
  }
  server_stop(&s);
}
END_TEST

/* The probes of others are no events, even for who listens to everything. */
START_TEST(probes_are_nobodys_events)
{
  static const char *const all[] = { "*" };
  hermes_sse_redis_options o = { .channels = all, .n_channels = 1, .probe_ms = 50, .timeout_ms = 1000 };
  server s;
  fleet f;

  server_start(&s, NULL);
  fleet_init(&f);
  for (int i = 0; i < 2; i++)
    fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  fleet_for(&f, 300);
  for (int i = 0; i < 2; i++) {
    ck_assert_uint_eq(host_figure(&f.hosts[i], "redis_malformed_total"), 0);
    ck_assert_uint_eq(host_figure(&f.hosts[i], "redis_probes_lost_total"), 0);
  }
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

START_TEST(sharded)
{
  static const char *const channels[] = { "t" };
  server s;

  server_start(&s, NULL);
  for (int on_demand = 0; on_demand < 2; on_demand++) {
    hermes_sse_redis_options o = { .flags = HERMES_SSE_REDIS_SHARDED, .probe_ms = 100, .linger_ms = 1 };
    fleet f;
    sink clients[2];

    if (!on_demand) {
      o.channels = channels;
      o.n_channels = 1;
    }
    fleet_init(&f);
    for (int i = 0; i < 2; i++)
      fleet_add(&f, &o, s.port);
    FLEET_UNTIL(&f, fleet_is_through(&f));
    for (int i = 0; i < 2; i++)
      client_come(&f.hosts[i], &clients[i], "t", NULL, NULL);
    FLEET_UNTIL(&f, server_ask_count(&s, "PUBSUB SHARDNUMSUB t") == 2);
    ck_assert_int_eq(subscribed(&s), 0);
    fleet_for(&f, 300); /* probes come back that way too */
    for (int i = 0; i < 2; i++)
      sink_forget(&clients[i]);
    ck_assert_int_eq(host_publish(&f.hosts[0], "t", "1"), HERMES_SSE_OK);
    FLEET_UNTIL(&f, client_events(&clients[0]) == 1 && client_events(&clients[1]) == 1);
    ck_assert_int_eq(server_integer(&s, "SPUBLISH t %s", "{\"type\":\"x\",\"data\":2}"), 2);
    FLEET_UNTIL(&f, client_events(&clients[0]) == 2 && client_events(&clients[1]) == 2);
    ck_assert_str_eq(client_seen(&clients[0]), client_seen(&clients[1]));
    ck_assert_uint_eq(host_figure(&f.hosts[0], "redis_probes_lost_total"), 0);
    ck_assert_uint_eq(host_figure(&f.hosts[0], "redis_losses_total"), 0);
    for (int i = 0; i < 2; i++)
      client_leave(&clients[i]);
    if (on_demand)
      FLEET_UNTIL(&f, server_ask_count(&s, "PUBSUB SHARDNUMSUB t") == 0);
    fleet_clear(&f);
  }
  server_stop(&s);
}
END_TEST

/* As a cluster does when a slot moves: unsubscribed without having asked. */
START_TEST(a_channel_that_redis_takes_away_is_asked_for_again)
{
  static const char *const channels[] = { "t" };
  hermes_sse_redis_options o = {
    .flags = HERMES_SSE_REDIS_SHARDED, .channels = channels, .n_channels = 1, .probe_ms = HERMES_SSE_NEVER
  };
  fleet f;
  fake k;
  sink client;

  fleet_init(&f);
  fake_init(&k, &f);
  fleet_add(&f, &o, k.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  client_come(&f.hosts[0], &client, "t", NULL, NULL);
  fake_say(&k, "*3\r\n$12\r\nsunsubscribe\r\n$5\r\nother\r\n:1\r\n*3\r\n$12\r\nsunsubscribe\r\n$1\r\nt\r\n:0\r\n");
  FLEET_UNTIL(&f, client_count(&client, "<bridge>") == 1);
  ck_assert_int_eq(host_publish(&f.hosts[0], "t", "1"), HERMES_SSE_OK);
  FLEET_UNTIL(&f, client_count(&client, "1") == 1);
  ck_assert_uint_eq(host_figure(&f.hosts[0], "redis_losses_total"), 0);
  client_leave(&client);
  fleet_clear(&f);
  fake_clear(&k);
}
END_TEST

/* Published between the last follower's leave and Redis's answer to it: it does not come back, and holds nothing up. */
START_TEST(what_is_published_while_a_channel_is_left)
{
  hermes_sse_redis_options o = lingering(1);
  fleet f;
  fake k;
  host *h;
  sink client;
  char id[HERMES_SSE_ID_MAX];

  fleet_init(&f);
  fake_init(&k, &f);
  h = fleet_add(&f, &o, k.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  client_come(h, &client, "t", NULL, NULL);
  FLEET_UNTIL(&f, client_count(&client, "<bridge>") == 1);
  strcpy(id, client_id(&client));
  client_leave(&client);
  fake_answer(&k, "UNSUBSCRIBE", "", 1); /* nothing yet */
  FLEET_UNTIL(&f, k.hits == 1);
  fake_unsubscribe(&k, "t"); /* but so it is */
  ck_assert_int_eq(host_publish(h, "t", "1"), HERMES_SSE_OK);
  FLEET_UNTIL(&f, host_figure(h, "redis_confirmed_total") == 1);
  fake_say_all(&k, "*3\r\n$11\r\nunsubscribe\r\n$1\r\nt\r\n:0\r\n");
  FLEET_UNTIL(&f, host_figure(h, "redis_waiting_bytes") == 0);
  client_come(h, &client, "t", NULL, id); /* it had its place in the order */
  FLEET_UNTIL(&f, client_count(&client, "1") == 1);
  client_leave(&client);
  fleet_clear(&f);
  fake_clear(&k);
}
END_TEST

/* P31: ten thousand streams on a hundred topics. */
START_TEST(many_streams_are_few_subscriptions)
{
  enum { STREAMS = 10000, TOPICS = 100 };
  hermes_sse_redis_options o = lingering(1);
  sink *clients = calloc(STREAMS, sizeof *clients);
  server s;
  fleet f;
  host *h;
  char topic[16];

  server_start(&s, NULL);
  fleet_init(&f);
  h = fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  for (int i = 0; i < STREAMS; i++) {
    snprintf(topic, sizeof topic, "t%d", i % TOPICS);
    client_come(h, &clients[i], topic, NULL, NULL);
  }
  FLEET_UNTIL(&f, subscribed(&s) == TOPICS);
  ck_assert_int_eq(server_clients(&s, "hermes-sse-"), 2);
  ck_assert_ptr_nonnull(strstr(server_text(&s, "CLIENT LIST"), " sub=100 "));
  fleet_for(&f, 30);
  ck_assert_int_eq(server_publish(&s, "t7", "1"), 1);
  for (int i = 7; i < STREAMS; i += TOPICS)
    FLEET_UNTIL(&f, client_count(&clients[i], "1") == 1);
  ck_assert_uint_eq(client_count(&clients[8], "1"), 0);
  for (int i = 0; i < STREAMS; i++)
    client_leave(&clients[i]);
  FLEET_UNTIL(&f, subscribed(&s) == 0);
  fleet_clear(&f);
  server_stop(&s);
  free(clients);
}
END_TEST

/* ---- P27: a random life beside a model ---- */

enum { MODEL_TOPICS = 6, MODEL_CLIENTS = 12, MODEL_STEPS = 250 };

typedef struct model {
  server s;
  fleet f;
  sink clients[MODEL_CLIENTS];
  int topics[MODEL_CLIENTS]; /* -1: not there */
  uint64_t random;
  int published;
} model;

static const char *const model_topics[MODEL_TOPICS] = { "a:1", "a:2", "b", "a:*", "c", "c*" };

static unsigned pick(model *m, unsigned n)
{
  m->random = m->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (unsigned)(m->random >> 33) % n;
}

static int takes(const char *followed, const char *topic)
{
  size_t len = strlen(followed);

  return followed[len - 1] == '*' ? strncmp(followed, topic, len - 1) == 0 : strcmp(followed, topic) == 0;
}

static void step(model *m)
{
  unsigned i = pick(m, MODEL_CLIENTS), what = pick(m, 40);

  if (what == 0) {
    server_do(&m->s, "CLIENT KILL TYPE pubsub");
  } else if (what == 1) {
    server_do(&m->s, "CLIENT KILL TYPE normal SKIPME yes");
  } else if (what < 28 && m->topics[i] >= 0) {
    client_leave(&m->clients[i]);
    m->topics[i] = -1;
  } else if (what < 28) {
    m->topics[i] = (int)pick(m, MODEL_TOPICS);
    client_come(&m->f.hosts[i % 2], &m->clients[i], model_topics[m->topics[i]], NULL, NULL);
  } else {
    fleet_turn(&m->f, (int)pick(m, 3));
  }
}

/* Which of the plain channels Redis is to have. */
static int as_wanted(model *m)
{
  int patterns = 0;

  for (int t = 0; t < MODEL_TOPICS; t++) {
    int wanted[2] = { 0, 0 };

    for (int i = 0; i < MODEL_CLIENTS; i++)
      if (m->topics[i] == t)
        wanted[i % 2] = 1;
    if (strchr(model_topics[t], '*'))
      patterns += wanted[0] || wanted[1]; /* counted once, however many have it */
    else if (is_subscribed(&m->s, model_topics[t]) != wanted[0] + wanted[1])
      return 0;
  }
  return server_integer(&m->s, "PUBSUB NUMPAT") == patterns;
}

static void check_model(model *m)
{
  FLEET_UNTIL(&m->f, fleet_is_through(&m->f) && as_wanted(m));
  for (int t = 0; t < MODEL_TOPICS; t++) {
    const char *topic = strchr(model_topics[t], '*') ? "a:other" : model_topics[t];
    char data[16];

    snprintf(data, sizeof data, "%d", m->published++);
    server_publish(&m->s, topic, data);
    for (int i = 0; i < MODEL_CLIENTS; i++)
      if (m->topics[i] >= 0 && takes(model_topics[m->topics[i]], topic))
        FLEET_UNTIL(&m->f, client_count(&m->clients[i], data) >= 1);
    fleet_turn(&m->f, 1);
    for (int i = 0; i < MODEL_CLIENTS; i++)
      if (m->topics[i] >= 0)
        ck_assert_uint_eq(client_count(&m->clients[i], data), (size_t)takes(model_topics[m->topics[i]], topic));
  }
}

START_TEST(random_lives_beside_a_model)
{
  hermes_sse_redis_options o = lingering(1);
  static model m;

  memset(&m, 0, sizeof m);
  m.random = 27;
  server_start(&m.s, NULL);
  fleet_init(&m.f);
  for (int i = 0; i < 2; i++)
    fleet_add(&m.f, &o, m.s.port);
  for (int i = 0; i < MODEL_CLIENTS; i++)
    m.topics[i] = -1;
  FLEET_UNTIL(&m.f, fleet_is_through(&m.f));
  for (int i = 1; i <= MODEL_STEPS; i++) {
    step(&m);
    if (i % 25 == 0)
      check_model(&m);
  }
  for (int i = 0; i < MODEL_CLIENTS; i++)
    if (m.topics[i] >= 0)
      client_leave(&m.clients[i]);
  fleet_clear(&m.f);
  server_stop(&m.s);
}
END_TEST

/* A channel that is refused and that nobody wants any more is nobody's trouble. */
START_TEST(a_refusal_is_forgotten_with_its_followers)
{
  hermes_sse_redis_options o = lingering(1);
  char url[64];
  server s;
  fleet f;
  host *h;
  sink client;

  server_start(&s, NULL);
  server_do(&s, "ACL SETUSER hermes on >x +@all allkeys resetchannels &t");
  snprintf(url, sizeof url, "redis://hermes:x@127.0.0.1:%d", s.port);
  o.url = url;
  fleet_init(&f);
  h = fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  client_come(h, &client, "forbidden", NULL, NULL);
  FLEET_UNTIL(&f, host_trouble(h) != NULL);
  client_leave(&client);
  FLEET_UNTIL(&f, host_trouble(h) == NULL);
  client_come(h, &client, "t", NULL, NULL);
  FLEET_UNTIL(&f, is_subscribed(&s, "t") == 1);
  client_leave(&client);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

SUITE_MAIN("redis demand", followers_are_counted, patterns_and_channels_overlap, probes_are_nobodys_events, sharded,
           a_channel_that_redis_takes_away_is_asked_for_again, what_is_published_while_a_channel_is_left,
           many_streams_are_few_subscriptions, random_lives_beside_a_model, a_refusal_is_forgotten_with_its_followers)
