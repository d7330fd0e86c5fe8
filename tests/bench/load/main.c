/* sse-load: see --help, and tests/bench/README.md. Knows no server: a URL, and perhaps another to publish to. */
#include "load.h"
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TICK_US = 2000, CONNECT_LIMIT_S = 60, SPARE_DESCRIPTORS = 128 };

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
  (void)number;
  interrupted = 1;
}

static void raise_descriptors(unsigned clients)
{
  struct rlimit limit;

  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max != RLIM_INFINITY && clients + SPARE_DESCRIPTORS > limit.rlim_max)
    errx(2, "--clients %u: a process may hold %llu descriptors here, so at most %llu clients", clients,
         (unsigned long long)limit.rlim_max, (unsigned long long)limit.rlim_max - SPARE_DESCRIPTORS);
}

/* Turns until then, or until `over` says so. Seconds that it took. */
static double run(load *l, double seconds, const char *phase, int (*over)(const load *l))
{
  uint64_t start = now_us(), end = start + (uint64_t)(seconds * 1e6), shown = 0, now;

  while (!interrupted && (now = now_us()) < end && !(over && over(l))) {
    clients_tend(l, now);
    publisher_tend(l, now);
    loop_turn(l, now + TICK_US < end ? now + TICK_US : end);
    if (now - start >= shown) {
      report_progress(l, (double)(now - start) / 1e6, phase);
      shown += 500000;
    }
  }
  return (double)(now_us() - start) / 1e6;
}

/* Open, or ended for good. */
static int all_are_open(const load *l)
{
  return l->open + l->totals.stopped >= l->options.clients;
}

int main(int argc, char **argv)
{
  static load l;
  measured m = { 0 };
  int is_clean;

  l.options = options_read(argc, argv);
  l.run = (uint32_t)(wall_us() ^ (uint64_t)getpid() << 20);
  raise_descriptors(l.options.clients);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  loop_init(&l);
  m.before = usage_of(&l.options);
  clients_init(&l);
  publisher_init(&l);
  m.connect_s = run(&l, l.options.ramp_s + CONNECT_LIMIT_S, "opening", all_are_open);
  if (clients_that_read(&l) == 0)
    warnx("no stream could be opened");
  m.connected = usage_of(&l.options);
  publisher_start(&l);
  m.measure_s = run(&l, l.options.duration_s, "measuring", NULL);
  publisher_stop(&l);
  m.after = usage_of(&l.options);
  m.last = l.publisher ? published(&l) : l.totals.greatest;
  run(&l, l.options.settle_s, "settling", NULL);
  report_progress(&l, m.measure_s, "over");
  m.lost = clients_lost(&l, m.last);
  report(&l, &m);
  is_clean = m.lost == 0 && l.totals.doubles == 0 && l.totals.late == 0 && clients_that_read(&l) > 0;
  clients_clear(&l);
  publisher_clear(&l);
  curl_slist_free_all(l.options.headers);
  loop_clear(&l);
  return l.options.is_strict && !is_clean ? 1 : 0;
}
