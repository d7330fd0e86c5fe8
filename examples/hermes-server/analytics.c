#include "analytics.h"
#include "downloads.h"
#include <stdio.h>

enum { PERIOD_MS = 1000, ROOM = 256 };

static struct event *timer;
static uint64_t told_ms;

int analytics_format(const server *s, char *buf, size_t cap)
{
  uint64_t active, queued, completed, failed, bytes;

  downloads_counts(s->downloads, &active, &queued, &completed, &failed, &bytes);
  return snprintf(buf, cap,
                  "{\"active\":%llu,\"queued\":%llu,\"completed\":%llu,\"failed\":%llu,\"downloaded_bytes\":%llu}",
                  (unsigned long long)active, (unsigned long long)queued, (unsigned long long)completed,
                  (unsigned long long)failed, (unsigned long long)bytes);
}

static void tell(evutil_socket_t fd, short what, void *arg)
{
  server *s = arg;
  char text[ROOM];
  int len = analytics_format(s, text, sizeof text);

  (void)fd, (void)what;
  told_ms = now_ms();
  hermes_sse_service_publish(s->service, "analytics:updates", "analytics_update",
                             (hermes_sse_slice){ .ptr = text, .len = (size_t)len });
}

void analytics_changed(server *s)
{
  uint64_t due = told_ms + PERIOD_MS, now = now_ms(), wait = told_ms > 0 && due > now ? due - now : 0;
  struct timeval delay = { .tv_sec = (time_t)(wait / 1000), .tv_usec = (suseconds_t)(wait % 1000 * 1000) };

  if (!timer)
    timer = event_new(s->base, -1, 0, tell, s);
  if (timer && !event_pending(timer, EV_TIMEOUT, NULL))
    event_add(timer, &delay);
}

void analytics_stop(void)
{
  if (timer)
    event_free(timer);
  timer = NULL;
}
