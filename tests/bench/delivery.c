/* Delivery to real sockets beside the floor: a loop with one send() of ready bytes per client, in the same program, over the
 * same sockets, in the same order. CPU time of the server's thread on one core; the clients drain on another. The parts of
 * examples/hosts/epoll.h are what is measured.
 *
 *   delivery [--short] */
#include "../../examples/hosts/epoll.h"
#include "bench.h"
#include "clients.h"

enum { PAIRS = 9 };

static host h;
static hermes_sse_bus *bus;
static int recording;
static int deliveries; /* at least so many in each half of a pair */

static hermes_sse_ssize writev_of(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  if (recording)
    fds[n_fds++] = ((const conn *)user)->fd;
  return conn_writev(stream, iov, n, user);
}

static uint64_t streams(void)
{
  hermes_sse_stats s = { .size = sizeof s };

  hermes_sse_bus_stats(bus, &s);
  return s.streams;
}

static uint64_t sent_bytes(void)
{
  hermes_sse_stats s = { .size = sizeof s };

  hermes_sse_bus_stats(bus, &s);
  return s.bytes;
}

static uint16_t start_host(void)
{
  struct sockaddr_in any = { .sin_family = AF_INET };
  socklen_t len = sizeof any;
  struct epoll_event listening = { .events = EPOLLIN, .data.ptr = NULL };
  hermes_sse_hub_options o = { .size = sizeof o, .writev = writev_of };
  hermes_sse_bus_options bo = { .size = sizeof bo, .max_pending_bytes = 1 << 30 };

  h = (host){ .topic = "bench", .epoll = epoll_create1(0) };
  h.server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (bind(h.server, (struct sockaddr *)&any, sizeof any) || listen(h.server, 4096))
    fail("listen");
  getsockname(h.server, (struct sockaddr *)&any, &len);
  epoll_ctl(h.epoll, EPOLL_CTL_ADD, h.server, &listening);
  if (hermes_sse_bus_new(&bo, &bus) || hermes_sse_hub_new(bus, &o, &h.hub))
    fail("hub");
  return ntohs(any.sin_port);
}

static void publish(int events, size_t size, int key)
{
  static char payload[65536];
  char name[16];
  hermes_sse_message m = { .size = sizeof m, .topic = hermes_sse_str(h.topic) };

  memset(payload, 'x', sizeof payload);
  m.data = (hermes_sse_slice){ .ptr = payload, .len = size };
  if (key >= 0)
    m.key = (hermes_sse_slice){ .ptr = name, .len = (size_t)snprintf(name, sizeof name, "%d", key) };
  for (int i = 0; i < events; i++)
    if (hermes_sse_bus_publish(bus, &m) < 0)
      fail("publish");
}

static void run_hub(void)
{
  do
    hermes_sse_hub_run(h.hub, now_ms(), 0, &h.next_ms);
  while (h.next_ms <= now_ms());
}

/* Bytes of one event as every stream of this kind gets it. */
static size_t warm_up(int n, size_t size, int keyed)
{
  uint64_t before = sent_bytes();

  if (keyed)
    for (int i = 0; i < n; i++)
      publish(1, size, i);
  else
    publish(1, size, -1);
  run_hub();
  wait_until_received(sent_bytes());
  return (size_t)(sent_bytes() - before) / (size_t)n;
}

static pid_t open_clients(int n, int keyed)
{
  pid_t child = clients_start(start_host(), n, keyed ? "GET /%d HTTP/1.1\r\n\r\n" : "GET / HTTP/1.1\r\n\r\n");

  while (streams() < (uint64_t)n)
    host_wait(&h, now_ms() + 100);
  recording = 1;
  warm_up(n, 10, keyed);
  recording = 0;
  if (n_fds != n)
    fail("clients");
  return child;
}

static void close_clients(pid_t child)
{
  clients_stop(child);
  while (streams() > 0) {
    host_wait(&h, now_ms() + 10);
    run_hub();
  }
  hermes_sse_hub_free(h.hub);
  hermes_sse_bus_free(bus);
  close(h.server);
  close(h.epoll);
}

