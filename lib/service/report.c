#include "service/report.h"
#include "service/reply.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#define HAS_MALLINFO2 __GLIBC_PREREQ(2, 33)
#else
#define HAS_MALLINFO2 0
#endif

enum { STUCK_MS = 10000, FIGURES_MAX = 64 };

/* The reports as they are now; parts come, and stay. */
static size_t reports(const hermes_sse_service *service, hermes_sse_report to[HERMES_SSE__REPORTS_MAX])
{
  pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&service->lock;
  size_t n;

  pthread_mutex_lock(lock);
  n = service->n_reports;
  memcpy(to, service->reports, n * sizeof *to);
  pthread_mutex_unlock(lock);
  return n;
}

static hermes_sse_limits_stats tickets(const hermes_sse_service *service)
{
  hermes_sse_limits_stats s = { .size = sizeof s };

  hermes_sse_limits_stats_get(service->limits, &s);
  return s;
}

static int health(hermes_sse_request *request)
{
  const hermes_sse_service *s = request->service;
  hermes_sse_report parts[HERMES_SSE__REPORTS_MAX];
  size_t n = reports(s, parts);

  hermes_sse__text_format(&request->body,
                          "{\"enabled\":%s,\"active_connections\":%llu,\"max_connections\":%llu,"
                          "\"heartbeat_interval\":%llu,\"version\":\"%s\"",
                          s->settings->text[HERMES_SSE__SETTING_ENABLE], (unsigned long long)tickets(s).tickets,
                          (unsigned long long)s->settings->number[HERMES_SSE__SETTING_MAX_CONNECTIONS],
                          (unsigned long long)s->settings->number[HERMES_SSE__SETTING_HEARTBEAT], hermes_sse_version());
  for (size_t i = 0; i < n; i++)
    hermes_sse__text_format(&request->body, ",\"%s\":\"%s\"", parts[i].name, parts[i].state(parts[i].user));
  hermes_sse__text_str(&request->body, "}");
  return hermes_sse__reply(request, 200, "application/json");
}

static void reason(hermes_sse__text *to, size_t *n, const char *text)
{
  hermes_sse__text_format(to, "%s\"%s\"", (*n)++ > 0 ? "," : "", text);
}

static int is_draining(const hermes_sse_service *service)
{
  hermes_sse_hub *probe = NULL;
  int rv = hermes_sse_hub_new(service->bus, NULL, &probe);

  hermes_sse_hub_free(probe);
  return rv == HERMES_SSE_ERR_CLOSED;
}

/* Off is ready: there is nothing to be had here, and that at once. */
static int ready(hermes_sse_request *request)
{
  const hermes_sse_service *s = request->service;
  hermes_sse__text why = hermes_sse__text_new(&request->service->env);
  hermes_sse_report parts[HERMES_SSE__REPORTS_MAX];
  size_t n = s->settings->number[HERMES_SSE__SETTING_ENABLE] ? reports(s, parts) : 0, reasons = 0;

  if (is_draining(s))
    reason(&why, &reasons, "draining");
  if (hermes_sse_bus_unread_ms(s->bus) > STUCK_MS)
    reason(&why, &reasons, "a loop is stuck");
  for (size_t i = 0; i < n; i++) {
    const char *trouble = parts[i].trouble ? parts[i].trouble(parts[i].user) : NULL;

    if (trouble)
      reason(&why, &reasons, trouble);
  }
  hermes_sse__text_format(&request->body, "{\"ready\":%s,\"reasons\":[%s]}", reasons > 0 ? "false" : "true",
                          why.bytes ? why.bytes : "");
  hermes_sse__text_clear(&why);
  return hermes_sse__reply(request, reasons > 0 ? 503 : 200, "application/json");
}

/* ---- metrics: Prometheus text format 0.0.4 ---- */

static void family(hermes_sse__text *to, const char *name, const char *type, const char *help)
{
  hermes_sse__text_format(to, "# HELP hermes_sse_%s %s\n# TYPE hermes_sse_%s %s\n", name, help, name, type);
}

static void single(hermes_sse__text *to, const char *name, const char *type, const char *help, uint64_t value)
{
  family(to, name, type, help);
  hermes_sse__text_format(to, "hermes_sse_%s %llu\n", name, (unsigned long long)value);
}

static void labelled(hermes_sse__text *to, const char *name, const char *label, const char *of, uint64_t value)
{
  hermes_sse__text_format(to, "hermes_sse_%s{%s=\"%s\"} %llu\n", name, label, of, (unsigned long long)value);
}

