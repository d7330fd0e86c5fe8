#include "load.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "sse-load-<run>-<sequence>-<microseconds>", wherever it stands in the data. */
static void read_mark(const load *l, hermes_sse_slice data, uint64_t *sequence, uint64_t *published_us)
{
  char before[32], digits[64];
  int len = snprintf(before, sizeof before, "sse-load-%08x-", l->run);
  const char *at = memmem(data.ptr, data.len, before, (size_t)len), *end = (const char *)data.ptr + data.len;
  unsigned long long n, us;
  size_t left;

  if (!at)
    return;
  at += len;
  left = (size_t)(end - at) < sizeof digits - 1 ? (size_t)(end - at) : sizeof digits - 1;
  memcpy(digits, at, left);
  digits[left] = 0;
  if (sscanf(digits, "%llu-%llu", &n, &us) == 2) {
    *sequence = n;
    *published_us = us;
  }
}

static const cJSON *member(const cJSON *object, const char *path)
{
  const char *dot;
  char name[128];

  for (; object; path = dot + 1) {
    dot = strchrnul(path, '.');
    snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
    object = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!*dot)
      break;
  }
  return object;
}

/* A number, or a string that is one. */
static double value_of(const cJSON *json, const char *path)
{
  const cJSON *found = path ? member(json, path) : NULL;

  if (cJSON_IsNumber(found))
    return found->valuedouble;
  return cJSON_IsString(found) ? strtod(found->valuestring, NULL) : 0;
}

void data_read(const load *l, hermes_sse_slice data, uint64_t *sequence, uint64_t *published_us)
{
  const options *o = &l->options;
  cJSON *json;
  double n, at;

  *sequence = *published_us = 0;
  if (l->publisher)
    read_mark(l, data, sequence, published_us);
  if (!o->sequence_field && !o->time_field)
    return;
  json = cJSON_ParseWithLength(data.ptr, data.len);
  n = value_of(json, o->sequence_field);
  at = value_of(json, o->time_field) * o->time_unit_us;
  if (n >= 1 && n < 9007199254740992.0)
    *sequence = (uint64_t)n;
  if (at >= 1 && at < 1e18)
    *published_us = (uint64_t)at;
  cJSON_Delete(json);
}
