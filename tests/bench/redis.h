/* What the parts of the Redis benchmark share: a real redis-server, a host with a bridge, latencies, and the three tables. */
#ifndef HERMES_SSE_TESTS_BENCH_REDIS_H
#define HERMES_SSE_TESTS_BENCH_REDIS_H
#include <hermes_sse/adapters/poll.h>
#include <hermes_sse/hermes_sse.h>
#include <hermes_sse/redis.h>
/* after them, as its names are short */
#include "clients.h"
#include <sys/prctl.h>

enum { PAIRS = 9, ENVELOPE_ROOM = 2048 };

static inline double wall_ns(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A worker's envelope of exactly `size` bytes, from 190; or, with an origin, what another bridge sends: `size` and what it adds. */
size_t envelope_write(char to[ENVELOPE_ROOM], size_t size, const char *origin, uint64_t number);

/* In a process of the benchmark's own, first: it does not outlive it, however that ends. */
static inline void end_with_parent(void)
{
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin(1);
}

/* ---- redis_server.c ---- */

typedef struct server {
  pid_t pid;
  int port;
  char directory[64], url[64];
} server;

/* On a free port of the loopback, on the second core. 0: there is no redis-server on this machine. */
int server_start(server *s);
void server_stop(server *s);
/* A blocking connection. */
int server_connect(const server *s);
void send_all(int fd, const void *bytes, size_t len);
/* Appends a command to `to`; the length of the whole. */
size_t command_add(char *to, size_t at, const char *const *argv, const size_t *lens, int argc);

/* ---- redis_host.c ---- */

typedef struct bridge_host {
  hermes_sse_bus *bus;
  hermes_sse_hub *hub;
  hermes_sse_redis *redis; /* NULL: the bus alone */
  hermes_sse_poll_set set;
  int wake_fd;
  uint64_t next_ms;
} bridge_host;

/* `url` may be NULL. */
void bridge_host_open(bridge_host *h, const char *url, const char *const *channels, size_t n_channels,
                      hermes_sse_ssize (*writev)(hermes_sse_stream *, const struct iovec *, int, void *));
/* One turn of the loop, which waits at most so long; at the time `now_ms`, or the clock's if that is 0. */
void bridge_host_turn(bridge_host *h, int most_ms, uint64_t now_ms);
/* Turns until the bridge says that all is well. */
void bridge_host_wait(bridge_host *h);
void bridge_host_close(bridge_host *h);
uint64_t bridge_host_published(const bridge_host *h);

/* ---- latencies in ns ---- */

typedef struct latencies {
  double *at;
  int n, room;
} latencies;

static inline void latencies_add(latencies *l, double ns)
{
  if (l->n == l->room) {
    l->room = 2 * l->room + 1024;
    l->at = realloc(l->at, (size_t)l->room * sizeof *l->at);
    if (!l->at)
      fail("memory");
  }
  l->at[l->n++] = ns;
}

/* In us; sorts them. */
static inline double latencies_at(latencies *l, double share)
{
  if (l->n == 0)
    return 0;
  qsort(l->at, (size_t)l->n, sizeof *l->at, by_value);
  return l->at[(int)(share * (l->n - 1))] / 1000;
}

/* The number after "t": in an event or a message; 0: it has none. */
static inline double stamp_of(const char *bytes, size_t len)
{
  const char *at = memmem(bytes, len, "\"t\":", 4);

  return at ? strtod(at + 4, NULL) : 0;
}

/* ---- the tables ---- */

void cost_table(int brief);
void flood_table(const server *s, int brief);
void latency_table(const server *s, int brief);

#endif