/* Microseconds as seconds, or whole seconds; by integers, as printf's fractions follow the host's locale. */
static void seconds(hermes_sse__text *to, uint64_t value, int micro)
{
  if (micro)
    hermes_sse__text_format(to, "%llu.%06llu", (unsigned long long)(value / 1000000u),
                            (unsigned long long)(value % 1000000u));
  else
    hermes_sse__text_format(to, "%llu", (unsigned long long)value);
}

static void histogram(hermes_sse__text *to, const hermes_sse_bus *bus, int which, const char *name, const char *help,
                      int micro)
{
  hermes_sse_histogram h;
  uint64_t sum = 0;

  if (hermes_sse_bus_histogram(bus, which, &h) < 0)
    return;
  family(to, name, "histogram", help);
  for (int i = 0; i < HERMES_SSE_HISTOGRAM_BUCKETS - 1; i++) {
    sum += h.buckets[i];
    hermes_sse__text_format(to, "hermes_sse_%s_bucket{le=\"", name);
    seconds(to, UINT64_C(1) << i, micro);
    hermes_sse__text_format(to, "\"} %llu\n", (unsigned long long)sum);
  }
  hermes_sse__text_format(to, "hermes_sse_%s_bucket{le=\"+Inf\"} %llu\nhermes_sse_%s_sum ", name,
                          (unsigned long long)h.count, name);
  seconds(to, h.sum, micro);
  hermes_sse__text_format(to, "\nhermes_sse_%s_count %llu\n", name, (unsigned long long)h.count);
}

/* The first number in a file; 0 if there is none ("max", no such file). */
static uint64_t number_in(const char *path, const char *format)
{
  unsigned long long value = 0;
  FILE *f = fopen(path, "re");

  if (!f)
    return 0;
  if (fscanf(f, format, &value) != 1)
    value = 0;
  fclose(f);
  return value;
}

/* What malloc has given out and not got back, all threads together; 0 where it cannot be asked. */
static uint64_t heap_bytes(void)
{
#if HAS_MALLINFO2
  struct mallinfo2 info = mallinfo2();

  return info.uordblks + info.hblkhd;
#else
  return 0;
#endif
}

static void process_memory(hermes_sse__text *to)
{
  uint64_t pages = number_in("/proc/self/statm", "%*u %llu");
  uint64_t limit = number_in("/sys/fs/cgroup/memory.max", "%llu"), heap = heap_bytes();

  if (!limit)
    limit = number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes", "%llu");
  single(to, "process_resident_memory_bytes", "gauge", "Resident memory of this process.",
         pages * (uint64_t)sysconf(_SC_PAGESIZE));
  if (heap > 0)
    single(to, "process_heap_bytes", "gauge", "Allocated by this process and not freed.", heap);
  if (limit > 0 && limit < UINT64_C(1) << 60)
    single(to, "process_memory_limit_bytes", "gauge", "Memory limit of this process's control group.", limit);
}

static void closes(hermes_sse__text *to, const hermes_sse_stats *s)
{
  const uint64_t by_reason[] = { 0,
                                 s->closed_host,
                                 s->closed_peer,
                                 s->closed_timeout,
                                 s->closed_lifetime,
                                 s->closed_slow,
                                 s->closed_kicked,
                                 s->closed_drain,
                                 s->closed_denied };

  family(to, "closes_total", "counter", "Streams that ended, by reason.");
  for (int i = 1; i < (int)(sizeof by_reason / sizeof *by_reason); i++)
    labelled(to, "closes_total", "reason", hermes_sse_close_name(i), by_reason[i]);
}

static void gaps(hermes_sse__text *to, const hermes_sse_stats *s)
{
  const uint64_t by_reason[] = { 0, s->gaps_expired, s->gaps_restarted, s->gaps_unknown, s->gaps_slow, s->gaps_bridge };

  family(to, "gaps_total", "counter", "Gap events told, by reason.");
  for (int i = 1; i < (int)(sizeof by_reason / sizeof *by_reason); i++)
    labelled(to, "gaps_total", "reason", hermes_sse_gap_name(i), by_reason[i]);
}

