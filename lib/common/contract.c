#include "common/contract.h"
#include "common/json.h"
#include <cJSON.h>
#include <string.h>

enum { TYPE_MAX = 64 };

static int is_word(hermes_sse_slice text, const char *word)
{
  return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static int is_type_character(unsigned c)
{
  return (c | 0x20) - 'a' < 26 || c - '0' < 10 || c == '_' || c == '.' || c == '-';
}

int hermes_sse__type_ok(hermes_sse_slice type)
{
  static const char *const taken[] = { "connected", "heartbeat", "gap", "message" };
  const char *at = type.ptr;

  if (type.len < 1 || type.len > TYPE_MAX)
    return 0;
  for (size_t i = 0; i < type.len; i++)
    if (!is_type_character((unsigned char)at[i]))
      return 0;
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
    if (is_word(type, taken[i]))
      return 0;
  return 1;
}

size_t hermes_sse__data_key(const cJSON *data, hermes_sse_slice text, char key[HERMES_SSE_KEY_MAX + 1])
{
  const cJSON *id = cJSON_GetObjectItemCaseSensitive(data, "download_id");
  size_t len = cJSON_IsString(id) ? strlen(id->valuestring) : 0;

  if (len == 0 || len > HERMES_SSE_KEY_MAX || hermes_sse__json_has_nul(text, "download_id"))
    return 0;
  memcpy(key, id->valuestring, len + 1);
  return len;
}
