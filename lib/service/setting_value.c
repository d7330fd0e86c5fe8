#include "service/setting_value.h"
#include "common/text.h"
#include "service/network.h"
#include <cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int equals(hermes_sse_slice value, const char *word)
{
  return value.len == strlen(word) && strncasecmp(value.ptr, word, value.len) == 0;
}

static int read_switch(hermes_sse_slice value, uint64_t *number)
{
  static const char *const words[][2] = { { "false", "true" }, { "0", "1" }, { "no", "yes" }, { "off", "on" } };

  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    for (unsigned on = 0; on < 2; on++)
      if (equals(value, words[i][on])) {
        *number = on;
        return HERMES_SSE_OK;
      }
  return HERMES_SSE_ERR_SETTING;
}

static int read_number(hermes_sse_slice value, uint64_t min, uint64_t max, uint64_t *number)
{
  const char *at = value.ptr;
  uint64_t n = 0;

  for (size_t i = 0; i < value.len; i++) {
    uint64_t digit = (uint64_t)(unsigned char)at[i] - '0';

    if (digit > 9 || n > (UINT64_MAX - digit) / 10)
      return HERMES_SSE_ERR_SETTING;
    n = 10 * n + digit;
  }
  if (value.len == 0 || n < min || n > max)
    return HERMES_SSE_ERR_SETTING;
  *number = n;
  return HERMES_SSE_OK;
}

static int printable(hermes_sse_slice value, const char *refused)
{
  const unsigned char *at = value.ptr;

  for (size_t i = 0; i < value.len; i++)
    if (at[i] < ' ' || at[i] == 0x7f || strchr(refused, at[i]))
      return 0;
  return value.len > 0;
}

/* RFC 3986, 3.1 */
static int is_scheme(const char *at, size_t len)
{
  for (size_t i = 0; i < len; i++)
    if (!isalpha((unsigned char)at[i]) && (i == 0 || (!isdigit((unsigned char)at[i]) && !strchr("+-.", at[i]))))
      return 0;
  return len > 0;
}

/* scheme://host[:port], as a browser sends it, or "*" */
static int is_origin(hermes_sse_slice item)
{
  const char *at = item.ptr, *host = memmem(at, item.len, "://", 3);

  if (item.len == 1 && *at == '*')
    return 1;
  return host && is_scheme(at, (size_t)(host - at)) &&
         printable((hermes_sse_slice){ .ptr = host + 3, .len = item.len - (size_t)(host + 3 - at) }, " /?#\"'\\,*");
}

static int is_network(hermes_sse_slice item)
{
  hermes_sse__network n;

  return hermes_sse__network_parse(item, &n) == HERMES_SSE_OK;
}

static int is_key(hermes_sse_slice item)
{
  return item.len >= 8 && printable(item, " \"\\");
}

/* Comma-separated items that each pass `good`, joined by commas alone. */
static int read_list(hermes_sse__text *to, hermes_sse_slice value, int (*good)(hermes_sse_slice))
{
  hermes_sse_slice item;

  while (hermes_sse__next_item(&value, &item)) {
    if (!good(item))
      return HERMES_SSE_ERR_SETTING;
    if (to->n > 0)
      hermes_sse__text_add(to, ",", 1);
    hermes_sse__text_add(to, item.ptr, item.len);
  }
  return to->n > 0 || to->failed ? HERMES_SSE_OK : HERMES_SSE_ERR_SETTING; /* "," is no list of nothing: it is a slip */
}

static int read_json_list(hermes_sse__text *to, hermes_sse_slice value, int (*good)(hermes_sse_slice))
{
  cJSON *list = cJSON_ParseWithLength(value.ptr, value.len);
  const cJSON *item;
  int rv = cJSON_IsArray(list) ? HERMES_SSE_OK : HERMES_SSE_ERR_SETTING;

  cJSON_ArrayForEach(item, list)
  {
    if (rv < 0 || !cJSON_IsString(item) || !good(hermes_sse_str(item->valuestring))) {
      rv = HERMES_SSE_ERR_SETTING;
      break;
    }
    if (to->n > 0)
      hermes_sse__text_add(to, ",", 1);
    hermes_sse__text_str(to, item->valuestring);
  }
  cJSON_Delete(list);
  return rv;
}

