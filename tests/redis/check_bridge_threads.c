/* Publishers on threads, two hubs on two, one bridge in one of them, and another thread that uses the store and reads figures; Redis goes
 * and comes meanwhile. Runs under TSan. */
#include "fleet.h"
#include "suite.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PUBLISHERS = 3, HUBS = 2, EACH = 400 };

/* A hub's loop; the first has the bridge. */
typedef struct loop {
  hermes_sse_hub *hub;
  hermes_sse_redis *redis;
  hermes_sse_poll_set set;
  int wake; /* eventfd */
  sink client;
  pthread_t thread;
  atomic_int *stop;
} loop;

typedef struct publisher {
  hermes_sse_bus *bus;
  int name;
  pthread_t thread;
} publisher;

static void on_wake(hermes_sse_hub *hub, void *user)
{
  uint64_t one = 1;

  (void)hub;
  ck_assert_int_eq(write(((loop *)user)->wake, &one, sizeof one), sizeof one);
}

static void come_and_go(loop *l, uint64_t now)
{
  char topic[16];
  hermes_sse_subscription followed = { .topic = { topic, 0 } };
  hermes_sse_stream_options o = {
    .size = sizeof o, .flags = HERMES_SSE_STREAM_PULL, .topics = &followed, .n_topics = 1
  };
  hermes_sse_stream *stream = NULL;

  followed.topic.len = (size_t)snprintf(topic, sizeof topic, "o%d", (int)(now % 7));
  ck_assert_int_eq(hermes_sse_stream_open(l->hub, &o, &stream), HERMES_SSE_OK);
  hermes_sse_stream_free(stream);
}

static void *run_loop(void *arg)
{
  loop *l = arg;
  uint64_t next = 0;

  for (int turn = 0, stop = 0; !stop; turn++) {
    struct pollfd fds[HERMES_SSE_POLL_MAX + 1] = { { .fd = l->wake, .events = POLLIN } };
    int n = l->redis ? hermes_sse_poll_fill(&l->set, fds + 1, HERMES_SSE_POLL_MAX) : 0, left;
    uint64_t count;

    stop = atomic_load(l->stop); /* what was published before it is still read */
    left = hermes_sse_poll_timeout(next, fleet_real_ms());
    poll(fds, (nfds_t)n + 1, left < 0 || left > 50 ? 50 : left);
    if (fds[0].revents)
      ck_assert_int_eq(read(l->wake, &count, sizeof count), sizeof count);
    if (l->redis)
      hermes_sse_poll_dispatch(l->redis, fds + 1, n);
    ck_assert_int_eq(hermes_sse_hub_run(l->hub, fleet_real_ms(), 0, &next), HERMES_SSE_OK);
    if (turn % 16 == 0)
      come_and_go(l, next);
  }
  return NULL;
}

static void *publish(void *arg)
{
  publisher *p = arg;

  for (int i = 0; i < EACH; i++) {
    char data[32];
    hermes_sse_message m = { .size = sizeof m, .topic = { "t", 1 }, .type = { "x", 1 } };

    m.data = (hermes_sse_slice){ .ptr = data, .len = (size_t)snprintf(data, sizeof data, "%d", 10000 * p->name + i) };
    ck_assert_int_eq(hermes_sse_bus_publish(p->bus, &m), HERMES_SSE_OK);
    if (i % 20 == 0)
      usleep(2000);
  }
  return NULL;
}

static void on_stored(int status, const void *value, size_t len, void *context)
{
  (void)status, (void)value, (void)len;
  atomic_fetch_add((atomic_int *)context, 1);
}

typedef struct asking {
  hermes_sse_redis *redis;
  atomic_int *stop;
  atomic_int answers;
  int asked;
  pthread_t thread;
} asking;

