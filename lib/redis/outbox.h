/* What was published here and is not done with: until Redis has confirmed it, and, where it is to come back, until it has come back or
 * was served here without that. Numbered from 1 on without a hole; bounded. Under the bridge's lock. */
#ifndef HERMES_SSE_REDIS_OUTBOX_H
#define HERMES_SSE_REDIS_OUTBOX_H
#include "redis/envelope.h"

typedef struct hermes_sse__outgoing {
  struct hermes_sse__outgoing *next;
  uint64_t number;
  uint64_t meta;
  size_t size; /* of the whole allocation */
  size_t key_at, type_at, type_len, data_at, data_len, envelope_at, envelope_len;
  uint8_t topic_len, key_len;
  uint8_t is_imported;  /* another's message, taken off its channel to put it into the stream */
  uint8_t is_served;    /* the bus has it, or need not have it from here */
  uint8_t is_alone;     /* it was served while Redis was away */
  uint8_t is_sent;      /* on this connection */
  uint8_t is_confirmed; /* Redis has it */
  char bytes[];         /* topic, key, envelope */
} hermes_sse__outgoing;

typedef struct hermes_sse__outbox {
  hermes_sse__outgoing *first, *last;
  hermes_sse__outgoing *unsent; /* the first that this connection has not been given; NULL: none */
  uint64_t last_number;
  uint64_t bytes, max_bytes;
  uint64_t unconfirmed;
} hermes_sse__outbox;

/* Appends a message. HERMES_SSE_ERR_FULL; or as hermes_sse__envelope_write(). */
int hermes_sse__outbox_add(const hermes_sse_environment *env, hermes_sse__outbox *outbox,
                           const hermes_sse_message *message, const char *origin, hermes_sse__outgoing **outgoing);

/* As if the last one had not been added. */
void hermes_sse__outbox_take_back(const hermes_sse_environment *env, hermes_sse__outbox *outbox);

/* As it was published, borrowing from it. */
hermes_sse_message hermes_sse__outgoing_message(const hermes_sse__outgoing *outgoing);

/* The one with this number; NULL: it is done with. */
hermes_sse__outgoing *hermes_sse__outbox_find(const hermes_sse__outbox *outbox, uint64_t number);

void hermes_sse__outbox_confirm(hermes_sse__outbox *outbox, hermes_sse__outgoing *outgoing);

/* Releases those at the front that are done with. */
void hermes_sse__outbox_tidy(const hermes_sse_environment *env, hermes_sse__outbox *outbox);

/* The connection is another: what is not confirmed is to be sent again. */
void hermes_sse__outbox_rewind(hermes_sse__outbox *outbox);

void hermes_sse__outbox_clear(const hermes_sse_environment *env, hermes_sse__outbox *outbox);

#endif
