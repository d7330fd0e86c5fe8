#include "relay.h"
#include <stdarg.h>

hermes_sse_id relay_id(const char *text)
{
  hermes_sse_id id = { 0, 0 };

  ck_assert_msg(hermes_sse_id_parse(text, strlen(text), &id) == HERMES_SSE_OK, "%s", text);
  return id;
}

int relay_publish(hermes_sse_bus *bus, const hermes_sse_message *message, void *user)
{
  relay *r = user;
  int rv = HERMES_SSE_OK;

  r->published++;
  r->message = *message;
  if (r->brings == 2)
    r->last.lo++;
  if (r->brings)
    rv = hermes_sse_bus_ingest(bus, r->brings == 2 ? &r->last : NULL, message);
  return rv < 0 ? rv : r->gives;
}

int relay_demand(hermes_sse_bus *bus, hermes_sse_slice topic, int on, void *user)
{
  relay *r = user;
  size_t len = strlen(r->told);

  (void)bus;
  snprintf(r->told + len, sizeof r->told - len, "%s%c%.*s", len > 0 ? " " : "", on ? '+' : '-', (int)topic.len,
           (const char *)topic.ptr);
  return r->refuses && on ? HERMES_SSE_ERR_FULL : HERMES_SSE_OK;
}

int relay_set(hermes_sse_bus *bus, relay *r, uint64_t flags)
{
  hermes_sse_relay o = { .size = sizeof o, .flags = flags, .publish = relay_publish, .demand = relay_demand };

  return hermes_sse_bus_relay(bus, &o, r);
}

void relay_set_with_ids(world *w, relay *r)
{
  memset(r, 0, sizeof *r);
  ck_assert_int_eq(relay_set(w->bus, r, HERMES_SSE_RELAY_IDS), HERMES_SSE_OK);
  world_run(w, 0);
}

const char *relay_told(relay *r)
{
  static char text[sizeof r->told];

  memcpy(text, r->told, sizeof text);
  r->told[0] = 0;
  return text;
}

int relay_ingest(hermes_sse_bus *bus, const char *id, const char *topic, const char *key, const char *data)
{
  hermes_sse_message m = {
    .size = sizeof m, .topic = hermes_sse_str(topic), .key = hermes_sse_str(key), .data = hermes_sse_str(data)
  };
  hermes_sse_id parsed = id ? relay_id(id) : (hermes_sse_id){ 0, 0 };

  return hermes_sse_bus_ingest(bus, id ? &parsed : NULL, &m);
}

int relay_gap(hermes_sse_bus *bus, const char *topic, int reason, const char *id)
{
  hermes_sse_id parsed = id ? relay_id(id) : (hermes_sse_id){ 0, 0 };

  return hermes_sse_bus_gap(bus, hermes_sse_str(topic), reason, id ? &parsed : NULL);
}

void relay_bring(world *w, const char *id, const char *topic, const char *key, const char *data)
{
  ck_assert_int_eq(relay_ingest(w->bus, id, topic, key, data), HERMES_SSE_OK);
}

void relay_bridge_gap(world *w, const char *topic)
{
  ck_assert_int_eq(relay_gap(w->bus, topic, HERMES_SSE_GAP_BRIDGE, NULL), HERMES_SSE_OK);
}

void relay_live(world *w)
{
  ck_assert_int_eq(hermes_sse_bus_live(w->bus), HERMES_SSE_OK);
}

const char *relay_at(const world *w, uint64_t place)
{
  static char texts[8][HERMES_SSE_ID_MAX];
  static unsigned next;
  char *text = texts[next++ % 8];
  hermes_sse_id head; /* all ids of a run have one `hi` */

  ck_assert_int_eq(hermes_sse_bus_head(w->bus, &head), HERMES_SSE_OK);
  snprintf(text, HERMES_SSE_ID_MAX, "%llu-%llu", (unsigned long long)head.hi, (unsigned long long)place);
  return text;
}

const char *relay_seen(const sink *s)
{
  static char texts[8][4096];
  static unsigned next;
  static received events[256];
  char *text = texts[next++ % 8];
  size_t n = sink_read(s, events, 256, NULL), len = 0;

  text[0] = 0;
  for (size_t i = 0; i < n; i++) {
    const char *reason = strstr(events[i].data, "\"reason\":\"");

    if (!events[i].dispatched)
      continue;
    if (strcmp(events[i].type, "gap") == 0) {
      ck_assert_ptr_nonnull(reason);
      len += (size_t)snprintf(text + len, sizeof texts[0] - len, "%s<%.*s>", len ? " " : "",
                              (int)strcspn(reason + 10, "\""), reason + 10);
    } else {
      len += (size_t)snprintf(text + len, sizeof texts[0] - len, "%s%s", len ? " " : "", events[i].data);
    }
  }
  return text;
}

void relay_expect_bytes(const sink *s, const char *format, ...)
{
  char text[1024];
  va_list args;

  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  ck_assert_msg(s->n == strlen(text) && (s->n == 0 || memcmp(s->bytes, text, s->n) == 0), "came:\n%.*s\nexpected:\n%s",
                (int)s->n, s->n > 0 ? s->bytes : "", text);
}

const char *relay_position(const sink *s)
{
  static char text[HERMES_SSE_ID_MAX];
  hermes_sse_id id;
  int rv = hermes_sse_stream_position(s->stream, &id);

  if (rv < 0)
    return hermes_sse_status_name(rv);
  hermes_sse_id_format(&id, text, sizeof text);
  return text;
}

void relay_come(world *w, sink *s, const char *topic, const char *key, const char *id)
{
  sink_init(s);
  world_open_with(w, s, topic, key, (hermes_sse_stream_options){ .last_event_id = hermes_sse_str(id) });
}