static void *ask(void *arg)
{
  asking *a = arg;
  hermes_sse_store store = { .size = sizeof store };
  hermes_sse_report report = { .size = sizeof report };
  hermes_sse_figure figures[64];

  hermes_sse_redis_store(a->redis, &store);
  hermes_sse_redis_report(a->redis, &report);
  while (!atomic_load(a->stop)) {
    a->asked += store.put("k", "v", 1, 60, on_stored, &a->answers, store.user) == HERMES_SSE_OK;
    a->asked += store.get("k", on_stored, &a->answers, store.user) == HERMES_SSE_OK;
    report.figures(figures, 64, report.user);
    report.state(report.user);
    report.trouble(report.user);
    usleep(1000);
  }
  return NULL;
}

static void start_loop(loop *l, hermes_sse_bus *bus, atomic_int *stop)
{
  hermes_sse_hub_options ho = { .size = sizeof ho, .user = l, .wake = on_wake, .writev = sink_writev };
  hermes_sse_subscription followed = { .topic = { "t", 1 } };
  hermes_sse_stream_options so = { .size = sizeof so, .user = &l->client, .topics = &followed, .n_topics = 1 };

  memset(l, 0, sizeof *l);
  l->stop = stop;
  l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  ck_assert_int_eq(hermes_sse_hub_new(bus, &ho, &l->hub), HERMES_SSE_OK);
  sink_init(&l->client);
  ck_assert_int_eq(hermes_sse_stream_open(l->hub, &so, &l->client.stream), HERMES_SSE_OK);
}

static void stop_loop(loop *l)
{
  on_wake(NULL, l);
  pthread_join(l->thread, NULL);
}

static void clear_loop(loop *l)
{
  hermes_sse_stream_free(l->client.stream);
  hermes_sse_hub_free(l->hub);
  sink_clear(&l->client);
  close(l->wake);
}

/* All of them are there once, each publisher's in its order. */
static void judge(const sink *client)
{
  const char *at = client_seen(client);
  int next[PUBLISHERS] = { 0 }, n = 0;

  while (*at) {
    size_t len = strcspn(at, " ");

    if (*at != '<') {
      int number = atoi(at), name = number / 10000;

      ck_assert_int_eq(number % 10000, next[name]);
      next[name]++;
      n++;
    }
    at += len + (at[len] == ' ');
  }
  ck_assert_int_eq(n, PUBLISHERS * EACH);
}

/* All was confirmed, and in streams mode has come by the tail. */
static int is_done(hermes_sse_redis *redis, uint64_t mode)
{
  host h = { .redis = redis };

  return host_figure(&h, "redis_waiting_bytes") == 0 &&
         (mode == HERMES_SSE_REDIS_PUBSUB || host_figure(&h, "redis_received_total") >= PUBLISHERS * EACH);
}

