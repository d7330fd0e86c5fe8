/* What Redis lets us do: passwords, ACLs, replicas, a server that is loading. Each has a clear word in the log, and is got over. */
#include "fleet.h"
#include "suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const channels[] = { "t", "u" };

static hermes_sse_redis_options listening(const char *url)
{
  return (hermes_sse_redis_options){
    .url = url, .channels = channels, .n_channels = 2, .probe_ms = 200, .timeout_ms = 1000
  };
}

static const char *url_of(const server *s, const char *credentials, const char *rest)
{
  static char texts[4][128];
  static unsigned turn;
  char *url = texts[turn++ % 4];

  snprintf(url, sizeof texts[0], "redis://%s127.0.0.1:%d%s", credentials, s->port, rest);
  return url;
}

static void expect_served(fleet *f, host *h, const char *data)
{
  sink client;

  client_come(h, &client, "t", NULL, NULL);
  ck_assert_int_eq(host_publish(h, "t", data), HERMES_SSE_OK);
  FLEET_UNTIL(f, client_count(&client, data) == 1 && host_figure(h, "redis_waiting") == 0);
  client_leave(&client);
}

START_TEST(user_password_database_and_name)
{
  server s;
  fleet f;
  host *h;
  hermes_sse_redis_options o;

  server_start(&s, NULL);
  server_do(&s, "ACL SETUSER hermes on >se%%3Acret allcommands allkeys allchannels");
  fleet_init(&f);
  o = listening(url_of(&s, "hermes:se%253Acret@", "/3"));
  o.client_name = "mine";
  h = fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  expect_served(&f, h, "1");
  ck_assert_int_eq(server_clients(&s, "mine-commands"), 1);
  ck_assert_int_eq(server_clients(&s, "mine-subscriptions"), 1);
  ck_assert_ptr_nonnull(strstr(server_text(&s, "CLIENT LIST"), " db=3 "));
  ck_assert_ptr_nonnull(strstr(server_text(&s, "CLIENT LIST"), " user=hermes"));
  ck_assert(!host_logged(h, "cret"));
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

/* One that is wrong at first, and put right at Redis. */
START_TEST(a_wrong_password_is_said_and_got_over)
{
  static const char *const args[] = { "--requirepass", "right", NULL };
  server s;
  fleet f;
  host *h;
  hermes_sse_redis_options o;

  server_start(&s, args);
  fleet_init(&f);
  o = listening(url_of(&s, ":wrong-one@", ""));
  h = fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, host_logged(h, "WRONGPASS") || host_logged(h, "invalid username-password"));
  ck_assert_int_eq(host_state(h), HERMES_SSE_REDIS_STATE_AWAY);
  ck_assert_str_eq(host_trouble(h), "Redis is away");
  ck_assert(!host_logged(h, "wrong-one"));
  server_do(&s, "AUTH right");
  server_do(&s, "CONFIG SET requirepass wrong-one");
  FLEET_UNTIL(&f, fleet_is_through(&f));
  expect_served(&f, h, "1");
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

/* None is given where one is wanted: whoever only publishes must not call that well either. */
static void no_password(uint64_t flags, uint64_t mode)
{
  static const char *const args[] = { "--requirepass", "right", NULL };
  hermes_sse_redis_options o = { .flags = flags, .mode = mode, .timeout_ms = 1000 };
  server s;
  fleet f;
  host *h;

  server_start(&s, args);
  fleet_init(&f);
  h = fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, host_logged(h, "NOAUTH"));
  ck_assert_int_eq(host_publish(h, "t", "1"), HERMES_SSE_OK);
  fleet_for(&f, 300);
  ck_assert_int_eq(host_state(h), HERMES_SSE_REDIS_STATE_AWAY);
  ck_assert(!host_logged(h, "bridge to Redis: through"));
  ck_assert_uint_eq(host_figure(h, "redis_refused_total"), 0);
  server_do(&s, "AUTH right");
  server_do(&s, "CONFIG SET requirepass %s", "");
  FLEET_UNTIL(&f, fleet_is_through(&f) && host_figure(h, "redis_waiting") == 0);
  ck_assert_uint_eq(host_figure(h, "redis_confirmed_total"), 1);
  fleet_clear(&f);
  server_stop(&s);
}

