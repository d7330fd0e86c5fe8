#include "service/json.h"
#include <cJSON.h>
#include <string.h>

/* What cJSON is lax about: control characters in strings, and depth, which it bounds far higher. */
static int shape_ok(hermes_sse_slice text)
{
  const unsigned char *at = text.ptr;
  int in_string = 0, depth = 0;

  for (size_t i = 0; i < text.len; i++) {
    if (at[i] == 0 || (in_string && at[i] < ' '))
      return 0;
    if (in_string && at[i] == '\\') {
      i++;
      if (i < text.len && at[i] < ' ')
        return 0;
    } else if (at[i] == '"') {
      in_string = !in_string;
    } else if (!in_string && (at[i] == '{' || at[i] == '[')) {
      if (++depth > HERMES_SSE__JSON_DEPTH)
        return 0;
    } else if (!in_string && (at[i] == '}' || at[i] == ']')) {
      depth--;
    }
  }
  return !in_string;
}

int hermes_sse__json_read(hermes_sse_slice text, cJSON **json)
{
  const char *end = NULL;
  cJSON *value;

  if (text.len > HERMES_SSE__JSON_BYTES)
    return HERMES_SSE_ERR_TOO_LARGE;
  if (text.len == 0 || !shape_ok(text))
    return HERMES_SSE_ERR_BAD_DATA;
  value = cJSON_ParseWithLengthOpts(text.ptr, text.len, &end, 0);
  if (!value)
    return HERMES_SSE_ERR_BAD_DATA;
  while (end < (const char *)text.ptr + text.len && strchr(" \t\r\n", *end))
    end++;
  if (end != (const char *)text.ptr + text.len) {
    cJSON_Delete(value);
    return HERMES_SSE_ERR_BAD_DATA;
  }
  *json = value;
  return HERMES_SSE_OK;
}

void hermes_sse__json_line(hermes_sse__text *to, hermes_sse_slice text)
{
  const char *at = text.ptr, *end = at + text.len;

  while (at < end) {
    size_t len = 0;

    while (at + len < end && at[len] != '\n' && at[len] != '\r')
      len++;
    hermes_sse__text_add(to, at, len);
    at += len;
    if (at < end) {
      hermes_sse__text_add(to, " ", 1);
      at++;
    }
  }
}
