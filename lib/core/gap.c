#include "core/gap.h"
#include "core/follow.h"
#include <stdio.h>

const char *hermes_sse__gap_name(int gap)
{
  static const char *const names[] = { NULL, "expired", "restarted", "unknown" };

  return names[gap];
}

int hermes_sse__gap_judge(const hermes_sse_stream *stream, hermes_sse_slice last_event_id, uint64_t *position,
                          uint64_t *told)
{
  const hermes_sse_hub *hub = stream->hub;
  uint64_t now = hermes_sse__bus_seq(hub->bus), lost;
  hermes_sse_id id;

  *position = now;
  *told = 0;
  if (last_event_id.len == 0)
    return HERMES_SSE__GAP_NONE;
  if (hermes_sse_id_parse(last_event_id.ptr, last_event_id.len, &id) < 0)
    return HERMES_SSE__GAP_UNKNOWN;
  if (id.hi != hub->bus->run)
    return HERMES_SSE__GAP_RESTARTED;
  if (id.lo > now)
    return HERMES_SSE__GAP_UNKNOWN;
  *position = id.lo;
  lost = hermes_sse__followed_evicted_to(stream);
  if (hub->floor > lost)
    lost = hub->floor;
  if (lost <= id.lo)
    return HERMES_SSE__GAP_NONE;
  *told = lost;
  return HERMES_SSE__GAP_EXPIRED;
}

/* With quotes, or null. */
static const char *json_id(char *buf, size_t cap, const hermes_sse_id *id)
{
  char text[HERMES_SSE_ID_MAX];

  if (!id)
    return "null";
  hermes_sse_id_format(id, text, sizeof text);
  snprintf(buf, cap, "\"%s\"", text);
  return buf;
}

int hermes_sse__gap_frame(const hermes_sse_stream *stream, int gap, hermes_sse_slice last_event_id, uint64_t position,
                          hermes_sse_frame **frame)
{
  const hermes_sse_bus *bus = stream->hub->bus;
  char data[256], from_text[HERMES_SSE_ID_MAX + 2], to_text[HERMES_SSE_ID_MAX + 2];
  hermes_sse_event event = { .size = sizeof event, .type = hermes_sse_str("gap") };
  hermes_sse_id from, to = hermes_sse__bus_id(bus, hermes_sse__followed_next(stream, position));
  hermes_sse_id at = hermes_sse__bus_id(bus, position);
  int parsed = hermes_sse_id_parse(last_event_id.ptr, last_event_id.len, &from) == HERMES_SSE_OK;

  snprintf(data, sizeof data, "{\"from\":%s,\"to\":%s,\"missed\":null,\"reason\":\"%s\"}",
           json_id(from_text, sizeof from_text, parsed ? &from : NULL),
           json_id(to_text, sizeof to_text, to.lo > 0 ? &to : NULL), hermes_sse__gap_name(gap));
  event.data = hermes_sse_str(data);
  return hermes_sse__frame_event(&stream->hub->env, UINT32_MAX, &event, &at, frame);
}