START_TEST(a_missing_password_is_said_and_got_over)
{
  no_password(0, HERMES_SSE_REDIS_PUBSUB);
  no_password(HERMES_SSE_REDIS_PUBLISH_ONLY, HERMES_SSE_REDIS_PUBSUB);
  no_password(0, HERMES_SSE_REDIS_STREAMS);
}
END_TEST

static host *with_acl(server *s, fleet *f, const char *rules)
{
  hermes_sse_redis_options o;

  server_start(s, NULL);
  server_do(s, rules);
  fleet_init(f);
  o = listening(url_of(s, "hermes:x@", ""));
  return fleet_add(f, &o, s->port);
}

START_TEST(a_refused_probe_is_said_once_and_does_no_harm)
{
  server s;
  fleet f;
  host *h = with_acl(&s, &f, "ACL SETUSER hermes on >x +@all allkeys resetchannels &t &u");

  FLEET_UNTIL(&f, fleet_is_through(&f));
  expect_served(&f, h, "1");
  fleet_for(&f, 700);
  server_do(&s, "CLIENT KILL TYPE pubsub");
  FLEET_UNTIL(&f, host_figure(h, "redis_losses_total") > 0);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  fleet_for(&f, 300);
  expect_served(&f, h, "2");
  ck_assert_int_eq(host_logged_times(h, "no probes are sent"), 1);
  ck_assert_uint_eq(host_figure(h, "redis_probes_lost_total"), 0);
  ck_assert_ptr_null(host_trouble(h));
  server_freeze(&s); /* it is at least asked to answer */
  FLEET_UNTIL(&f, host_state(h) == HERMES_SSE_REDIS_STATE_AWAY);
  server_thaw(&s);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

/* It may be heard and not sent. */
START_TEST(a_probe_that_may_not_be_published)
{
  server s;
  fleet f;
  host *h = with_acl(&s, &f, "ACL SETUSER hermes on >x +@all -publish allkeys allchannels");

  FLEET_UNTIL(&f, fleet_is_through(&f) && host_logged(h, "no probes are sent"));
  fleet_for(&f, 500);
  ck_assert_int_eq(host_logged_times(h, "no probes are sent"), 1);
  ck_assert_int_eq(host_is_through(h), 1);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

START_TEST(one_refused_channel_harms_no_other)
{
  server s;
  fleet f;
  sink client, refused;
  host *h = with_acl(&s, &f, "ACL SETUSER hermes on >x +@all allkeys resetchannels &t &hermes:probe:*");

  FLEET_UNTIL(&f, host_logged(h, "Redis refused channel u: NOPERM"));
  FLEET_UNTIL(&f, fleet_is_through(&f));
  ck_assert_str_eq(host_trouble(h), "a channel is refused by Redis");
  ck_assert_uint_eq(host_figure(h, "redis_channels_denied"), 1);
  client_come(h, &client, "t", NULL, NULL);
  client_come(h, &refused, "u", NULL, NULL);
  server_publish(&s, "t", "1");
  FLEET_UNTIL(&f, client_count(&client, "1") == 1);
  ck_assert_int_eq(host_publish(h, "u", "2"), HERMES_SSE_OK); /* served here, where it does not come back */
  FLEET_UNTIL(&f, client_count(&refused, "2") == 1 && host_figure(h, "redis_refused_total") == 1);
  ck_assert(host_logged(h, "Redis refused a message: NOPERM"));
  server_do(&s, "ACL SETUSER hermes allchannels");
  server_do(&s, "CLIENT KILL TYPE pubsub");
  FLEET_UNTIL(&f, host_trouble(h) == NULL && fleet_is_through(&f) && client_count(&refused, "<bridge>") == 1);
  server_publish(&s, "u", "3");
  FLEET_UNTIL(&f, client_count(&refused, "3") == 1);
  ck_assert_str_eq(client_seen(&refused), "2 <bridge> 3");
  client_leave(&client);
  client_leave(&refused);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

/* May publish what it listens to, but not on one of the two: the message that cannot go is served here, once, in its place. */
START_TEST(a_refused_message_is_served_here)
{
  server s;
  fleet f;
  sink client;
  host *h = with_acl(&s, &f, "ACL SETUSER hermes on >x +@all -publish allkeys allchannels");

  FLEET_UNTIL(&f, fleet_is_through(&f));
  client_come(h, &client, "t", NULL, NULL);
  for (int i = 0; i < 3; i++)
    ck_assert_int_eq(host_publish(h, "t", i == 0 ? "1" : i == 1 ? "2" : "3"), HERMES_SSE_OK);
  FLEET_UNTIL(&f, host_figure(h, "redis_refused_total") == 3);
  ck_assert_str_eq(client_seen(&client), "1 2 3");
  ck_assert_uint_eq(host_figure(h, "redis_waiting_bytes"), 0);
  ck_assert_int_eq(host_is_through(h), 1);
  client_leave(&client);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

/* Where INFO is not allowed nobody knows how Redis is, and all works. */
START_TEST(without_info)
{
  server s;
  fleet f;
  host *h = with_acl(&s, &f, "ACL SETUSER hermes on >x +@all -info -client allkeys allchannels");

  FLEET_UNTIL(&f, fleet_is_through(&f));
  expect_served(&f, h, "1");
  ck_assert_uint_eq(host_figure(h, "redis_memory_used_bytes"), 0);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

START_TEST(memory_is_told)
{
  static const char *const args[] = { "--maxmemory", "100mb", NULL };
  hermes_sse_redis_options o = listening(NULL);
  server s;
  fleet f;

  server_start(&s, args);
  fleet_init(&f);
  fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, host_figure(&f.hosts[0], "redis_memory_max_bytes") == 100u << 20);
  ck_assert_uint_gt(host_figure(&f.hosts[0], "redis_memory_used_bytes"), 100000);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

static void replica(uint64_t mode)
{
  hermes_sse_redis_options o = { .mode = mode, .timeout_ms = 1000 };
  server master, s;
  fleet f;
  host *h;

  if (mode == HERMES_SSE_REDIS_PUBSUB) {
    o.channels = channels;
    o.n_channels = 1;
  }
  server_start(&master, NULL);
  server_start(&s, NULL);
  server_do(&s, "REPLICAOF 127.0.0.1 %d", master.port);
  fleet_init(&f);
  h = fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, host_logged(h, "read-only replica"));
  ck_assert_int_eq(host_state(h), HERMES_SSE_REDIS_STATE_AWAY);
  ck_assert_int_eq(host_publish(h, "t", "1"), HERMES_SSE_OK);
  server_do(&s, "REPLICAOF NO ONE");
  FLEET_UNTIL(&f, fleet_is_through(&f) && host_figure(h, "redis_waiting") == 0);
  expect_served(&f, h, "2");
  server_do(&s, "REPLICAOF 127.0.0.1 %d", master.port); /* and it is noticed later too */
  fleet_jump(&f, 10000);
  FLEET_UNTIL(&f, host_state(h) == HERMES_SSE_REDIS_STATE_AWAY);
  fleet_clear(&f);
  server_stop(&s);
  server_stop(&master);
}

START_TEST(a_read_only_replica_is_said_until_promoted)
{
  replica(HERMES_SSE_REDIS_PUBSUB);
  replica(HERMES_SSE_REDIS_STREAMS);
}
END_TEST

/* It takes its time over each of four thousand keys, and answers in between. */
START_TEST(a_loading_redis_is_waited_for)
{
  static const char *const args[] = {
    "--key-load-delay", "300", "--loading-process-events-interval-bytes", "1024", "--dbfilename", "d.rdb", NULL
  };
  hermes_sse_redis_options o = listening(NULL);
  server s;
  fleet f;
  host *h;

  server_start(&s, args);
  server_do(&s, "EVAL %s 0", "for i = 1, 4000 do redis.call('SET', i, i) end");
  server_do(&s, "SAVE");
  server_kill(&s);
  server_again_at_once(&s);
  fleet_init(&f);
  h = fleet_add(&f, &o, s.port);
  FLEET_UNTIL(&f, host_logged(h, "loading"));
  ck_assert_int_eq(host_state(h), HERMES_SSE_REDIS_STATE_AWAY);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  expect_served(&f, h, "1");
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

SUITE_MAIN("redis access", user_password_database_and_name, a_wrong_password_is_said_and_got_over,
           a_missing_password_is_said_and_got_over, a_refused_probe_is_said_once_and_does_no_harm,
           a_probe_that_may_not_be_published, one_refused_channel_harms_no_other, a_refused_message_is_served_here,
           without_info, memory_is_told, a_read_only_replica_is_said_until_promoted, a_loading_redis_is_waited_for)
