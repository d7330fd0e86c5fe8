/* Every allocation of a bridge's life fails once, alone and with all later ones: nothing leaks, nothing crashes, and when there is memory
 * again the bridge is through and serves. hiredis, cJSON, c-ares and OpenSSL allocate for themselves, and are not made to fail here. */
#include "fake.h"
#include "suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS = 400, STEP_MS = 40 };

typedef struct life {
  fleet f;
  fake k;
  host *h;
  size_t fail_at;
  int fail_from;
  sink client;
  int is_open;
  int was_open;  /* before anything was published */
  int published; /* of "1": those that were taken */
} life;

/* A clock that only the turns move, so that a life is the same each time. */
static void turn(life *l)
{
  l->f.skew += STEP_MS;
  fleet_turn(&l->f, 0);
}

static int settle(life *l, int (*done)(const life *l))
{
  for (int i = 0; i < TURNS; i++) {
    if (done(l))
      return 1;
    turn(l);
  }
  return 0;
}

static int is_through(const life *l)
{
  return host_is_through(l->h);
}

static int has_last(const life *l)
{
  return client_count(&l->client, "9") > 0;
}

static void publish(life *l, const char *data)
{
  int rv = host_publish(l->h, "t", data);

  ck_assert_msg(rv == HERMES_SSE_OK || rv == HERMES_SSE_ERR_NOMEM, "%s", hermes_sse_status_name(rv));
  l->published += rv == HERMES_SSE_OK && data[0] == '1';
}

static void open_client(life *l)
{
  hermes_sse_subscription followed = { .topic = hermes_sse_str("t") };
  hermes_sse_stream_options o = { .size = sizeof o, .user = &l->client, .topics = &followed, .n_topics = 1 };

  sink_init(&l->client);
  l->is_open = hermes_sse_stream_open(l->h->hub, &o, &l->client.stream) == HERMES_SSE_OK;
}

static int begin(life *l, hermes_sse_redis_options o)
{
  char url[64];

  snprintf(url, sizeof url, "redis://127.0.0.1:%d", l->k.port);
  o.size = sizeof o;
  o.url = url;
  o.environment = &l->h->environment;
  o.watch = hermes_sse_poll_watch;
  o.user = &l->h->set;
  o.probe_ms = 1000;
  o.timeout_ms = 1000;
  return hermes_sse_redis_new(l->h->hub, &o, &l->h->redis);
}

/* As a plain worker's PUBLISH reaches whoever has subscribed. */
static void hear(life *l)
{
  static const char envelope[] = "{\"type\":\"x\",\"data\":8}";
  char text[256];

  snprintf(text, sizeof text, "*3\r\n$7\r\nmessage\r\n$1\r\nt\r\n$%zu\r\n%s\r\n", strlen(envelope), envelope);
  fake_say(&l->k, text);
}

static void on_stored(int status, const void *value, size_t len, void *context)
{
  (void)status, (void)value, (void)len;
  ++*(int *)context;
}

static void use_store(life *l)
{
  hermes_sse_store store = { .size = sizeof store };
  int answers = 0, asked;

  ck_assert_int_eq(hermes_sse_redis_store(l->h->redis, &store), HERMES_SSE_OK);
  asked = store.put("key", "value", 5, 60, on_stored, &answers, store.user) == HERMES_SSE_OK;
  asked += store.get("key", on_stored, &answers, store.user) == HERMES_SSE_OK;
  for (int i = 0; i < 100 && answers < asked; i++)
    turn(l);
  ck_assert_int_eq(answers, asked);
}

