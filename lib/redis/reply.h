/* What Redis says: hiredis's reader, with replies built in memory that is used again (build.h), so that a message costs no allocation
 * once that has grown. hiredis's types, and all that differs between its versions, are in reply.c; output.c has its formatter. */
#ifndef HERMES_SSE_REDIS_REPLY_H
#define HERMES_SSE_REDIS_REPLY_H
#include "core/environment.h"

enum {
  HERMES_SSE__REPLY_NIL,
  HERMES_SSE__REPLY_STRING,  /* bulk or verbatim; a double or big number as its text */
  HERMES_SSE__REPLY_STATUS,  /* "+OK" */
  HERMES_SSE__REPLY_ERROR,   /* "-ERR ..." */
  HERMES_SSE__REPLY_INTEGER, /* a boolean too */
  HERMES_SSE__REPLY_ARRAY    /* set, map and push too */
};

/* A value within the reply that hermes_sse__reader_next() returned, living until the next call on that reader. */
typedef struct hermes_sse__reply {
  int kind;
  int64_t integer;
  const char *text; /* of the three texts, NUL-terminated; never NULL for them */
  size_t len;
  const struct hermes_sse__reply *items; /* of an array: `n` of them, side by side */
  size_t n;
} hermes_sse__reply;

typedef struct hermes_sse__reader hermes_sse__reader;

/* A reply of more than `max_bytes` is an error, whatever it announces; so is one of so many tiny values that they take more than that
   and 64 KiB in memory (each value a hermes_sse__reply, each text a byte more). NULL: no memory. */
hermes_sse__reader *hermes_sse__reader_new(const hermes_sse_environment *env, uint64_t max_bytes);
void hermes_sse__reader_free(hermes_sse__reader *reader);

/* HERMES_SSE_ERR_NOMEM; HERMES_SSE_ERR_BAD_DATA after an error of next. */
int hermes_sse__reader_feed(hermes_sse__reader *reader, const void *bytes, size_t len);

/* 1: `*reply` is the next one; 0: more bytes are needed; HERMES_SSE_ERR_BAD_DATA (no Redis protocol, too deep),
   HERMES_SSE_ERR_TOO_LARGE, HERMES_SSE_ERR_NOMEM: the reader is of no more use, hermes_sse__reader_why() says why. */
int hermes_sse__reader_next(hermes_sse__reader *reader, const hermes_sse__reply **reply);
const char *hermes_sse__reader_why(const hermes_sse__reader *reader);

/* 1 if it is a text (string, status or error) of exactly these bytes; `word` is NUL-terminated. Letter case does not matter. */
int hermes_sse__reply_is(const hermes_sse__reply *reply, const char *word);

#endif
