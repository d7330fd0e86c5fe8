/* A few small hosts, each a bus, a hub, a bridge and clients that write down what they get, driven by one loop around poll() as a host
 * would: a hub runs when it was woken, or when it said. Time is real, and the test may jump ahead. */
#ifndef HERMES_SSE_TESTS_FLEET_H
#define HERMES_SSE_TESTS_FLEET_H
#include "assertions.h"
#include "memory.h"
#include "server.h"
#include "sink.h"
#include <hermes_sse/adapters/poll.h>
#include <stdatomic.h>

enum { FLEET_HOSTS = 4, FLEET_LOG = 1 << 16, FLEET_PATIENCE_MS = 15000 };

typedef struct host {
  memory memory; /* first: the environment's user is both */
  hermes_sse_environment environment;
  hermes_sse_bus *bus;
  hermes_sse_hub *hub;
  hermes_sse_redis *redis;
  hermes_sse_poll_set set;
  atomic_int woken;
  uint64_t next;
  int runs_fail; /* a run may give HERMES_SSE_ERR_NOMEM */
  char *log;     /* all lines; FLEET_LOG bytes */
} host;

/* What else lives in the loop. */
typedef struct fleet_part {
  int (*fill)(struct pollfd *fds, int max, void *user);
  void (*dispatch)(const struct pollfd *fds, int n, void *user);
  void *user;
} fleet_part;

typedef struct fleet {
  host hosts[FLEET_HOSTS];
  int n;
  uint64_t skew; /* what the test jumped ahead */
  fleet_part parts[2];
  int n_parts;
} fleet;

/* Without hosts. */
void fleet_init(fleet *f);
/* Frees all, and checks that no host has leaked. */
void fleet_clear(fleet *f);
void fleet_part_add(fleet *f, fleet_part part);

uint64_t fleet_now(const fleet *f);
/* What is ready now, or within `wait_ms`; then the runs that are due. */
void fleet_turn(fleet *f, int wait_ms);
/* Turns for this long. */
void fleet_for(fleet *f, int ms);
/* The clock goes ahead at once. */
void fleet_jump(fleet *f, uint64_t ms);

#define FLEET_UNTIL(f, condition)                                                                                      \
  do {                                                                                                                 \
    uint64_t until_ = fleet_real_ms() + FLEET_PATIENCE_MS;                                                             \
    int done_;                                                                                                         \
    while (!(done_ = (condition)) && fleet_real_ms() < until_)                                                         \
      fleet_turn(f, 5);                                                                                                \
    ck_assert_msg(done_, "%s\nlog of host 0:\n%s", #condition, (f)->hosts[0].log ? (f)->hosts[0].log : "");            \
  } while (0)
uint64_t fleet_real_ms(void);

/* One more host without a bridge. */
host *fleet_host(fleet *f);
/* Its bridge to `port`; `o` may be NULL, its url too. */
void host_bridge(host *h, const hermes_sse_redis_options *o, int port);
/* Both. */
host *fleet_add(fleet *f, const hermes_sse_redis_options *o, int port);
/* Frees the bridge, the hub and the bus of a host, and what follows has none; the log stays. */
void host_stop(host *h);
/* A bus and a hub again. */
void host_begin(host *h);
int host_state(const host *h);
int host_is_through(const host *h);
/* All hosts of the fleet. */
int fleet_is_through(const fleet *f);
/* A figure of the bridge's report by its name. */
uint64_t host_figure(const host *h, const char *name);
const char *host_trouble(const host *h);
int host_logged(const host *h, const char *text);
/* How often. */
int host_logged_times(const host *h, const char *text);

/* A client that follows `topic` (and `key` unless NULL), and comes with `id` unless NULL. It is freed by client_leave(). */
void client_come(host *h, sink *s, const char *topic, const char *key, const char *id);
void client_leave(sink *s);
/* What it got, in short: data, and "<reason>" for a gap; joined by blanks. Living until eight calls later. */
const char *client_seen(const sink *s);
/* The same as "id=data". */
const char *client_seen_ids(const sink *s);
/* Its last event id; as above. */
const char *client_id(const sink *s);
/* How many events have this data, or this "<reason>". */
size_t client_count(const sink *s, const char *word);
size_t client_events(const sink *s);

/* {"x", data} on `topic`; the status. */
int host_publish(host *h, const char *topic, const char *data);

#endif
