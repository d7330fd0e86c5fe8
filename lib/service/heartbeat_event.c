#include "common/text.h"
#include "core/options.h"
#include "service/settings.h"
#include <stdio.h>
#include <time.h>

/* event: heartbeat, data: {"timestamp":"..."}; borrowed by the hub until its next call, on its own thread. */
static const hermes_sse_event *heartbeat(hermes_sse_hub *hub, void *user)
{
  static _Thread_local char data[HERMES_SSE__TIMESTAMP_ROOM + 20];
  static _Thread_local hermes_sse_event event;
  char timestamp[HERMES_SSE__TIMESTAMP_ROOM];
  struct timespec now;
  int len;

  (void)hub, (void)user;
  clock_gettime(CLOCK_REALTIME, &now);
  len = snprintf(data, sizeof data, "{\"timestamp\":\"%s\"}",
                 hermes_sse__timestamp((uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u, timestamp));
  event = (hermes_sse_event){ .size = sizeof event,
                              .type = hermes_sse_str("heartbeat"),
                              .data = { .ptr = data, .len = (size_t)len } };
  return &event;
}

int hermes_sse_settings_hub(const hermes_sse_settings *settings, hermes_sse_hub_options *options)
{
  uint64_t lifetime;

  if (!options || options->size < sizeof *options)
    return HERMES_SSE_ERR_OPTION;
  lifetime = settings->number[HERMES_SSE__SETTING_LIFETIME];
  options->heartbeat = heartbeat;
  options->heartbeat_ms = 1000 * settings->number[HERMES_SSE__SETTING_HEARTBEAT];
  options->timeout_ms = 1000 * settings->number[HERMES_SSE__SETTING_TIMEOUT];
  options->lifetime_ms = lifetime ? 1000 * lifetime : HERMES_SSE_NEVER;
  return HERMES_SSE_OK;
}
