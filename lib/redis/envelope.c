#include "redis/envelope.h"
#include "common/contract.h"
#include "common/json.h"
#include <cJSON.h>
#include <string.h>

static hermes_sse_slice unquoted(hermes_sse_slice string)
{
  return (hermes_sse_slice){ .ptr = (const char *)string.ptr + 1, .len = string.len - 2 };
}

/* cJSON keeps numbers as doubles; these are 64 bits wide. */
static int read_number(const hermes_sse__json_member *m, uint64_t *number)
{
  const char *at = m->value.ptr;
  uint64_t n = 0;

  if (m->times == 0)
    return 0;
  for (size_t i = 0; i < m->value.len; i++) {
    unsigned digit = (unsigned)(at[i] - '0');

    if (digit > 9 || n > (UINT64_MAX - digit) / 10)
      return 0;
    n = n * 10 + digit;
  }
  *number = n;
  return 1;
}

/* Up to the first escaped NUL, or to the end. */
static const char *up_to_nul(const char *at, const char *end)
{
  while (at < end && !(end - at >= 6 && memcmp(at, "\\u0000", 6) == 0))
    at += *at == '\\' ? 2 : 1;
  return at < end ? at : end;
}

/* A piece of a JSON string, from between its quotes. -1: it does not fit. */
static int read_piece(const char *from, size_t len, char *to, size_t room)
{
  enum { WRITTEN_MAX = 6 * HERMES_SSE_KEY_MAX }; /* if all is escaped */
  char quoted[WRITTEN_MAX + 2];
  cJSON *json;
  int n = -1;

  if (len > WRITTEN_MAX)
    return -1;
  quoted[0] = quoted[len + 1] = '"';
  memcpy(quoted + 1, from, len);
  json = cJSON_ParseWithLength(quoted, len + 2);
  if (cJSON_IsString(json) && strlen(json->valuestring) <= room) {
    n = (int)strlen(json->valuestring);
    memcpy(to, json->valuestring, (size_t)n);
  }
  cJSON_Delete(json);
  return n;
}

/* A key may have NULs, where cJSON would end it: so it reads the pieces between them. */
static void read_key(hermes_sse_slice string, hermes_sse__envelope *e)
{
  const char *at = (const char *)string.ptr + 1, *end = at + string.len - 2;
  char key[HERMES_SSE_KEY_MAX + 1];
  size_t len = 0;

  for (;;) {
    const char *stop = up_to_nul(at, end);
    int n = read_piece(at, (size_t)(stop - at), key + len, HERMES_SSE_KEY_MAX - len);

    if (n < 0 || (stop < end && len + (size_t)n == HERMES_SSE_KEY_MAX))
      return;
    len += (size_t)n;
    key[len] = 0;
    if (stop == end)
      break;
    len++;
    at = stop + 6;
  }
  memcpy(e->key, key, len + 1);
  e->key_len = len;
}

/* What one of us adds. A member that does not look like it is a stranger's: then there is nothing of ours. */
static void read_ours(hermes_sse_slice text, const cJSON *ours, hermes_sse__envelope *e)
{
  enum { NUMBER, META, KEY, N };
  hermes_sse__json_member m[N] = { { .name = { "number", 6 } }, { .name = { "meta", 4 } }, { .name = { "key", 3 } } };
  const cJSON *origin = cJSON_GetObjectItemCaseSensitive(ours, "origin");

  if (!cJSON_IsString(origin) || !origin->valuestring[0] || strlen(origin->valuestring) > HERMES_SSE__ORIGIN_MAX ||
      hermes_sse__json_find(text, m, N) < 0 || !read_number(&m[NUMBER], &e->number))
    return;
  strcpy(e->origin, origin->valuestring);
  e->has_id = cJSON_IsString(cJSON_GetObjectItemCaseSensitive(ours, "id"));
  read_number(&m[META], &e->meta);
  if (m[KEY].times > 0 && *(const char *)m[KEY].value.ptr == '"')
    read_key(m[KEY].value, e);
}

/* What is of use: data, which goes to browsers and may name the key, and what one of us adds. */
static int read_values(hermes_sse_slice ours, hermes_sse__envelope *e)
{
  cJSON *json = NULL;
  int rv = hermes_sse__json_parse(e->data, &json);

  if (rv < 0)
    return rv;
  e->key_len = hermes_sse__data_key(json, e->data, e->key);
  cJSON_Delete(json);
  if (ours.len > 0 && hermes_sse__json_parse(ours, &json) == HERMES_SSE_OK) {
    read_ours(ours, json, e);
    cJSON_Delete(json);
  }
  return HERMES_SSE_OK;
}

