#include "load.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "sse-load-<run>-<sequence>-<microseconds>-<after>", wherever it stands in the data. */
static event_mark read_mark(const load *l, hermes_sse_slice data)
{
  char before[32], digits[64];
  int len = snprintf(before, sizeof before, "sse-load-%08x-", l->run);
  const char *at = memmem(data.ptr, data.len, before, (size_t)len), *end = (const char *)data.ptr + data.len;
  unsigned long long sequence, us, after;
  size_t left;

  if (!at)
    return (event_mark){ 0 };
  at += len;
  left = (size_t)(end - at) < sizeof digits - 1 ? (size_t)(end - at) : sizeof digits - 1;
  memcpy(digits, at, left);
  digits[left] = 0;
  if (sscanf(digits, "%llu-%llu-%llu", &sequence, &us, &after) != 3)
    return (event_mark){ 0 };
  return (event_mark){ sequence, us, after };
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

event_mark data_read(const load *l, hermes_sse_slice data)
{
  const options *o = &l->options;
  event_mark mark = { 0 };
  cJSON *json;
  double n, at;

  if (l->publisher)
    return read_mark(l, data);
  if (!o->sequence_field && !o->time_field)
    return mark;
  json = cJSON_ParseWithLength(data.ptr, data.len);
  n = value_of(json, o->sequence_field);
  at = value_of(json, o->time_field) * o->time_unit_us;
  if (n >= 1 && n < 9007199254740992.0) {
    mark.sequence = (uint64_t)n;
    mark.after = mark.sequence - 1;
  }
  if (at >= 1 && at < 1e18)
    mark.published_us = (uint64_t)at;
  cJSON_Delete(json);
  return mark;
}
