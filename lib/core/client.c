#include "core/environment.h"
#include "core/options.h"
#include <hermes_sse/client.h>
#include <string.h>
#include <strings.h>

struct hermes_sse_client {
  hermes_sse_environment env;
  hermes_sse_parser *parser;
  uint64_t retry_ms, max_delay_ms;
  unsigned failed;    /* attempts in a row that gave no stream; it stops counting where doubling stops to matter */
  unsigned char read; /* this attempt gave one */
  unsigned char stopped;
};

enum { MOST_DOUBLINGS = 30, LEAST_DOUBLED_MS = 100 };

int hermes_sse_client_new(const hermes_sse_client_options *options, hermes_sse_client **client)
{
  hermes_sse_client_options o;
  hermes_sse_parser_options of_parser;
  hermes_sse_environment env;
  hermes_sse_client *c;
  int rv = hermes_sse__options_read(&o, sizeof o, options);

  if (rv < 0 || (rv = hermes_sse__environment_read(&env, o.environment)) < 0 ||
      (rv = hermes_sse__options_read(&of_parser, sizeof of_parser, o.parser)) < 0)
    return rv;
  c = hermes_sse__alloc(&env, 1, sizeof *c);
  if (!c)
    return HERMES_SSE_ERR_NOMEM;
  of_parser.environment = &env;
  c->env = env;
  c->retry_ms = hermes_sse__or(o.retry_ms, 3000);
  c->max_delay_ms = hermes_sse__or(o.max_delay_ms, 60000);
  rv = hermes_sse_parser_new(&of_parser, &c->parser);
  if (rv < 0) {
    hermes_sse__release(&env, c);
    return rv;
  }
  *client = c;
  return HERMES_SSE_OK;
}

void hermes_sse_client_free(hermes_sse_client *c)
{
  if (!c)
    return;
  hermes_sse_parser_free(c->parser);
  hermes_sse__release(&c->env, c);
}

hermes_sse_parser *hermes_sse_client_parser(hermes_sse_client *c)
{
  return c->parser;
}

hermes_sse_slice hermes_sse_client_last_event_id(const hermes_sse_client *c)
{
  return hermes_sse_parser_last_event_id(c->parser);
}

/* "If res's Content-Type is not text/event-stream" [SSE 9.2.3], whatever its parameters. */
static int is_event_stream(hermes_sse_slice content_type)
{
  static const char wanted[] = "text/event-stream";
  const char *at = content_type.ptr, *end = at ? at + content_type.len : at;

  while (at < end && (*at == ' ' || *at == '\t'))
    at++;
  if ((size_t)(end - at) < sizeof wanted - 1 || strncasecmp(at, wanted, sizeof wanted - 1) != 0)
    return 0;
  at += sizeof wanted - 1;
  while (at < end && (*at == ' ' || *at == '\t'))
    at++;
  return at == end || *at == ';';
}

static int may_recover(unsigned http_status)
{
  return http_status == 408 || http_status == 429 || http_status == 500 || (http_status >= 502 && http_status <= 504);
}

int hermes_sse_client_answered(hermes_sse_client *c, unsigned http_status, hermes_sse_slice content_type)
{
  if (c->stopped)
    return HERMES_SSE_ERR_STATE;
  if (http_status == 200 && is_event_stream(content_type)) {
    c->failed = 0;
    c->read = 1;
    return HERMES_SSE_CLIENT_READ;
  }
  if (may_recover(http_status))
    return HERMES_SSE_CLIENT_RECONNECT;
  c->stopped = 1;
  return HERMES_SSE_CLIENT_STOP;
}

static uint64_t back_off(const hermes_sse_client *c, uint64_t retry_ms)
{
  uint64_t most = retry_ms > LEAST_DOUBLED_MS ? retry_ms : LEAST_DOUBLED_MS, random = 0, delay;

  for (unsigned i = 0; i < c->failed && most < c->max_delay_ms; i++)
    most = most > UINT64_MAX / 2 ? UINT64_MAX : most * 2;
  if (most > c->max_delay_ms)
    most = c->max_delay_ms;
  if (c->env.random(&random, sizeof random, c->env.user) < 0)
    random = UINT64_MAX;
  delay = most / 2 + random % (most - most / 2 + 1);
  return delay > retry_ms ? delay : retry_ms;
}

int64_t hermes_sse_client_ended(hermes_sse_client *c)
{
  uint64_t delay;

  if (c->stopped)
    return HERMES_SSE_ERR_EOF;
  if (!c->read && c->failed < MOST_DOUBLINGS)
    c->failed++;
  c->read = 0;
  delay = hermes_sse_parser_retry_ms(c->parser);
  if (delay == HERMES_SSE_NEVER)
    delay = c->retry_ms;
  hermes_sse_parser_reset(c->parser);
  if (c->failed > 0)
    delay = back_off(c, delay);
  return delay < INT64_MAX ? (int64_t)delay : INT64_MAX;
}
