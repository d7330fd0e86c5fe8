/* hermes-server: the Hermes API, real transfers and a page on libhermes-sse. */
#include "analytics.h"
#include "downloads.h"
#include "site.h"
#include "transfer.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  MAX_PRESETS = 32,
  SPARE_DESCRIPTORS = 64,
  REFUSED = 2,
  REQUEST_TIMEOUT_S = 10,
  MAX_DOTENV = 65536,
  MAX_REQUEST_TIMEOUT_S = 3600
};

static const char usage[] =
    "usage: hermes-server [--preset NAME=VALUE]... [--request-timeout SECONDS] [--app DIRECTORY] [--help] [--version]\n"
    "The front end's build in DIRECTORY is served at /, and a plain page without it.\n"
    "Settings come from the environment, then from .env here, then from presets.\n";

/* The text of .env, empty if there is none; NULL: it is there and cannot be read, or not as a whole. */
static char *read_dotenv(void)
{
  FILE *f = fopen(".env", "re");
  char *text = calloc(1, MAX_DOTENV + 2);
  size_t n = 0;

  if (text && f)
    n = fread(text, 1, MAX_DOTENV + 1, f);
  if (text && ((!f && errno != ENOENT) || (f && ferror(f)) || n > MAX_DOTENV)) {
    free(text);
    text = NULL;
  }
  if (f)
    fclose(f);
  return text;
}

static int load_settings(server *s, const char *const *presets)
{
  char why[512] = "out of memory", *dotenv = read_dotenv();
  int rv;

  if (!dotenv) {
    fprintf(stderr, "hermes-server: .env: cannot be read; accepted: no such file, or one of at most %d bytes\n",
            MAX_DOTENV);
    return -1;
  }
  rv = hermes_sse_settings_load(NULL, (const char *const *)environ, dotenv, presets, why, sizeof why, &s->settings);

  free(dotenv);
  if (rv < 0)
    fprintf(stderr, "hermes-server: %s\n", why);
  return rv;
}

static int check_descriptors(const server *s)
{
  struct rlimit limit;
  uint64_t wanted = setting(s, "HERMES_SSE_MAX_CONNECTIONS");

  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max == RLIM_INFINITY || wanted + SPARE_DESCRIPTORS <= limit.rlim_max)
    return 0;
  fprintf(stderr,
          "hermes-server: HERMES_SSE_MAX_CONNECTIONS: \"%llu\" is more than the descriptor limit of %llu allows; "
          "accepted: at "
          "most %llu, or a higher limit (ulimit -n)\n",
          (unsigned long long)wanted, (unsigned long long)limit.rlim_max,
          (unsigned long long)limit.rlim_max - SPARE_DESCRIPTORS);
  return -1;
}

static int check_directory(const server *s)
{
  const char *directory = hermes_sse_settings_get(s->settings, "HERMES_DOWNLOAD_DIR");

  if ((mkdir(directory, 0755) == 0 || errno == EEXIST) && access(directory, W_OK | X_OK) == 0)
    return 0;
  fprintf(stderr, "hermes-server: HERMES_DOWNLOAD_DIR: \"%s\" is not a directory that can be written to: %s\n",
          directory, strerror(errno));
  return -1;
}

static int check_surroundings(const server *s)
{
  return check_descriptors(s) < 0 || check_directory(s) < 0 ? -1 : 0;
}

/* ---- stopping ---- */

static void on_grace_over(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  event_base_loopbreak(((server *)arg)->base);
}

/* Ends the loop once the last stream is gone, or the grace is over. */
static void on_poll(evutil_socket_t fd, short what, void *arg)
{
  server *s = arg;
  hermes_sse_stats stats = { .size = sizeof stats };

  (void)fd, (void)what;
  hermes_sse_bus_stats(s->bus, &stats);
  if (stats.streams == 0)
    event_base_loopbreak(s->base);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
  static const struct timeval often = { .tv_usec = 10000 };
  server *s = arg;
  uint64_t grace = setting(s, "HERMES_SHUTDOWN_GRACE");
  struct timeval until = { .tv_sec = (time_t)grace, .tv_usec = grace ? 0 : 1000 };
  hermes_sse_drain_options drain = { .size = sizeof drain, .within_ms = grace * 500 };

  (void)what;
  if (s->stopping++)
    return;
  log_line("info", "stopping", "signal=%d grace=%llu", (int)fd, (unsigned long long)grace);
  hermes_sse_bus_drain(s->bus, &drain);
  event_base_once(s->base, -1, EV_TIMEOUT, on_grace_over, s, &until);
  s->drained = event_new(s->base, -1, EV_PERSIST, on_poll, s);
  if (s->drained)
    event_add(s->drained, &often);
}

