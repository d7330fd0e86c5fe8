/* hermes-server's delivery beside the floor, as in delivery.c: its loop and its streams in this program, one event on a channel
 * at a time. And the memory of the real program's process per idle stream.
 *
 *   server [--short] */
#include "../../examples/hermes-server/server.h"
#include "bench.h"
#include "clients.h"
#include <fcntl.h>

enum { PAIRS = 9, WARM = 100, SERVER_MAX = 10000 };

static const char request[] = "GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
static server s;
static int recording;
static int deliveries; /* at least so many in each half of a pair */

ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);

/* The linker puts it in place of send(): in a turn that is recorded it learns the descriptors in the order of service. */
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
  if (recording)
    fds[n_fds++] = fd;
  return __real_send(fd, bytes, len, flags);
}

static hermes_sse_stats stats(void)
{
  hermes_sse_stats now = { .size = sizeof now };

  hermes_sse_bus_stats(s.bus, &now);
  return now;
}

static uint16_t free_port(void)
{
  struct sockaddr_in any = { .sin_family = AF_INET };
  socklen_t len = sizeof any;
  int fd = socket(AF_INET, SOCK_STREAM, 0);

  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr *)&any, sizeof any) || getsockname(fd, (struct sockaddr *)&any, &len))
    fail("bind");
  close(fd);
  return ntohs(any.sin_port);
}

static uint16_t start_server(void)
{
  char port[32], why[256];
  uint16_t number = free_port();
  const char *environment[] = { "HERMES_ENABLE_SSE=true",
                                "HERMES_SSE_MAX_CONNECTIONS=10000",
                                "HERMES_SSE_MAX_LIFETIME=0",
                                "HERMES_SSE_HEARTBEAT_INTERVAL=3600",
                                port,
                                NULL };

  snprintf(port, sizeof port, "API_PORT=%u", number);
  s = (server){ .base = event_base_new(), .streams_epoll = -1, .request_timeout_s = 3600 };
  if (hermes_sse_settings_load(NULL, environment, NULL, NULL, why, sizeof why, &s.settings) || loop_start(&s) ||
      streams_start(&s) || http_start(&s))
    fail("server");
  return number;
}

static void stop_server(pid_t child)
{
  clients_stop(child);
  while (stats().streams > 0)
    event_base_loop(s.base, EVLOOP_ONCE);
  evhttp_free(s.http);
  request_timeout_stop();
  streams_stop(&s);
  loop_stop(&s);
  event_base_free(s.base);
  hermes_sse_settings_free(s.settings);
}

static void publish(size_t size)
{
  static char payload[65536];
  hermes_sse_message m = { .size = sizeof m, .topic = hermes_sse_str("system:notifications") };

  memset(payload, 'x', size);
  payload[0] = payload[size - 1] = '"';
  m.type = hermes_sse_str("system_notification");
  m.data = (hermes_sse_slice){ .ptr = payload, .len = size };
  if (hermes_sse_bus_publish(s.bus, &m) < 0)
    fail("publish");
}

/* Turns the loop until every client has the event that was published. */
static void deliver(int n)
{
  for (uint64_t all = stats().delivered + (uint64_t)n; stats().delivered < all;)
    event_base_loop(s.base, EVLOOP_NONBLOCK);
}

static size_t warm_up(int n, size_t size)
{
  uint64_t before = stats().bytes;

  publish(size);
  deliver(n);
  wait_until_received(stats().bytes);
  return (size_t)(stats().bytes - before) / (size_t)n;
}

static double host_ns(int n, size_t size, uint64_t *expected)
{
  uint64_t before = stats().bytes;
  double from;

  publish(size);
  from = cpu_ns();
  deliver(n);
  from = (cpu_ns() - from) / n;
  wait_until_received(*expected += stats().bytes - before);
  return from;
}

static void measure(int n, size_t size)
{
  double floors[PAIRS], hosts[PAIRS], ratios[PAIRS], ratio;
  int rounds = deliveries / n + 1;
  size_t bytes = warm_up(n, size);
  uint64_t expected = clients_received();

  for (int p = 0; p < PAIRS; p++) {
    double floor = 0, ours = 0;

    for (int r = 0; r < rounds; r++) {
      floor += floor_ns(n, bytes, 1, &expected);
      ours += host_ns(n, size, &expected);
    }
    floors[p] = floor / rounds / 1000;
    hosts[p] = ours / rounds / 1000;
    ratios[p] = hosts[p] / floors[p];
  }
  ratio = median(ratios, PAIRS);
  printf("%-34s %6d %7zu  %7.3f  %7.3f  %6.3f  <= %.2f  %s\n", "one event", n, bytes, median(floors, PAIRS),
         median(hosts, PAIRS), ratio, 1.2, verdict(ratio, 1.2, 0));
  fflush(stdout);
}

