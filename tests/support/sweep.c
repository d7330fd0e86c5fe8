#include "sweep.h"
#include "assertions.h"

int sweep_ok(int status, const memory *m)
{
  ck_assert_msg(status >= 0 || (status == HERMES_SSE_ERR_NOMEM && m->failed > 0), "%s", hermes_sse_status_name(status));
  return status >= 0;
}

static uint64_t published_on(const hermes_sse_bus *bus)
{
  hermes_sse_stats s = { .size = sizeof s };

  ck_assert_int_eq(hermes_sse_bus_stats(bus, &s), HERMES_SSE_OK);
  return s.published;
}

int sweep_publish(hermes_sse_bus *bus, const char *topic, const char *key, const char *data, const memory *m)
{
  hermes_sse_message message = {
    .size = sizeof message, .topic = hermes_sse_str(topic), .key = hermes_sse_str(key), .data = hermes_sse_str(data)
  };
  uint64_t before = published_on(bus);
  int rv = sweep_ok(hermes_sse_bus_publish(bus, &message), m);

  ck_assert_uint_eq(published_on(bus), before + (uint64_t)rv);
  return rv;
}
