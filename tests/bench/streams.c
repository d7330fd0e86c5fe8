/* What streams cost without a network: memory of an idle one, a visit, a publish that nobody follows, heartbeats.
   streams [--short] */
#include "bench.h"
#include <hermes_sse/hermes_sse.h>
#include <malloc.h>

static size_t requested;

static void *count_alloc(size_t bytes, void *user)
{
  (void)user;
  requested += bytes;
  return malloc(bytes);
}

static void *count_resize(void *ptr, size_t bytes, void *user)
{
  (void)user;
  requested += bytes - malloc_usable_size(ptr); /* within the allocator's rounding */
  return realloc(ptr, bytes);
}

static void count_release(void *ptr, void *user)
{
  (void)user;
  requested -= malloc_usable_size(ptr);
  free(ptr);
}

static hermes_sse_ssize take_all(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  size_t bytes = 0;

  (void)stream, (void)user;
  for (int i = 0; i < n; i++)
    bytes += iov[i].iov_len;
  return (hermes_sse_ssize)bytes;
}

typedef struct world {
  hermes_sse_bus *bus;
  hermes_sse_hub *hub;
  hermes_sse_limits *limits;
  hermes_sse_stream **streams;
  int n;
  uint64_t now;
} world;

static hermes_sse_environment environment = {
  .size = sizeof environment, .alloc = count_alloc, .resize = count_resize, .release = count_release
};

static void must(int status)
{
  if (status < 0) {
    fprintf(stderr, "streams: %s\n", hermes_sse_strerror(status));
    exit(1);
  }
}

static void build(world *w, int n, int keyed)
{
  hermes_sse_bus_options bo = { .size = sizeof bo, .environment = &environment };
  hermes_sse_hub_options ho = { .size = sizeof ho, .writev = take_all };
  hermes_sse_limits_options lo = { .size = sizeof lo, .environment = &environment, .max_total = HERMES_SSE_NEVER };
  hermes_sse_limit_key keys[] = { { "principal", { "p", 1 } }, { "address", { "a", 1 } } };

  *w = (world){ .n = n, .now = 1 };
  w->streams = calloc((size_t)n, sizeof(*w->streams));
  must(hermes_sse_bus_new(&bo, &w->bus));
  must(hermes_sse_hub_new(w->bus, &ho, &w->hub));
  must(hermes_sse_limits_new(&lo, &w->limits));
  for (int i = 0; i < n; i++) {
    char key[16];
    hermes_sse_subscription t = { .topic = { "topic", 5 }, .key = { key, 0 } };
    hermes_sse_stream_options so = { .size = sizeof so, .topics = &t, .n_topics = 1 };

    t.key.len = keyed ? (size_t)snprintf(key, sizeof key, "%d", i) : 0;
    must(hermes_sse_limits_admit(w->limits, keys, 2, 0, NULL, &so.ticket));
    must(hermes_sse_stream_open(w->hub, &so, &w->streams[i]));
  }
  must(hermes_sse_hub_run(w->hub, w->now, 0, NULL));
}

static void tear_down(world *w)
{
  for (int i = 0; i < w->n; i++)
    hermes_sse_stream_free(w->streams[i]);
  hermes_sse_hub_free(w->hub);
  hermes_sse_bus_free(w->bus);
  hermes_sse_limits_free(w->limits);
  free(w->streams);
}

static size_t heap(void)
{
  struct mallinfo2 m = mallinfo2();

  return m.uordblks + m.hblkhd;
}

static void memory_of(int n, int keyed, double target)
{
  world w;
  size_t heap_before = heap(), before = requested;
  double by_heap, by_request;

  build(&w, n, keyed);
  by_heap = ((double)(heap() - heap_before) - (double)n * sizeof *w.streams) / n;
  by_request = (double)(requested - before) / n;
  printf("memory per idle stream, %d streams%s: %.0f bytes requested, %.0f of heap", n,
         keyed ? ", each with a key of its own" : ", one subscription, ticket over two keys", by_request, by_heap);
  if (target > 0)
    printf(", target <= %.0f: %s", target, verdict(by_heap, target, 0));
  puts("");
  tear_down(&w);
}

static void publish(const world *w, const char *topic)
{
  hermes_sse_message m = { .size = sizeof m, .topic = hermes_sse_str(topic) };

  m.data =
      hermes_sse_str("{\"progress\":42,\"status\":\"downloading\",\"speed\":1048576,\"eta\":17,\"id\":\"0123456789\"}");
  must(hermes_sse_bus_publish(w->bus, &m));
}

static double visit_ns(world *w, int events)
{
  double ns[9];

  for (int i = 0; i < 9; i++) {
    double from;

    for (int k = 0; k < events; k++)
      publish(w, "topic");
    from = cpu_ns();
    must(hermes_sse_hub_run(w->hub, ++w->now, 0, NULL));
    ns[i] = (cpu_ns() - from) / w->n;
  }
  return median(ns, 9);
}

static double unfollowed_ns(world *w)
{
  enum { EVENTS = 2000 };
  double ns[9];

  for (int i = 0; i < 9; i++) {
    double from = cpu_ns();

    for (int k = 0; k < EVENTS; k++)
      publish(w, "nobody follows this");
    must(hermes_sse_hub_run(w->hub, ++w->now, 0, NULL));
    ns[i] = (cpu_ns() - from) / EVENTS;
  }
  return median(ns, 9);
}

static double idle_share(world *w, uint64_t simulated_ms)
{
  uint64_t end = w->now + simulated_ms, next = w->now;
  double from = cpu_ns();

  while (w->now < end) {
    must(hermes_sse_hub_run(w->hub, w->now, 0, &next));
    w->now = next > w->now ? next : w->now + 1;
  }
  return (cpu_ns() - from) / ((double)simulated_ms * 1e6) * 100;
}

int main(int argc, char **argv)
{
  int quick = is_short(argc, argv), many = quick ? 20000 : 100000;
  world few, full;
  double a[9], b[9], ratio[9];

  memory_of(10000, 0, 192);
  memory_of(10000, 1, 0);
  build(&few, 100, 0);
  build(&full, many, 0);
  printf("a visit of a stream in step, %d streams, 1 / 16 / 64 events: %.0f / %.0f / %.0f ns\n", many,
         visit_ns(&full, 1), visit_ns(&full, 16), visit_ns(&full, 64));
  for (int i = 0; i < 9; i++) {
    a[i] = unfollowed_ns(&few);
    b[i] = unfollowed_ns(&full);
    ratio[i] = b[i] / a[i];
  }
  printf("publish and store, nobody follows, beside 100 / %d streams: %.0f / %.0f ns, ratio %.2f (the same cost)\n",
         many, median(a, 9), median(b, 9), median(ratio, 9));
  printf("%d idle streams, heartbeats at 30 s: %.3f %% of one core, target <= 1 %%\n", many,
         idle_share(&full, quick ? 60000 : 120000));
  tear_down(&few);
  tear_down(&full);
  if (!quick) {
    build(&full, 1000000, 0);
    printf("1000000 streams in one hub: %.0f ns a visit\n", visit_ns(&full, 1));
    tear_down(&full);
  }
  return 0;
}