/* 0, or the exit status. */
static int start(server *s)
{
  int rv = -1;

  s->base = event_base_new();
  s->streams_epoll = -1;
  if (s->base)
    rv = loop_start(s);
  if (rv == LOOP_REFUSED)
    return REFUSED;
  if (rv < 0 || streams_start(s) < 0 || transfers_start(s) < 0 || !(s->downloads = downloads_new(s))) {
    fprintf(stderr, "hermes-server: could not start: out of memory or descriptors\n");
    return 1;
  }
  if (http_start(s) < 0) {
    fprintf(stderr, "hermes-server: cannot listen on %s:%s: %s\n", hermes_sse_settings_get(s->settings, "API_HOST"),
            hermes_sse_settings_get(s->settings, "API_PORT"), strerror(errno));
    return REFUSED;
  }
  return 0;
}

static void serve(server *s)
{
  struct event *terminate = evsignal_new(s->base, SIGTERM, on_signal, s);
  struct event *interrupt = evsignal_new(s->base, SIGINT, on_signal, s);

  event_add(terminate, NULL);
  event_add(interrupt, NULL);
  log_line("info", "listening", "address=http://%s:%s sse=%s", hermes_sse_settings_get(s->settings, "API_HOST"),
           hermes_sse_settings_get(s->settings, "API_PORT"), hermes_sse_settings_get(s->settings, "HERMES_ENABLE_SSE"));
  event_base_dispatch(s->base);
  event_free(terminate);
  event_free(interrupt);
  if (s->drained)
    event_free(s->drained);
  log_line("info", "stopped", "signals=%d", s->stopping);
}

static void clean_up(server *s)
{
  if (s->http)
    evhttp_free(s->http);
  request_timeout_stop();
  analytics_stop();
  downloads_free(s->downloads);
  transfers_stop();
  streams_stop(s);
  loop_stop(s);
  if (s->base)
    event_base_free(s->base);
}

static int run(server *s)
{
  int rv = start(s);

  if (rv == 0)
    serve(s);
  clean_up(s);
  return rv;
}

/* 0: not accepted, and said so. */
static uint64_t read_request_timeout(const char *text)
{
  char *end;
  unsigned long seconds = strtoul(text, &end, 10);

  if (*text >= '0' && *text <= '9' && !*end && seconds >= 1 && seconds <= MAX_REQUEST_TIMEOUT_S)
    return seconds;
  fprintf(stderr, "hermes-server: --request-timeout: \"%s\" is not accepted; accepted: 1 to %d seconds\n", text,
          MAX_REQUEST_TIMEOUT_S);
  return 0;
}

int main(int argc, char **argv)
{
  static const struct option options[] = {
    { "preset", required_argument, NULL, 'p' }, { "request-timeout", required_argument, NULL, 'r' },
    { "app", required_argument, NULL, 'a' },    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'v' },      { 0 }
  };
  const char *presets[MAX_PRESETS + 1] = { NULL };
  size_t n_presets = 0;
  server s = { .request_timeout_s = REQUEST_TIMEOUT_S };
  int option, rv;

  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    if (option == 'p' && n_presets < MAX_PRESETS)
      presets[n_presets++] = optarg;
    else if (option == 'r' && (s.request_timeout_s = read_request_timeout(optarg)) == 0)
      return REFUSED;
    else if (option == 'a' && site_open(optarg) < 0)
      return fprintf(stderr, "hermes-server: --app: \"%s\" is no directory with an index.html\n", optarg), REFUSED;
    else if (option == 'r' || option == 'a')
      continue;
    else if (option == 'h')
      return printf("%s", usage), 0;
    else if (option == 'v')
      return printf("hermes-server %s\n", hermes_sse_version()), 0;
    else
      return fprintf(stderr, "%s", usage), REFUSED;
  }
  signal(SIGPIPE, SIG_IGN);
  if (load_settings(&s, presets) < 0)
    return REFUSED;
  rv = check_surroundings(&s) < 0 ? REFUSED : run(&s);
  hermes_sse_settings_free(s.settings);
  return rv;
}
