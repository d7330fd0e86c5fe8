/* What clients that are behind cost: replay to many at once, replay of one key of a busy topic, and clients that take nothing of
 * a conflated topic.
 *
 *   behind [--short] */
#include "../../examples/hosts/epoll.h"
#include "bench.h"
#include "clients.h"

enum { REPLAYED = 1000, PER_KEY = 10, READERS = 500, PUBLISHES = 5000, KEYS = 100, TRIES = 7 };

static hermes_sse_bus *bus;
static hermes_sse_hub *hub;
static uint64_t now = 1000;

static hermes_sse_ssize take_all(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  hermes_sse_ssize sum = 0;

  (void)stream;
  (void)user;
  for (int i = 0; i < n; i++)
    sum += (hermes_sse_ssize)iov[i].iov_len;
  return sum;
}

static hermes_sse_ssize take_nothing(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  (void)stream;
  (void)iov;
  (void)n;
  (void)user;
  return HERMES_SSE_ERR_AGAIN;
}

static void start(hermes_sse_ssize (*writev)(hermes_sse_stream *, const struct iovec *, int, void *), uint64_t entries,
                  uint64_t flags)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = writev, .heartbeat_ms = HERMES_SSE_NEVER };
  hermes_sse_topic_options t = {
    .size = sizeof t, .max_entries = entries, .max_bytes = HERMES_SSE_NEVER, .flags = flags
  };
  hermes_sse_bus_options bo = { .size = sizeof bo, .max_pending_entries = 1 << 20 };

  o.timeout_ms = HERMES_SSE_NEVER;
  if (hermes_sse_bus_new(&bo, &bus) || hermes_sse_bus_topic(bus, "t", &t) || hermes_sse_hub_new(bus, &o, &hub))
    fail("hub");
}

static void stop(hermes_sse_stream **streams, int n)
{
  for (int i = 0; i < n; i++)
    hermes_sse_stream_free(streams[i]);
  hermes_sse_hub_free(hub);
  hermes_sse_bus_free(bus);
}

static void publish(int key)
{
  char name[16];
  hermes_sse_message m = { .size = sizeof m,
                           .topic = hermes_sse_str("t"),
                           .data = hermes_sse_str("{\"progress\":50.0}") };

  m.key = (hermes_sse_slice){ name, (size_t)snprintf(name, sizeof name, "%d", key) };
  if (hermes_sse_bus_publish(bus, &m) < 0)
    fail("publish");
}

static void run(void)
{
  hermes_sse_hub_run(hub, ++now, 0, NULL);
}

static hermes_sse_stream *follow(const char *key, const char *last_event_id)
{
  hermes_sse_subscription s = { .topic = hermes_sse_str("t"), .key = hermes_sse_str(key) };
  hermes_sse_stream_options o = { .size = sizeof o, .topics = &s, .n_topics = 1 };
  hermes_sse_stream *stream = NULL;

  o.last_event_id = hermes_sse_str(last_event_id);
  if (hermes_sse_stream_open(hub, &o, &stream) < 0)
    fail("open");
  return stream;
}

/* Nanoseconds for one reader of one key, from its opening to its last event. */
static double one_key_ns(int keys)
{
  static hermes_sse_stream *readers[READERS];
  char from[HERMES_SSE_ID_MAX];
  hermes_sse_id id;
  double cpu;

  start(take_all, HERMES_SSE_NEVER, 0);
  run();
  hermes_sse_bus_head(bus, &id);
  hermes_sse_id_format(&id, from, sizeof from);
  for (int i = 0; i < PER_KEY * keys; i++) {
    publish(i % keys);
    if (i % 1000 == 999)
      run();
  }
  run();
  cpu = cpu_ns();
  for (int i = 0; i < READERS; i++)
    readers[i] = follow("0", from);
  run();
  cpu = cpu_ns() - cpu;
  stop(readers, READERS);
  return cpu / READERS;
}

static void by_keys(void)
{
  static const int keys[] = { 1, 100, 10000 };
  double ns[3], tries[TRIES];

  for (int i = 0; i < 3; i++) {
    for (int try = 0; try < TRIES; try++)
      tries[try] = one_key_ns(keys[i]);
    ns[i] = median(tries, TRIES);
  }
  printf("replay of one key's %d events, topic with 1 / 100 / 10000 keys: %.0f / %.0f / %.0f ns per reader, last to "
         "first %.2f, "
         "target <= 1.5: %s\n",
         PER_KEY, ns[0], ns[1], ns[2], ns[2] / ns[0], verdict(ns[2] / ns[0], 1.5, 0));
}

typedef struct cost {
  double publish_ns, run_ns; /* per event */
} cost;

static cost conflated_cost(int slow)
{
  hermes_sse_stream **streams = calloc((size_t)slow + 1, sizeof(*streams));
  cost c = { 0 };

  if (!streams)
    fail("memory");
  start(take_nothing, 0, HERMES_SSE_TOPIC_CONFLATE);
  for (int i = 0; i < slow; i++)
    streams[i] = follow(NULL, NULL);
  for (int turn = -1; turn < PUBLISHES / KEYS; turn++) {
    double from = cpu_ns(), published;

    for (int key = 0; key < KEYS; key++)
      publish(key);
    published = cpu_ns();
    run();
    if (turn < 0)
      continue;
    c.publish_ns += (published - from) / PUBLISHES;
    c.run_ns += (cpu_ns() - published) / PUBLISHES;
  }
  stop(streams, slow);
  free(streams);
  return c;
}

