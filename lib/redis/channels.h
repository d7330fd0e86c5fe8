/* The channels that the bridge wants to hear, and how far each is: not asked for, asked for, confirmed. One command is under way for a
 * channel at a time, so that what Redis says last is what was wanted last (P27). Under the bridge's lock where it changes. */
#ifndef HERMES_SSE_REDIS_CHANNELS_H
#define HERMES_SSE_REDIS_CHANNELS_H
#include "core/hash.h"
#include "core/table.h"
#include <hermes_sse/bus.h>

typedef struct hermes_sse__channel {
  hermes_sse__node node;
  struct hermes_sse__channel *next, **at; /* in the list of all */
  uint64_t unwanted_ms;                   /* since when nobody follows it */
  uint32_t followers;                     /* hubs; of a channel listened to from the start one more, for good */
  uint8_t is_pattern;
  uint8_t asked;     /* an answer is due */
  uint8_t confirmed; /* Redis sends it */
  uint8_t denied;    /* Redis refused it on this connection */
  uint8_t awaited;   /* wanted since the connection came up, and Redis has not said yet whether it can be had */
  uint8_t len;       /* of the name without the pattern's '*' */
  char name[];       /* as a topic, NUL-terminated */
} hermes_sse__channel;

typedef struct hermes_sse__channels {
  hermes_sse__table table;
  hermes_sse__seed seed;
  hermes_sse__channel *all;
  size_t n, n_confirmed, n_denied, n_awaited;
  size_t n_patterns; /* confirmed ones */
} hermes_sse__channels;

/* The channel of a topic, or of a prefix and '*'; made if it is not there. NULL: no memory. */
hermes_sse__channel *hermes_sse__channel_get(const hermes_sse_environment *env, hermes_sse__channels *channels,
                                             const char *name, size_t len);
/* NULL: there is none. */
hermes_sse__channel *hermes_sse__channel_find(const hermes_sse__channels *channels, const char *name, size_t len);
void hermes_sse__channel_forget(const hermes_sse_environment *env, hermes_sse__channels *channels,
                                hermes_sse__channel *channel);

void hermes_sse__channel_confirm(hermes_sse__channels *channels, hermes_sse__channel *channel, int confirmed);
void hermes_sse__channel_deny(hermes_sse__channels *channels, hermes_sse__channel *channel);
void hermes_sse__channel_await(hermes_sse__channels *channels, hermes_sse__channel *channel, int awaited);

/* What the connection knew is gone. */
void hermes_sse__channels_reset(hermes_sse__channels *channels);
void hermes_sse__channels_clear(const hermes_sse_environment *env, hermes_sse__channels *channels);

/* By which channel messages on `topic` are taken, as several may send the same: the topic's own, else the longest pattern. NULL:
   they do not come. */
const hermes_sse__channel *hermes_sse__channels_taker(const hermes_sse__channels *channels, const char *topic,
                                                      size_t len);

/* As PSUBSCRIBE has it: what means something in a glob is escaped. Room for 2 * HERMES_SSE_TOPIC_MAX + 1; the length. */
size_t hermes_sse__channel_glob(const hermes_sse__channel *channel, char *buf);

#endif
