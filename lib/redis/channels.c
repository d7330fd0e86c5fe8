#include "redis/channels.h"
#include <string.h>

static hermes_sse__channel *channel_of(hermes_sse__node *node)
{
  return (hermes_sse__channel *)(void *)((char *)node - offsetof(hermes_sse__channel, node));
}

static size_t name_len(const hermes_sse__channel *channel)
{
  return channel->len + (channel->is_pattern ? 1u : 0u);
}

hermes_sse__channel *hermes_sse__channel_find(const hermes_sse__channels *channels, const char *name, size_t len)
{
  hermes_sse__node *node = hermes_sse__table_find(&channels->table, hermes_sse__hash(&channels->seed, name, len));

  for (; node; node = hermes_sse__table_same(node))
    if (name_len(channel_of(node)) == len && memcmp(channel_of(node)->name, name, len) == 0)
      return channel_of(node);
  return NULL;
}

hermes_sse__channel *hermes_sse__channel_get(const hermes_sse_environment *env, hermes_sse__channels *channels,
                                             const char *name, size_t len)
{
  hermes_sse__channel *channel = hermes_sse__channel_find(channels, name, len);

  if (channel)
    return channel;
  channel = hermes_sse__alloc(env, 1, sizeof *channel + len + 1);
  if (!channel)
    return NULL;
  memcpy(channel->name, name, len);
  channel->is_pattern = name[len - 1] == '*';
  channel->len = (uint8_t)(len - channel->is_pattern);
  channel->node.hash = hermes_sse__hash(&channels->seed, name, len);
  hermes_sse__table_insert(env, &channels->table, &channel->node);
  channel->next = channels->all;
  channel->at = &channels->all;
  if (channel->next)
    channel->next->at = &channel->next;
  channels->all = channel;
  channels->n++;
  return channel;
}

void hermes_sse__channel_confirm(hermes_sse__channels *channels, hermes_sse__channel *channel, int confirmed)
{
  if (channel->confirmed == confirmed)
    return;
  channel->confirmed = (uint8_t)confirmed;
  channels->n_confirmed += confirmed ? 1u : SIZE_MAX;
  if (channel->is_pattern)
    channels->n_patterns += confirmed ? 1u : SIZE_MAX;
}

void hermes_sse__channel_deny(hermes_sse__channels *channels, hermes_sse__channel *channel)
{
  hermes_sse__channel_confirm(channels, channel, 0);
  channels->n_denied += !channel->denied;
  channel->denied = 1;
}

void hermes_sse__channel_await(hermes_sse__channels *channels, hermes_sse__channel *channel, int awaited)
{
  if (channel->awaited == awaited)
    return;
  channel->awaited = (uint8_t)awaited;
  channels->n_awaited += awaited ? 1u : SIZE_MAX;
}

void hermes_sse__channel_forget(const hermes_sse_environment *env, hermes_sse__channels *channels,
                                hermes_sse__channel *channel)
{
  hermes_sse__channel_confirm(channels, channel, 0);
  hermes_sse__channel_await(channels, channel, 0);
  channels->n_denied -= channel->denied;
  *channel->at = channel->next;
  if (channel->next)
    channel->next->at = channel->at;
  channels->n--;
  hermes_sse__table_remove(env, &channels->table, &channel->node);
  hermes_sse__release(env, channel);
}

void hermes_sse__channels_reset(hermes_sse__channels *channels)
{
  for (hermes_sse__channel *c = channels->all; c; c = c->next)
    c->asked = c->confirmed = c->denied = c->awaited = 0;
  channels->n_confirmed = channels->n_denied = channels->n_awaited = channels->n_patterns = 0;
}

void hermes_sse__channels_clear(const hermes_sse_environment *env, hermes_sse__channels *channels)
{
  while (channels->all)
    hermes_sse__channel_forget(env, channels, channels->all);
  hermes_sse__table_clear(env, &channels->table);
}

const hermes_sse__channel *hermes_sse__channels_taker(const hermes_sse__channels *channels, const char *topic,
                                                      size_t len)
{
  const hermes_sse__channel *taker = hermes_sse__channel_find(channels, topic, len);

  if (taker && taker->confirmed && !taker->is_pattern)
    return taker;
  taker = NULL;
  for (const hermes_sse__channel *c = channels->n_patterns > 0 ? channels->all : NULL; c; c = c->next)
    if (c->is_pattern && c->confirmed && c->len <= len && memcmp(c->name, topic, c->len) == 0 &&
        (!taker || c->len > taker->len))
      taker = c;
  return taker;
}

size_t hermes_sse__channel_glob(const hermes_sse__channel *channel, char *buf)
{
  size_t n = 0;

  for (size_t i = 0; i < channel->len; i++) {
    if (strchr("*?[]\\", channel->name[i]))
      buf[n++] = '\\';
    buf[n++] = channel->name[i];
  }
  buf[n++] = '*';
  buf[n] = 0;
  return n;
}
