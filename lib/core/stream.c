#include "core/stream.h"
#include "core/follow.h"
#include "core/fork.h"
#include "core/gap.h"
#include "core/head.h"
#include "core/histogram.h"
#include "core/options.h"
#include "core/place.h"
#include "core/retention.h"
#include <string.h>

/* ---- queues ---- */

static void leave_queue(hermes_sse_stream *stream)
{
  hermes_sse_hub *hub = stream->hub;

  if (stream->queue == HERMES_SSE__READY)
    hermes_sse__queue_remove(&hub->slots, &hub->ready, stream);
  else if (stream->queue == HERMES_SSE__LISTED)
    hermes_sse__queue_remove(&hub->slots, &hub->listed, stream);
  else if (stream->queue == HERMES_SSE__REST)
    hermes_sse__queue_remove(&hub->slots, &hub->resting, stream);
  hermes_sse__stream_hot(stream)->flags &= ~(uint32_t)HERMES_SSE__RESTING;
}

static void list(hermes_sse_stream *stream)
{
  hermes_sse_hub *hub = stream->hub;

  if (stream->queue == HERMES_SSE__LISTED || stream->over)
    return;
  leave_queue(stream);
  hermes_sse__queue_push(&hub->slots, &hub->listed, stream, HERMES_SSE__LISTED);
}

void hermes_sse__stream_ready(hermes_sse_stream *stream)
{
  hermes_sse_hub *hub = stream->hub;
  hermes_sse__hot *hot = hermes_sse__stream_hot(stream);

  if (hot->flags & HERMES_SSE__PULL) {
    if (hot->flags & HERMES_SSE__IDLE) {
      hot->flags &= ~(uint32_t)HERMES_SSE__IDLE;
      hot->last_write = hermes_sse__hub_ms(hub);
      list(stream);
      hermes_sse_hub_wake(hub);
    }
  } else if (stream->queue != HERMES_SSE__READY && !(hot->flags & HERMES_SSE__BLOCKED)) {
    leave_queue(stream);
    hermes_sse__queue_push(&hub->slots, &hub->ready, stream, HERMES_SSE__READY);
    hermes_sse_hub_wake(hub);
  }
}

void hermes_sse__stream_note_extra(hermes_sse_stream *stream, hermes_sse__hot *hot)
{
  if (stream->out || stream->sends || stream->closing)
    hot->flags |= HERMES_SSE__EXTRA;
  else
    hot->flags &= ~(uint32_t)HERMES_SSE__EXTRA;
}

/* ---- opening ---- */

/* Its id is the stream's position, or none. */
static int has_id(const hermes_sse_event *greeting)
{
  hermes_sse_event e;

  return hermes_sse__options_read(&e, sizeof e, greeting) == HERMES_SSE_OK &&
         (e.id.len > 0 || e.flags & HERMES_SSE_EVENT_RESET_ID);
}

static int read_options(hermes_sse_hub *hub, hermes_sse_stream_options *o, const hermes_sse_stream_options *options)
{
  if (!options || hermes_sse__options_read(o, sizeof *o, options) < 0)
    return HERMES_SSE_ERR_OPTION;
  if (o->flags & ~(uint64_t)(HERMES_SSE_STREAM_PULL | HERMES_SSE_STREAM_CHUNKED | HERMES_SSE_STREAM_FINISH))
    return hermes_sse__refuse_number(&hub->env, "flags", o->flags, "HERMES_SSE_STREAM_ flags of this version");
  if (!(o->flags & HERMES_SSE_STREAM_PULL) && !hub->options.writev)
    return hermes_sse__refuse(&hub->env, "flags", "HERMES_SSE_STREAM_PULL, for a hub without writev");
  if (o->http != 0 && o->http != 10 && o->http != 11)
    return hermes_sse__refuse_number(&hub->env, "http", o->http, "0, 10, 11");
  if (o->http == 10 && o->flags & HERMES_SSE_STREAM_CHUNKED)
    return hermes_sse__refuse(&hub->env, "http 10 with HERMES_SSE_STREAM_CHUNKED", "11, which has chunks");
  if (o->n_topics > HERMES_SSE_SUBSCRIPTIONS_MAX || (o->n_topics > 0 && !o->topics))
    return hermes_sse__refuse_number(&hub->env, "topics, in number", o->n_topics,
                                     "at most HERMES_SSE_SUBSCRIPTIONS_MAX");
  if (o->greeting && has_id(o->greeting))
    return HERMES_SSE_ERR_BAD_ID;
  if (o->throttle_ms > UINT64_C(1) << 30)
    return hermes_sse__refuse_number(&hub->env, "throttle_ms", o->throttle_ms, "0 to 1073741824");
  if ((o->extra_headers.len > 0 && o->http == 0) || hermes_sse__head_check(o->extra_headers) < 0)
    return hermes_sse__refuse(&hub->env, "extra_headers",
                              "lines \"name: value\", each ended by CR LF, with http 10 or 11");
  return HERMES_SSE_OK;
}