/* New, connect, subscribe, message, publish, reconnect; then memory is there again, and all must be well. */
static void live(life *l, hermes_sse_redis_options o)
{
  memory *m = &l->h->memory;

  if (begin(l, o) != HERMES_SSE_OK) {
    ck_assert_uint_gt(m->failed, 0);
    m->fail_at = 0;
    ck_assert_int_eq(begin(l, o), HERMES_SSE_OK);
  }
  for (int i = 0; i < 30 && !is_through(l); i++)
    turn(l);
  open_client(l);
  l->was_open = l->is_open;
  for (int i = 0; i < 3; i++) {
    publish(l, "1");
    turn(l);
  }
  hear(l);
  turn(l);
  use_store(l);
  fake_hang_up(&l->k);
  turn(l);
  publish(l, "1");
  for (int i = 0; i < 30; i++)
    turn(l);
  m->fail_at = 0;
  if (l->is_open && hermes_sse_stream_reason(l->client.stream)) { /* one that cannot be told of a gap is closed */
    client_leave(&l->client);
    l->is_open = l->was_open = 0;
  }
  if (!l->is_open)
    open_client(l);
  ck_assert_msg(settle(l, is_through), "allocation %zu failing (%d): state %s\n%s", l->fail_at, l->fail_from,
                hermes_sse_redis_state_name(host_state(l->h)), l->h->log);
  for (int i = 0; i < 60; i++) /* what is owed is told */
    turn(l);
  publish(l, "9");
  ck_assert_msg(settle(l, has_last), "allocation %zu failing (%d): seen: %s\n%s", l->fail_at, l->fail_from,
                client_seen(&l->client), l->h->log);
  for (int i = 0; i < 30; i++)
    turn(l);
}

/* A client that was there all the time has what was taken, or was told; and nothing twice. */
static void judge(const life *l)
{
  size_t ones = client_count(&l->client, "1");
  const char *seen = client_seen(&l->client);

  ck_assert_uint_eq(client_count(&l->client, "9"), 1);
  ck_assert_uint_le(client_count(&l->client, "8"), 1);
  ck_assert_msg(ones <= (size_t)l->published, "allocation %zu failing (%d): %d taken: %s", l->fail_at, l->fail_from,
                l->published, seen);
  ck_assert_msg(!l->was_open || ones == (size_t)l->published || strchr(seen, '<'),
                "allocation %zu failing (%d): %d taken: %s", l->fail_at, l->fail_from, l->published, seen);
}

static size_t run(hermes_sse_redis_options o, size_t fail_at, int fail_from, size_t *failed)
{
  static life l;
  size_t calls;

  memset(&l, 0, sizeof l);
  fleet_init(&l.f);
  fake_init(&l.k, &l.f);
  l.h = fleet_host(&l.f);
  l.h->runs_fail = 1;
  l.h->memory.random = 42;
  l.h->memory.calls = 0;
  l.h->memory.fail_at = l.fail_at = fail_at;
  l.h->memory.fail_from = l.fail_from = fail_from;
  live(&l, o);
  judge(&l);
  calls = l.h->memory.calls;
  *failed += l.h->memory.failed > 0;
  client_leave(&l.client);
  fleet_clear(&l.f); /* nothing leaked */
  fake_clear(&l.k);
  return calls;
}

static void sweep(hermes_sse_redis_options o)
{
  size_t failed = 0, runs = 0, n = run(o, 0, 0, &failed);

  ck_assert_uint_gt(n, 50);
  for (size_t i = 1; i <= n; i++)
    for (int from = 0; from < 2; from++, runs++)
      run(o, i, from, &failed);
  /* the last of them belong to what comes when there is memory again */
  ck_assert_msg(failed * 2 > runs, "only %zu of %zu runs had an allocation that failed", failed, runs);
}

START_TEST(pubsub_survives)
{
  static const char *const channels[] = { "t", "p*" };

  sweep((hermes_sse_redis_options){ .channels = channels, .n_channels = 2 });
}
END_TEST

START_TEST(on_demand_survives)
{
  sweep((hermes_sse_redis_options){ .linger_ms = 1 });
}
END_TEST

START_TEST(streams_survive)
{
  sweep((hermes_sse_redis_options){ .mode = HERMES_SSE_REDIS_STREAMS });
}
END_TEST

START_TEST(importing_survives)
{
  static const char *const channels[] = { "t" };

  sweep((hermes_sse_redis_options){
      .mode = HERMES_SSE_REDIS_STREAMS, .flags = HERMES_SSE_REDIS_IMPORT, .channels = channels, .n_channels = 1 });
}
END_TEST

SUITE_MAIN("redis bridge memory", pubsub_survives, on_demand_survives, streams_survive, importing_survives)
