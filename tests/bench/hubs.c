/* Two hubs on two cores, the publisher on the thread of one, beside one hub with all the streams. Sinks that take everything:
 * what is measured is the library's own work. Wall time, as CPU time cannot show what runs side by side.
 *
 *   hubs [--short] */
#include "bench.h"
#include <hermes_sse/hermes_sse.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { STREAMS = 100000, EVENTS_A_TURN = 4 };

static hermes_sse_bus *bus;
static int turns;
static atomic_int all_published;

typedef struct loop {
  hermes_sse_hub *hub;
  hermes_sse_stream **streams;
  int n_streams, core;
  pthread_mutex_t lock;
  pthread_cond_t woken;
  int is_woken;
} loop;

static double wall_ns(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void pin(int core)
{
  cpu_set_t set;

  CPU_ZERO(&set);
  CPU_SET((size_t)core, &set);
  sched_setaffinity(0, sizeof set, &set);
}

static hermes_sse_ssize take_all(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  hermes_sse_ssize sum = 0;

  (void)stream;
  (void)user;
  for (int i = 0; i < n; i++)
    sum += (hermes_sse_ssize)iov[i].iov_len;
  return sum;
}

static void on_wake(hermes_sse_hub *hub, void *user)
{
  loop *l = user;

  (void)hub;
  pthread_mutex_lock(&l->lock);
  l->is_woken = 1;
  pthread_cond_signal(&l->woken);
  pthread_mutex_unlock(&l->lock);
}

static void loop_init(loop *l, int n_streams, int core)
{
  hermes_sse_hub_options o = {
    .size = sizeof o, .user = l, .wake = on_wake, .writev = take_all, .heartbeat_ms = HERMES_SSE_NEVER
  };
  hermes_sse_subscription s = { .topic = hermes_sse_str("t") };
  hermes_sse_stream_options so = { .size = sizeof so, .user = l, .topics = &s, .n_topics = 1 };

  *l = (loop){ .n_streams = n_streams, .core = core };
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->woken, NULL);
  l->streams = calloc((size_t)n_streams, sizeof(*l->streams));
  if (!l->streams || hermes_sse_hub_new(bus, &o, &l->hub))
    exit(1);
  for (int i = 0; i < n_streams; i++)
    if (hermes_sse_stream_open(l->hub, &so, &l->streams[i]))
      exit(1);
  hermes_sse_hub_run(l->hub, 1, 0, NULL);
}

static void loop_clear(loop *l)
{
  for (int i = 0; i < l->n_streams; i++)
    hermes_sse_stream_free(l->streams[i]);
  hermes_sse_hub_free(l->hub);
  free(l->streams);
}

static void *follow(void *arg)
{
  loop *l = arg;

  pin(l->core);
  for (int last = 0; !last;) {
    pthread_mutex_lock(&l->lock);
    while (!l->is_woken)
      pthread_cond_wait(&l->woken, &l->lock);
    l->is_woken = 0;
    pthread_mutex_unlock(&l->lock);
    last = atomic_load(&all_published);
    hermes_sse_hub_run(l->hub, 2, 0, NULL);
  }
  return NULL;
}

static void publish_and_follow(loop *l)
{
  hermes_sse_message m = { .size = sizeof m,
                           .topic = hermes_sse_str("t"),
                           .data = hermes_sse_str("{\"progress\":50.0}") };

  pin(l->core);
  for (int turn = 0; turn < turns; turn++) {
    for (int i = 0; i < EVENTS_A_TURN; i++)
      hermes_sse_bus_publish(bus, &m);
    hermes_sse_hub_run(l->hub, 2, 0, NULL);
  }
}

static void check_delivered(void)
{
  hermes_sse_stats s = { .size = sizeof s };

  hermes_sse_bus_stats(bus, &s);
  if (s.delivered == (uint64_t)STREAMS * (uint64_t)turns * EVENTS_A_TURN)
    return;
  printf("%llu deliveries\n", (unsigned long long)s.delivered);
  exit(1);
}

static double wall_of(int hubs)
{
  loop loops[2];
  pthread_t other;
  double wall;

  if (hermes_sse_bus_new(NULL, &bus))
    exit(1);
  for (int i = 0; i < hubs; i++)
    loop_init(&loops[i], STREAMS / hubs, i);
  wall = wall_ns();
  atomic_store(&all_published, 0);
  if (hubs == 2)
    pthread_create(&other, NULL, follow, &loops[1]);
  publish_and_follow(&loops[0]);
  if (hubs == 2) {
    atomic_store(&all_published, 1);
    on_wake(loops[1].hub, &loops[1]);
    pthread_join(other, NULL);
  }
  wall = wall_ns() - wall;
  check_delivered();
  for (int i = 0; i < hubs; i++)
    loop_clear(&loops[i]);
  hermes_sse_bus_free(bus);
  return wall;
}

int main(int argc, char **argv)
{
  int pairs = is_short(argc, argv) ? 5 : 15;
  double ones[15], twos[15], ratios[15], deliveries;

  turns = is_short(argc, argv) ? 20 : 50;
  deliveries = (double)STREAMS * turns * EVENTS_A_TURN;
  wall_of(2);
  for (int i = 0; i < pairs; i++) {
    ones[i] = deliveries / wall_of(1) * 1000;
    twos[i] = deliveries / wall_of(2) * 1000;
    ratios[i] = twos[i] / ones[i];
  }
  printf("one hub: %.0f million deliveries a second of wall time; two hubs on two cores: %.0f; ratio %.2f, target >= "
         "1.8: %s\n",
         median(ones, pairs), median(twos, pairs), median(ratios, pairs), verdict(median(ratios, pairs), 1.8, 1));
  return 0;
}