static size_t append(unsigned char *to, const hermes_sse_frame *frame, int chunked)
{
  const unsigned char *bytes;
  size_t len;

  if (!frame)
    return 0;
  bytes = hermes_sse__frame_slice(frame, chunked, &len);
  if (to)
    memcpy(to, bytes, len);
  return len;
}

/* The stream's first bytes in one frame: head, greeting, gap. `*out` stays NULL when there are none. */
static int first_bytes(hermes_sse_stream *stream, const hermes_sse_stream_options *o, const uint64_t *position,
                       hermes_sse_frame **out)
{
  hermes_sse_hub *hub = stream->hub;
  hermes_sse_id id = hermes_sse__bus_id(hub->bus, position ? *position : 0);
  hermes_sse_frame *greeting = NULL, *gap = NULL, *all = NULL;
  int chunked = (hermes_sse__stream_hot(stream)->flags & HERMES_SSE__CHUNKED) != 0, rv = HERMES_SSE_OK;
  size_t head = o->http ? hermes_sse__head_write(&hub->env, stream->http, stream->gap, o->extra_headers, NULL) : 0, len;
  unsigned char *at;

  if (o->greeting)
    rv = hermes_sse__frame_event(&hub->env, hub->bus->max_event_bytes, o->greeting, position ? &id : NULL, &greeting);
  if (rv == HERMES_SSE_OK && stream->gap)
    rv = hermes_sse__gap_frame(stream, stream->gap, o->last_event_id, position, &gap);
  len = head + append(NULL, greeting, chunked) + append(NULL, gap, chunked);
  if (rv == HERMES_SSE_OK && len > 0) {
    all = hermes_sse__frame_raw(&hub->env, len);
    if (all) {
      at = hermes_sse__frame_bytes(all);
      if (head > 0)
        at += hermes_sse__head_write(&hub->env, stream->http, stream->gap, o->extra_headers, (char *)at);
      at += append(at, greeting, chunked);
      append(at, gap, chunked);
    } else {
      rv = HERMES_SSE_ERR_NOMEM;
    }
  }
  hermes_sse__frame_unref(greeting);
  hermes_sse__frame_unref(gap);
  if (rv == HERMES_SSE_OK)
    *out = all;
  return rv;
}

/* A deadline as records hold it: the stream's own, or the hub's a fifth either way, whichever is first. */
static uint32_t deadline(hermes_sse_hub *hub, const hermes_sse_stream_options *o)
{
  uint64_t life = o->lifetime_ms ? o->lifetime_ms : HERMES_SSE_NEVER;
  uint32_t at;

  if (hub->options.lifetime_ms != HERMES_SSE_NEVER) {
    uint64_t fifth = hub->options.lifetime_ms / 5;
    uint64_t ours = hub->options.lifetime_ms - fifth + hermes_sse__hub_random(hub, 2 * fifth + 1);

    if (ours < life)
      life = ours;
  }
  if (life > UINT64_C(1) << 30)
    return 0;
  at = hermes_sse__hub_ms(hub) + (uint32_t)life;
  return at ? at : 1;
}

static void set_up(hermes_sse_stream *stream, const hermes_sse_stream_options *o)
{
  hermes_sse__hot *hot = hermes_sse__stream_hot(stream);

  hot->user = o->user;
  hot->flags = HERMES_SSE__LIVE;
  if (o->flags & HERMES_SSE_STREAM_PULL)
    hot->flags |= HERMES_SSE__PULL | HERMES_SSE__IDLE;
  if (o->flags & HERMES_SSE_STREAM_CHUNKED || o->http == 11)
    hot->flags |= HERMES_SSE__CHUNKED;
  stream->opened = hot->last_write = hermes_sse__hub_ms(stream->hub);
  stream->rechecked =
      stream->opened - (uint32_t)hermes_sse__hub_random(stream->hub, stream->hub->options.recheck_ms / 2 + 1);
  stream->finish = (o->flags & HERMES_SSE_STREAM_FINISH) != 0;
  stream->http = (uint8_t)o->http;
  stream->before = stream->after = HERMES_SSE__NO_SLOT;
}

