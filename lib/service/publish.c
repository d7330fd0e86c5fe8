#include "common/contract.h"
#include "common/json.h"
#include "core/options.h"
#include "service/service.h"
#include <cJSON.h>
#include <math.h>
#include <string.h>

enum { DOWNLOADS, QUEUE, SYSTEM };

static int is_one_of(const char *word, const char *const *words, size_t n)
{
  for (size_t i = 0; word && i < n; i++)
    if (strcmp(word, words[i]) == 0)
      return 1;
  return 0;
}

#define ONE_OF(word, ...)                                                                                              \
  is_one_of(word, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static int publish(hermes_sse_service *service, int channel, const char *type, hermes_sse_slice key,
                   hermes_sse_slice data)
{
  hermes_sse_message m = { .size = sizeof m,
                           .topic = hermes_sse_str(hermes_sse__channels[channel].name),
                           .key = key,
                           .type = hermes_sse_str(type),
                           .data = data };

  /* off: there is nobody to hear it here, but other servers may be on */
  if (!service->settings->number[HERMES_SSE__SETTING_ENABLE] &&
      !*service->settings->text[HERMES_SSE__SETTING_REDIS_URL])
    return HERMES_SSE_OK;
  return hermes_sse_bus_publish(service->bus, &m);
}

static int malformed(hermes_sse_service *service, int status)
{
  uint64_t n = atomic_fetch_add_explicit(&service->malformed, 1, memory_order_relaxed) + 1;

  if ((n & (n - 1)) == 0) /* the first, the second, the fourth ...: whoever floods us does not flood the log */
    hermes_sse__log_line(&service->env, HERMES_SSE_LOG_WARNING, "message refused, %llu so far: %s",
                         (unsigned long long)n, hermes_sse_strerror(status));
  return status;
}

int hermes_sse_service_publish(hermes_sse_service *service, const char *channel, const char *type,
                               hermes_sse_slice data)
{
  hermes_sse__text line = hermes_sse__text_new(&service->env);
  char key[HERMES_SSE_KEY_MAX + 1];
  size_t key_len;
  cJSON *json = NULL;
  int number, rv;

  for (number = 0; number < HERMES_SSE__N_CHANNELS; number++)
    if (channel && strcmp(channel, hermes_sse__channels[number].name) == 0)
      break;
  if (number == HERMES_SSE__N_CHANNELS)
    return malformed(service, HERMES_SSE_ERR_NOT_FOUND);
  if (!hermes_sse__type_ok(hermes_sse_str(type)))
    return malformed(service, HERMES_SSE_ERR_BAD_TYPE);
  rv = hermes_sse__json_read(data, &json);
  if (rv < 0)
    return malformed(service, rv);
  key_len = hermes_sse__data_key(json, data, key);
  hermes_sse__json_line(&line, data);
  rv = line.failed ? HERMES_SSE_ERR_NOMEM
                   : publish(service, number, type, (hermes_sse_slice){ .ptr = key, .len = key_len },
                             (hermes_sse_slice){ .ptr = line.bytes, .len = line.n });
  hermes_sse__text_clear(&line);
  cJSON_Delete(json);
  return rv;
}

/* ---- Hermes's helpers ---- */

static void member(hermes_sse__text *to, const char *name, const char *value)
{
  hermes_sse__text_format(to, "%s\"%s\":", to->n > 1 ? "," : "", name);
  if (value)
    hermes_sse__text_json(to, value, strlen(value));
  else
    hermes_sse__text_str(to, "null");
}

static void count(hermes_sse__text *to, const char *name, uint64_t value)
{
  if (value == HERMES_SSE_UNKNOWN)
    hermes_sse__text_format(to, ",\"%s\":null", name);
  else
    hermes_sse__text_format(to, ",\"%s\":%llu", name, (unsigned long long)value);
}

static int id_ok(const char *id)
{
  return id && *id && strlen(id) <= HERMES_SSE_KEY_MAX;
}

/* Adds the members of `more`, a JSON object, as they were written. */
static int add_more(hermes_sse__text *to, hermes_sse_slice more)
{
  const char *open, *close;
  cJSON *json = NULL;
  int object, members, repeats = 0;

  if (more.len == 0)
    return HERMES_SSE_OK;
  if (hermes_sse__json_read(more, &json) < 0)
    return HERMES_SSE_ERR_BAD_DATA;
  object = cJSON_IsObject(json);
  members = object && json->child;
  for (const cJSON *member = members ? json->child : NULL; member; member = member->next)
    repeats |= ONE_OF(member->string, "download_id", "status", "progress", "downloaded_bytes", "total_bytes",
                      "download_speed", "eta", "error_message");
  cJSON_Delete(json);
  if (!object || repeats)
    return HERMES_SSE_ERR_BAD_DATA;
  if (!members)
    return HERMES_SSE_OK;
  open = memchr(more.ptr, '{', more.len);
  close = memrchr(more.ptr, '}', more.len);
  hermes_sse__text_add(to, ",", 1);
  hermes_sse__json_line(to, (hermes_sse_slice){ .ptr = open + 1, .len = (size_t)(close - open - 1) });
  return HERMES_SSE_OK;
}

/* Tenths of a percent; all of them only when it is all. */
static int tenths_of(double progress)
{
  int tenths = (int)(progress * 10 + 0.5);

  return tenths == 1000 && progress < 100 ? 999 : tenths;
}

static int format_progress(hermes_sse__text *to, const char *id, const hermes_sse_download_progress *progress)
{
  hermes_sse_download_progress read, *p = &read;
  int rv;

  if (!progress || hermes_sse__options_read(p, sizeof *p, progress) < 0)
    return HERMES_SSE_ERR_OPTION;
  if (!id_ok(id) || !(p->progress >= 0 && p->progress <= 100) ||
      !ONE_OF(p->status, "queued", "downloading", "processing", "completed", "failed", "cancelled"))
    return HERMES_SSE_ERR_BAD_DATA;
  hermes_sse__text_str(to, "{");
  member(to, "download_id", id);
  member(to, "status", p->status);
  /* one decimal, by integers: printf would follow the host's locale */
  hermes_sse__text_format(to, ",\"progress\":%d.%d", tenths_of(p->progress) / 10, tenths_of(p->progress) % 10);
  count(to, "downloaded_bytes", p->downloaded_bytes);
  count(to, "total_bytes", p->total_bytes);
  count(to, "download_speed", p->download_speed);
  count(to, "eta", p->eta);
  member(to, "error_message", p->error_message);
  rv = add_more(to, p->more);
  hermes_sse__text_str(to, "}");
  return rv < 0 ? rv : to->failed ? HERMES_SSE_ERR_NOMEM : HERMES_SSE_OK;
}

hermes_sse_ssize hermes_sse_format_download_progress(const char *download_id,
                                                     const hermes_sse_download_progress *progress, char *buf,
                                                     size_t cap)
{
  hermes_sse_environment env = { .size = sizeof env };
  hermes_sse__text text = hermes_sse__text_new(&env);
  hermes_sse_ssize rv = hermes_sse__environment_read(&env, NULL);

  if (rv == HERMES_SSE_OK)
    rv = format_progress(&text, download_id, progress);
  if (rv == HERMES_SSE_OK)
    rv = text.n < cap ? (hermes_sse_ssize)text.n : HERMES_SSE_ERR_SPACE;
  if (rv >= 0)
    memcpy(buf, text.bytes, text.n + 1);
  hermes_sse__text_clear(&text);
  return rv;
}

/* Publishes what was built and releases it. */
static int publish_text(hermes_sse_service *service, int channel, const char *type, const char *key,
                        hermes_sse__text *text, int rv)
{
  if (rv == HERMES_SSE_OK && text->failed)
    rv = HERMES_SSE_ERR_NOMEM;
  if (rv == HERMES_SSE_OK)
    rv = publish(service, channel, type, hermes_sse_str(key), (hermes_sse_slice){ .ptr = text->bytes, .len = text->n });
  hermes_sse__text_clear(text);
  return rv;
}

int hermes_sse_publish_download_progress(hermes_sse_service *service, const char *download_id,
                                         const hermes_sse_download_progress *progress)
{
  hermes_sse__text text = hermes_sse__text_new(&service->env);
  int rv = format_progress(&text, download_id, progress);

  return publish_text(service, DOWNLOADS, "download_progress", download_id, &text, rv);
}

int hermes_sse_publish_queue_update(hermes_sse_service *service, const char *action, const char *download_id,
                                    const char *status)
{
  hermes_sse__text text = hermes_sse__text_new(&service->env);

  if (!id_ok(download_id) || !ONE_OF(action, "added", "removed", "status_changed"))
    return HERMES_SSE_ERR_BAD_DATA;
  hermes_sse__text_str(&text, "{");
  member(&text, "action", action);
  member(&text, "download_id", download_id);
  member(&text, "status", status);
  hermes_sse__text_str(&text, "}");
  return publish_text(service, QUEUE, "queue_update", download_id, &text, HERMES_SSE_OK);
}

int hermes_sse_publish_system_notification(hermes_sse_service *service, const char *notification_type,
                                           const char *message)
{
  hermes_sse__text text = hermes_sse__text_new(&service->env);

  if (!message || !ONE_OF(notification_type, "info", "warning", "error"))
    return HERMES_SSE_ERR_BAD_DATA;
  hermes_sse__text_str(&text, "{");
  member(&text, "notification_type", notification_type);
  member(&text, "message", message);
  hermes_sse__text_str(&text, "}");
  return publish_text(service, SYSTEM, "system_notification", NULL, &text, HERMES_SSE_OK);
}
