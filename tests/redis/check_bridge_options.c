/* Options that are refused, each with a word; one bridge for a bus; a host that resolves names. */
#include "fake.h"
#include "suite.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void refuse(host *h, hermes_sse_redis_options o, const char *why)
{
  hermes_sse_redis *redis = NULL;

  if (!o.size)
    o.size = sizeof o;
  h->log[0] = 0;
  o.environment = &h->environment;
  ck_assert_int_eq(hermes_sse_redis_new(h->hub, &o, &redis), HERMES_SSE_ERR_OPTION);
  ck_assert_ptr_null(redis);
  ck_assert_msg(host_logged(h, why), "%s", h->log);
}

START_TEST(options_are_judged)
{
  static const char *const empty[] = { "" }, *const none[] = { NULL }, *const pattern[] = { "t*" };
  static char text[300];
  const hermes_sse_redis_options good = { .watch = hermes_sse_poll_watch, .url = "redis://127.0.0.1" };
  hermes_sse_redis_options o;
  hermes_sse_redis *redis = NULL;
  fleet f;
  host *h;

  memset(text, 'x', sizeof text - 1);
  fleet_init(&f);
  h = fleet_host(&f);
#define REFUSE(why, ...)                                                                                               \
  do {                                                                                                                 \
    o = good;                                                                                                          \
    __VA_ARGS__;                                                                                                       \
    refuse(h, o, why);                                                                                                 \
  } while (0)
  REFUSE("watch", o.watch = NULL);
  REFUSE("url", o.url = NULL);
  REFUSE("url", o.url = "http://127.0.0.1");
  REFUSE("flags", o.flags = 1u << 20);
  REFUSE("mode", o.mode = 3);
  REFUSE("IMPORT", o.flags = HERMES_SSE_REDIS_IMPORT);
  REFUSE("IMPORT", o.flags = HERMES_SSE_REDIS_IMPORT; o.mode = HERMES_SSE_REDIS_STREAMS);
  REFUSE("SHARDED", o.flags = HERMES_SSE_REDIS_SHARDED; o.mode = HERMES_SSE_REDIS_STREAMS);
  REFUSE("stream_key", o.stream_key = "");
  REFUSE("stream_key", o.stream_key = text);
  REFUSE("read_back", o.read_back = 100001);
  REFUSE("timeout_ms", o.timeout_ms = 9);
  REFUSE("timeout_ms", o.timeout_ms = HERMES_SSE_NEVER);
  REFUSE("probe_ms", o.probe_ms = 9);
  REFUSE("channels", o.channels = empty; o.n_channels = 1);
  REFUSE("channels", o.channels = none; o.n_channels = 1);
  REFUSE("channels", o.n_channels = 1);
  REFUSE("channels", o.flags = HERMES_SSE_REDIS_SHARDED; o.channels = pattern; o.n_channels = 1);
  ck_assert_int_eq(hermes_sse_redis_new(h->hub, NULL, &redis), HERMES_SSE_ERR_OPTION);
  o = good;
  ck_assert_int_eq(hermes_sse_redis_new(h->hub, &o, &redis), HERMES_SSE_ERR_OPTION); /* its size is 0 */
  fleet_clear(&f);
}
END_TEST

static int no_random(void *buf, size_t len, void *user)
{
  (void)buf, (void)len, (void)user;
  return -1;
}

START_TEST(a_bus_has_one_bridge)
{
  hermes_sse_redis_options o = { .size = sizeof o, .watch = hermes_sse_poll_watch, .url = "redis://127.0.0.1" };
  hermes_sse_environment environment;
  hermes_sse_redis *second = NULL;
  fleet f;
  host *h;

  fleet_init(&f);
  h = fleet_host(&f);
  ck_assert_int_eq(host_publish(h, "t", "1"), HERMES_SSE_OK);
  environment = h->environment;
  o.environment = &environment;
  o.mode = HERMES_SSE_REDIS_STREAMS; /* and has had no events if its ids come from Redis */
  ck_assert_int_eq(hermes_sse_redis_new(h->hub, &o, &second), HERMES_SSE_ERR_STATE);
  o.mode = HERMES_SSE_REDIS_PUBSUB;
  environment.random = no_random;
  ck_assert_int_eq(hermes_sse_redis_new(h->hub, &o, &second), HERMES_SSE_ERR_RANDOM);
  environment.random = h->environment.random;
  o.user = &h->set;
  ck_assert_int_eq(hermes_sse_redis_new(h->hub, &o, &h->redis), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_redis_new(h->hub, &o, &second), HERMES_SSE_ERR_STATE);
  ck_assert_ptr_null(second);
  fleet_clear(&f);
}
END_TEST

static int resolve(hermes_sse_redis *redis, const char *name, uint16_t port, void *user)
{
  (void)redis, (void)user;
  ck_assert_str_eq(name, "redis.example");
  ck_assert_uint_gt(port, 0);
  return 0;
}

/* The host is asked for addresses, and answers when it has them. */
START_TEST(the_host_resolves)
{
  const struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  const struct sockaddr *const addresses[] = { (const struct sockaddr *)&ipv4 };
  const uint32_t lens[] = { sizeof ipv4 };
  hermes_sse_redis_options o = { .timeout_ms = 1000 };
  char url[64];
  fleet f;
  fake k;
  host *h;

  fleet_init(&f);
  fake_init(&k, &f);
  snprintf(url, sizeof url, "redis://redis.example:%d", k.port);
  o.url = url;
  o.resolve = resolve;
  h = fleet_add(&f, &o, 0);
  fleet_for(&f, 20);
  hermes_sse_redis_resolved(h->redis, NULL, NULL, 0); /* there are none */
  FLEET_UNTIL(&f, host_logged(h, "the name has no addresses"));
  for (int i = 0; i < 200 && !host_is_through(h); i++) {
    hermes_sse_redis_resolved(h->redis, addresses, lens, 1);
    fleet_for(&f, 5);
  }
  ck_assert_int_eq(host_is_through(h), 1);
  fleet_clear(&f);
  fake_clear(&k);
}
END_TEST

START_TEST(states_have_names)
{
  ck_assert_str_eq(hermes_sse_redis_state_name(HERMES_SSE_REDIS_STATE_AWAY), "away");
  ck_assert_str_eq(hermes_sse_redis_state_name(HERMES_SSE_REDIS_STATE_FLUSHING), "flushing");
  ck_assert_str_eq(hermes_sse_redis_state_name(HERMES_SSE_REDIS_STATE_THROUGH), "through");
  ck_assert_str_eq(hermes_sse_redis_state_name(0), "unknown");
}
END_TEST

SUITE_MAIN("redis bridge options", options_are_judged, a_bus_has_one_bridge, the_host_resolves, states_have_names)