/* What few streams have, for those that ask for it. */
static int set_special(hermes_sse_stream *stream, const hermes_sse_stream_options *o)
{
  int wanted = o->throttle_ms > 0 || o->filter;

  for (size_t i = 0; i < o->n_topics; i++)
    wanted |= o->topics[i].flags != 0;
  if (!wanted)
    return HERMES_SSE_OK;
  if (!hermes_sse__special_get(stream))
    return HERMES_SSE_ERR_NOMEM;
  stream->special->filter = o->filter;
  stream->special->throttle_ms = (uint32_t)o->throttle_ms;
  return HERMES_SSE_OK;
}

/* Where it begins, and its first bytes. The callback that words a gap may free the hub. */
static int begin(hermes_sse_stream *stream, const hermes_sse_stream_options *o)
{
  hermes_sse__hot *hot = hermes_sse__stream_hot(stream);
  hermes_sse_hub *hub = stream->hub;
  int snapshot, rv;

  stream->gap = (uint8_t)hermes_sse__gap_judge(stream, o, &hot->position, &snapshot);
  if (stream->special)
    stream->special->batch_to = hot->position;
  rv = first_bytes(stream, o, snapshot || hot->position == HERMES_SSE__UNBEGUN ? NULL : &hot->position, &stream->out);
  if (rv == HERMES_SSE_OK && hub->dying) {
    hermes_sse__frame_unref(stream->out);
    stream->out = NULL;
    rv = HERMES_SSE_ERR_CLOSED;
  }
  return rv;
}

static void abandon(hermes_sse_stream *stream)
{
  hermes_sse_hub *hub = stream->hub;

  hermes_sse__unfollow(stream);
  hermes_sse__release(&hub->env, stream->special);
  hermes_sse__slots_give(&hub->slots, stream->slot);
}

int hermes_sse_stream_open(hermes_sse_hub *hub, const hermes_sse_stream_options *options, hermes_sse_stream **stream)
{
  hermes_sse_stream_options o;
  hermes_sse_stream *s;
  hermes_sse__hot *hot;
  uint32_t slot;
  int rv = hub->bus && !hub->dying ? read_options(hub, &o, options) : HERMES_SSE_ERR_CLOSED;

  if (rv < 0)
    return rv;
  if (hub->bus->forks != hermes_sse__forks())
    return HERMES_SSE_ERR_FORKED;
  if (atomic_load(&hub->bus->draining))
    return HERMES_SSE_ERR_CLOSED;
  if (hermes_sse__slots_take(&hub->env, &hub->slots, &slot) < 0)
    return HERMES_SSE_ERR_NOMEM;
  s = hermes_sse__cold_of(&hub->slots, slot);
  hot = hermes_sse__hot_of(&hub->slots, slot);
  s->hub = hub;
  set_up(s, &o);
  rv = hermes_sse__follow(s, o.topics, o.n_topics);
  rv = rv == HERMES_SSE_OK ? set_special(s, &o) : rv;
  rv = rv == HERMES_SSE_OK ? begin(s, &o) : rv;
  if (rv < 0) {
    abandon(s);
    if (hub->dying && hub->depth == 0)
      hermes_sse__hub_leave(hub);
    return rv;
  }
  hot->deadline = deadline(hub, &o);
  hub->has_deadline |= hot->deadline != 0;
  s->ticket = o.ticket;
  if (o.flags & HERMES_SSE_STREAM_PULL)
    hub->has_pull = 1;
  hermes_sse__stream_note_extra(s, hot);
  hermes_sse__count(&hub->counters.opened, 1);
  if (s->gap)
    hermes_sse__count(&hub->counters.gaps[s->gap], 1);
  if (s->out || !hermes_sse__caught_up(s, hot->position))
    hermes_sse__stream_ready(s);
  hermes_sse_hub_wake(hub); /* the clock has one more to mind: the next run may be due earlier */
  *stream = s;
  return HERMES_SSE_OK;
}

/* ---- closing and ending ---- */

void hermes_sse__stream_close(hermes_sse_stream *stream, int reason, uint64_t close_at, uint32_t retry_ms)
{
  hermes_sse__hot *hot = hermes_sse__stream_hot(stream);

  if (!(hot->flags & HERMES_SSE__LIVE) || stream->closing)
    return;
  stream->closing = (uint8_t)reason;
  stream->close_at = close_at;
  stream->retry_ms = retry_ms;
  hot->flags |= HERMES_SSE__EXTRA;
  hermes_sse__stream_ready(stream);
}

