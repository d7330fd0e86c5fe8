#include "reference.h"
#include <stdlib.h>
#include <string.h>

static hermes_sse_slice all(const fuzz_text *text)
{
  return (hermes_sse_slice){ .ptr = text->at, .len = text->n };
}

static void set(fuzz_text *text, hermes_sse_slice value)
{
  text->n = 0;
  fuzz_add(text, value.ptr, value.len);
}

void found_event(fuzz_text *found, hermes_sse_slice type, hermes_sse_slice data, hermes_sse_slice id)
{
  fuzz_add(found, "E", 1);
  fuzz_add_slice(found, type);
  fuzz_add_slice(found, data);
  fuzz_add_slice(found, id);
}

void found_comment(fuzz_text *found, hermes_sse_slice text)
{
  fuzz_add(found, "C", 1);
  fuzz_add_slice(found, text);
}

void found_retry(fuzz_text *found, uint64_t ms)
{
  fuzz_add(found, "R", 1);
  fuzz_add(found, &ms, sizeof ms);
}

void found_error(fuzz_text *found, int status)
{
  fuzz_add(found, "X", 1);
  fuzz_add(found, &status, sizeof status);
}

void found_by_parser(fuzz_text *found, int rv, const hermes_sse_event *event)
{
  switch (rv) {
  case HERMES_SSE_PARSED_EVENT:
    FUZZ_CHECK(event->flags == 0);
    found_event(found, event->type, event->data, event->id);
    return;
  case HERMES_SSE_PARSED_COMMENT:
    FUZZ_CHECK(event->flags == HERMES_SSE_EVENT_NO_DATA);
    found_comment(found, event->comment);
    return;
  case HERMES_SSE_PARSED_RETRY:
    FUZZ_CHECK(event->flags == (HERMES_SSE_EVENT_NO_DATA | HERMES_SSE_EVENT_RETRY));
    found_retry(found, event->retry_ms);
    return;
  default:
    FUZZ_CHECK(rv == HERMES_SSE_ERR_MAX_LINE || rv == HERMES_SSE_ERR_MAX_EVENT || rv == HERMES_SSE_ERR_MAX_ID);
    found_error(found, rv);
  }
}

void reference_init(reference *r, uint64_t flags, size_t max_line, size_t max_event, size_t max_id)
{
  *r = (reference){ .flags = flags, .max_line = max_line, .max_event = max_event, .max_id = max_id };
  r->retry_ms = HERMES_SSE_NEVER;
}

void reference_clear(reference *r)
{
  fuzz_clear(&r->found);
  fuzz_clear(&r->held);
  fuzz_clear(&r->line);
  fuzz_clear(&r->data);
  fuzz_clear(&r->type);
  fuzz_clear(&r->id_buffer);
  fuzz_clear(&r->last_event_id);
}

void reference_reset(reference *r)
{
  r->held.n = r->line.n = r->data.n = r->type.n = 0;
  r->head_over = r->after_cr = r->dropping = 0;
  set(&r->id_buffer, all(&r->last_event_id));
}

static int exceeds(reference *r, size_t size, size_t limit, int status)
{
  if (size <= limit)
    return 0;
  found_error(&r->found, status);
  r->dropping = 1;
  r->data.n = r->type.n = 0;
  set(&r->id_buffer, all(&r->last_event_id));
  return 1;
}

static void blank_line(reference *r)
{
  r->dropping = 0;
  set(&r->last_event_id, all(&r->id_buffer));
  if (r->data.n > 0) {
    r->data.n--;
    found_event(&r->found, r->type.n > 0 ? all(&r->type) : hermes_sse_str("message"), all(&r->data),
                all(&r->last_event_id));
  }
  r->data.n = r->type.n = 0;
}

static void retry_field(reference *r, const char *value, size_t len)
{
  unsigned __int128 ms = 0;

  if (len == 0)
    return;
  for (size_t i = 0; i < len; i++) {
    if (value[i] < '0' || value[i] > '9')
      return;
    ms = ms * 10 + (unsigned)(value[i] - '0');
    if (ms > INT64_MAX)
      ms = INT64_MAX;
  }
  r->retry_ms = (uint64_t)ms;
  if (r->flags & HERMES_SSE_PARSER_RETRIES)
    found_retry(&r->found, r->retry_ms);
}

static void field(reference *r, const char *name, size_t name_len, const char *value, size_t len)
{
  if (name_len == 5 && memcmp(name, "event", 5) == 0) {
    set(&r->type, (hermes_sse_slice){ .ptr = value, .len = len });
  } else if (name_len == 4 && memcmp(name, "data", 4) == 0) {
    if (!exceeds(r, r->data.n + len, r->max_event, HERMES_SSE_ERR_MAX_EVENT)) {
      fuzz_add(&r->data, value, len);
      fuzz_add(&r->data, "\n", 1);
    }
  } else if (name_len == 2 && memcmp(name, "id", 2) == 0) {
    for (size_t i = 0; i < len; i++)
      if (value[i] == 0)
        return;
    if (!exceeds(r, len, r->max_id, HERMES_SSE_ERR_MAX_ID))
      set(&r->id_buffer, (hermes_sse_slice){ .ptr = value, .len = len });
  } else if (name_len == 5 && memcmp(name, "retry", 5) == 0) {
    retry_field(r, value, len);
  }
}

static void line_over(reference *r)
{
  const char *line = r->line.at;
  size_t len = r->line.n, colon = 0, value;

  r->line.n = 0;
  if (len == 0) {
    blank_line(r);
    return;
  }
  if (r->dropping)
    return;
  while (colon < len && line[colon] != ':')
    colon++;
  value = colon < len ? colon + 1 : len;
  if (value < len && line[value] == ' ')
    value++;
  if (colon > 0)
    field(r, line, colon, line + value, len - value);
  else if (r->flags & HERMES_SSE_PARSER_COMMENTS)
    found_comment(&r->found, (hermes_sse_slice){ .ptr = line + value, .len = len - value });
}

static void body_byte(reference *r, char byte)
{
  int after_cr = r->after_cr;

  r->after_cr = byte == '\r';
  if (byte == '\n' && after_cr)
    return;
  if (byte == '\n' || byte == '\r') {
    line_over(r);
    return;
  }
  fuzz_add(&r->line, &byte, 1);
  if (!r->dropping)
    exceeds(r, r->line.n, r->max_line, HERMES_SSE_ERR_MAX_LINE);
}

static void one_byte(reference *r, char byte)
{
  static const char mark[] = "\xef\xbb\xbf";

  if (r->head_over) {
    body_byte(r, byte);
    return;
  }
  fuzz_add(&r->held, &byte, 1);
  if (memcmp(r->held.at, mark, r->held.n) == 0) {
    r->head_over = r->held.n == 3;
    return;
  }
  r->head_over = 1;
  for (size_t i = 0; i < r->held.n; i++)
    body_byte(r, r->held.at[i]);
}

void reference_feed(reference *r, const void *bytes, size_t len)
{
  for (size_t i = 0; i < len; i++)
    one_byte(r, ((const char *)bytes)[i]);
}
