/* A drain with real clients: all closed inside the deadline after all they were owed, none admitted meanwhile, announced
 * reconnection times and closes flat over their windows.
 *
 *   drain [CLIENTS]     default 10000, or what descriptors allow */
#include "real.h"
#include <signal.h>
#include <sys/prctl.h>

enum { WITHIN_MS = 3000, DEADLINE_MS = 6000, RETRY_MIN = 1000, RETRY_MAX = 5000, LATE = 50, BINS = 20 };
/* chi-square with 19 degrees of freedom: a flat one is above this once in a thousand */
#define CHI_SQUARE_MOST 43.82

typedef struct outcome {
  _Atomic uint32_t retry_ms, closed_ms; /* since the drain began; 0: not yet */
  _Atomic uint32_t got_last;
} outcome;

static real r;
static struct {
  _Atomic uint64_t began_ms;
  _Atomic uint32_t late_admitted, late_refused;
  outcome clients[10000];
} * shared;

static uint32_t since_began(void)
{
  return (uint32_t)(now_ms() - atomic_load(&shared->began_ms)) + 1;
}

static void look(outcome *o, const char *bytes)
{
  const char *retry = strstr(bytes, "retry: ");

  if (strstr(bytes, "data: the last"))
    o->got_last = 1;
  if (retry)
    o->retry_ms = (uint32_t)strtoul(retry + 7, NULL, 10);
}

/* Clients that come while it drains. */
static void come_late(int n)
{
  char head[256];

  for (int i = 0; i < LATE; i++) {
    int fd = client_connect(r.port, n + i, "GET / HTTP/1.1\r\n\r\n");
    ssize_t got = recv(fd, head, sizeof head, 0);

    atomic_fetch_add(got > 0 ? &shared->late_admitted : &shared->late_refused, 1);
    close(fd);
  }
}

static void clients(int n)
{
  static char room[65536];
  struct epoll_event events[512];
  int epoll = epoll_create1(0), left = n;

  pin(1);
  for (int i = 0; i < n; i++) {
    int fd = client_connect(r.port, i, "GET / HTTP/1.1\r\n\r\n");
    struct epoll_event e = { .events = EPOLLIN, .data.u64 = (uint64_t)i << 32 | (uint32_t)fd };

    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
  }
  while (left > 0) {
    int ready = epoll_wait(epoll, events, 512, -1);

    for (int i = 0; i < ready; i++) {
      outcome *o = &shared->clients[events[i].data.u64 >> 32];
      int fd = (int)(uint32_t)events[i].data.u64;
      ssize_t got = recv(fd, room, sizeof room - 1, MSG_DONTWAIT);

      if (got > 0) {
        room[got] = 0;
        look(o, room);
      } else if (got == 0 || errno != EAGAIN) {
        o->closed_ms = since_began();
        close(fd);
        left--;
      }
    }
  }
  _exit(0);
}

static double chi_square(const uint32_t *values, int n, uint32_t from, uint32_t to)
{
  double bins[BINS] = { 0 }, sum = 0, expected = (double)n / BINS;

  for (int i = 0; i < n; i++) {
    uint32_t bin = values[i] < from ? 0 : (uint32_t)((uint64_t)(values[i] - from) * BINS / (to - from + 1));

    bins[bin < BINS ? bin : BINS - 1]++;
  }
  for (int i = 0; i < BINS; i++)
    sum += (bins[i] - expected) * (bins[i] - expected) / expected;
  return sum;
}

static int judge(int n, uint64_t in_time)
{
  static uint32_t retries[10000], closes[10000];
  uint32_t last = 0;
  int without = 0, owed = 0, ok;
  double retry_chi, close_chi;

  for (int i = 0; i < n; i++) {
    const outcome *o = &shared->clients[i];

    retries[i] = o->retry_ms;
    closes[i] = o->closed_ms;
    without += o->retry_ms < RETRY_MIN || o->retry_ms > RETRY_MAX;
    owed += !o->got_last;
    last = closes[i] > last ? closes[i] : last;
  }
  retry_chi = chi_square(retries, n, RETRY_MIN, RETRY_MAX);
  close_chi = chi_square(closes, n, 0, WITHIN_MS);
  ok = without == 0 && owed == 0 && in_time == (uint64_t)n && last <= DEADLINE_MS && shared->late_admitted == 0 &&
       shared->late_refused == LATE && retry_chi <= CHI_SQUARE_MOST;
  printf("drain: %d clients in %u ms of %d (deadline %d); %d without their last event, %d without a retry; late: %u "
         "admitted, "
         "%u refused; retry over %d to %d ms: chi-square %.1f of at most %.1f; closes: %.1f: %s\n",
         n, last, WITHIN_MS, DEADLINE_MS, owed, without, shared->late_admitted, shared->late_refused, RETRY_MIN,
         RETRY_MAX, retry_chi, CHI_SQUARE_MOST, close_chi, ok ? "ok" : "MISS");
  return ok;
}

int main(int argc, char **argv)
{
  hermes_sse_drain_options o = { .size = sizeof o, .within_ms = WITHIN_MS, .deadline_ms = DEADLINE_MS };
  int most = most_clients(), n = argc > 1 ? atoi(argv[1]) : most;
  pid_t child, late;
  uint64_t drained;

  if (n < 100 || n > most) {
    fprintf(stderr, "usage: drain [CLIENTS], 100 to %d\n", most);
    return 2;
  }
  o.retry_min_ms = RETRY_MIN;
  o.retry_max_ms = RETRY_MAX;
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  real_start(&r, NULL, 0);
  child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a run that fails leaves nothing behind */
    clients(n);
  }
  pin(0);
  real_wait_streams(&r, (uint64_t)n);
  real_publish(&r, "the last", 8);
  atomic_store(&shared->began_ms, now_ms());
  if (hermes_sse_bus_drain(r.bus, &o) < 0)
    fail("drain");
  late = fork();
  if (late == 0) {
    come_late(n);
    _exit(0);
  }
  for (uint64_t end = now_ms() + 2 * DEADLINE_MS; waitpid(child, NULL, WNOHANG) == 0 && now_ms() < end;)
    real_turn(&r, now_ms() + 10);
  while (waitpid(late, NULL, WNOHANG) == 0)
    real_turn(&r, now_ms() + 10);
  drained = real_stats(&r).closed_drain;
  real_stop(&r);
  return !judge(n, drained);
}
