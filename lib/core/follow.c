#include "core/follow.h"
#include "core/retention.h"
#include "core/stream.h"
#include <string.h>

static const hermes_sse__sub *subs_of(const hermes_sse_stream *stream)
{
  return stream->n_subs == 1 ? &stream->subs.one : stream->subs.many;
}

static int check(const hermes_sse_subscription *s)
{
  if (s->topic.len == 0 || s->topic.len > HERMES_SSE_TOPIC_MAX || memchr(s->topic.ptr, 0, s->topic.len))
    return HERMES_SSE_ERR_BAD_TOPIC;
  return s->key.len > HERMES_SSE_KEY_MAX ? HERMES_SSE_ERR_BAD_KEY : HERMES_SSE_OK;
}

static hermes_sse__readers *list_of(hermes_sse_hub *hub, const hermes_sse_subscription *s)
{
  hermes_sse__log *log = hermes_sse__log_get(hub, hermes_sse__hash(&hub->bus->seed, s->topic.ptr, s->topic.len),
                                             s->topic.ptr, s->topic.len);
  hermes_sse__key *key;
  uint64_t hash;

  if (!log)
    return NULL;
  if (s->key.len == 0)
    return &log->readers;
  hash = hermes_sse__hash(&hub->bus->seed, s->key.ptr, s->key.len);
  key = hermes_sse__key_find(log, hash, s->key.ptr, s->key.len);
  if (!key)
    key = hermes_sse__key_add(&hub->env, log, hash, s->key.ptr, s->key.len);
  if (!key) {
    hermes_sse__log_tidy(hub, log);
    return NULL;
  }
  return &key->readers;
}

static void tidy(hermes_sse_hub *hub, hermes_sse__readers *list)
{
  hermes_sse__log *log = list->log;

  if (list->key)
    hermes_sse__key_tidy(&hub->env, log, list->key);
  hermes_sse__log_tidy(hub, log);
}

static int join(hermes_sse_stream *stream, hermes_sse__sub *sub, const hermes_sse_subscription *topic)
{
  hermes_sse_hub *hub = stream->hub;
  hermes_sse__readers *list = list_of(hub, topic);

  if (!list)
    return HERMES_SSE_ERR_NOMEM;
  sub->list = list;
  if (hermes_sse__readers_add(&hub->env, list, stream->slot, &sub->index) == HERMES_SSE_OK)
    return HERMES_SSE_OK;
  sub->list = NULL;
  tidy(hub, list);
  return HERMES_SSE_ERR_NOMEM;
}

int hermes_sse__follow(hermes_sse_stream *stream, const hermes_sse_subscription *topics, size_t n)
{
  hermes_sse__sub *subs = &stream->subs.one;

  for (size_t i = 0; i < n; i++) {
    int rv = check(&topics[i]);

    if (rv < 0)
      return rv;
  }
  if (n == 0)
    return HERMES_SSE_OK;
  if (n > 1) {
    subs = hermes_sse__alloc(&stream->hub->env, n, sizeof *subs);
    if (!subs)
      return HERMES_SSE_ERR_NOMEM;
    stream->subs.many = subs;
  }
  stream->n_subs = (uint8_t)n;
  for (size_t i = 0; i < n; i++)
    if (join(stream, &subs[i], &topics[i]) < 0) {
      hermes_sse__unfollow(stream);
      return HERMES_SSE_ERR_NOMEM;
    }
  if (n == 1)
    hermes_sse__stream_hot(stream)->flags |= HERMES_SSE__SINGLE;
  return HERMES_SSE_OK;
}

void hermes_sse__unfollow(hermes_sse_stream *stream)
{
  hermes_sse_hub *hub = stream->hub;
  hermes_sse__sub *subs = stream->n_subs == 1 ? &stream->subs.one : stream->subs.many;

  for (size_t i = 0; i < stream->n_subs; i++) {
    hermes_sse__readers *list = subs[i].list;

    if (!list)
      continue;
    subs[i].list = NULL;
    hermes_sse__readers_remove(&hub->env, list, &hub->slots, subs[i].index);
    tidy(hub, list);
  }
  if (stream->n_subs > 1)
    hermes_sse__release(&hub->env, stream->subs.many);
  stream->subs.many = NULL;
  stream->n_subs = 0;
  hermes_sse__stream_hot(stream)->flags &= ~(uint32_t)HERMES_SSE__SINGLE;
}

int hermes_sse__caught_up_but(const hermes_sse_stream *stream, const hermes_sse__readers *list, uint64_t position)
{
  const hermes_sse__sub *subs = subs_of(stream);

  for (size_t i = 0; i < stream->n_subs; i++)
    if (subs[i].list != list && subs[i].list->last > position)
      return 0;
  return 1;
}

int hermes_sse__caught_up(const hermes_sse_stream *stream, uint64_t position)
{
  return hermes_sse__caught_up_but(stream, NULL, position);
}

uint64_t hermes_sse__followed_evicted_to(const hermes_sse_stream *stream)
{
  const hermes_sse__sub *subs = subs_of(stream);
  uint64_t to = 0;

  for (size_t i = 0; i < stream->n_subs; i++)
    if (hermes_sse__readers_evicted_to(subs[i].list) > to)
      to = hermes_sse__readers_evicted_to(subs[i].list);
  return to;
}

uint64_t hermes_sse__followed_next(const hermes_sse_stream *stream, uint64_t position)
{
  const hermes_sse__sub *subs = subs_of(stream);
  uint64_t next = 0;

  for (size_t i = 0; i < stream->n_subs; i++) {
    hermes_sse__walk walk;

    hermes_sse__walk_start(&walk, subs[i].list, position);
    if (walk.entry && (next == 0 || walk.entry->seq < next))
      next = walk.entry->seq;
  }
  return next;
}

int hermes_sse__fell_behind(const hermes_sse_stream *stream, const hermes_sse__hot *hot)
{
  uint64_t lost = hermes_sse__followed_evicted_to(stream);

  return lost > hot->position && lost > stream->told;
}
