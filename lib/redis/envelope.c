#include "redis/envelope.h"
#include "common/contract.h"
#include "common/json.h"
#include <cJSON.h>
#include <string.h>

static hermes_sse_slice unquoted(hermes_sse_slice string)
{
  return (hermes_sse_slice){ .ptr = (const char *)string.ptr + 1, .len = string.len - 2 };
}

/* The raw members; each of ours at most once, as readers do not agree on which of two counts. */
static int find_members(hermes_sse_slice text, hermes_sse_slice *type, hermes_sse_slice *data, int *ours)
{
  hermes_sse__json_member m;
  size_t at = 0;
  int types = 0, datas = 0, others = 0;

  while (hermes_sse__json_next(text, &at, &m)) {
    if (hermes_sse__json_is(&m, "type")) {
      types++;
      *type = m.value;
    } else if (hermes_sse__json_is(&m, "data")) {
      datas++;
      *data = m.value;
    } else if (hermes_sse__json_is(&m, "hermes_sse")) {
      others++;
    }
  }
  *ours = others;
  return types == 1 && datas == 1 && others <= 1;
}

static int read_number(const cJSON *object, const char *name, uint64_t *number)
{
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

  if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble < 9007199254740992.0))
    return 0;
  *number = (uint64_t)item->valuedouble;
  return 1;
}

/* What one of us adds. A member that does not look like it is a stranger's: then there is nothing of ours. */
static void read_ours(const cJSON *ours, hermes_sse__envelope *e)
{
  const cJSON *origin = cJSON_GetObjectItemCaseSensitive(ours, "origin");
  const cJSON *key = cJSON_GetObjectItemCaseSensitive(ours, "key");

  if (!cJSON_IsString(origin) || strlen(origin->valuestring) > HERMES_SSE__ORIGIN_MAX ||
      !read_number(ours, "number", &e->number))
    return;
  strcpy(e->origin, origin->valuestring);
  e->has_id = cJSON_IsString(cJSON_GetObjectItemCaseSensitive(ours, "id"));
  read_number(ours, "meta", &e->meta);
  if (cJSON_IsString(key) && strlen(key->valuestring) <= HERMES_SSE_KEY_MAX) {
    e->key_len = strlen(key->valuestring);
    memcpy(e->key, key->valuestring, e->key_len + 1);
  }
}

int hermes_sse__envelope_read(hermes_sse_slice text, hermes_sse__envelope *envelope)
{
  hermes_sse__envelope e = { .key_len = 0 };
  hermes_sse_slice type = { .ptr = NULL };
  cJSON *json = NULL;
  int ours = 0, rv = hermes_sse__json_read(text, &json);

  if (rv < 0)
    return rv;
  if (!cJSON_IsObject(json) || !find_members(text, &type, &e.data, &ours) || *(const char *)type.ptr != '"') {
    rv = HERMES_SSE_ERR_BAD_DATA;
  } else {
    e.type = unquoted(type);
    rv = hermes_sse__type_ok(e.type) ? HERMES_SSE_OK : HERMES_SSE_ERR_BAD_TYPE;
  }
  if (rv == HERMES_SSE_OK) {
    e.key_len = hermes_sse__data_key(cJSON_GetObjectItemCaseSensitive(json, "data"), e.data, e.key);
    if (ours)
      read_ours(cJSON_GetObjectItemCaseSensitive(json, "hermes_sse"), &e);
    *envelope = e;
  }
  cJSON_Delete(json);
  return rv;
}

int hermes_sse__envelope_write(hermes_sse__text *to, const hermes_sse_message *m, const char *origin, uint64_t number,
                               uint64_t wall_ms)
{
  char timestamp[HERMES_SSE__TIMESTAMP_ROOM], key[HERMES_SSE_KEY_MAX + 1];
  cJSON *json = NULL;
  size_t key_len;
  int rv;

  if (!hermes_sse__type_ok(m->type))
    return HERMES_SSE_ERR_BAD_TYPE;
  rv = hermes_sse__json_read(m->data, &json);
  if (rv < 0)
    return rv;
  key_len = hermes_sse__data_key(json, m->data, key);
  cJSON_Delete(json);
  hermes_sse__text_str(to, "{\"type\":\"");
  hermes_sse__text_add(to, m->type.ptr, m->type.len);
  hermes_sse__text_str(to, "\",\"data\":");
  hermes_sse__json_line(to, m->data);
  hermes_sse__text_format(to, ",\"timestamp\":\"%s\",\"hermes_sse\":{\"origin\":\"%s\"",
                          hermes_sse__timestamp(wall_ms, timestamp), origin);
  if (m->key.len != key_len || (key_len > 0 && memcmp(key, m->key.ptr, key_len) != 0)) {
    hermes_sse__text_str(to, ",\"key\":");
    hermes_sse__text_json(to, m->key.ptr, m->key.len);
  }
  if (m->meta > 0)
    hermes_sse__text_format(to, ",\"meta\":%llu", (unsigned long long)m->meta);
  hermes_sse__text_format(to, ",\"number\":%llu}}", (unsigned long long)number);
  return to->failed ? HERMES_SSE_ERR_NOMEM : HERMES_SSE_OK;
}
