#include "redis.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BUDGET = 4096 };

uint64_t now_ms(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

void log_line(const char *level, const char *event, const char *format, ...)
{
  char text[1024], stamp[32];
  struct timespec now;
  struct tm t;
  va_list args;

  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &t);
  strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &t);
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  for (char *at = text; *at; at++)
    if ((unsigned char)*at < ' ')
      *at = ' ';
  fprintf(stderr, "time=%s level=%s event=%s %s\n", stamp, level, event, text);
}

const char *log_quoted(const char *text, char buf[LOG_QUOTED_ROOM])
{
  size_t n = 0;

  buf[n++] = '"';
  for (; *text && n < LOG_QUOTED_ROOM - 3; text++) {
    if (*text == '"' || *text == '\\')
      buf[n++] = '\\';
    buf[n++] = *text;
  }
  buf[n++] = '"';
  buf[n] = 0;
  return buf;
}

uint64_t setting(const server *s, const char *variable)
{
  uint64_t value = 0;

  hermes_sse_settings_number(s->settings, variable, &value);
  return value;
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
  server *s = arg;
  hermes_sse_stream *stream;
  uint64_t now = now_ms(), next = HERMES_SSE_NEVER;
  int ms, rv = hermes_sse_hub_run(s->hub, now, BUDGET, &next);

  (void)fd, (void)what;
  if (rv < 0)
    log_line("error", "hub", "status=%s", hermes_sse_status_name(rv));
  while ((stream = hermes_sse_hub_next(s->hub)))
    streams_ended(stream);
  http_pending(s);
  ms = hermes_sse_poll_timeout(next, now);
  if (ms >= 0) {
    struct timeval wait = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L };

    event_add(s->turn, &wait);
  }
}

static void on_wake(hermes_sse_hub *hub, void *user)
{
  server *s = user;

  (void)hub;
  /* not EV_TIMEOUT: a turn that sets its timer at the end would take that off the active list, and lose the wake */
  event_active(s->turn, EV_READ, 1);
}

hermes_sse_ssize streams_writev(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user);

static void on_log(int level, const char *text, size_t len, void *user)
{
  static const char *const names[] = { "error", "error", "warning", "info", "debug" };
  char quoted[LOG_QUOTED_ROOM];

  (void)len, (void)user;
  log_line(names[level >= 0 && level <= 4 ? level : 0], "library", "text=%s", log_quoted(text, quoted));
}

int loop_start(server *s)
{
  hermes_sse_bus_options bus = { .size = sizeof bus, .environment = &s->environment };
  hermes_sse_hub_options hub = { .size = sizeof hub, .user = s, .wake = on_wake, .writev = streams_writev };
  hermes_sse_topic_options progress = { .size = sizeof progress, .flags = HERMES_SSE_TOPIC_CONFLATE };
  hermes_sse_service_options service = { .size = sizeof service, .environment = &s->environment };
  hermes_sse_store store = { .size = sizeof store };

  s->environment = (hermes_sse_environment){ .size = sizeof s->environment, .log = on_log };
  service.settings = s->settings;
  hermes_sse_settings_hub(s->settings, &hub);
  s->turn = event_new(s->base, -1, 0, on_turn, s);
  if (!s->turn || hermes_sse_bus_new(&bus, &s->bus) < 0 || hermes_sse_hub_new(s->bus, &hub, &s->hub) < 0)
    return -1;
  if (redis_start(s) < 0)
    return LOOP_REFUSED;
  if (redis_store(s, &store))
    service.store = &store;
  if (hermes_sse_service_new(s->bus, &service, &s->service) < 0)
    return -1;
  redis_report(s);
  /* of each download a client that is behind needs the newest state alone; what happened to the queue it needs all of */
  if (hermes_sse_bus_topic(s->bus, "download:updates", &progress) < 0)
    return -1;
  event_active(s->turn, EV_TIMEOUT, 1);
  return 0;
}

void loop_stop(server *s)
{
  hermes_sse_service_free(s->service);
  redis_stop(s);
  hermes_sse_hub_free(s->hub);
  hermes_sse_bus_free(s->bus);
  if (s->turn)
    event_free(s->turn);
}
