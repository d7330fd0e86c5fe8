#include "common/json.h"
#include "redis/bridge.h"
#include <string.h>

void hermes_sse__incoming_gap(hermes_sse_redis *r, const char *topic, size_t len)
{
  hermes_sse_slice name = { .ptr = topic, .len = len };

  if (hermes_sse_bus_gap(r->bus, name, HERMES_SSE_GAP_BRIDGE, NULL) < 0)
    r->owes_gap = 1;
}

void hermes_sse__incoming_refused(hermes_sse_redis *r, const char *channel, int status)
{
  uint64_t n = atomic_fetch_add(&r->figures.malformed, 1) + 1;

  if (hermes_sse__is_power(n))
    hermes_sse__log_line(&r->env, HERMES_SSE_LOG_WARNING, "message on %s refused, %llu so far: %s", channel,
                         (unsigned long long)n, hermes_sse_strerror(status));
}

/* Line breaks between tokens would be lines of the event; the bus splits data there. */
static int on_one_line(hermes_sse_redis *r, hermes_sse_slice data, hermes_sse__text *line, hermes_sse_slice *out)
{
  *out = data;
  if (!memchr(data.ptr, '\n', data.len) && !memchr(data.ptr, '\r', data.len))
    return HERMES_SSE_OK;
  *line = hermes_sse__text_new(&r->env);
  hermes_sse__json_line(line, data);
  *out = (hermes_sse_slice){ .ptr = line->bytes, .len = line->n };
  return line->failed ? HERMES_SSE_ERR_NOMEM : HERMES_SSE_OK;
}

static void ingest(hermes_sse_redis *r, const hermes_sse__reply *channel, const hermes_sse__envelope *e)
{
  hermes_sse__text line = hermes_sse__text_new(&r->env);
  hermes_sse_message m = { .size = sizeof m, .type = e->type, .meta = e->meta };
  int rv;

  m.topic = (hermes_sse_slice){ .ptr = channel->text, .len = channel->len };
  m.key = (hermes_sse_slice){ .ptr = e->key, .len = e->key_len };
  rv = on_one_line(r, e->data, &line, &m.data);
  rv = rv == HERMES_SSE_OK ? hermes_sse_bus_ingest(r->bus, NULL, &m) : rv;
  hermes_sse__text_clear(&line);
  if (rv == HERMES_SSE_ERR_NOMEM)
    hermes_sse__incoming_gap(r, channel->text, channel->len);
  else if (rv < 0 && rv != HERMES_SSE_ERR_CLOSED)
    hermes_sse__incoming_refused(r, channel->text, rv);
}

/* Our own has come back: its place in the order is here, and that of any before it, which then did not come. 1: it was served already. */
static int settle_own(hermes_sse_redis *r, uint64_t number)
{
  int was_served = 1;

  pthread_mutex_lock(&r->lock);
  for (hermes_sse__outgoing *o = r->outbox.first; o && o->number <= number; o = o->next) {
    hermes_sse_message message = hermes_sse__outgoing_message(o);

    if (o->is_served)
      continue;
    if (hermes_sse_bus_ingest(r->bus, NULL, &message) < 0)
      r->owes_gap = 1;
    o->is_served = 1;
    was_served &= o->number != number;
  }
  hermes_sse__outbox_tidy(&r->env, &r->outbox);
  hermes_sse__outgoing_note(r);
  pthread_mutex_unlock(&r->lock);
  return was_served;
}

void hermes_sse__incoming(hermes_sse_redis *r, const hermes_sse__reply *channel, const hermes_sse__reply *payload)
{
  hermes_sse__envelope envelope;
  int rv = hermes_sse__envelope_read((hermes_sse_slice){ .ptr = payload->text, .len = payload->len }, &envelope);

  hermes_sse__bridge_count(&r->figures.received, 1);
  hermes_sse__bridge_set(&r->figures.received_ms, r->now_ms);
  if (rv < 0) {
    hermes_sse__incoming_refused(r, channel->text, rv);
    return;
  }
  if (strcmp(envelope.origin, r->origin) == 0) {
    hermes_sse__bridge_count(&r->figures.doubled, (uint64_t)settle_own(r, envelope.number));
    return;
  }
  if (envelope.origin[0] &&
      !hermes_sse__origin_is_new(&r->env, &r->origins, envelope.origin, envelope.number, r->now_ms)) {
    hermes_sse__bridge_count(&r->figures.doubled, 1);
    return;
  }
  ingest(r, channel, &envelope);
}
