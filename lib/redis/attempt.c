#include "redis/attempt.h"
#include "redis/socket.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
  SHOW_ROOM = 300,
  STEADY_MS = 60000 /* a connection that was up for so long has an outage of its own, which is logged as a new one */
};

static uint64_t later(uint64_t now_ms, uint64_t ms)
{
  return ms < HERMES_SSE_NEVER - now_ms ? now_ms + ms : HERMES_SSE_NEVER;
}

void hermes_sse__attempt_fail(hermes_sse__connection *c, const char *format, ...)
{
  va_list args;

  if (c->dropped || c->state == HERMES_SSE__WAITING)
    return;
  va_start(args, format);
  vsnprintf(c->why, sizeof c->why, format, args);
  va_end(args);
  c->dropped = 1;
}

void hermes_sse__attempt_watch(hermes_sse__connection *c, int want)
{
  if (c->fd < 0 || want == c->interest)
    return;
  if (c->o.watch(c->fd, c->interest, want, c->o.user) < 0 && want)
    hermes_sse__attempt_fail(c, "the socket cannot be watched");
  else
    c->interest = want;
}

static void close_socket(hermes_sse__connection *c)
{
  if (c->fd < 0)
    return;
  hermes_sse__attempt_watch(c, 0);
  hermes_sse__socket_close(c->fd);
  c->fd = -1;
}

void hermes_sse__attempt_clear(hermes_sse__connection *c)
{
  close_socket(c);
  hermes_sse__resolver_free(c->resolver);
  hermes_sse__tls_free(c->tls);
  hermes_sse__reader_free(c->reader);
  hermes_sse__output_clear(&c->commands);
  hermes_sse__output_clear(&c->sealed);
  c->resolver = NULL;
  c->tls = NULL;
  c->reader = NULL;
  c->write_errno = 0;
}

/* ---- addresses ---- */

static void ask_resolver(hermes_sse__connection *c)
{
  hermes_sse__resolver_options o = { .env = c->o.env,
                                     .host = c->o.url->host,
                                     .port = c->o.url->port,
                                     .servers = c->o.name_servers,
                                     .user = c->o.user,
                                     .watch = c->o.watch };
  int rv = hermes_sse__resolver_new(&o, &c->resolver);

  if (rv == HERMES_SSE_ERR_NOT_FOUND)
    hermes_sse__attempt_fail(c, "names cannot be resolved: c-ares is not built in, and the host gave no resolve hook");
  else if (rv < 0)
    hermes_sse__attempt_fail(c, "no memory to resolve the name");
}

static void connect_first(hermes_sse__connection *c, uint64_t now_ms)
{
  c->next_address = 0;
  if (c->addresses.n > 0)
    hermes_sse__attempt_next_address(c, now_ms);
  else
    hermes_sse__attempt_fail(c, "the name has no addresses");
}

void hermes_sse__attempt_begin(hermes_sse__connection *c, uint64_t now_ms)
{
  const hermes_sse__url *url = c->o.url;

  c->state = HERMES_SSE__RESOLVING;
  c->deadline_ms = later(now_ms, c->o.connect_ms);
  c->addresses.n = 0;
  c->host_answered = 0;
  c->reader = hermes_sse__reader_new(c->o.env, c->o.max_reply_bytes);
  if (!c->reader) {
    hermes_sse__attempt_fail(c, "no memory");
    return;
  }
  if (hermes_sse__addresses_literal(&c->addresses, url) ||
      (!c->o.resolve && hermes_sse__addresses_localhost(&c->addresses, url)))
    connect_first(c, now_ms);
  else if (!c->o.resolve)
    ask_resolver(c);
  else if (c->o.resolve(c, url->host, url->port, c->o.user) < 0)
    hermes_sse__attempt_fail(c, "the host cannot resolve the name");
}

void hermes_sse__attempt_resolved(hermes_sse__connection *c, uint64_t now_ms)
{
  const char *why;
  int rv = c->host_answered;

  if (c->dropped)
    return;
  if (c->resolver) {
    rv = hermes_sse__resolver_answer(c->resolver, &c->addresses, &why);
    if (rv < 0)
      hermes_sse__attempt_fail(c, "the name cannot be resolved: %s", why);
  }
  if (rv <= 0)
    return;
  hermes_sse__resolver_free(c->resolver);
  c->resolver = NULL;
  connect_first(c, now_ms);
}

