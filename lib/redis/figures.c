/* What the bridge has to say to metrics, health and readiness. */
#include "core/options.h"
#include "redis/bridge.h"

static uint64_t value_of(const hermes_sse__bridge_figure *figure)
{
  return atomic_load_explicit((hermes_sse__bridge_figure *)(uintptr_t)figure, memory_order_relaxed);
}

/* Since the last message came, by the hub's clock. */
static uint64_t silence_ms(const hermes_sse_redis *r)
{
  uint64_t now_ms = value_of(&r->figures.now_ms), at_ms = value_of(&r->figures.received_ms);

  return at_ms > 0 && now_ms > at_ms ? now_ms - at_ms : 0;
}

static size_t figures(hermes_sse_figure *to, size_t max, void *user)
{
  const hermes_sse_redis *r = user;
  const hermes_sse__bridge_figures *f = &r->figures;
  enum { COUNTER = HERMES_SSE_FIGURE_COUNTER, GAUGE = HERMES_SSE_FIGURE_GAUGE, MS = HERMES_SSE_FIGURE_MILLISECONDS };
  const hermes_sse_figure all[] = {
    { "redis_up", "1 while all that is wanted of Redis is there.", GAUGE,
      hermes_sse_redis_state(r) != HERMES_SSE_REDIS_STATE_AWAY },
    { "redis_connects_total", "Connections to Redis that came up.", COUNTER, value_of(&f->connected) },
    { "redis_losses_total", "Connections to Redis that were lost.", COUNTER, value_of(&f->lost) },
    { "redis_resubscriptions_total", "Times that all subscriptions were confirmed, or the stream was followed, anew.",
      COUNTER, value_of(&f->resubscribed) },
    { "redis_channels_denied", "Channels that Redis refuses to us.", GAUGE, value_of(&f->channels_denied) },
    { "redis_received_total", "Messages that came from Redis.", COUNTER, value_of(&f->received) },
    { "redis_malformed_total", "Messages from Redis that are no event of the contract.", COUNTER,
      value_of(&f->malformed) },
    { "redis_doubled_total", "Messages from Redis that had come before.", COUNTER, value_of(&f->doubled) },
    { "redis_confirmed_total", "Messages of ours that Redis has.", COUNTER, value_of(&f->confirmed) },
    { "redis_refused_total", "Messages of ours that Redis refused.", COUNTER, value_of(&f->refused) },
    { "redis_overflowed_total", "Messages refused as too much waited for Redis.", COUNTER, value_of(&f->overflowed) },
    { "redis_alone_total", "Messages of ours served here while Redis was away.", COUNTER, value_of(&f->alone) },
    { "redis_imported_total", "Messages of others that this server put into the stream.", COUNTER,
      value_of(&f->imported) },
    { "redis_waiting", "Messages that Redis has not confirmed.", GAUGE, value_of(&f->waiting) },
    { "redis_waiting_bytes", "Memory held by messages on their way.", GAUGE, value_of(&f->waiting_bytes) },
    { "redis_probes_lost_total", "Probes that did not come back.", COUNTER, value_of(&f->probes_lost) },
    { "redis_probe_seconds", "How long the last probe took, there and back.", MS, value_of(&f->probe_ms) },
    { "redis_silence_seconds", "Time since the last message came.", MS, silence_ms(r) },
    { "redis_memory_used_bytes", "Memory that Redis uses; 0: not known.", GAUGE, value_of(&f->used_bytes) },
    { "redis_memory_max_bytes", "Memory that Redis may use; 0: no limit, or not known.", GAUGE,
      value_of(&f->max_bytes) },
  };
  size_t n = sizeof all / sizeof *all < max ? sizeof all / sizeof *all : max;

  for (size_t i = 0; i < n; i++)
    to[i] = all[i];
  return n;
}

static const char *state(void *user)
{
  return hermes_sse_redis_state_name(hermes_sse_redis_state(user));
}

static const char *trouble(void *user)
{
  return atomic_load(&((hermes_sse_redis *)user)->trouble);
}

int hermes_sse_redis_report(hermes_sse_redis *redis, hermes_sse_report *report)
{
  hermes_sse_report r = { .user = redis, .name = "redis", .figures = figures, .state = state, .trouble = trouble };

  return hermes_sse__options_write(report, &r, sizeof r);
}
