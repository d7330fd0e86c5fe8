/* From a publish to the browser: a thread publishes every millisecond, the loop delivers to a real socket, and a process on the other
 * core reads that. In process, and through Redis and back. */
#include "redis.h"
#include <netinet/tcp.h>
#include <pthread.h>

enum { ROUNDS = 3, MOST = 20000 };

static bridge_host host;
static int n_events;

typedef struct arrivals {
  _Atomic int n;
  double ns[MOST];
} arrivals;

static arrivals *at_browser; /* the two processes' */

/* ---- the browser ---- */

static void browse(int fd)
{
  char bytes[4096];
  size_t have = 0;

  end_with_parent();
  for (;;) {
    ssize_t n = recv(fd, bytes + have, sizeof bytes - 1 - have, 0);
    char *event = bytes, *end;

    if (n <= 0)
      _exit(0);
    have += (size_t)n;
    bytes[have] = 0;
    for (; (end = strstr(event, "\n\n")); event = end + 2) {
      double stamp = stamp_of(event, (size_t)(end - event));
      int i = atomic_load(&at_browser->n);

      if (stamp > 0 && i < MOST) {
        at_browser->ns[i] = wall_ns() - stamp;
        atomic_store(&at_browser->n, i + 1);
      }
    }
    have -= (size_t)(event - bytes);
    memmove(bytes, event, have);
  }
}

/* The server's end of a TCP connection whose other is the browser's. */
static int open_browser(pid_t *browser)
{
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t len = sizeof at;
  int listener = socket(AF_INET, SOCK_STREAM, 0), fd, on = 1;

  if (bind(listener, (struct sockaddr *)&at, len) || listen(listener, 1) ||
      getsockname(listener, (struct sockaddr *)&at, &len))
    fail("listen");
  *browser = fork();
  if (*browser == 0) {
    fd = socket(AF_INET, SOCK_STREAM, 0);
    close(listener);
    if (connect(fd, (struct sockaddr *)&at, sizeof at))
      _exit(1);
    browse(fd);
  }
  fd = accept(listener, NULL, NULL);
  close(listener);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

/* ---- the server ---- */

static hermes_sse_ssize send_to(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };
  ssize_t sent = sendmsg(*(const int *)user, &m, MSG_NOSIGNAL | MSG_DONTWAIT);

  (void)stream;
  return sent > 0 ? sent : HERMES_SSE_ERR_PEER;
}

static void *publish(void *arg)
{
  (void)arg;
  for (int i = 0; i < n_events; i++) {
    struct timespec moment = { .tv_nsec = 1000000 };
    char text[64];
    hermes_sse_message m = { .size = sizeof m, .topic = hermes_sse_str("browser"), .type = hermes_sse_str("tick") };

    nanosleep(&moment, NULL);
    m.data = (hermes_sse_slice){ .ptr = text, .len = (size_t)snprintf(text, sizeof text, "{\"t\":%.0f}", wall_ns()) };
    if (hermes_sse_bus_publish(host.bus, &m) < 0)
      fail("publish");
  }
  return NULL;
}

static void measure(const char *url, latencies *l)
{
  static const char *const channels[] = { "browser" };
  hermes_sse_subscription to = { .topic = hermes_sse_str("browser") };
  hermes_sse_stream_options o = { .size = sizeof o, .topics = &to, .n_topics = 1 };
  hermes_sse_stream *stream;
  pthread_t publisher;
  pid_t browser;
  int fd = open_browser(&browser);
  double give_up;

  o.user = &fd;
  bridge_host_open(&host, url, channels, 1, send_to);
  if (hermes_sse_stream_open(host.hub, &o, &stream))
    fail("stream");
  if (url)
    bridge_host_wait(&host);
  atomic_store(&at_browser->n, 0);
  if (pthread_create(&publisher, NULL, publish, NULL))
    fail("thread");
  give_up = wall_ns() + n_events * 1e7 + 5e9;
  while (atomic_load(&at_browser->n) < n_events && wall_ns() < give_up)
    bridge_host_turn(&host, 10, 0);
  pthread_join(publisher, NULL);
  if (atomic_load(&at_browser->n) != n_events)
    fail("events are missing");
  for (int i = 0; i < n_events; i++)
    latencies_add(l, at_browser->ns[i]);
  hermes_sse_stream_free(stream);
  bridge_host_close(&host);
  close(fd);
  waitpid(browser, NULL, 0);
}

void latency_table(const server *s, int brief)
{
  latencies inside = { .n = 0 }, through = { .n = 0 };

  n_events = brief ? 200 : 5000;
  at_browser = mmap(NULL, sizeof *at_browser, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < ROUNDS; i++) {
    measure(NULL, &inside);
    measure(s->url, &through);
  }
  printf("\npublish to browser, us             events      p50     p99\n");
  printf("%-34s %6d %8.0f %7.0f\n", "in process", inside.n, latencies_at(&inside, 0.5), latencies_at(&inside, 0.99));
  printf("%-34s %6d %8.0f %7.0f\n", "through Redis and back", through.n, latencies_at(&through, 0.5),
         latencies_at(&through, 0.99));
  munmap(at_browser, sizeof *at_browser);
}
