#include "service/ending.h"
#include "common/json.h"
#include "service/route.h"
#include <cJSON.h>
#include <stdio.h>
#include <string.h>

enum { DOWNLOADS };

static int is(hermes_sse_slice text, const char *word)
{
  return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static int has(hermes_sse_slice text, const char *word)
{
  return memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

/* Most say at once that they are no last ones. */
static int is_last(hermes_sse_slice data)
{
  const cJSON *status;
  cJSON *json = NULL;
  int last;

  if (!has(data, "\"completed\"") && !has(data, "\"failed\"") && !has(data, "\"cancelled\""))
    return 0;
  if (hermes_sse__json_read(data, &json) < 0)
    return 0;
  status = cJSON_GetObjectItemCaseSensitive(json, "status");
  last = cJSON_IsString(status) &&
         (strcmp(status->valuestring, "completed") == 0 || strcmp(status->valuestring, "failed") == 0 ||
          strcmp(status->valuestring, "cancelled") == 0);
  cJSON_Delete(json);
  return last;
}

void hermes_sse__ending_look(hermes_sse_service *service, const hermes_sse_message *m)
{
  char scope[sizeof "download:" + HERMES_SSE_KEY_MAX];

  if (m->key.len == 0 || !is(m->topic, hermes_sse__channels[DOWNLOADS].name) || !is(m->type, "download_progress") ||
      !is_last(m->data))
    return;
  snprintf(scope, sizeof scope, "download:%.*s", (int)m->key.len, (const char *)m->key.ptr);
  hermes_sse_service_revoke(service, scope);
}
