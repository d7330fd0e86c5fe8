/* sse-load: many clients of one event stream, and what they saw. */
#ifndef HERMES_SSE_LOAD_H
#define HERMES_SSE_LOAD_H
#include "score.h"
#include <curl/curl.h>
#include <hermes_sse/client.h>
#include <stdint.h>
#include <sys/types.h>

enum { PIDS_MAX = 16 };

typedef struct options {
  const char *url;
  unsigned clients;
  double ramp_s, duration_s, settle_s, rate;
  struct curl_slist *headers;
  const char *last_event_id, *gap_event, *event; /* event: NULL, all are looked at */
  const char *publish_url, *body, *content_type;
  const char *sequence_field, *time_field;
  double time_unit_us;          /* microseconds in one unit of time_field */
  uint32_t source, source_last; /* addresses in host order; 0: the system's choice */
  pid_t pids[PIDS_MAX];
  unsigned n_pids;
  const char *json; /* a file, "-": standard output, NULL: none */
  int is_strict, is_insecure;
} options;

/* Exits with 2 and a line on what would be accepted if they are of no use; with 0 after --help and --version. */
options options_read(int argc, char **argv);

typedef struct totals {
  uint64_t connects, answered, failed; /* failed: no answer at all */
  uint64_t by_status[600];             /* answers */
  uint64_t reconnects, stopped;
  uint64_t events, gaps, comments, bytes, oversized; /* oversized: beyond the parser's limits */
  uint64_t first, doubles, late;                     /* sequences: new ones, seen again, out of order */
  histogram head_us, latency_us;
  uint64_t greatest; /* sequence seen by any client */
} totals;

typedef struct load {
  options options;
  CURLM *multi;
  int epoll;
  uint64_t timer_us; /* when curl wants a call, UINT64_MAX: not */
  totals totals;
  unsigned open; /* streams that are being read now */
  struct client *clients;
  struct publisher *publisher; /* NULL: it does not publish */
  uint32_t run;                /* names the marks of this run */
} load;

uint64_t now_us(void);  /* monotonic */
uint64_t wall_us(void); /* since 1970 */

/* What a curl handle in the multi stands for. */
typedef struct transfer {
  void (*done)(struct transfer *transfer, CURLcode result);
} transfer;

/* loop.c: one turn of curl's sockets and timers, at most until then. */
void loop_init(load *l);
void loop_turn(load *l, uint64_t until_us);
void loop_clear(load *l);

/* clients.c */
void clients_init(load *l);
/* Opens what is due. */
void clients_tend(load *l, uint64_t now);
/* Sequences up to `last` that never came, over all clients that ever read. */
uint64_t clients_lost(const load *l, uint64_t last);
unsigned clients_that_read(const load *l);
void clients_clear(load *l);

/* publish.c: POSTs the body with {mark} filled in, so many a second. */
void publisher_init(load *l);
void publisher_start(load *l);
void publisher_tend(load *l, uint64_t now);
void publisher_stop(load *l);
uint64_t published(const load *l);
uint64_t publish_failures(const load *l);
/* 1: the request with this sequence was refused or failed: nobody can expect it. */
int publish_failed(const load *l, uint64_t sequence);
void publisher_clear(load *l);

/* data.c: what the data of an event says of itself; 0 where it says nothing. */
typedef struct event_mark {
  uint64_t sequence, published_us;
  uint64_t after; /* published once this sequence and all below were answered, so none of them may come later */
} event_mark;

event_mark data_read(const load *l, hermes_sse_slice data);

/* process.c */
typedef struct usage {
  double cpu_s;
  uint64_t rss, pss;
  int is_known;
} usage;

usage usage_of(const options *o); /* all pids together */

/* report.c */
typedef struct measured {
  usage before, connected, after;
  double connect_s, measure_s;
  uint64_t lost, last;
} measured;

void report_progress(const load *l, double seconds, const char *phase);
void report(const load *l, const measured *m);

#endif
