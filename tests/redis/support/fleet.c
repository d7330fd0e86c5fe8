#include "fleet.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_FDS = FLEET_HOSTS * HERMES_SSE_POLL_MAX + 64 };

uint64_t fleet_real_ms(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

uint64_t fleet_now(const fleet *f)
{
  return fleet_real_ms() + f->skew;
}

void fleet_init(fleet *f)
{
  memset(f, 0, sizeof *f);
}

void fleet_part_add(fleet *f, fleet_part part)
{
  ck_assert_int_lt(f->n_parts, (int)(sizeof f->parts / sizeof *f->parts));
  f->parts[f->n_parts++] = part;
}

void fleet_jump(fleet *f, uint64_t ms)
{
  f->skew += ms;
}

/* ---- the loop ---- */

static int is_due(const fleet *f, const host *h)
{
  return h->hub && (atomic_load(&h->woken) || fleet_now(f) >= h->next);
}

static void run_due(fleet *f)
{
  for (int i = 0; i < f->n; i++) {
    host *h = &f->hosts[i];
    int rv;

    if (!is_due(f, h))
      continue;
    atomic_store(&h->woken, 0);
    rv = hermes_sse_hub_run(h->hub, fleet_now(f), 0, &h->next);
    ck_assert_msg(rv == HERMES_SSE_OK || (h->runs_fail && rv == HERMES_SSE_ERR_NOMEM), "%s",
                  hermes_sse_status_name(rv));
  }
}

static int time_out(const fleet *f, int wait_ms)
{
  for (int i = 0; i < f->n; i++) {
    const host *h = &f->hosts[i];
    int left = is_due(f, h) ? 0 : hermes_sse_poll_timeout(h->next, fleet_now(f));

    if (h->hub && left >= 0 && left < wait_ms)
      wait_ms = left;
  }
  return wait_ms;
}

void fleet_turn(fleet *f, int wait_ms)
{
  struct pollfd fds[MOST_FDS];
  int counts[FLEET_HOSTS], part_counts[2], n = 0, at = 0;

  for (int i = 0; i < f->n; i++)
    n += counts[i] = f->hosts[i].redis ? hermes_sse_poll_fill(&f->hosts[i].set, fds + n, MOST_FDS - n) : 0;
  for (int i = 0; i < f->n_parts; i++)
    n += part_counts[i] = f->parts[i].fill(fds + n, MOST_FDS - n, f->parts[i].user);
  if (poll(fds, (nfds_t)n, time_out(f, wait_ms)) < 0)
    n = 0;
  for (int i = 0; i < f->n && n > 0; at += counts[i++])
    for (int j = 0; j < counts[i] && f->hosts[i].redis; j++) /* it may be freed by any of them */
      hermes_sse_poll_dispatch(f->hosts[i].redis, fds + at + j, 1);
  for (int i = 0; i < f->n_parts && n > 0; at += part_counts[i++])
    f->parts[i].dispatch(fds + at, part_counts[i], f->parts[i].user);
  run_due(f);
}

void fleet_for(fleet *f, int ms)
{
  uint64_t until = fleet_real_ms() + (uint64_t)ms;

  do
    fleet_turn(f, 5);
  while (fleet_real_ms() < until);
}

/* ---- hosts ---- */

static void host_log(int level, const char *text, size_t len, void *user)
{
  host *h = user;
  size_t at;

  (void)level;
  pthread_mutex_lock(&h->memory.lock);
  at = strlen(h->log);
  if (len + 2 < FLEET_LOG - at) {
    memcpy(h->log + at, text, len);
    memcpy(h->log + at + len, "\n", 2);
  }
  pthread_mutex_unlock(&h->memory.lock);
}

static void host_wake(hermes_sse_hub *hub, void *user)
{
  (void)hub;
  atomic_store(&((host *)user)->woken, 1);
}

void host_begin(host *h)
{
  hermes_sse_bus_options bo = { .size = sizeof bo, .environment = &h->environment };
  hermes_sse_hub_options ho = {
    .size = sizeof ho, .user = h, .wake = host_wake, .writev = sink_writev, .heartbeat_ms = HERMES_SSE_NEVER
  };

  ck_assert_int_eq(hermes_sse_bus_new(&bo, &h->bus), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_hub_new(h->bus, &ho, &h->hub), HERMES_SSE_OK);
  h->next = 0;
}

host *fleet_host(fleet *f)
{
  static uint64_t seeds = 1;
  host *h = &f->hosts[f->n++];

  ck_assert_int_le(f->n, FLEET_HOSTS);
  memory_init(&h->memory);
  h->memory.random = seeds++ * UINT64_C(0x9e3779b97f4a7c15); /* each is somebody else */
  h->environment = memory_environment(&h->memory);
  h->environment.log = host_log;
  h->log = calloc(1, FLEET_LOG);
  host_begin(h);
  return h;
}

void host_bridge(host *h, const hermes_sse_redis_options *options, int port)
{
  hermes_sse_redis_options o = { .size = sizeof o };
  char url[64];

  if (options)
    o = *options;
  snprintf(url, sizeof url, "redis://127.0.0.1:%d", port);
  o.size = sizeof o;
  o.environment = &h->environment;
  if (!o.url)
    o.url = url;
  if (!o.watch) {
    o.watch = hermes_sse_poll_watch;
    o.user = &h->set;
  }
  h->set.n = 0;
  ck_assert_msg(hermes_sse_redis_new(h->hub, &o, &h->redis) == HERMES_SSE_OK, "%s", h->log);
}

host *fleet_add(fleet *f, const hermes_sse_redis_options *o, int port)
{
  host *h = fleet_host(f);

  host_bridge(h, o, port);
  return h;
}

void host_stop(host *h)
{
  hermes_sse_redis_free(h->redis);
  hermes_sse_hub_free(h->hub);
  hermes_sse_bus_free(h->bus);
  h->redis = NULL;
  h->hub = NULL;
  h->bus = NULL;
  ck_assert_int_eq(h->set.n, 0);
  ck_assert_msg(h->memory.live_blocks == 0, "%zu blocks leaked", h->memory.live_blocks);
}

void fleet_clear(fleet *f)
{
  for (int i = 0; i < f->n; i++) {
    host_stop(&f->hosts[i]);
    free(f->hosts[i].log);
  }
  f->n = 0;
}

int host_state(const host *h)
{
  return hermes_sse_redis_state(h->redis);
}

int host_is_through(const host *h)
{
  return host_state(h) == HERMES_SSE_REDIS_STATE_THROUGH;
}

int fleet_is_through(const fleet *f)
{
  for (int i = 0; i < f->n; i++)
    if (f->hosts[i].redis && !host_is_through(&f->hosts[i]))
      return 0;
  return 1;
}

uint64_t host_figure(const host *h, const char *name)
{
  hermes_sse_report report = { .size = sizeof report };
  hermes_sse_figure figures[64];
  size_t n;

  ck_assert_int_eq(hermes_sse_redis_report(h->redis, &report), HERMES_SSE_OK);
  n = report.figures(figures, 64, report.user);
  for (size_t i = 0; i < n; i++)
    if (strcmp(figures[i].name, name) == 0)
      return figures[i].value;
  ck_abort_msg("no figure %s", name);
}

const char *host_trouble(const host *h)
{
  hermes_sse_report report = { .size = sizeof report };

  ck_assert_int_eq(hermes_sse_redis_report(h->redis, &report), HERMES_SSE_OK);
  return report.trouble(report.user);
}

int host_logged_times(const host *h, const char *text)
{
  int n = 0;

  for (const char *at = h->log; (at = strstr(at, text)); at++)
    n++;
  return n;
}

int host_logged(const host *h, const char *text)
{
  return host_logged_times(h, text) > 0;
}

int host_publish(host *h, const char *topic, const char *data)
{
  hermes_sse_message m = {
    .size = sizeof m, .topic = hermes_sse_str(topic), .type = hermes_sse_str("x"), .data = hermes_sse_str(data)
  };

  return hermes_sse_bus_publish(h->bus, &m);
}
