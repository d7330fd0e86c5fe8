/* The envelope: what a message is on a Redis channel, {"type","data","timestamp"} as the Hermes contract has it. Ours carry one member
 * more, which others ignore:
 *
 *   "hermes_sse":{"origin":"<who>","number":N,"id":"<stream id>","key":"<key>","meta":N}
 *
 * origin and number name the message, so that nobody takes it twice; id stands there once it is in the stream; key and meta where the
 * message has them and the data does not say. */
#ifndef HERMES_SSE_REDIS_ENVELOPE_H
#define HERMES_SSE_REDIS_ENVELOPE_H
#include "common/text.h"
#include <hermes_sse/bus.h>

enum { HERMES_SSE__ORIGIN_MAX = 32 };

typedef struct hermes_sse__envelope {
  hermes_sse_slice type, data; /* within the text; data as its sender wrote it */
  char key[HERMES_SSE_KEY_MAX + 1];
  size_t key_len;
  uint64_t meta;
  char origin[HERMES_SSE__ORIGIN_MAX + 1]; /* empty: not one of ours */
  uint64_t number;
  int has_id; /* it is in the stream already */
} hermes_sse__envelope;

/* Judges what came on a channel. HERMES_SSE_ERR_BAD_DATA: not such an object (also: a member of these twice); _BAD_TYPE; _TOO_LARGE. */
int hermes_sse__envelope_read(hermes_sse_slice text, hermes_sse__envelope *envelope);

/* Appends a message's envelope. It ends in "number":N}}, before which an id may be put (scripts.h). HERMES_SSE_ERR_BAD_DATA: the
   message's data is no JSON, or too deep; _BAD_TYPE: no type of the contract; _BAD_KEY: a key that is no UTF-8; _TOO_LARGE; _NOMEM. What was
   appended is then of no use. */
int hermes_sse__envelope_write(hermes_sse__text *to, const hermes_sse_message *message, const char *origin,
                               uint64_t number, uint64_t wall_ms);

#endif