static void by_slow_clients(int most)
{
  const int slow[3] = { 0, 100, most };
  double publish_ns[3][TRIES], run_ns[3][TRIES], publishes[3], runs[3];

  for (int i = 0; i < TRIES; i++)
    for (int k = 0; k < 3; k++) {
      cost c = conflated_cost(slow[k]);

      publish_ns[k][i] = c.publish_ns;
      run_ns[k][i] = c.run_ns;
    }
  for (int k = 0; k < 3; k++) {
    publishes[k] = median(publish_ns[k], TRIES);
    runs[k] = median(run_ns[k], TRIES);
  }
  printf("conflated topic beside 0 / 100 / %d clients that take nothing, %d events a turn: publish %.0f / %.0f / %.0f "
         "ns, last to first "
         "%.2f, target <= 1.25: %s\n",
         most, KEYS, publishes[0], publishes[1], publishes[2], publishes[2] / publishes[0],
         verdict(publishes[2] / publishes[0], 1.25, 0));
  printf("  the hub's run, per event: %.0f / %.0f / %.0f ns; a turn passes over one such client in %.1f ns\n", runs[0],
         runs[1], runs[2], (runs[2] - runs[0]) * KEYS / most);
}

/* ---- to real sockets ---- */

static host h;
static int recording;

static hermes_sse_ssize writev_of(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  if (recording && n_fds < recording)
    fds[n_fds++] = ((const conn *)user)->fd;
  return conn_writev(stream, iov, n, user);
}

static uint64_t sent_bytes(void)
{
  hermes_sse_stats s = { .size = sizeof s };

  hermes_sse_bus_stats(bus, &s);
  return s.bytes;
}

static uint64_t delivered(void)
{
  hermes_sse_stats s = { .size = sizeof s };

  hermes_sse_bus_stats(bus, &s);
  return s.delivered;
}

static uint16_t listen_anywhere(void)
{
  struct sockaddr_in any = { .sin_family = AF_INET };
  socklen_t len = sizeof any;
  struct epoll_event listening = { .events = EPOLLIN, .data.ptr = NULL };

  h = (host){ .topic = "t", .epoll = epoll_create1(0) };
  h.server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (bind(h.server, (struct sockaddr *)&any, sizeof any) || listen(h.server, 4096))
    fail("listen");
  getsockname(h.server, (struct sockaddr *)&any, &len);
  epoll_ctl(h.epoll, EPOLL_CTL_ADD, h.server, &listening);
  return ntohs(any.sin_port);
}

static double replay_ratio(int n, double *replay_us, double *floor_us)
{
  char request[128], from[HERMES_SSE_ID_MAX];
  uint64_t before, expected;
  uint16_t port = listen_anywhere();
  hermes_sse_id id;
  pid_t child;
  size_t bytes;

  start(writev_of, 0, 0);
  h.hub = hub;
  hermes_sse_hub_run(hub, now_ms(), 0, &h.next_ms);
  hermes_sse_bus_head(bus, &id);
  hermes_sse_id_format(&id, from, sizeof from);
  for (int i = 0; i < REPLAYED; i++)
    publish(i % KEYS);
  hermes_sse_hub_run(hub, now_ms(), 0, &h.next_ms);
  before = delivered();
  recording = n;
  snprintf(request, sizeof request, "GET / HTTP/1.1\r\nLast-Event-ID: %s\r\n\r\n", from);
  child = clients_start(port, n, request);
  *replay_us = cpu_ns();
  while (delivered() - before < (uint64_t)n * REPLAYED) {
    host_wait(&h, now_ms() + 100);
    host_run(&h);
  }
  *replay_us = (cpu_ns() - *replay_us) / 1000 / n / REPLAYED;
  wait_until_received(expected = sent_bytes());
  bytes = (size_t)(expected / (uint64_t)n / REPLAYED);
  recording = 0;
  *floor_us = floor_ns(n, bytes, 1, &expected) / 1000;
  clients_stop(child);
  for (hermes_sse_stats s = { .size = sizeof s }; hermes_sse_bus_stats(bus, &s), s.streams > 0;) {
    host_wait(&h, now_ms() + 10);
    host_run(&h);
  }
  stop(NULL, 0);
  close(h.server);
  close(h.epoll);
  return *replay_us / *floor_us;
}

static void replay(int n, int tries)
{
  double ratios[9], replays[9], floors[9];

  for (int i = 0; i < tries; i++)
    ratios[i] = replay_ratio(n, &replays[i], &floors[i]);
  printf("replay of %d events to %d clients at once: %.3f us of CPU per event, accepting them included; floor, one "
         "send each: %.3f; "
         "ratio %.3f, target <= 0.10: %s\n",
         REPLAYED, n, median(replays, tries), median(floors, tries), median(ratios, tries),
         verdict(median(ratios, tries), 0.10, 0));
}

int main(int argc, char **argv)
{
  int quick = is_short(argc, argv);

  by_keys();
  by_slow_clients(10000);
  replay(quick ? 200 : 1000, quick ? 3 : 9);
  return 0;
}
