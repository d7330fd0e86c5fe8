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

/* The same for text that was judged already, as part of a greater one: HERMES_SSE_ERR_BAD_DATA where cJSON does not take it. */
int hermes_sse__json_parse(hermes_sse_slice text, struct cJSON **json);

/* A member that is wanted of an object: its name as it is written there, without escapes; how often it is there, and the first time's
   value as it was written, without the blanks around it. */
typedef struct hermes_sse__json_member {
  hermes_sse_slice name, value;
  unsigned times;
} hermes_sse__json_member;

/* Judges one object by the same rules, and finds members of it on the way; `times` is counted on. cJSON has not seen the values
   then. HERMES_SSE_ERR_BAD_DATA: also what is no object; HERMES_SSE_ERR_TOO_LARGE. */
int hermes_sse__json_find(hermes_sse_slice text, hermes_sse__json_member *wanted, size_t n);

/* 1 if the text is well-formed UTF-8, and so may stand in a string. */
int hermes_sse__json_is_text(hermes_sse_slice text);

/* 1 if member `name` of the object `text`, which was read and has it, is a string that has a NUL in it, where cJSON ends it; where that
   name is written with escapes, if there is a NUL anywhere. */
int hermes_sse__json_has_nul(hermes_sse_slice text, const char *name);

/* `text`, which was judged, on one line: line breaks between tokens become spaces. */
void hermes_sse__json_line(hermes_sse__text *to, hermes_sse_slice text);

#endif
