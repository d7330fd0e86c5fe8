#include "redis/connection.h"
#include "redis/attempt.h"
#include <string.h>

int hermes_sse__connection_new(const hermes_sse__connection_options *options, hermes_sse__connection **connection)
{
  hermes_sse__connection *c = hermes_sse__alloc(options->env, 1, sizeof *c);
  int rv = HERMES_SSE_OK;

  if (!c)
    return HERMES_SSE_ERR_NOMEM;
  c->o = *options;
  c->random = options->random;
  c->commands.env = c->sealed.env = options->env;
  c->fd = -1;
  if (options->url->kind == HERMES_SSE__URL_TLS)
    rv = hermes_sse__tls_context_new(options->env, options->ca_file, options->tls_insecure, &c->tls_context);
  if (rv < 0) {
    hermes_sse__release(options->env, c);
    return rv;
  }
  *connection = c;
  return HERMES_SSE_OK;
}

void hermes_sse__connection_free(hermes_sse__connection *c)
{
  if (!c)
    return;
  hermes_sse__attempt_clear(c);
  hermes_sse__tls_context_free(c->tls_context);
  hermes_sse__release(c->o.env, c);
}

/* ---- driving ---- */

static void time_out(hermes_sse__connection *c)
{
  static const char *const doing[] = { [HERMES_SSE__RESOLVING] = "resolving the name",
                                       [HERMES_SSE__CONNECTING] = "connecting",
                                       [HERMES_SSE__SECURING] = "the TLS handshake",
                                       [HERMES_SSE__GREETING] = "the greeting" };

  hermes_sse__attempt_fail(c, "%s took longer than %llu ms", doing[c->state], (unsigned long long)c->o.connect_ms);
}

/* What time and the resolver have brought about. */
static void advance(hermes_sse__connection *c, uint64_t now_ms)
{
  if (c->dropped)
    return;
  if (c->state == HERMES_SSE__WAITING && now_ms >= c->deadline_ms)
    hermes_sse__attempt_begin(c, now_ms);
  if (c->state == HERMES_SSE__RESOLVING)
    hermes_sse__attempt_resolved(c, now_ms);
  if (c->state != HERMES_SSE__WAITING && c->state != HERMES_SSE__UP && now_ms >= c->deadline_ms)
    time_out(c);
  else if (c->state == HERMES_SSE__CONNECTING && !c->dropped && now_ms >= c->address_deadline_ms)
    hermes_sse__attempt_next_address(c, now_ms);
}

/* Writes what the callbacks left behind; then down, if that is how it ends. */
static void finish(hermes_sse__connection *c, uint64_t now_ms)
{
  hermes_sse__transfer_write(c);
  if (c->write_errno && !c->dropped) {
    hermes_sse__transfer_read(c, now_ms); /* the server's last words say more than EPIPE */
    hermes_sse__attempt_fail(c, "writing: %s", strerror(c->write_errno));
  }
  if (c->dropped)
    hermes_sse__attempt_down(c, now_ms);
}

static uint64_t next_run(const hermes_sse__connection *c, uint64_t now_ms)
{
  uint64_t resolver_ms = c->resolver ? hermes_sse__resolver_next_ms(c->resolver) : HERMES_SSE_NEVER;

  if (c->state == HERMES_SSE__CONNECTING)
    return c->address_deadline_ms;
  if (resolver_ms < HERMES_SSE_NEVER - now_ms && now_ms + resolver_ms < c->deadline_ms)
    return now_ms + resolver_ms;
  return c->deadline_ms;
}

uint64_t hermes_sse__connection_run(hermes_sse__connection *c, uint64_t now_ms)
{
  if (c->resolver)
    hermes_sse__resolver_run(c->resolver);
  advance(c, now_ms);
  finish(c, now_ms);
  return next_run(c, now_ms);
}

int hermes_sse__connection_ready(hermes_sse__connection *c, uint64_t now_ms, int fd, int events)
{
  if (c->resolver && hermes_sse__resolver_ready(c->resolver, fd, events)) {
    advance(c, now_ms);
  } else if (c->fd < 0 || fd != c->fd) {
    return 0;
  } else if (c->state == HERMES_SSE__CONNECTING && !c->dropped) {
    hermes_sse__attempt_connected(c, now_ms);
  } else if (!c->dropped) {
    hermes_sse__transfer_write(c);
    /* whoever watches for writing alone may be told so of an error */
    if (events & HERMES_SSE_READ || !(c->interest & HERMES_SSE_WRITE))
      hermes_sse__transfer_read(c, now_ms);
  }
  finish(c, now_ms);
  return 1;
}

void hermes_sse__connection_flush(hermes_sse__connection *c, uint64_t now_ms)
{
  (void)now_ms;
  hermes_sse__transfer_write(c);
}

/* ---- the owner ---- */

int hermes_sse__connection_was_too_large(const hermes_sse__connection *c)
{
  return c->was_too_large;
}

int hermes_sse__connection_is_up(const hermes_sse__connection *c)
{
  return c->state == HERMES_SSE__UP && !c->dropped;
}

int hermes_sse__connection_command(hermes_sse__connection *c, int argc, const char *const *argv, const size_t *lens)
{
  if (!hermes_sse__connection_is_up(c))
    return HERMES_SSE_ERR_STATE;
  return hermes_sse__output_command(&c->commands, c->o.max_pending_bytes, argc, argv, lens);
}

int hermes_sse__connection_say(hermes_sse__connection *c, const char *const *argv)
{
  size_t lens[HERMES_SSE__SAY_MAX];
  int argc = 0;

  for (; argv[argc]; argc++) {
    if (argc == HERMES_SSE__SAY_MAX)
      return HERMES_SSE_ERR_OPTION;
    lens[argc] = strlen(argv[argc]);
  }
  return hermes_sse__connection_command(c, argc, argv, lens);
}

void hermes_sse__connection_drop(hermes_sse__connection *c, const char *why)
{
  hermes_sse__attempt_fail(c, "%s", why);
}

void hermes_sse__connection_settled(hermes_sse__connection *c)
{
  if (hermes_sse__connection_is_up(c))
    c->delay_ms = 0;
}

void hermes_sse__connection_resolved(hermes_sse__connection *c, const struct sockaddr *const *addresses,
                                     const socklen_t *lens, size_t n)
{
  if (c->state != HERMES_SSE__RESOLVING || !c->o.resolve || c->host_answered)
    return; /* an answer that comes too late */
  for (size_t i = 0; i < n; i++)
    hermes_sse__addresses_add(&c->addresses, addresses[i], lens[i], c->o.url->port);
  c->host_answered = 1;
}

size_t hermes_sse__connection_pending_bytes(const hermes_sse__connection *c)
{
  return hermes_sse__output_pending(&c->commands) + hermes_sse__output_pending(&c->sealed);
}
