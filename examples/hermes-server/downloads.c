#include "downloads.h"
#include "analytics.h"
#include "transfer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { MAX_RUNNING = 8, MAX_KEPT = 1000, TELL_MS = 200 /* five times a second */ };

struct downloads {
  server *s;
  download *newest;
  size_t n, running;
  uint64_t completed, failed, bytes;
};

static int is_over(const download *one)
{
  return strcmp(one->status, "completed") == 0 || strcmp(one->status, "failed") == 0 ||
         strcmp(one->status, "cancelled") == 0;
}

static hermes_sse_download_progress progress_of(const download *one)
{
  hermes_sse_download_progress p = { .size = sizeof p,
                                     .status = one->status,
                                     .downloaded_bytes = one->done,
                                     .total_bytes = one->total,
                                     .download_speed = one->speed,
                                     .eta = HERMES_SSE_UNKNOWN };

  if (strcmp(one->status, "completed") == 0)
    p.progress = 100;
  else if (one->total != HERMES_SSE_UNKNOWN && one->total > 0)
    p.progress = 100.0 * (double)(one->done < one->total ? one->done : one->total) / (double)one->total;
  if (one->total != HERMES_SSE_UNKNOWN && one->speed > 0 && one->total >= one->done && !is_over(one))
    p.eta = (one->total - one->done) / one->speed;
  p.error_message = *one->error ? one->error : NULL;
  return p;
}

hermes_sse_ssize downloads_format(const download *one, char *buf, size_t cap)
{
  hermes_sse_download_progress p = progress_of(one);

  return hermes_sse_format_download_progress(one->id, &p, buf, cap);
}

static void tell(download *one, int queue_too)
{
  hermes_sse_service *service = one->all->s->service;
  hermes_sse_download_progress p = progress_of(one);

  one->told_ms = now_ms();
  hermes_sse_publish_download_progress(service, one->id, &p);
  if (queue_too)
    hermes_sse_publish_queue_update(service, "status_changed", one->id, one->status);
}

downloads *downloads_new(server *s)
{
  downloads *d = calloc(1, sizeof *d);

  if (d)
    d->s = s;
  return d;
}

server *downloads_server(const downloads *d)
{
  return d->s;
}

static void forget(download *one)
{
  free(one->url);
  free(one->file);
  free(one);
}

void downloads_free(downloads *d)
{
  download *one;

  while (d && (one = d->newest)) {
    d->newest = one->next;
    if (one->transfer)
      transfer_abort(one);
    forget(one);
  }
  free(d);
}

/* The oldest that wait are started first. */
static void start_waiting(downloads *d)
{
  for (;;) {
    download *oldest = NULL;

    for (download *one = d->newest; one && d->running < MAX_RUNNING; one = one->next)
      if (strcmp(one->status, "queued") == 0)
        oldest = one;
    if (!oldest)
      return;
    oldest->status = "downloading";
    oldest->started_ms = now_ms();
    d->running++;
    tell(oldest, 1);
    transfer_start(oldest); /* may fail at once, and then finishes it */
  }
}

static void forget_oldest(downloads *d)
{
  download **at = &d->newest, **over = NULL;

  for (; d->n > MAX_KEPT && *at; at = &(*at)->next)
    if (is_over(*at))
      over = at;
  if (over) {
    download *one = *over;

    *over = one->next;
    d->n--;
    forget(one);
  }
}

download *downloads_add(downloads *d, const char *url)
{
  download *one = calloc(1, sizeof *one);
  uint64_t random = 0;

  if (!one || !(one->url = strdup(url)) || getrandom(&random, sizeof random, 0) != sizeof random) {
    if (one)
      forget(one);
    return NULL;
  }
  snprintf(one->id, sizeof one->id, "%016llx", (unsigned long long)random);
  one->all = d;
  one->status = "queued";
  one->total = HERMES_SSE_UNKNOWN;
  one->next = d->newest;
  d->newest = one;
  d->n++;
  forget_oldest(d);
  hermes_sse_publish_queue_update(d->s->service, "added", one->id, one->status);
  tell(one, 0);
  start_waiting(d);
  return one;
}

download *downloads_find(downloads *d, const char *id)
{
  download *one = d->newest;

  while (one && strcmp(one->id, id) != 0)
    one = one->next;
  return one;
}

download *downloads_active(downloads *d, download *after)
{
  download *one = after ? after->next : d->newest;

  while (one && is_over(one))
    one = one->next;
  return one;
}

void downloads_progress(download *one, uint64_t done, uint64_t total)
{
  uint64_t elapsed = now_ms() - one->started_ms;

  one->done = done;
  one->total = total > 0 ? total : HERMES_SSE_UNKNOWN;
  one->speed = elapsed > 0 ? done * 1000 / elapsed : 0;
  if (now_ms() - one->told_ms >= TELL_MS)
    tell(one, 0);
}

void downloads_finished(download *one, const char *status, const char *error)
{
  downloads *d = one->all;
  hermes_sse_service *service = d->s->service;
  char note[600], quoted[LOG_QUOTED_ROOM];

  d->running -= strcmp(one->status, "queued") != 0;
  one->status = status;
  if (error)
    snprintf(one->error, sizeof one->error, "%s", error);
  if (strcmp(status, "completed") == 0) {
    one->total = one->done;
    d->completed++;
    d->bytes += one->done;
  } else if (strcmp(status, "failed") == 0) {
    d->failed++;
  }
  tell(one, 1);
  hermes_sse_publish_queue_update(service, "removed", one->id, status);
  snprintf(note, sizeof note, "%s: %s%s%s", one->file ? one->file : one->id, status, *one->error ? ": " : "",
           one->error);
  hermes_sse_publish_system_notification(service, strcmp(status, "failed") == 0 ? "error" : "info", note);
  log_line("info", "download", "id=%s status=%s bytes=%llu error=%s", one->id, status, (unsigned long long)one->done,
           log_quoted(one->error, quoted));
  analytics_changed(d->s);
  start_waiting(d);
}

int downloads_cancel(download *one)
{
  if (is_over(one))
    return -1;
  if (one->transfer)
    transfer_abort(one);
  downloads_finished(one, "cancelled", NULL);
  return 0;
}

void downloads_counts(const downloads *d, uint64_t *active, uint64_t *queued, uint64_t *completed, uint64_t *failed,
                      uint64_t *bytes)
{
  *active = d->running;
  *queued = 0;
  for (const download *one = d->newest; one; one = one->next)
    *queued += strcmp(one->status, "queued") == 0;
  *completed = d->completed;
  *failed = d->failed;
  *bytes = d->bytes;
}