static void sizes(int n)
{
  static const size_t payload[] = { 100, 1024, 16384 };
  pid_t child = clients_start(start_server(), n, request);

  while (stats().streams < (uint64_t)n)
    event_base_loop(s.base, EVLOOP_ONCE);
  deliver(0);
  recording = 1;
  publish(10);
  deliver(n);
  recording = 0;
  if (n_fds != n)
    fail("clients");
  wait_until_received(stats().bytes);
  for (size_t i = 0; i < sizeof payload / sizeof *payload; i++)
    measure(n, payload[i]);
  stop_server(child);
}

/* ---- the process ---- */

static pid_t spawn_server(uint16_t port, const char *directory)
{
  char port_of[32], directory_of[64];
  char *environment[] = { (char[]){ "HERMES_ENABLE_SSE=true" }, (char[]){ "HERMES_SSE_MAX_CONNECTIONS=10000" }, port_of,
                          directory_of, NULL };
  char *arguments[] = { (char[]){ "hermes-server" }, NULL };
  pid_t child = fork();

  if (child != 0)
    return child;
  snprintf(port_of, sizeof port_of, "API_PORT=%u", port);
  snprintf(directory_of, sizeof directory_of, "HERMES_DOWNLOAD_DIR=%s", directory);
  dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
  execve(HERMES_SERVER, arguments, environment);
  _exit(1);
}

static void wait_until_up(uint16_t port)
{
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
  int fd = -1, up = -1;

  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < 500 && up < 0; i++) {
    fd = socket(AF_INET, SOCK_STREAM, 0);
    up = connect(fd, (struct sockaddr *)&to, sizeof to);
    close(fd);
    usleep(10000);
  }
  if (up < 0)
    fail(HERMES_SERVER);
}

/* Idle streams, each with its greeting read. */
static void open_streams(uint16_t port, int *idle, int n)
{
  char head[2048];

  for (int i = 0; i < n; i++) {
    idle[i] = client_connect(port, 0, request);
    if (recv(idle[i], head, sizeof head, 0) <= 0)
      fail("greeting");
  }
}

static void process_kb(pid_t pid, double *pss, double *rss)
{
  char name[64], line[256];
  FILE *f;

  *pss = *rss = 0;
  snprintf(name, sizeof name, "/proc/%d/smaps_rollup", (int)pid);
  f = fopen(name, "r");
  while (f && fgets(line, sizeof line, f))
    if (sscanf(line, "Pss: %lf", pss) != 1)
      sscanf(line, "Rss: %lf", rss);
  if (f)
    fclose(f);
}

static void memory(int n)
{
  char directory[] = "/tmp/hermes-bench-XXXXXX";
  int *idle = calloc((size_t)n, sizeof *idle);
  double pss[2], rss[2];
  uint16_t port = free_port();
  pid_t child;

  if (!idle || !mkdtemp(directory))
    fail(directory);
  child = spawn_server(port, directory);
  wait_until_up(port);
  open_streams(port, idle, WARM);
  for (int i = 0; i < WARM; i++)
    close(idle[i]);
  usleep(100000);
  process_kb(child, &pss[0], &rss[0]);
  open_streams(port, idle, n);
  process_kb(child, &pss[1], &rss[1]);
  printf(
      "memory of hermes-server's process per idle stream, %d streams: %.0f bytes of Pss, %.0f of Rss, target <= 1536: "
      "%s\n",
      n, (pss[1] - pss[0]) * 1024 / n, (rss[1] - rss[0]) * 1024 / n, verdict((pss[1] - pss[0]) * 1024 / n, 1536, 0));
  fflush(stdout);
  for (int i = 0; i < n; i++)
    close(idle[i]);
  kill(child, SIGTERM);
  waitpid(child, NULL, 0);
  rmdir(directory);
  free(idle);
}

int main(int argc, char **argv)
{
  int quick = is_short(argc, argv), most = most_clients();

  deliveries = quick ? 1000 : 20000;
  memory(quick && most > 2000 ? 2000 : most);
  freopen("/dev/null", "w", stderr); /* the server logs every request */
  printf("hermes-server, CPU us per event and client clients   bytes    floor     host   ratio  target\n");
  sizes(100);
  sizes(most < 1000 ? most : 1000);
  if (!quick && most >= SERVER_MAX)
    sizes(SERVER_MAX);
  return 0;
}
