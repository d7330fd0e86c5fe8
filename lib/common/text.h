/* Text that grows: built piece by piece, and checked for memory once at the end. */
#ifndef HERMES_SSE_COMMON_TEXT_H
#define HERMES_SSE_COMMON_TEXT_H
#include "core/environment.h"

typedef struct hermes_sse__text {
  const hermes_sse_environment *env;
  char *bytes; /* NUL-terminated while it is not NULL */
  size_t n, capacity;
  int failed;
} hermes_sse__text;

hermes_sse__text hermes_sse__text_new(const hermes_sse_environment *env);
void hermes_sse__text_clear(hermes_sse__text *text);

void hermes_sse__text_add(hermes_sse__text *text, const void *bytes, size_t len);
void hermes_sse__text_str(hermes_sse__text *text, const char *str);
void hermes_sse__text_format(hermes_sse__text *text, const char *format, ...) HERMES_SSE__PRINTF(2, 3);
/* As a JSON string with its quotes; bytes that are no UTF-8 stay as they are. */
void hermes_sse__text_json(hermes_sse__text *text, const void *bytes, size_t len);

/* "2026-01-02T03:04:05.678Z" */
enum { HERMES_SSE__TIMESTAMP_ROOM = 32 };
const char *hermes_sse__timestamp(uint64_t wall_ms, char buf[HERMES_SSE__TIMESTAMP_ROOM]);

#endif
