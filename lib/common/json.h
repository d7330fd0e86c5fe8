/* Judging JSON that others wrote. Numbers and strings are never printed again: what was judged travels as it was written. */
#ifndef HERMES_SSE_COMMON_JSON_H
#define HERMES_SSE_COMMON_JSON_H
#include "common/text.h"
#include <hermes_sse/status.h>

enum { HERMES_SSE__JSON_DEPTH = 64, HERMES_SSE__JSON_BYTES = 1 << 20 };

struct cJSON;

/* One JSON value with nothing after it: at most HERMES_SSE__JSON_DEPTH deep, by RFC 8259 to the letter. The caller
   deletes `*json`. HERMES_SSE_ERR_BAD_DATA, HERMES_SSE_ERR_TOO_LARGE. */
int hermes_sse__json_read(hermes_sse_slice text, struct cJSON **json);

/* A member of an object: both as they were written, the name without its quotes, the value without blanks around it. */
typedef struct hermes_sse__json_member {
  hermes_sse_slice name, value;
} hermes_sse__json_member;

/* The members of the object `text`, which was read, one after another: 1, or 0 past the last. `*at` is 0 at first. */
int hermes_sse__json_next(hermes_sse_slice text, size_t *at, hermes_sse__json_member *member);

/* 1 if it has this name, written without escapes. */
int hermes_sse__json_is(const hermes_sse__json_member *member, const char *name);

/* 1 if member `name` of the object `text`, which was read, is a string that has a NUL in it, where cJSON ends it. */
int hermes_sse__json_has_nul(hermes_sse_slice text, const char *name);

/* `text`, which was judged, on one line: line breaks between tokens become spaces. */
void hermes_sse__json_line(hermes_sse__text *to, hermes_sse_slice text);

#endif