/* Each of the members at most once, as readers do not agree on which of two counts. */
int hermes_sse__envelope_read(hermes_sse_slice text, hermes_sse__envelope *envelope)
{
  enum { TYPE, DATA, OURS, N };
  hermes_sse__json_member m[N] = { { .name = { "type", 4 } },
                                   { .name = { "data", 4 } },
                                   { .name = { "hermes_sse", 10 } } };
  hermes_sse__envelope e = { .key_len = 0 };
  int rv = hermes_sse__json_find(text, m, N);

  if (rv < 0)
    return rv;
  if (m[TYPE].times != 1 || m[DATA].times != 1 || m[OURS].times > 1 || *(const char *)m[TYPE].value.ptr != '"')
    return HERMES_SSE_ERR_BAD_DATA;
  e.type = unquoted(m[TYPE].value);
  e.data = m[DATA].value;
  rv = hermes_sse__type_ok(e.type) ? read_values(m[OURS].value, &e) : HERMES_SSE_ERR_BAD_TYPE;
  if (rv == HERMES_SSE_OK)
    *envelope = e;
  return rv;
}

/* Type and data as others will read them, so that nothing is published that they refuse: the envelope makes data deeper and longer than it
 * is alone. What is no more than blanks may follow the data that was found, or it was several members. */
static int write_data(hermes_sse__text *to, const hermes_sse_message *m, hermes_sse__envelope *e)
{
  size_t from = to->n, data;
  const char *rest;
  int rv;

  hermes_sse__text_str(to, "{\"type\":\"");
  hermes_sse__text_add(to, m->type.ptr, m->type.len);
  hermes_sse__text_str(to, "\",\"data\":");
  data = to->n;
  hermes_sse__text_add(to, m->data.ptr, m->data.len);
  hermes_sse__text_str(to, "}");
  if (to->failed)
    return HERMES_SSE_ERR_NOMEM;
  rv = hermes_sse__envelope_read((hermes_sse_slice){ .ptr = to->bytes + from, .len = to->n - from }, e);
  if (rv < 0)
    return rv;
  to->n--; /* its end is written later */
  rest = (const char *)e->data.ptr + e->data.len;
  while (rest < to->bytes + to->n && strchr(" \t\r\n", *rest))
    rest++;
  for (char *at = to->bytes + data; at < to->bytes + to->n; at++)
    if (*at == '\n' || *at == '\r') /* between tokens, as it was judged */
      *at = ' ';
  return rest == to->bytes + to->n ? HERMES_SSE_OK : HERMES_SSE_ERR_BAD_DATA;
}

int hermes_sse__envelope_write(hermes_sse__text *to, const hermes_sse_message *m, const char *origin, uint64_t number,
                               uint64_t wall_ms)
{
  char timestamp[HERMES_SSE__TIMESTAMP_ROOM];
  hermes_sse__envelope e;
  size_t from = to->n;
  int rv = hermes_sse__type_ok(m->type) ? write_data(to, m, &e) : HERMES_SSE_ERR_BAD_TYPE;

  if (rv < 0)
    return rv;
  if (!hermes_sse__json_is_text(m->key))
    return HERMES_SSE_ERR_BAD_KEY;
  hermes_sse__text_format(to, ",\"timestamp\":\"%s\",\"hermes_sse\":{\"origin\":\"%s\"",
                          hermes_sse__timestamp(wall_ms, timestamp), origin);
  if (m->key.len != e.key_len || (e.key_len > 0 && memcmp(e.key, m->key.ptr, e.key_len) != 0)) {
    hermes_sse__text_str(to, ",\"key\":");
    hermes_sse__text_json(to, m->key.ptr, m->key.len);
  }
  if (m->meta > 0)
    hermes_sse__text_format(to, ",\"meta\":%llu", (unsigned long long)m->meta);
  hermes_sse__text_format(to, ",\"number\":%llu}}", (unsigned long long)number);
  if (to->failed)
    return HERMES_SSE_ERR_NOMEM;
  return to->n - from > HERMES_SSE__JSON_BYTES ? HERMES_SSE_ERR_TOO_LARGE : HERMES_SSE_OK;
}
