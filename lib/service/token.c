#include "service/token.h"
#include "common/json.h"
#include "service/lookup.h"
#include <cJSON.h>
#include <stdio.h>
#include <string.h>

static const char download[] = "download:";

int hermes_sse__scope_valid(hermes_sse_slice scope)
{
  const unsigned char *at = scope.ptr;

  if (scope.len > sizeof download - 1 && scope.len <= HERMES_SSE_KEY_MAX &&
      memcmp(at, download, sizeof download - 1) == 0) {
    for (size_t i = 0; i < scope.len; i++)
      if (at[i] < ' ' || at[i] == 0x7f)
        return 0;
    return 1;
  }
  if (scope.len == 3 && memcmp(at, "all", 3) == 0)
    return 1;
  for (int i = 1; i < HERMES_SSE__N_CHANNELS; i++)
    if (scope.len == strlen(hermes_sse__channels[i].scope) && memcmp(at, hermes_sse__channels[i].scope, scope.len) == 0)
      return 1;
  return 0;
}

int hermes_sse__scope_covers(const char *scope, const hermes_sse_request *request)
{
  if (strcmp(scope, "all") == 0)
    return 1;
  if (strncmp(scope, download, sizeof download - 1) == 0)
    return request->channels == 1 && request->key_len > 0 && strcmp(scope + sizeof download - 1, request->key) == 0;
  for (int i = 1; i < HERMES_SSE__N_CHANNELS; i++)
    if (strcmp(scope, hermes_sse__channels[i].scope) == 0)
      return request->channels == 1u << i;
  return 0;
}

void hermes_sse__token_key(const char *token, char key[HERMES_SSE__TOKEN_KEY_ROOM])
{
  snprintf(key, HERMES_SSE__TOKEN_KEY_ROOM, "sse:token:%s", token);
}

int hermes_sse__token_mint(hermes_sse_request *request, hermes_sse__text *value)
{
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const hermes_sse_environment *env = &request->service->env;
  char expires[HERMES_SSE__TIMESTAMP_ROOM];
  unsigned char random[32];

  if (env->random(random, sizeof random, env->user) < 0)
    return HERMES_SSE_ERR_RANDOM;
  strcpy(request->token, "sse_");
  for (size_t i = 0; i < sizeof random; i++)
    request->token[4 + i] = alphabet[random[i] & 63];
  request->token[4 + sizeof random] = 0;
  request->expires_ms = env->wall_ms(env->user) + 1000 * request->ttl_s;
  hermes_sse__text_str(value, "{\"scope\":");
  hermes_sse__text_json(value, request->scope, strlen(request->scope));
  hermes_sse__text_format(value, ",\"permissions\":[\"read\"],\"expires_at\":\"%s\"}",
                          hermes_sse__timestamp(request->expires_ms, expires));
  return value->failed ? HERMES_SSE_ERR_NOMEM : HERMES_SSE_OK;
}

static int number(const char *text, int digits)
{
  int n = 0;

  for (int i = 0; i < digits; i++) {
    if (text[i] < '0' || text[i] > '9')
      return -1;
    n = 10 * n + text[i] - '0';
  }
  return n;
}

/* ISO 8601 in UTC, "2026-01-02T03:04:05.678Z"; 0: not that. Days by the civil calendar, no library's time zone. */
static uint64_t parse_time(const char *text)
{
  static const int days_before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
  int year, month, day, hour, minute, second;
  int64_t days;

  if (strlen(text) < 20 || text[strlen(text) - 1] != 'Z' || strspn(text + 19, ".0123456789Z") != strlen(text + 19) ||
      text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':')
    return 0;
  year = number(text, 4);
  month = number(text + 5, 2);
  day = number(text + 8, 2);
  hour = number(text + 11, 2);
  minute = number(text + 14, 2);
  second = number(text + 17, 2);
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 60)
    return 0;
  days = 365 * (int64_t)(year - 1970) + (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400;
  days += days_before[month - 1] + day - 1;
  days += month > 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return (uint64_t)(((days * 24 + hour) * 60 + minute) * 60 + second) * 1000u;
}