static void figures(hermes_sse__text *to, const hermes_sse_report *part)
{
  hermes_sse_figure all[FIGURES_MAX];
  size_t n = part->figures(all, FIGURES_MAX, part->user);

  for (size_t i = 0; i < n && i < FIGURES_MAX; i++) {
    const hermes_sse_figure *f = &all[i];

    if (f->kind != HERMES_SSE_FIGURE_MILLISECONDS) {
      single(to, f->name, f->kind == HERMES_SSE_FIGURE_COUNTER ? "counter" : "gauge", f->help, f->value);
      continue;
    }
    family(to, f->name, "gauge", f->help);
    hermes_sse__text_format(to, "hermes_sse_%s ", f->name);
    seconds(to, f->value * 1000u, 1);
    hermes_sse__text_str(to, "\n");
  }
}

static void attempts(hermes_sse__text *to, const hermes_sse_service *service)
{
  static const char *const labels[] = {
#define LABEL(name, label) label,
    HERMES_SSE__ATTEMPT_MAP(LABEL)
#undef LABEL
  };

  family(to, "connection_attempts_total", "counter", "Requests for a stream, by result.");
  for (int i = 0; i < HERMES_SSE__N_ATTEMPTS; i++)
    labelled(to, "connection_attempts_total", "result", labels[i],
             atomic_load_explicit((_Atomic uint64_t *)(uintptr_t)&service->attempts[i], memory_order_relaxed));
}

static int metrics(hermes_sse_request *request)
{
  const hermes_sse_service *service = request->service;
  hermes_sse__text *to = &request->body;
  hermes_sse_report parts[HERMES_SSE__REPORTS_MAX];
  hermes_sse_stats s = { .size = sizeof s };
  size_t n = reports(service, parts);

  hermes_sse_bus_stats(service->bus, &s);
  family(to, "build_info", "gauge", "The library's release.");
  labelled(to, "build_info", "version", hermes_sse_version(), 1);
  single(to, "enabled", "gauge", "1 while SSE is switched on.", service->settings->number[HERMES_SSE__SETTING_ENABLE]);
  single(to, "connections", "gauge", "Streams that hold a place.", tickets(service).tickets);
  single(to, "connections_max", "gauge", "Most streams at once.",
         service->settings->number[HERMES_SSE__SETTING_MAX_CONNECTIONS]);
  attempts(to, service);
  closes(to, &s);
  single(to, "events_published_total", "counter", "Events that got a place in the order.", s.published);
  single(to, "events_malformed_total", "counter", "Messages refused because they are no event of the contract.",
         atomic_load_explicit((_Atomic uint64_t *)(uintptr_t)&service->malformed, memory_order_relaxed));
  single(to, "deliveries_total", "counter", "Events written to streams.", s.delivered);
  single(to, "sent_bytes_total", "counter", "Bytes that clients' sockets took.", s.bytes);
  single(to, "heartbeats_total", "counter", "Heartbeats sent.", s.heartbeats);
  gaps(to, &s);
  single(to, "events_dropped_total", "counter", "Events that left a topic's log by its bounds.", s.dropped);
  single(to, "events_conflated_total", "counter", "Events that left a topic's log for a newer one of their key.",
         s.conflated);
  single(to, "events_throttled_total", "counter", "Events that a throttled stream skipped for a newer one.",
         s.throttled);
  single(to, "events_filtered_total", "counter", "Events that a stream's filter kept back.", s.filtered);
  single(to, "lapped_events_total", "counter", "Events lost because a loop did not run for too long.", s.lapped);
  single(to, "topics", "gauge", "Topic logs.", s.topics);
  single(to, "retained_events", "gauge", "Events kept for replay.", s.retained_entries);
  single(to, "retained_bytes", "gauge", "Bytes kept for replay.", s.retained_bytes);
  histogram(to, service->bus, HERMES_SSE_HISTOGRAM_LATENCY, "delivery_latency_seconds", "From publish to the write.",
            1);
  histogram(to, service->bus, HERMES_SSE_HISTOGRAM_LIFETIME, "connection_lifetime_seconds",
            "From open to end of a stream.", 0);
  for (size_t i = 0; i < n; i++)
    figures(to, &parts[i]);
  process_memory(to);
  return hermes_sse__reply(request, 200, "text/plain; version=0.0.4; charset=utf-8");
}

int hermes_sse__report(hermes_sse_request *request)
{
  switch (request->route) {
  case HERMES_SSE__ROUTE_HEALTH:
    return health(request);
  case HERMES_SSE__ROUTE_READY:
    return ready(request);
  default:
    return metrics(request);
  }
}
