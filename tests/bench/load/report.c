#include "load.h"
#include <cjson/cJSON.h>
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const double shares[] = { 0.5, 0.9, 0.99, 0.999 };
static const char *const share_names[] = { "p50", "p90", "p99", "p999" };
enum { SHARES = 4 };

static int has_sequences(const load *l)
{
  return l->publisher || l->options.sequence_field;
}

void report_progress(const load *l, double seconds, const char *phase)
{
  if (!isatty(STDERR_FILENO))
    return;
  fprintf(stderr, "\r%6.1f s %-9s %u of %u open, %llu events, %llu gaps, %llu reconnects\033[K", seconds, phase,
          l->open, l->options.clients, (unsigned long long)l->totals.events, (unsigned long long)l->totals.gaps,
          (unsigned long long)l->totals.reconnects);
  if (strcmp(phase, "over") == 0)
    fputc('\n', stderr);
}

static void print_spread(FILE *to, const char *what, const histogram *h)
{
  if (h->n == 0)
    return;
  fprintf(to, "%s, ms:", what);
  for (int i = 0; i < SHARES; i++)
    fprintf(to, " %s %.3f", share_names[i], (double)histogram_at(h, shares[i]) / 1000);
  fprintf(to, " max %.3f (%llu)\n", (double)h->max / 1000, (unsigned long long)h->n);
}

static void print_server(FILE *to, const load *l, const measured *m)
{
  double cpu = m->after.cpu_s - m->connected.cpu_s;

  if (!m->after.is_known) {
    if (l->options.n_pids > 0)
      fprintf(to, "server: its process is gone\n");
    return;
  }
  fprintf(to, "server: %.2f s of CPU in %.1f s (%.1f %% of a core)", cpu, m->measure_s, 100 * cpu / m->measure_s);
  if (l->totals.events > 0)
    fprintf(to, ", %.2f us per event received", cpu * 1e6 / (double)l->totals.events);
  fprintf(to, "; memory %.1f MiB before, %.1f with %u streams, %.1f at the end\n", (double)m->before.rss / 1048576,
          (double)m->connected.rss / 1048576, l->options.clients, (double)m->after.rss / 1048576);
}

static void print_text(FILE *to, const load *l, const measured *m)
{
  const totals *t = &l->totals;

  fprintf(to,
          "%u of %u streams were open after %.1f s; %llu connections, %llu again, %llu without an answer, %llu ended "
          "for good\n",
          clients_that_read(l), l->options.clients, m->connect_s, (unsigned long long)t->connects,
          (unsigned long long)t->reconnects, (unsigned long long)t->failed, (unsigned long long)t->stopped);
  fprintf(to, "answers:");
  for (int i = 0; i < 600; i++)
    if (t->by_status[i] > 0)
      fprintf(to, " %d x %llu", i, (unsigned long long)t->by_status[i]);
  fprintf(to, "\n%llu events, %llu gaps told, %llu comments, %llu bytes, %llu beyond a limit in %.1f s\n",
          (unsigned long long)t->events, (unsigned long long)t->gaps, (unsigned long long)t->comments,
          (unsigned long long)t->bytes, (unsigned long long)t->oversized, m->measure_s);
  if (l->publisher)
    fprintf(to, "published %llu, %llu of them refused\n", (unsigned long long)published(l),
            (unsigned long long)publish_failures(l));
  if (has_sequences(l))
    fprintf(to, "sequences: %llu came, %llu lost, %llu doubled, %llu out of order\n", (unsigned long long)t->first,
            (unsigned long long)m->lost, (unsigned long long)t->doubles, (unsigned long long)t->late);
  else
    fprintf(to, "sequences: not measured (--publish or --sequence-field)\n");
  print_spread(to, "connect and head", &t->head_us);
  print_spread(to, "publish to receipt", &t->latency_us);
  print_server(to, l, m);
}

static void add_spread(cJSON *json, const char *name, const histogram *h)
{
  cJSON *o = cJSON_AddObjectToObject(json, name);

  cJSON_AddNumberToObject(o, "count", (double)h->n);
  if (h->n == 0)
    return;
  cJSON_AddNumberToObject(o, "mean", h->sum / (double)h->n / 1000);
  for (int i = 0; i < SHARES; i++)
    cJSON_AddNumberToObject(o, share_names[i], (double)histogram_at(h, shares[i]) / 1000);
  cJSON_AddNumberToObject(o, "max", (double)h->max / 1000);
}

