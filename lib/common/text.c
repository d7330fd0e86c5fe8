#include "common/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

hermes_sse__text hermes_sse__text_new(const hermes_sse_environment *env)
{
  return (hermes_sse__text){ .env = env };
}

void hermes_sse__text_clear(hermes_sse__text *text)
{
  hermes_sse__release(text->env, text->bytes);
  text->bytes = NULL;
}

/* Room for `len` more bytes and a NUL. */
static int reserve(hermes_sse__text *text, size_t len)
{
  size_t capacity = 2 * text->capacity + len + 64;
  char *bytes;

  if (text->failed)
    return 0;
  if (text->n + len < text->capacity)
    return 1;
  bytes = hermes_sse__resize(text->env, text->bytes, capacity, 1);
  if (!bytes) {
    text->failed = 1;
    return 0;
  }
  text->bytes = bytes;
  text->capacity = capacity;
  return 1;
}

void hermes_sse__text_add(hermes_sse__text *text, const void *bytes, size_t len)
{
  if (!reserve(text, len))
    return;
  if (len > 0)
    memcpy(text->bytes + text->n, bytes, len);
  text->n += len;
  text->bytes[text->n] = 0;
}

void hermes_sse__text_str(hermes_sse__text *text, const char *str)
{
  hermes_sse__text_add(text, str, strlen(str));
}

void hermes_sse__text_format(hermes_sse__text *text, const char *format, ...)
{
  va_list args;
  int n;

  va_start(args, format);
  n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (n < 0 || !reserve(text, (size_t)n))
    return;
  va_start(args, format);
  vsnprintf(text->bytes + text->n, (size_t)n + 1, format, args);
  va_end(args);
  text->n += (size_t)n;
}

void hermes_sse__text_json(hermes_sse__text *text, const void *bytes, size_t len)
{
  const unsigned char *at = bytes;

  hermes_sse__text_add(text, "\"", 1);
  for (size_t i = 0; i < len; i++) {
    if (at[i] == '"' || at[i] == '\\')
      hermes_sse__text_format(text, "\\%c", at[i]);
    else if (at[i] < ' ' || at[i] == 0x7f)
      hermes_sse__text_format(text, "\\u%04x", at[i]);
    else
      hermes_sse__text_add(text, at + i, 1);
  }
  hermes_sse__text_add(text, "\"", 1);
}

const char *hermes_sse__timestamp(uint64_t wall_ms, char buf[HERMES_SSE__TIMESTAMP_ROOM])
{
  time_t seconds = (time_t)(wall_ms / 1000u);
  struct tm t;

  memset(&t, 0, sizeof t);
  gmtime_r(&seconds, &t);
  snprintf(buf, HERMES_SSE__TIMESTAMP_ROOM, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)t.tm_year % 8100 + 1900,
           (unsigned)t.tm_mon % 12 + 1, (unsigned)t.tm_mday % 32, (unsigned)t.tm_hour % 24, (unsigned)t.tm_min % 60,
           (unsigned)t.tm_sec % 61, (unsigned)(wall_ms % 1000u));
  return buf;
}