static void drop_sends(hermes_sse_stream *stream)
{
  while (stream->sends) {
    hermes_sse_frame *first = stream->sends->next;

    if (first == stream->sends)
      stream->sends = NULL;
    else
      stream->sends->next = first->next;
    hermes_sse__frame_unref(first);
  }
}

/* What ending and freeing share: the stream is nobody's reader any more. */
static void detach(hermes_sse_stream *stream, int reason)
{
  hermes_sse_hub *hub = stream->hub;
  hermes_sse__hot *hot = hermes_sse__stream_hot(stream);

  hot->flags &= ~(uint32_t)HERMES_SSE__LIVE;
  stream->reason = (uint8_t)reason;
  if (hub->peeked == stream)
    hub->peeked = NULL;
  leave_queue(stream);
  hermes_sse__unfollow(stream);
  drop_sends(stream);
  hermes_sse__frame_unref(stream->out);
  stream->out = NULL;
  hermes_sse__release(&hub->env, stream->special);
  stream->special = NULL;
  hermes_sse_ticket_release(&stream->ticket);
  hermes_sse__count(&hub->counters.closed[reason], 1);
  hermes_sse__histogram_add(&hub->counters.lifetime_s, (hermes_sse__hub_ms(hub) - stream->opened) / 1000u, 1);
}

void hermes_sse__stream_end(hermes_sse_stream *stream, int reason)
{
  if (!(hermes_sse__stream_hot(stream)->flags & HERMES_SSE__LIVE))
    return;
  detach(stream, reason);
  list(stream);
  hermes_sse_hub_wake(stream->hub);
}

/* "retry: N" as an event of its own, and the last chunk. */
static hermes_sse_frame *last_bytes(const hermes_sse_stream *stream, int chunked)
{
  const hermes_sse_environment *env = &stream->hub->env;
  static const char last_chunk[] = "0\r\n\r\n";
  size_t end = chunked ? sizeof last_chunk - 1 : 0, retry = 0;
  hermes_sse_frame *all, *event = NULL;

  if (stream->retry_ms) {
    hermes_sse_event e = { .size = sizeof e, .flags = HERMES_SSE_EVENT_NO_DATA | HERMES_SSE_EVENT_RETRY };

    e.retry_ms = stream->retry_ms;
    if (hermes_sse__frame_event(env, UINT32_MAX, &e, NULL, &event) < 0)
      return NULL;
    retry = append(NULL, event, chunked);
  }
  all = hermes_sse__frame_raw(env, retry + end);
  if (all) {
    append(hermes_sse__frame_bytes(all), event, chunked);
    memcpy(hermes_sse__frame_bytes(all) + retry, last_chunk, end);
  }
  hermes_sse__frame_unref(event);
  return all;
}

int hermes_sse__stream_finish(hermes_sse_stream *stream)
{
  hermes_sse__hot *hot = hermes_sse__stream_hot(stream);
  int chunked = (hot->flags & HERMES_SSE__CHUNKED) != 0;

  if (!stream->closing || stream->hub->head < stream->close_at)
    return 0;
  if (chunked || stream->retry_ms)
    stream->out = last_bytes(stream, chunked);
  if (!stream->out) {
    hermes_sse__stream_end(stream, stream->closing);
    return 0;
  }
  stream->out_at = 0;
  stream->final = 1;
  return 1;
}

int hermes_sse_stream_close(hermes_sse_stream *stream)
{
  if (!(hermes_sse__stream_hot(stream)->flags & HERMES_SSE__LIVE))
    return HERMES_SSE_ERR_STATE;
  hermes_sse__stream_close(stream, HERMES_SSE_CLOSE_HOST, hermes_sse__bus_seq(stream->hub->bus), 0);
  return HERMES_SSE_OK;
}

void hermes_sse_stream_free(hermes_sse_stream *stream)
{
  hermes_sse_hub *hub;
  hermes_sse__hot *hot;

  if (!stream)
    return;
  hub = stream->hub;
  hot = hermes_sse__stream_hot(stream);
  if (hot->flags & HERMES_SSE__FREED)
    return;
  if (hot->flags & HERMES_SSE__LIVE)
    detach(stream, HERMES_SSE_CLOSE_HOST);
  else if (hub->bus)
    leave_queue(stream);
  hot->flags |= HERMES_SSE__FREED;
  if (hub->depth > 0) {
    hermes_sse__queue_push(&hub->slots, &hub->grave, stream, HERMES_SSE__GRAVE);
    return;
  }
  hermes_sse__slots_give(&hub->slots, stream->slot);
  hermes_sse__hub_last(hub);
}

