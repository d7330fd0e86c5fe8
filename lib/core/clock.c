#include "core/clock.h"
#include "core/heartbeat.h"
#include "core/stream.h"

enum {
  LAPS = 8,          /* of the hand per heartbeat interval or time-out */
  LAP_MAX_MS = 1000, /* so that lifetimes end within a second */
  STEPS = 16,        /* runs per lap, at most */
  PHASES = 64
};

void hermes_sse__clock_start(hermes_sse_hub *hub, uint64_t now_ms)
{
  hub->now_ms = hub->epoch_ms = hub->hand_ms = hub->aged_ms = now_ms;
}

static uint64_t lap_ms(const hermes_sse_hub *hub)
{
  uint64_t shortest =
      hub->options.heartbeat_ms < hub->options.timeout_ms ? hub->options.heartbeat_ms : hub->options.timeout_ms;
  uint64_t lap;

  if (hub->options.recheck && hub->options.recheck_ms < shortest)
    shortest = hub->options.recheck_ms;
  lap = shortest / LAPS;

  return lap > LAP_MAX_MS ? LAP_MAX_MS : lap < 1 ? 1 : lap;
}

/* How long this stream may be silent before its heartbeat: between half of the interval and nearly all of it, by place, so
   that streams that fell silent together do not speak together. Late by two laps of the hand is still in time. */
static uint64_t silence_ms(const hermes_sse_hub *hub, uint32_t slot)
{
  uint64_t span = hub->options.heartbeat_ms - 2 * lap_ms(hub);

  return span - span / 2 * (slot * UINT64_C(29) % PHASES) / PHASES;
}

static int has_clock(const hermes_sse_hub *hub)
{
  return hub->options.heartbeat_ms != HERMES_SSE_NEVER || hub->options.timeout_ms != HERMES_SSE_NEVER ||
         hub->has_deadline || hub->options.recheck;
}

static int is_waiting(const hermes_sse__hot *hot)
{
  return hot->flags & HERMES_SSE__PULL ? !(hot->flags & HERMES_SSE__IDLE) : (hot->flags & HERMES_SSE__BLOCKED) != 0;
}

/* Asks the host whether the stream is still allowed. It may have gone meanwhile. */
static void recheck(hermes_sse_hub *hub, hermes_sse_stream *stream, hermes_sse__hot *hot)
{
  if (stream->closing || hermes_sse__hub_ms(hub) - stream->rechecked < hub->options.recheck_ms)
    return;
  stream->rechecked = hermes_sse__hub_ms(hub);
  if (stream->unconfirmed > hub->options.recheck_failures) {
    hermes_sse_stream_allow(stream, 0);
    return;
  }
  if (stream->unconfirmed < UINT8_MAX)
    stream->unconfirmed++;
  hub->depth++;
  hub->options.recheck(stream, hot->user);
  hub->depth--;
}

static void visit(hermes_sse_hub *hub, uint32_t slot)
{
  hermes_sse__hot *hot = hermes_sse__hot_of(&hub->slots, slot);
  uint32_t now = hermes_sse__hub_ms(hub), silent;

  if (hot->flags & HERMES_SSE__LIVE && hub->options.recheck)
    recheck(hub, hermes_sse__cold_of(&hub->slots, slot), hot);
  if (!(hot->flags & HERMES_SSE__LIVE) || hub->dying)
    return;
  silent = now - hot->last_write;
  if (hot->deadline && (int32_t)(now - hot->deadline) >= 0) {
    hot->deadline = 0;
    if (is_waiting(hot) && !(hot->flags & HERMES_SSE__PULL))
      hermes_sse__stream_end(hermes_sse__cold_of(&hub->slots, slot), HERMES_SSE_CLOSE_LIFETIME);
    else
      hermes_sse__stream_close(hermes_sse__cold_of(&hub->slots, slot), HERMES_SSE_CLOSE_LIFETIME, hub->head, 0);
  } else if (is_waiting(hot)) {
    if (silent >= hub->options.timeout_ms)
      hermes_sse__stream_end(hermes_sse__cold_of(&hub->slots, slot), HERMES_SSE_CLOSE_TIMEOUT);
  } else if (hub->options.heartbeat_ms != HERMES_SSE_NEVER && silent >= silence_ms(hub, slot)) {
    hermes_sse__heartbeat(hermes_sse__cold_of(&hub->slots, slot), hot);
  }
}

void hermes_sse__clock_run(hermes_sse_hub *hub)
{
  uint64_t n = hub->slots.n, lap = lap_ms(hub), due;

  hermes_sse__heartbeat_forget(hub);
  if (hub->slots.used == 0 || hub->now_ms - hub->hand_ms >= lap) {
    due = n;
    hub->hand_ms = hub->now_ms;
  } else {
    due = n * (hub->now_ms - hub->hand_ms) / lap;
    hub->hand_ms += due * lap / n;
  }
  for (; due > 0 && !hub->dying; due--) {
    if (hub->hand >= hub->slots.n)
      hub->hand = 0;
    visit(hub, hub->hand++);
  }
}

uint64_t hermes_sse__clock_next(const hermes_sse_hub *hub)
{
  uint64_t steps = hub->slots.n < STEPS ? hub->slots.n : STEPS;

  if (hub->slots.used == 0 || !has_clock(hub))
    return HERMES_SSE_NEVER;
  return hub->hand_ms + (lap_ms(hub) + steps - 1) / steps; /* rounded up: the hand has a slot to go to by then */
}