int hermes_sse__token_read(hermes_sse_request *request)
{
  const hermes_sse_environment *env = &request->service->env;
  hermes_sse_slice value = { .ptr = request->answer_value, .len = request->answer_len };
  const cJSON *scope, *expires, *permission, *read = NULL;
  cJSON *json = NULL;
  int rv = hermes_sse__json_read(value, &json);

  if (rv < 0)
    return HERMES_SSE_ERR_BAD_DATA;
  scope = cJSON_GetObjectItemCaseSensitive(json, "scope");
  expires = cJSON_GetObjectItemCaseSensitive(json, "expires_at");
  cJSON_ArrayForEach(permission, cJSON_GetObjectItemCaseSensitive(json, "permissions"))
  {
    if (cJSON_IsString(permission) && strcmp(permission->valuestring, "read") == 0)
      read = permission;
  }
  rv = HERMES_SSE_ERR_BAD_DATA;
  if (read && cJSON_IsString(scope) && cJSON_IsString(expires) &&
      hermes_sse__scope_valid(hermes_sse_str(scope->valuestring))) {
    request->expires_ms = parse_time(expires->valuestring);
    if (request->expires_ms > env->wall_ms(env->user)) {
      request->scope = hermes_sse__copy(env, scope->valuestring, strlen(scope->valuestring));
      rv = request->scope ? HERMES_SSE_OK : HERMES_SSE_ERR_NOMEM;
    }
  }
  cJSON_Delete(json);
  return rv;
}

/* ---- revoking ---- */

int hermes_sse__grant_add(hermes_sse_request *request)
{
  hermes_sse_service *service = request->service;
  size_t len = strlen(request->scope);
  uint64_t now_ms = service->env.wall_ms(service->env.user);
  hermes_sse__grant *grant = hermes_sse__alloc(&service->env, 1, sizeof *grant + len + 1), **at, *old;

  if (!grant)
    return HERMES_SSE_ERR_NOMEM;
  grant->expires_ms = request->expires_ms;
  memcpy(grant->token, request->token, sizeof grant->token);
  memcpy(grant->scope, request->scope, len);
  pthread_mutex_lock(&service->lock);
  for (at = &service->grants; (old = *at);) {
    if (old->expires_ms > now_ms) {
      at = &old->next;
      continue;
    }
    *at = old->next;
    hermes_sse__release(&service->env, old);
  }
  grant->next = service->grants;
  service->grants = grant;
  pthread_mutex_unlock(&service->lock);
  return HERMES_SSE_OK;
}

int hermes_sse_service_revoke(hermes_sse_service *service, const char *scope)
{
  hermes_sse__grant *revoked = NULL, *grant, **at;
  char key[HERMES_SSE__TOKEN_KEY_ROOM];

  if (!scope)
    return HERMES_SSE_ERR_OPTION;
  pthread_mutex_lock(&service->lock);
  for (at = &service->grants; (grant = *at);) {
    if (strcmp(grant->scope, scope) != 0) {
      at = &grant->next;
      continue;
    }
    *at = grant->next;
    grant->next = revoked;
    revoked = grant;
  }
  pthread_mutex_unlock(&service->lock);
  while ((grant = revoked)) {
    revoked = grant->next;
    hermes_sse__token_key(grant->token, key);
    hermes_sse__lookup_forget(service, key);
    hermes_sse__release(&service->env, grant);
  }
  if (strlen(scope) > HERMES_SSE_KEY_MAX)
    return HERMES_SSE_ERR_BAD_KEY;
  return hermes_sse_bus_kick(service->bus, "scope", hermes_sse_str(scope));
}

void hermes_sse__grants_clear(hermes_sse_service *service)
{
  while (service->grants) {
    hermes_sse__grant *grant = service->grants;

    service->grants = grant->next;
    hermes_sse__release(&service->env, grant);
  }
}
