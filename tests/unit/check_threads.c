/* Publishers on threads, hubs on others: the same order everywhere. Runs under TSan. */
#include "loop.h"
#include "suite.h"
#include <stdio.h>
#include <string.h>

enum { PUBLISHERS = 3, HUBS = 2, EACH = 2000 };

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

START_TEST(all_hubs_see_one_order)
{
  hermes_sse_bus *bus = NULL;
  static loop loops[HUBS];
  pthread_t publishers[PUBLISHERS];
  atomic_int stop = 0;
  int next[PUBLISHERS] = { 0 };
  size_t n = 0;

  ck_assert_int_eq(hermes_sse_bus_new(NULL, &bus), HERMES_SSE_OK);
  for (int i = 0; i < HUBS; i++) {
    loop_init(&loops[i], bus, &stop);
    loop_start(&loops[i]);
  }
  for (int i = 0; i < PUBLISHERS; i++)
    pthread_create(&publishers[i], NULL, publish, bus);
  for (int i = 0; i < PUBLISHERS; i++)
    pthread_join(publishers[i], NULL);
  atomic_store(&stop, 1);
  for (int i = 0; i < HUBS; i++)
    loop_join(&loops[i]);
  ck_assert_uint_eq(loops[0].sink.n, loops[1].sink.n);
  ck_assert(memcmp(loops[0].sink.bytes, loops[1].sink.bytes, loops[0].sink.n) == 0);
  sink_take(&loops[0].sink, "", 1);
  for (const char *at = loops[0].sink.bytes; (at = strstr(at, "data: ")); at += 6, n++) {
    int name, number;

    ck_assert_int_eq(sscanf(at, "data: %d:%d", &name, &number), 2);
    ck_assert_int_eq(number, next[name]++); /* each publisher's own order holds */
  }
  ck_assert_uint_eq(n, PUBLISHERS * EACH);
  for (int i = 0; i < HUBS; i++)
    loop_clear(&loops[i]);
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
    loop_init(&l, bus, &stop);
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