static void at_once(uint64_t mode)
{
  static const char *const kept[] = { "--appendonly", "yes", "--appendfsync", "always", NULL };
  static loop loops[HUBS];
  hermes_sse_redis_options o = { .size = sizeof o, .mode = mode, .probe_ms = 100, .timeout_ms = 1000 };
  hermes_sse_bus *bus = NULL;
  publisher publishers[PUBLISHERS];
  asking asks = { .asked = 0 };
  atomic_int stop = 0;
  char url[64];
  server s;

  server_start(&s, kept);
  snprintf(url, sizeof url, "redis://127.0.0.1:%d", s.port);
  o.url = url;
  o.watch = hermes_sse_poll_watch;
  o.user = &loops[0].set;
  ck_assert_int_eq(hermes_sse_bus_new(NULL, &bus), HERMES_SSE_OK);
  for (int i = 0; i < HUBS; i++)
    start_loop(&loops[i], bus, &stop);
  ck_assert_int_eq(hermes_sse_redis_new(loops[0].hub, &o, &loops[0].redis), HERMES_SSE_OK);
  for (int i = 0; i < HUBS; i++)
    pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]);
  while (hermes_sse_redis_state(loops[0].redis) != HERMES_SSE_REDIS_STATE_THROUGH)
    usleep(1000);
  usleep(50000); /* in streams mode both begin at "now" */
  asks.redis = loops[0].redis;
  asks.stop = &stop;
  pthread_create(&asks.thread, NULL, ask, &asks);
  for (int i = 0; i < PUBLISHERS; i++) {
    publishers[i] = (publisher){ .bus = bus, .name = i };
    pthread_create(&publishers[i].thread, NULL, publish, &publishers[i]);
  }
  usleep(10000);
  server_kill(&s);
  usleep(10000);
  server_again(&s);
  for (int i = 0; i < PUBLISHERS; i++)
    pthread_join(publishers[i].thread, NULL);
  for (uint64_t until = fleet_real_ms() + FLEET_PATIENCE_MS; !is_done(loops[0].redis, mode) && fleet_real_ms() < until;)
    usleep(1000);
  ck_assert(is_done(loops[0].redis, mode));
  atomic_store(&stop, 1);
  pthread_join(asks.thread, NULL);
  for (int i = 0; i < HUBS; i++)
    stop_loop(&loops[i]);
  hermes_sse_redis_free(loops[0].redis);
  for (int i = 0; i < HUBS; i++) {
    judge(&loops[i].client);
    clear_loop(&loops[i]);
  }
  ck_assert_int_eq(atomic_load(&asks.answers), asks.asked);
  hermes_sse_bus_free(bus);
  server_stop(&s);
}

START_TEST(pubsub_from_many_threads)
{
  at_once(HERMES_SSE_REDIS_PUBSUB);
}
END_TEST

START_TEST(streams_from_many_threads)
{
  at_once(HERMES_SSE_REDIS_STREAMS);
}
END_TEST

/* The bridge is freed by its thread while others publish: each call gets an answer, and none comes after. */
START_TEST(freed_while_others_publish)
{
  static loop l;
  hermes_sse_bus *bus = NULL;
  publisher publishers[PUBLISHERS];
  atomic_int stop = 0;
  server s;

  server_start(&s, NULL);
  for (int round = 0; round < 5; round++) {
    hermes_sse_redis_options o = { .size = sizeof o };
    char url[64];

    snprintf(url, sizeof url, "redis://127.0.0.1:%d", s.port);
    o.url = url;
    o.watch = hermes_sse_poll_watch;
    o.user = &l.set;
    ck_assert_int_eq(hermes_sse_bus_new(NULL, &bus), HERMES_SSE_OK);
    start_loop(&l, bus, &stop);
    ck_assert_int_eq(hermes_sse_redis_new(l.hub, &o, &l.redis), HERMES_SSE_OK);
    for (int i = 0; i < PUBLISHERS; i++) {
      publishers[i] = (publisher){ .bus = bus, .name = i };
      pthread_create(&publishers[i].thread, NULL, publish, &publishers[i]);
    }
    for (int i = 0; i < 4 * round; i++) {
      struct pollfd fds[HERMES_SSE_POLL_MAX];
      int n = hermes_sse_poll_fill(&l.set, fds, HERMES_SSE_POLL_MAX);

      if (poll(fds, (nfds_t)n, 1) > 0)
        hermes_sse_poll_dispatch(l.redis, fds, n);
      hermes_sse_hub_run(l.hub, fleet_real_ms(), 0, NULL);
    }
    hermes_sse_redis_free(l.redis);
    for (int i = 0; i < PUBLISHERS; i++)
      pthread_join(publishers[i].thread, NULL);
    hermes_sse_hub_run(l.hub, fleet_real_ms(), 0, NULL);
    judge(&l.client);
    clear_loop(&l);
    hermes_sse_bus_free(bus);
  }
  server_stop(&s);
}
END_TEST

SUITE_MAIN("redis bridge threads", pubsub_from_many_threads, streams_from_many_threads, freed_while_others_publish)
