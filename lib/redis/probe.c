#include "redis/bridge.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A connection may be up and silent: half open, or to a server that gets no messages any more (P24). So now and then a message is
 * published as any other is, and has to come back. Where an ACL does not let us, the subscriptions' connection is at least asked to answer. */

void hermes_sse__probe_reset(hermes_sse_redis *r)
{
  r->probe_number = 0;
  r->probe_at_ms = r->now_ms;
}

void hermes_sse__probe_refused(hermes_sse_redis *r, const hermes_sse__reply *error)
{
  if (!r->has_no_probe)
    hermes_sse__log_line(&r->env, HERMES_SSE_LOG_WARNING, "no probes are sent, as Redis refuses them: %s", error->text);
  r->has_no_probe = 1;
  r->probe_number = 0;
}

void hermes_sse__probe_came(hermes_sse_redis *r, const hermes_sse__reply *payload)
{
  if (r->probe_number == 0 || strtoull(payload->text, NULL, 10) != r->probe_number)
    return; /* one that was given up */
  hermes_sse__bridge_set(&r->figures.probe_ms, (r->env.clock_ns(r->env.user) - r->probe_sent_ns + 999999u) / 1000000u);
  r->probe_number = 0;
}

static void ask_pong(hermes_sse_redis *r)
{
  static const char *const ping[] = { "PING", NULL };

  if (hermes_sse__expected_reserve(&r->env, &r->subscriptions_owed) < 0 ||
      hermes_sse__connection_say(r->subscriptions, ping) < 0)
    return;
  hermes_sse__expected_push(&r->subscriptions_owed,
                            (hermes_sse__answer){ .kind = HERMES_SSE__ASKED_PING, .asked_ms = r->now_ms });
}

static void send_probe(hermes_sse_redis *r)
{
  hermes_sse__answer answer = { .kind = HERMES_SSE__ASKED_PROBE };
  char number[24];
  const char *argv[] = { r->options.flags & HERMES_SSE_REDIS_SHARDED ? "SPUBLISH" : "PUBLISH", r->probe_channel, number,
                         NULL };

  snprintf(number, sizeof number, "%llu", (unsigned long long)r->now_ms + 1);
  if (hermes_sse__commands_say(r, answer, argv) < 0)
    return;
  r->probe_number = r->now_ms + 1;
  r->probe_sent_ms = r->now_ms;
  r->probe_sent_ns = r->env.clock_ns(r->env.user);
}

uint64_t hermes_sse__probe_run(hermes_sse_redis *r)
{
  if (r->options.probe_ms == HERMES_SSE_NEVER || !r->is_ready || !r->is_subscribed)
    return HERMES_SSE_NEVER;
  if (r->probe_number && r->now_ms - r->probe_sent_ms >= r->options.timeout_ms) {
    hermes_sse__bridge_count(&r->figures.probes_lost, 1);
    hermes_sse__connection_drop(r->subscriptions, "what is published does not come back");
    hermes_sse__connection_drop(r->commands, "what is published does not come back");
    return r->now_ms;
  }
  if (!r->probe_number && r->now_ms >= r->probe_at_ms) {
    r->probe_at_ms = r->now_ms + r->options.probe_ms;
    if (r->has_no_probe || r->is_streams) /* there the importer's connection alone: what it hears it need not publish */
      ask_pong(r);
    else if (r->has_probe)
      send_probe(r);
    else
      hermes_sse__subscriptions_probe(r);
  }
  return r->probe_number ? r->probe_sent_ms + r->options.timeout_ms : r->probe_at_ms;
}