/* ---- the socket ---- */

void hermes_sse__attempt_next_address(hermes_sse__connection *c, uint64_t now_ms)
{
  int error = ETIMEDOUT;

  close_socket(c);
  c->state = HERMES_SSE__CONNECTING;
  while (c->next_address < c->addresses.n) {
    size_t i = c->next_address++, left = c->addresses.n - i;
    int fd = hermes_sse__socket_connect((const struct sockaddr *)&c->addresses.at[i], c->addresses.lens[i]);

    if (fd < 0) {
      error = errno;
      continue;
    }
    c->fd = fd;
    c->interest = 0;
    c->address_deadline_ms = c->deadline_ms;
    if (c->deadline_ms != HERMES_SSE_NEVER && c->deadline_ms > now_ms)
      c->address_deadline_ms = now_ms + (c->deadline_ms - now_ms) / left;
    hermes_sse__attempt_watch(c, HERMES_SSE_WRITE);
    return;
  }
  hermes_sse__attempt_fail(c, "cannot connect: %s", strerror(error));
}

void hermes_sse__attempt_connected(hermes_sse__connection *c, uint64_t now_ms)
{
  int rv = hermes_sse__socket_connected(c->fd);

  if (rv == HERMES_SSE_ERR_AGAIN)
    return;
  if (rv < 0) {
    if (c->next_address < c->addresses.n)
      hermes_sse__attempt_next_address(c, now_ms);
    else
      hermes_sse__attempt_fail(c, "cannot connect: %s", strerror(errno));
    return;
  }
  if (!c->tls_context) {
    hermes_sse__greeting_begin(c, now_ms);
    return;
  }
  c->state = HERMES_SSE__SECURING;
  c->tls = hermes_sse__tls_new(c->tls_context, c->o.url->host);
  if (c->tls)
    hermes_sse__transfer_secure(c, now_ms);
  else
    hermes_sse__attempt_fail(c, "no memory for TLS");
}

/* ---- down ---- */

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

/* Between a half of the back-off and the whole; the next one is twice as long. */
static uint64_t back_off(hermes_sse__connection *c)
{
  uint64_t most = c->o.retry_max_ms, whole = c->delay_ms > 0 ? c->delay_ms : c->o.retry_min_ms;

  whole = whole < most ? whole : most;
  c->delay_ms = whole < most / 2 ? 2 * whole : most;
  return whole - whole / 2 + next_random(&c->random) % (whole / 2 + 1);
}

/* The first time, the second, the fourth ...: an outage of hours leaves a dozen lines. */
static void log_down(hermes_sse__connection *c, int was_up, uint64_t wait_ms)
{
  char show[SHOW_ROOM], times[40] = "";

  if (strcmp(c->why, c->logged_why) != 0)
    c->repeats = 0;
  c->repeats++;
  c->quiet = (c->repeats & (c->repeats - 1)) != 0;
  if (c->quiet)
    return;
  memcpy(c->logged_why, c->why, sizeof c->why);
  hermes_sse__url_show(c->o.url, show, sizeof show);
  if (c->repeats > 1)
    snprintf(times, sizeof times, " (%" PRIu64 " times)", c->repeats);
  hermes_sse__log_line(c->o.env, HERMES_SSE_LOG_WARNING, "redis %s: %s %s: %s%s; next attempt in %" PRIu64 " ms",
                       c->o.role, was_up ? "lost" : "no connection to", show, c->why, times, wait_ms);
}

void hermes_sse__attempt_down(hermes_sse__connection *c, uint64_t now_ms)
{
  int was_up = c->state == HERMES_SSE__UP;
  uint64_t wait_ms;

  hermes_sse__attempt_clear(c);
  if (was_up && now_ms - c->up_ms >= STEADY_MS)
    c->logged_why[0] = 0;
  c->state = HERMES_SSE__WAITING;
  c->dropped = 0;
  wait_ms = back_off(c);
  c->deadline_ms = later(now_ms, wait_ms);
  log_down(c, was_up, wait_ms);
  c->o.down(c, was_up, c->why, c->o.user);
}