/* redis://[user:pass@]host[:port][/db], rediss://, unix://path */
static int is_redis_url(hermes_sse_slice value)
{
  static const char *const schemes[] = { "redis://", "rediss://", "unix://" };

  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
    size_t len = strlen(schemes[i]);
    const char *rest = (const char *)value.ptr + len, *end = (const char *)value.ptr + value.len, *at;
    uint64_t number;

    if (value.len <= len || strncasecmp(value.ptr, schemes[i], len) != 0 || !printable(value, " "))
      continue;
    if (i == 2)
      return *rest == '/';
    at = memchr(rest, '@', (size_t)(end - rest));
    rest = at ? at + 1 : rest;
    at = memchr(rest, '/', (size_t)(end - rest));
    if (at && at + 1 < end &&
        read_number((hermes_sse_slice){ .ptr = at + 1, .len = (size_t)(end - at - 1) }, 0, 65535, &number) < 0)
      return 0;
    end = at ? at : end;
    at = end > rest && end[-1] == ']' ? NULL : memrchr(rest, ':', (size_t)(end - rest));
    if (at && read_number((hermes_sse_slice){ .ptr = at + 1, .len = (size_t)(end - at - 1) }, 1, 65535, &number) < 0)
      return 0;
    return (at ? at : end) > rest;
  }
  return 0;
}

static int read_text(hermes_sse__text *to, const hermes_sse__setting_rule *rule, hermes_sse_slice value)
{
  int good = 1;

  switch (rule->kind) {
  case HERMES_SSE__ORIGIN_LIST:
    return *(const char *)value.ptr == '[' ? read_json_list(to, value, is_origin) : read_list(to, value, is_origin);
  case HERMES_SSE__NETWORKS:
    return read_list(to, value, is_network);
  case HERMES_SSE__KEYS:
    return read_list(to, value, is_key);
  case HERMES_SSE__REDIS:
    good = is_redis_url(value);
    break;
  case HERMES_SSE__MODE:
    good = equals(value, "pubsub") || equals(value, "streams");
    break;
  default:
    good = printable(value, "");
  }
  hermes_sse__text_add(to, value.ptr, value.len);
  return good ? HERMES_SSE_OK : HERMES_SSE_ERR_SETTING;
}

int hermes_sse__setting_read(const hermes_sse_environment *env, const hermes_sse__setting_rule *rule,
                             hermes_sse_slice value, char **text, uint64_t *number)
{
  hermes_sse__text to = hermes_sse__text_new(env);
  int rv = HERMES_SSE_OK;

  hermes_sse__text_str(&to, "");
  if (rule->kind == HERMES_SSE__SWITCH) {
    rv = read_switch(value, number);
    if (rv == HERMES_SSE_OK)
      hermes_sse__text_str(&to, *number ? "true" : "false");
  } else if (rule->kind == HERMES_SSE__NUMBER) {
    rv = read_number(value, rule->min, rule->max, number);
    if (rv == HERMES_SSE_OK)
      hermes_sse__text_format(&to, "%llu", (unsigned long long)*number);
  } else if (value.len > 0) {
    rv = read_text(&to, rule, value);
  }
  if (rv == HERMES_SSE_OK && to.failed)
    rv = HERMES_SSE_ERR_NOMEM;
  if (rv < 0)
    hermes_sse__text_clear(&to);
  else
    *text = to.bytes;
  return rv;
}

void hermes_sse__setting_accepts(const hermes_sse__setting_rule *rule, char *buf, size_t cap)
{
  static const char *const texts[] = {
    [HERMES_SSE__SWITCH] = "true, false, 1, 0, yes, no, on or off",
    [HERMES_SSE__TEXT] = "printable text",
    [HERMES_SSE__ORIGIN_LIST] = "origins such as https://example.org, separated by commas or as a JSON array",
    [HERMES_SSE__NETWORKS] = "addresses or networks such as 10.0.0.0/8, separated by commas",
    [HERMES_SSE__REDIS] = "redis://[user:password@]host:port/db, rediss://... or unix:///path",
    [HERMES_SSE__MODE] = "pubsub or streams",
    [HERMES_SSE__KEYS] = "keys of at least 8 printable characters, separated by commas"
  };

  if (rule->kind == HERMES_SSE__NUMBER)
    snprintf(buf, cap, "a whole number from %llu to %llu", (unsigned long long)rule->min,
             (unsigned long long)rule->max);
  else
    snprintf(buf, cap, "%s", texts[rule->kind]);
}
