#include "fleet.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 8, WORD = 40 };

void client_come(host *h, sink *s, const char *topic, const char *key, const char *id)
{
  hermes_sse_subscription followed = { .topic = hermes_sse_str(topic), .key = hermes_sse_str(key) };
  hermes_sse_stream_options o = { .size = sizeof o, .user = s, .topics = &followed, .n_topics = 1 };

  sink_init(s);
  o.last_event_id = hermes_sse_str(id);
  ck_assert_int_eq(hermes_sse_stream_open(h->hub, &o, &s->stream), HERMES_SSE_OK);
}

void client_leave(sink *s)
{
  hermes_sse_stream_free(s->stream);
  s->stream = NULL;
  sink_clear(s);
}

/* One event: what is between two empty lines. */
typedef struct event {
  const char *data, *id, *reason;
  int data_len, id_len, reason_len;
} event;

static int value_of(const char *line, size_t len, const char *field, const char **value)
{
  size_t name = strlen(field);

  if (len < name || memcmp(line, field, name) != 0)
    return 0;
  *value = line + name;
  return (int)(len - name);
}

/* 1: `*at` is behind the event that was read. */
static int next_event(const sink *s, size_t *at, event *e)
{
  *e = (event){ .data = NULL };
  while (*at < s->n) {
    const char *line = s->bytes + *at, *end = memchr(line, '\n', s->n - *at);
    size_t len = end ? (size_t)(end - line) : s->n - *at;

    *at += len + (end ? 1 : 0);
    if (len == 0)
      return e->data != NULL || next_event(s, at, e);
    if (memcmp(line, "data: ", len < 6 ? len : 6) == 0)
      e->data_len = value_of(line, len, "data: ", &e->data);
    else if (memcmp(line, "id: ", len < 4 ? len : 4) == 0)
      e->id_len = value_of(line, len, "id: ", &e->id);
  }
  return 0;
}

static int is_gap(event *e)
{
  const char *at = memmem(e->data, (size_t)e->data_len, "\"reason\":\"", 10);

  if (!at)
    return 0;
  e->reason = at + 10;
  e->reason_len = (int)strcspn(e->reason, "\"");
  return 1;
}

static const char *render(const sink *s, int with_ids)
{
  static char *texts[TEXTS];
  static unsigned turn;
  char **text = &texts[turn++ % TEXTS];
  size_t at = 0, len = 0, room = 1;
  event e;

  while (next_event(s, &at, &e))
    room += (size_t)(e.id_len + 2 + (e.data_len < WORD ? e.data_len : WORD) + 8);
  free(*text);
  *text = calloc(1, room);
  for (at = 0; next_event(s, &at, &e);) {
    len += (size_t)snprintf(*text + len, room - len, "%s", len > 0 ? " " : "");
    if (with_ids)
      len += (size_t)snprintf(*text + len, room - len, "%.*s=", e.id_len, e.id);
    if (is_gap(&e))
      len += (size_t)snprintf(*text + len, room - len, "<%.*s>", e.reason_len, e.reason);
    else
      len += (size_t)snprintf(*text + len, room - len, "%.*s", e.data_len < WORD ? e.data_len : WORD, e.data);
  }
  return *text;
}

const char *client_seen(const sink *s)
{
  return render(s, 0);
}

const char *client_seen_ids(const sink *s)
{
  return render(s, 1);
}

const char *client_id(const sink *s)
{
  static char ids[TEXTS][HERMES_SSE_ID_MAX];
  static unsigned turn;
  char *id = ids[turn++ % TEXTS];
  size_t at = 0;
  event e;

  id[0] = 0;
  while (next_event(s, &at, &e))
    if (e.id_len > 0)
      snprintf(id, HERMES_SSE_ID_MAX, "%.*s", e.id_len, e.id);
  return id;
}

size_t client_events(const sink *s)
{
  size_t at = 0, n = 0;
  event e;

  while (next_event(s, &at, &e))
    n++;
  return n;
}

size_t client_count(const sink *s, const char *word)
{
  const char *at = client_seen(s);
  size_t n = 0, len = strlen(word);

  while (*at) {
    size_t here = strcspn(at, " ");

    n += here == len && memcmp(at, word, len) == 0;
    at += here + (at[here] == ' ');
  }
  return n;
}
