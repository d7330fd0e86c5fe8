#include "core/follow.h"
#include "core/options.h"
#include "core/relay.h"
#include "core/retention.h"
#include "core/stream.h"
#include "core/view.h"
#include "core/walk.h"
#include <string.h>

static hermes_sse__sub *subs_of(hermes_sse_stream *stream)
{
  return stream->n_subs == 1 ? &stream->subs.one : stream->subs.many;
}

static const hermes_sse__sub *const_subs_of(const hermes_sse_stream *stream)
{
  return stream->n_subs == 1 ? &stream->subs.one : stream->subs.many;
}

static int is_pattern(hermes_sse_slice topic)
{
  return topic.len > 0 && ((const char *)topic.ptr)[topic.len - 1] == '*';
}

static int check(const hermes_sse_hub *hub, const hermes_sse_subscription *s)
{
  if (s->topic.len == 0 || s->topic.len > HERMES_SSE_TOPIC_MAX || memchr(s->topic.ptr, 0, s->topic.len))
    return HERMES_SSE_ERR_BAD_TOPIC;
  if (s->key.len > HERMES_SSE_KEY_MAX)
    return HERMES_SSE_ERR_BAD_KEY;
  if (s->flags & ~(uint64_t)HERMES_SSE_SUBSCRIPTION_SNAPSHOT)
    return hermes_sse__refuse_number(&hub->env, "subscription flags", s->flags,
                                     "HERMES_SSE_SUBSCRIPTION_ flags of this version");
  return HERMES_SSE_OK;
}

static uint64_t hash_of(const hermes_sse_hub *hub, hermes_sse_slice name)
{
  return hermes_sse__hash(&hub->bus->seed, name.ptr, name.len);
}

static hermes_sse__log *find_log(const hermes_sse_hub *hub, hermes_sse_slice topic)
{
  if (is_pattern(topic))
    return hermes_sse__view_find(hub, topic.ptr, topic.len - 1);
  return hermes_sse__log_find(&hub->logs, hash_of(hub, topic), topic.ptr, topic.len);
}

hermes_sse__readers *hermes_sse__readers_find(const hermes_sse_hub *hub, hermes_sse_slice topic, hermes_sse_slice key)
{
  hermes_sse__log *log = topic.len > 0 ? find_log(hub, topic) : NULL;
  hermes_sse__key *k;

  if (!log || key.len == 0)
    return log ? &log->readers : NULL;
  k = hermes_sse__key_find(log, hash_of(hub, key), key.ptr, key.len);
  return k ? &k->readers : NULL;
}

static void tidy(hermes_sse_hub *hub, hermes_sse__readers *list)
{
  hermes_sse__log *log = list->log;

  if (list->key)
    hermes_sse__key_tidy(&hub->env, log, list->key);
  hermes_sse__log_tidy(hub, log);
}

/* The list of a subscription, made if there is none. NULL: no memory. */
static hermes_sse__readers *get_list(hermes_sse_hub *hub, const hermes_sse_subscription *s)
{
  hermes_sse__log *log = is_pattern(s->topic)
                             ? hermes_sse__view_get(hub, s->topic.ptr, s->topic.len - 1)
                             : hermes_sse__log_get(hub, hash_of(hub, s->topic), s->topic.ptr, s->topic.len);
  hermes_sse__key *key;
  uint64_t hash;

  if (!log)
    return NULL;
  if (!log->is_view)
    hermes_sse__log_policy(hub, log);
  if (s->key.len == 0)
    return &log->readers;
  hash = hash_of(hub, s->key);
  key = hermes_sse__key_find(log, hash, s->key.ptr, s->key.len);
  if (!key)
    key = hermes_sse__key_add(&hub->env, log, hash, s->key.ptr, s->key.len);
  if (!key) {
    hermes_sse__log_tidy(hub, log);
    return NULL;
  }
  return &key->readers;
}

static int join(hermes_sse_stream *stream, hermes_sse__sub *sub, const hermes_sse_subscription *topic)
{
  hermes_sse_hub *hub = stream->hub;
  hermes_sse__readers *list = get_list(hub, topic);
  int rv;

  if (!list)
    return HERMES_SSE_ERR_NOMEM;
  rv = hermes_sse__readers_add(&hub->env, list, stream->slot, &sub->index);
  if (rv == HERMES_SSE_OK) {
    sub->list = list;
    rv = hermes_sse__relay_follow(hub, list->log);
    if (rv >= 0)
      return HERMES_SSE_OK;
    sub->list = NULL;
    hermes_sse__readers_remove(&hub->env, list, &hub->slots, sub->index);
  }
  tidy(hub, list);
  return rv;
}

static void leave(hermes_sse_hub *hub, hermes_sse__readers *list, uint32_t index)
{
  hermes_sse__relay_unfollow(hub, list->log);
  hermes_sse__readers_remove(&hub->env, list, &hub->slots, index);
  tidy(hub, list);
}