static double host_ns(int n, size_t size, int events, int keyed, double *publish_ns, uint64_t *expected)
{
  uint64_t before = sent_bytes();
  double from = cpu_ns(), published;

  if (keyed)
    for (int i = 0; i < n; i++)
      publish(1, size, i);
  else
    publish(events, size, -1);
  published = cpu_ns();
  run_hub();
  *publish_ns = (published - from) / n;
  from = (cpu_ns() - published) / n;
  wait_until_received(*expected += sent_bytes() - before); /* ids grow: the floor's bytes are a digit behind at most */
  return from;
}

/* One row. `against` 1: the floor's single send, per event; else its sendmsg of the same frames. */
static void measure(const char *name, int n, size_t size, int events, int keyed, int against, double target)
{
  double floors[PAIRS], hosts[PAIRS], ratios[PAIRS], publishes[PAIRS];
  int rounds = deliveries / (n * events) + 1;
  size_t bytes = warm_up(n, size, keyed);
  uint64_t expected = clients_received();
  double ratio;

  for (int p = 0; p < PAIRS; p++) {
    double floor = 0, ours = 0, publishing = 0, once;

    for (int r = 0; r < rounds; r++) {
      floor += floor_ns(n, bytes, against == 1 ? 1 : events, &expected) / (against == 1 ? 1 : events);
      ours += host_ns(n, size, events, keyed, &once, &expected) / events;
      publishing += once;
    }
    floors[p] = floor / rounds / 1000;
    hosts[p] = ours / rounds / 1000;
    publishes[p] = publishing / rounds / 1000;
    ratios[p] = hosts[p] / floors[p];
  }
  ratio = median(ratios, PAIRS);
  printf("%-34s %6d %7zu  %7.3f  %7.3f  %6.3f  <= %.2f  %-4s", name, n, bytes, median(floors, PAIRS),
         median(hosts, PAIRS), ratio, target, verdict(ratio, target, 0));
  printf(keyed ? "  (+ %.2f publish)\n" : "\n", median(publishes, PAIRS));
  fflush(stdout);
}

static double private_kb(void)
{
  FILE *f = fopen("/proc/self/smaps_rollup", "r");
  char line[256];
  double kb = 0, one;

  while (f && fgets(line, sizeof line, f))
    if (sscanf(line, "Private_Clean: %lf", &one) == 1 || sscanf(line, "Private_Dirty: %lf", &one) == 1)
      kb += one;
  if (f)
    fclose(f);
  return kb;
}

static void sizes(int n)
{
  static const size_t payload[] = { 100, 1024, 16384 };
  pid_t child = open_clients(n, 0);

  for (size_t i = 0; i < sizeof payload / sizeof *payload; i++)
    measure("one event", n, payload[i], 1, 0, 1, 1.10);
  close_clients(child);
}

static void bursts(int n)
{
  static const struct {
    int events;
    double target;
  } burst[] = { { 4, 0.30 }, { 16, 0.09 }, { 64, 0.04 } };
  pid_t child = open_clients(n, 0);
  char name[64];

  for (size_t i = 0; i < sizeof burst / sizeof *burst; i++) {
    snprintf(name, sizeof name, "%d events, by one send each", burst[i].events);
    measure(name, n, 100, burst[i].events, 0, 1, burst[i].target);
    snprintf(name, sizeof name, "%d events, by one sendmsg", burst[i].events);
    measure(name, n, 100, burst[i].events, 0, 0, 1.2);
  }
  close_clients(child);
}

static void keys(int n)
{
  pid_t child = open_clients(n, 1);

  measure("each on a key of its own", n, 100, 1, 1, 1, 1.2);
  close_clients(child);
}

static void memory(int n)
{
  double before, after;
  pid_t child;

  before = private_kb();
  child = open_clients(n, 0);
  after = private_kb();
  printf("memory of this process per connection, %d connections: %.0f bytes, target <= 1024: %s\n", n,
         (after - before) * 1024 / n, verdict((after - before) * 1024 / n, 1024, 0));
  close_clients(child);
}

int main(int argc, char **argv)
{
  int quick = is_short(argc, argv), most = most_clients();

  deliveries = quick ? 1000 : 20000;
  if (!quick)
    memory(most);
  printf("delivery, CPU us per event and client  clients   bytes    floor     host   ratio  target\n");
  sizes(100);
  sizes(quick || most < 1000 ? 500 : 1000);
  if (!quick && most >= 10000)
    sizes(10000);
  bursts(quick ? 200 : 1000);
  keys(100);
  if (!quick)
    keys(most);
  return 0;
}
