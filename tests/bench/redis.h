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

/* In a process of the benchmark's own, first: it does not outlive it, however that ends. */
static inline void end_with_parent(void)
{
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin(1);
}

/* ---- redis_message.c ---- */

/* A message's data of exactly `size` bytes, from 110. */
size_t data_write(char *to, size_t size);
/* A worker's envelope of exactly `size` bytes, from 190; or, with an origin, what another bridge sends: `size` and what it adds. */
size_t envelope_write(char to[ENVELOPE_ROOM], size_t size, const char *origin, uint64_t number);

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

/* `url` may be NULL; with a url, without channels the bridge is one of streams mode. */
void bridge_host_open(bridge_host *h, const char *url, const char *const *channels, size_t n_channels,
                      hermes_sse_ssize (*writev)(hermes_sse_stream *, const struct iovec *, int, void *));
/* One turn of the loop, which waits at most so long; at the time `now_ms`, or the clock's if that is 0. */
void bridge_host_turn(bridge_host *h, int most_ms, uint64_t now_ms);
/* Turns until the bridge says that all is well. */
void bridge_host_wait(bridge_host *h);
void bridge_host_close(bridge_host *h);
uint64_t bridge_host_published(const bridge_host *h);

/* ---- redis_played.c: a server of the thread's own that says just what a bridge needs to hear ---- */

enum { MAX_PLAYED = 8 };

typedef struct played {
  bridge_host host;
  int ends[MAX_PLAYED], n;
  int fd; /* of the server's ends the one that messages leave by; -1: it is not known yet */
} played;

/* What the bridge has asked on `fd`; the greeting and INFO are answered already. Sets `fd` of the server in the end. */
typedef void (*played_answer)(played *p, int fd, const char *asked);

/* Returns when the bridge says that all is well. */
void played_open(played *p, const char *const *channels, size_t n_channels, played_answer answer);
void played_close(played *p);
/* The bridge reads all that was sent to it; the hub's turn after that. CPU ns. */
double played_read(played *p);
double played_run(played *p);

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

/* ---- redis_cost_pubsub.c, redis_cost_streams.c: the ways from Redis to the bus ---- */

enum { BATCH = 128 };

/* Messages as Redis sends them. */
typedef struct cost_batch {
  char bytes[BATCH * (ENVELOPE_ROOM + 128)];
  size_t len, replies;
  size_t size; /* of an envelope, or an entry's data */
} cost_batch;

typedef struct cost_way {
  void (*open)(played *p);
  void (*fill)(cost_batch *batch, size_t size, const char *origin);
  size_t (*parse)(double *took_ns);     /* cJSON on each message of the batch; NULL: they are no JSON */
  void (*check_asked)(const played *p); /* after each batch; NULL: the bridge is to ask for nothing */
} cost_way;

extern const cost_way cost_pubsub, cost_streams;

/* ---- the tables ---- */

void cost_table(int brief);
void flood_table(const server *s, int brief);
void latency_table(const server *s, int brief);

#endif