static void note_single(hermes_sse_stream *stream)
{
  hermes_sse__hot *hot = hermes_sse__stream_hot(stream);

  if (stream->n_subs == 1)
    hot->flags |= HERMES_SSE__SINGLE;
  else
    hot->flags &= ~(uint32_t)HERMES_SSE__SINGLE;
}

int hermes_sse__follow(hermes_sse_stream *stream, const hermes_sse_subscription *topics, size_t n)
{
  hermes_sse__sub *subs = &stream->subs.one;

  for (size_t i = 0; i < n; i++) {
    int rv = check(stream->hub, &topics[i]);

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
  for (size_t i = 0; i < n; i++) {
    int rv = join(stream, &subs[i], &topics[i]);

    if (rv < 0) {
      hermes_sse__unfollow(stream);
      return rv;
    }
  }
  note_single(stream);
  return HERMES_SSE_OK;
}

void hermes_sse__unfollow(hermes_sse_stream *stream)
{
  hermes_sse_hub *hub = stream->hub;
  hermes_sse__sub *subs = subs_of(stream);

  for (size_t i = 0; i < stream->n_subs; i++) {
    hermes_sse__readers *list = subs[i].list;

    if (!list)
      continue;
    subs[i].list = NULL;
    leave(hub, list, subs[i].index);
  }
  if (stream->n_subs > 1)
    hermes_sse__release(&hub->env, stream->subs.many);
  stream->subs.many = NULL;
  stream->n_subs = 0;
  note_single(stream);
}

/* ---- on a live stream ---- */

static size_t find_sub(const hermes_sse_stream *stream, const hermes_sse_subscription *s)
{
  const hermes_sse__readers *list = hermes_sse__readers_find(stream->hub, s->topic, s->key);
  const hermes_sse__sub *subs = const_subs_of(stream);
  size_t i = 0;

  while (list && i < stream->n_subs && subs[i].list != list)
    i++;
  return list ? i : stream->n_subs;
}

/* `n` memberships in memory of their own, or in the stream's for one. */
static int resize(hermes_sse_stream *stream, size_t n)
{
  const hermes_sse_environment *env = &stream->hub->env;
  hermes_sse__sub *old = stream->subs.many, *many;

  if (n > 1 && stream->n_subs > 1) {
    many = hermes_sse__resize(env, old, n, sizeof *many);
    if (!many && n > stream->n_subs)
      return HERMES_SSE_ERR_NOMEM;
    stream->subs.many = many ? many : old;
  } else if (n > 1) {
    many = hermes_sse__alloc(env, n, sizeof *many);
    if (!many)
      return HERMES_SSE_ERR_NOMEM;
    if (stream->n_subs == 1)
      many[0] = stream->subs.one;
    stream->subs.many = many;
  } else if (stream->n_subs > 1) {
    stream->subs.one = old[0];
    hermes_sse__release(env, old);
  }
  return HERMES_SSE_OK;
}

int hermes_sse__follow_more(hermes_sse_stream *stream, const hermes_sse_subscription *subscription, uint64_t since)
{
  hermes_sse__special *special;
  hermes_sse__sub sub;
  int rv = check(stream->hub, subscription);

  if (rv < 0)
    return rv;
  if (find_sub(stream, subscription) < stream->n_subs)
    return HERMES_SSE_OK;
  if (stream->n_subs == HERMES_SSE_SUBSCRIPTIONS_MAX)
    return HERMES_SSE_ERR_FULL;
  special = hermes_sse__special_get(stream);
  rv = special ? join(stream, &sub, subscription) : HERMES_SSE_ERR_NOMEM;
  if (rv < 0)
    return rv;
  if (resize(stream, stream->n_subs + 1u) < 0) {
    leave(stream->hub, sub.list, sub.index);
    return HERMES_SSE_ERR_NOMEM;
  }
  if (stream->n_subs == 0) /* what it did not follow it did not miss */
    hermes_sse__stream_hot(stream)->position = since;
  special->since[stream->n_subs] = since;
  if (since > special->since_max)
    special->since_max = since;
  stream->n_subs++;
  subs_of(stream)[stream->n_subs - 1] = sub;
  note_single(stream);
  return HERMES_SSE_OK;
}

int hermes_sse__follow_less(hermes_sse_stream *stream, const hermes_sse_subscription *subscription)
{
  size_t at = find_sub(stream, subscription), last = stream->n_subs - 1u;
  hermes_sse__sub *subs = subs_of(stream), sub;

  if (at >= stream->n_subs)
    return HERMES_SSE_ERR_NOT_FOUND;
  sub = subs[at];
  subs[at] = subs[last];
  if (stream->special)
    stream->special->since[at] = stream->special->since[last];
  (void)resize(stream, last);
  stream->n_subs--;
  note_single(stream);
  leave(stream->hub, sub.list, sub.index);
  return HERMES_SSE_OK;
}

hermes_sse__special *hermes_sse__special_get(hermes_sse_stream *stream)
{
  if (!stream->special) {
    stream->special = hermes_sse__alloc(&stream->hub->env, 1, sizeof *stream->special);
    if (stream->special)
      hermes_sse__stream_hot(stream)->flags |= HERMES_SSE__SPECIAL;
  }
  return stream->special;
}

/* ---- where it stands ---- */

static uint64_t since_of(const hermes_sse_stream *stream, size_t i)
{
  return stream->special ? stream->special->since[i] : 0;
}

int hermes_sse__caught_up_but(const hermes_sse_stream *stream, const hermes_sse__readers *list, uint64_t position)
{
  const hermes_sse__sub *subs = const_subs_of(stream);

  for (size_t i = 0; i < stream->n_subs; i++)
    if (subs[i].list != list && subs[i].list->last > position && subs[i].list->last > since_of(stream, i))
      return 0;
  return 1;
}

int hermes_sse__caught_up(const hermes_sse_stream *stream, uint64_t position)
{
  return hermes_sse__caught_up_but(stream, NULL, position);
}

uint64_t hermes_sse__followed_lost_to(const hermes_sse_stream *stream)
{
  const hermes_sse__sub *subs = const_subs_of(stream);
  uint64_t to = 0;

  for (size_t i = 0; i < stream->n_subs; i++) {
    uint64_t lost_to = hermes_sse__readers_lost_to(subs[i].list);

    if (lost_to > to && lost_to > since_of(stream, i))
      to = lost_to;
  }
  return to;
}

uint64_t hermes_sse__followed_next(const hermes_sse_stream *stream, uint64_t position)
{
  const hermes_sse__sub *subs = const_subs_of(stream);
  uint64_t next = 0;

  for (size_t i = 0; i < stream->n_subs; i++) {
    uint64_t since = since_of(stream, i);
    hermes_sse__walk walk;

    hermes_sse__walk_start(&walk, subs[i].list, since > position ? since : position);
    if (walk.entry && (next == 0 || walk.entry->seq < next))
      next = walk.entry->seq;
  }
  return next;
}

int hermes_sse__fell_behind(const hermes_sse_stream *stream, const hermes_sse__hot *hot)
{
  uint64_t lost = hermes_sse__followed_lost_to(stream);

  if (hot->flags & HERMES_SSE__LATE)
    return 1;
  if (stream->n_subs > 0 && stream->hub->broken_to > lost)
    lost = stream->hub->broken_to;
  return lost > hot->position && lost > stream->told;
}

int hermes_sse__loss_reason(const hermes_sse_stream *stream, uint64_t position)
{
  const hermes_sse__sub *subs = const_subs_of(stream);
  const hermes_sse_hub *hub = stream->hub;

  if (hub->broken_to > position && hub->broken_to > stream->told)
    return hub->broken_reason;
  if (hermes_sse__stream_hot(stream)->flags & HERMES_SSE__LATE)
    return HERMES_SSE_GAP_BRIDGE;
  for (size_t i = 0; i < stream->n_subs; i++) {
    const hermes_sse__log *log = subs[i].list->log;

    if (log->broken_to > position && log->broken_to > stream->told && log->broken_to > since_of(stream, i))
      return log->broken_reason;
  }
  return HERMES_SSE_GAP_SLOW;
}

void hermes_sse__note_told(hermes_sse_stream *stream, uint64_t lost)
{
  stream->told = lost;
  hermes_sse__stream_hot(stream)->flags &= ~(uint32_t)HERMES_SSE__LATE;
  if (lost > stream->hub->told_max)
    stream->hub->told_max = lost;
}

static uint64_t follows_since(const hermes_sse_stream *stream, const hermes_sse__readers *list)
{
  const hermes_sse__sub *subs = const_subs_of(stream);
  size_t i = 0;

  while (subs[i].list != list)
    i++;
  return since_of(stream, i);
}

void hermes_sse__note_lost(hermes_sse_hub *hub, const hermes_sse__readers *list, uint64_t seq)
{
  if (seq > hub->told_max)
    return;
  for (uint32_t i = 0; i < list->n; i++) {
    uint32_t slot = list->slots[i];
    hermes_sse_stream *stream;

    if (slot == HERMES_SSE__NO_SLOT || hermes_sse__hot_of(&hub->slots, slot)->position >= seq)
      continue;
    stream = hermes_sse__cold_of(&hub->slots, slot);
    if (stream->told >= seq && follows_since(stream, list) < seq)
      stream->told = seq - 1;
  }
}

int hermes_sse__must_close_slow(const hermes_sse_stream *stream, const hermes_sse__hot *hot)
{
  const hermes_sse__sub *subs = const_subs_of(stream);

  for (size_t i = 0; i < stream->n_subs; i++) {
    uint64_t lost = hermes_sse__readers_evicted_to(subs[i].list);

    if (subs[i].list->log->policy.close_slow && lost > hot->position && lost > stream->told &&
        lost > since_of(stream, i))
      return 1;
  }
  return 0;
}

/* ---- getters ---- */

size_t hermes_sse_hub_followers(const hermes_sse_hub *hub, hermes_sse_slice topic, hermes_sse_slice key)
{
  const hermes_sse__readers *list = hub->bus ? hermes_sse__readers_find(hub, topic, key) : NULL;

  return list ? hermes_sse__readers_n(list) : 0;
}