static void add_streams(cJSON *json, const load *l, const measured *m)
{
  const totals *t = &l->totals;
  cJSON *answers;

  cJSON_AddStringToObject(json, "url", l->options.url);
  cJSON_AddNumberToObject(json, "clients", l->options.clients);
  cJSON_AddNumberToObject(json, "clients_that_read", clients_that_read(l));
  cJSON_AddNumberToObject(json, "connect_s", m->connect_s);
  cJSON_AddNumberToObject(json, "measure_s", m->measure_s);
  cJSON_AddNumberToObject(json, "connects", (double)t->connects);
  cJSON_AddNumberToObject(json, "reconnects", (double)t->reconnects);
  cJSON_AddNumberToObject(json, "failed", (double)t->failed);
  cJSON_AddNumberToObject(json, "stopped", (double)t->stopped);
  answers = cJSON_AddObjectToObject(json, "answers");
  for (int i = 0; i < 600; i++) {
    char status[16];

    snprintf(status, sizeof status, "%d", i);
    if (t->by_status[i] > 0)
      cJSON_AddNumberToObject(answers, status, (double)t->by_status[i]);
  }
}

static void add_events(cJSON *json, const load *l, const measured *m)
{
  const totals *t = &l->totals;

  cJSON_AddNumberToObject(json, "events", (double)t->events);
  cJSON_AddNumberToObject(json, "gaps", (double)t->gaps);
  cJSON_AddNumberToObject(json, "comments", (double)t->comments);
  cJSON_AddNumberToObject(json, "bytes", (double)t->bytes);
  cJSON_AddNumberToObject(json, "beyond_a_limit", (double)t->oversized);
  if (l->publisher) {
    cJSON_AddNumberToObject(json, "published", (double)published(l));
    cJSON_AddNumberToObject(json, "publish_failures", (double)publish_failures(l));
  }
  if (has_sequences(l)) {
    cJSON_AddNumberToObject(json, "last_sequence", (double)m->last);
    cJSON_AddNumberToObject(json, "came", (double)t->first);
    cJSON_AddNumberToObject(json, "lost", (double)m->lost);
    cJSON_AddNumberToObject(json, "doubled", (double)t->doubles);
    cJSON_AddNumberToObject(json, "out_of_order", (double)t->late);
  }
  add_spread(json, "connect_ms", &t->head_us);
  add_spread(json, "latency_ms", &t->latency_us);
  if (m->after.is_known) {
    cJSON *server = cJSON_AddObjectToObject(json, "server");

    cJSON_AddNumberToObject(server, "cpu_s", m->after.cpu_s - m->connected.cpu_s);
    cJSON_AddNumberToObject(server, "rss_before", (double)m->before.rss);
    cJSON_AddNumberToObject(server, "rss_connected", (double)m->connected.rss);
    cJSON_AddNumberToObject(server, "rss_after", (double)m->after.rss);
    cJSON_AddNumberToObject(server, "pss_connected", (double)m->connected.pss);
  }
}

static void write_json(const load *l, const measured *m)
{
  int is_stdout = strcmp(l->options.json, "-") == 0;
  FILE *to = is_stdout ? stdout : fopen(l->options.json, "w");
  cJSON *json = cJSON_CreateObject();
  char *text;

  if (!to)
    err(1, "%s", l->options.json);
  add_streams(json, l, m);
  add_events(json, l, m);
  text = cJSON_Print(json);
  if (!text || fprintf(to, "%s\n", text) < 0 || (is_stdout ? fflush(to) : fclose(to)) != 0)
    err(1, "%s", l->options.json);
  cJSON_free(text);
  cJSON_Delete(json);
}

void report(const load *l, const measured *m)
{
  int json_on_stdout = l->options.json && strcmp(l->options.json, "-") == 0;

  print_text(json_on_stdout ? stderr : stdout, l, m);
  if (l->options.json)
    write_json(l, m);
}
