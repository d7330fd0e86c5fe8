/* Publishers on threads, hubs on others: the same order everywhere. Runs under TSan. */
#include "suite.h"
#include "world.h"
#include <pthread.h>
#include <stdatomic.h>

enum { PUBLISHERS = 3, HUBS = 2, EACH = 2000 };

typedef struct loop {
  hermes_sse_bus *bus;
  hermes_sse_hub *hub;
  sink sink;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  int woken;
  atomic_int *stop;
} loop;

static void on_wake(hermes_sse_hub *hub, void *user)
{
  loop *l = user;

  (void)hub;
  pthread_mutex_lock(&l->lock);
  l->woken = 1;
  pthread_cond_signal(&l->wake);
  pthread_mutex_unlock(&l->lock);
}

static void *run(void *arg)
{
  loop *l = arg;

  for (uint64_t now = 1;; now++) {
    int stop = atomic_load(l->stop);

    ck_assert_int_eq(hermes_sse_hub_run(l->hub, now, 0, NULL), HERMES_SSE_OK);
    if (stop)
      return NULL;
    pthread_mutex_lock(&l->lock);
    while (!l->woken)
      pthread_cond_wait(&l->wake, &l->lock);
    l->woken = 0;
    pthread_mutex_unlock(&l->lock);
  }
}

static void *publish(void *arg)
{
  hermes_sse_bus *bus = arg;
  hermes_sse_message m = { .size = sizeof m, .topic = hermes_sse_str("t"), .key = hermes_sse_str("k") };
  hermes_sse_stats stats = { .size = sizeof stats };
  static atomic_int names;
  int name = atomic_fetch_add(&names, 1) % PUBLISHERS;

  for (int i = 0; i < EACH; i++) {
    char text[32];

    snprintf(text, sizeof text, "%d:%d", name, i);
    m.data = hermes_sse_str(text);
    ck_assert_int_eq(hermes_sse_bus_publish(bus, &m), HERMES_SSE_OK);
    if (i % 500 == 0)
      ck_assert_int_eq(hermes_sse_bus_stats(bus, &stats), HERMES_SSE_OK);
  }
  return NULL;
}

static void start(loop *l, hermes_sse_bus *bus, atomic_int *stop)
{
  hermes_sse_hub_options o = { .size = sizeof o, .user = l, .wake = on_wake, .writev = sink_writev };
  hermes_sse_subscription t = { .topic = hermes_sse_str("t") };
  hermes_sse_stream_options so = { .size = sizeof so, .user = &l->sink, .topics = &t, .n_topics = 1 };

  l->bus = bus;
  l->stop = stop;
  l->woken = 0;
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->wake, NULL);
  sink_init(&l->sink);
  ck_assert_int_eq(hermes_sse_hub_new(bus, &o, &l->hub), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_stream_open(l->hub, &so, &l->sink.stream), HERMES_SSE_OK);
}

START_TEST(all_hubs_see_one_order)
{
  hermes_sse_bus *bus = NULL;
  static loop loops[HUBS];
  pthread_t hubs[HUBS], publishers[PUBLISHERS];
  atomic_int stop = 0;
  int next[PUBLISHERS] = { 0 };
  size_t n = 0;

  ck_assert_int_eq(hermes_sse_bus_new(NULL, &bus), HERMES_SSE_OK);
  for (int i = 0; i < HUBS; i++) {
    start(&loops[i], bus, &stop);
    pthread_create(&hubs[i], NULL, run, &loops[i]);
  }
  for (int i = 0; i < PUBLISHERS; i++)
    pthread_create(&publishers[i], NULL, publish, bus);
  for (int i = 0; i < PUBLISHERS; i++)
    pthread_join(publishers[i], NULL);
  atomic_store(&stop, 1);
  for (int i = 0; i < HUBS; i++) {
    on_wake(NULL, &loops[i]);
    pthread_join(hubs[i], NULL);
  }
  ck_assert_uint_eq(loops[0].sink.n, loops[1].sink.n);
  ck_assert(memcmp(loops[0].sink.bytes, loops[1].sink.bytes, loops[0].sink.n) == 0);
  sink_take(&loops[0].sink, "", 1);
  for (const char *at = loops[0].sink.bytes; (at = strstr(at, "data: ")); at += 6, n++) {
    int name, number;

    ck_assert_int_eq(sscanf(at, "data: %d:%d", &name, &number), 2);
    ck_assert_int_eq(number, next[name]++); /* each publisher's own order holds */
  }
  ck_assert_uint_eq(n, PUBLISHERS * EACH);
  for (int i = 0; i < HUBS; i++) {
    hermes_sse_stream_free(loops[i].sink.stream);
    hermes_sse_hub_free(loops[i].hub);
    sink_clear(&loops[i].sink);
  }
  hermes_sse_bus_free(bus);
}
END_TEST

START_TEST(hubs_come_and_go_while_events_flow)
{
  hermes_sse_bus *bus = NULL;
  pthread_t publishers[PUBLISHERS];
  static loop l;
  atomic_int stop = 0;

  ck_assert_int_eq(hermes_sse_bus_new(NULL, &bus), HERMES_SSE_OK);
  for (int i = 0; i < PUBLISHERS; i++)
    pthread_create(&publishers[i], NULL, publish, bus);
  for (int i = 0; i < 200; i++) {
    start(&l, bus, &stop);
    hermes_sse_hub_run(l.hub, 1, 0, NULL);
    hermes_sse_hub_free(l.hub);
    l.woken = -1; /* a wake from now on would be seen */
    hermes_sse_stream_free(l.sink.stream);
    sink_clear(&l.sink);
    ck_assert_int_eq(l.woken, -1);
  }
  for (int i = 0; i < PUBLISHERS; i++)
    pthread_join(publishers[i], NULL);
  hermes_sse_bus_free(bus);
}
END_TEST

SUITE_MAIN("threads", all_hubs_see_one_order, hubs_come_and_go_while_events_flow)