void hermes_sse__streams_orphan(hermes_sse_hub *hub)
{
  for (uint32_t slot = 0; slot < hub->slots.n; slot++)
    if (hermes_sse__hot_of(&hub->slots, slot)->flags & HERMES_SSE__LIVE)
      detach(hermes_sse__cold_of(&hub->slots, slot), HERMES_SSE_CLOSE_HOST);
}

/* ---- what its host says to it ---- */

int hermes_sse_stream_writable(hermes_sse_stream *stream)
{
  hermes_sse__hot *hot = hermes_sse__stream_hot(stream);

  if (hot->flags & HERMES_SSE__PULL)
    return HERMES_SSE_ERR_STATE;
  if ((hot->flags & (HERMES_SSE__LIVE | HERMES_SSE__BLOCKED)) == (HERMES_SSE__LIVE | HERMES_SSE__BLOCKED)) {
    hot->flags &= ~(uint32_t)HERMES_SSE__BLOCKED;
    hermes_sse__stream_ready(stream);
  }
  return HERMES_SSE_OK;
}

int hermes_sse_stream_send(hermes_sse_stream *stream, const hermes_sse_event *event)
{
  hermes_sse_hub *hub = stream->hub;
  hermes_sse__hot *hot = hermes_sse__stream_hot(stream);
  hermes_sse_frame *frame = NULL;
  int rv;

  if (!(hot->flags & HERMES_SSE__LIVE) || stream->closing)
    return HERMES_SSE_ERR_STATE;
  rv = hermes_sse__frame_event(&hub->env, hub->bus->max_event_bytes, event, NULL, &frame);
  if (rv < 0)
    return rv;
  if (stream->send_bytes + frame->event_len > HERMES_SSE_SEND_MAX) {
    hermes_sse__frame_unref(frame);
    return HERMES_SSE_ERR_FULL;
  }
  frame->next = stream->sends ? stream->sends->next : frame;
  if (stream->sends)
    stream->sends->next = frame;
  stream->sends = frame;
  stream->send_bytes += frame->event_len;
  hot->flags |= HERMES_SSE__EXTRA;
  hermes_sse__stream_ready(stream);
  return HERMES_SSE_OK;
}

int hermes_sse_stream_gone(hermes_sse_stream *stream)
{
  if (!(hermes_sse__stream_hot(stream)->flags & HERMES_SSE__LIVE))
    return HERMES_SSE_ERR_STATE;
  hermes_sse__stream_end(stream, HERMES_SSE_CLOSE_PEER);
  return HERMES_SSE_OK;
}

int hermes_sse_stream_subscribe(hermes_sse_stream *stream, const hermes_sse_subscription *subscription)
{
  hermes_sse_hub *hub = stream->hub;

  if (!(hermes_sse__stream_hot(stream)->flags & HERMES_SSE__LIVE) || stream->closing)
    return HERMES_SSE_ERR_STATE;
  return subscription ? hermes_sse__follow_more(stream, subscription, hermes_sse__bus_now(hub->bus))
                      : HERMES_SSE_ERR_OPTION;
}

int hermes_sse_stream_unsubscribe(hermes_sse_stream *stream, const hermes_sse_subscription *subscription)
{
  if (!(hermes_sse__stream_hot(stream)->flags & HERMES_SSE__LIVE))
    return HERMES_SSE_ERR_STATE;
  return subscription ? hermes_sse__follow_less(stream, subscription) : HERMES_SSE_ERR_OPTION;
}

int hermes_sse_stream_allow(hermes_sse_stream *stream, int allowed)
{
  const hermes_sse__hot *hot = hermes_sse__stream_hot(stream);

  if (!(hot->flags & HERMES_SSE__LIVE))
    return HERMES_SSE_ERR_STATE;
  if (allowed > 0)
    stream->unconfirmed = 0;
  if (allowed != 0)
    return HERMES_SSE_OK;
  drop_sends(stream);
  stream->send_bytes = 0;
  hermes_sse__stream_close(stream, HERMES_SSE_CLOSE_DENIED, 0, 0);
  return HERMES_SSE_OK;
}
