#include "core/borrowed.h"
#include "core/environment.h"
#include "core/line_end.h"
#include "core/options.h"
#include <hermes_sse/parser.h>
#include <string.h>

typedef hermes_sse_slice slice;

static const unsigned char byte_order_mark[] = { 0xef, 0xbb, 0xbf };
enum { MARK_LEN = sizeof byte_order_mark, MARK_DONE };
static const size_t room_to_keep = 1 << 20;

struct hermes_sse_parser {
  hermes_sse_environment env;
  uint64_t flags, retry_ms;
  size_t max_event, max_line, max_id;
  const char *at, *end; /* of the bytes fed, what is left */
  uint8_t mark;         /* bytes of a byte order mark so far, or MARK_DONE */
  uint8_t after_cr;     /* an LF that comes next belongs to the line end before it */
  uint8_t dropping;     /* up to the next blank line */
  uint8_t in_dropped;   /* of the line being dropped bytes have been seen: it is not blank */
  uint8_t over;         /* the event has ended; its texts, which may be handed out, are forgotten with the next call */
  uint8_t fed;          /* bytes are borrowed */
  uint8_t has_data, has_id;
  hermes_sse__borrowed line; /* the beginning of a line that the bytes before ended within */
  hermes_sse__borrowed data, type, id;
  hermes_sse__borrowed last_id;
};

static slice empty(void)
{
  return (slice){ .len = 0 };
}

static slice between(const char *from, const char *to)
{
  return (slice){ .ptr = from, .len = (size_t)(to - from) };
}

static size_t limit(uint64_t given, uint64_t otherwise)
{
  uint64_t n = hermes_sse__or(given, otherwise);

  return n < PTRDIFF_MAX ? (size_t)n : PTRDIFF_MAX;
}

static int is_id(slice id)
{
  const char *at = id.ptr;

  return id.len == 0 || (!memchr(at, 0, id.len) && hermes_sse__find_line_end(at, at + id.len) == at + id.len);
}

int hermes_sse_parser_new(const hermes_sse_parser_options *options, hermes_sse_parser **parser)
{
  const uint64_t known = HERMES_SSE_PARSER_COMMENTS | HERMES_SSE_PARSER_RETRIES;
  hermes_sse_parser_options o;
  hermes_sse_environment env;
  hermes_sse_parser *p;
  size_t max_event, max_id;
  int rv = hermes_sse__options_read(&o, sizeof o, options);

  if (rv < 0 || (rv = hermes_sse__environment_read(&env, o.environment)) < 0)
    return rv;
  if (o.flags & ~known)
    return hermes_sse__refuse_number(&env, "parser flags", o.flags, "HERMES_SSE_PARSER_COMMENTS, _RETRIES");
  max_event = limit(o.max_event_bytes, 1 << 20);
  max_id = limit(o.max_id_bytes, 1024);
  if (o.last_event_id.len > max_id || !is_id(o.last_event_id)) {
    hermes_sse__refuse(&env, "last_event_id", "at most max_id_bytes, without CR, LF and NUL");
    return HERMES_SSE_ERR_BAD_ID;
  }
  p = hermes_sse__alloc(&env, 1, sizeof *p);
  if (!p)
    return HERMES_SSE_ERR_NOMEM;
  p->env = env;
  p->flags = o.flags;
  p->retry_ms = HERMES_SSE_NEVER;
  p->max_event = max_event;
  p->max_line = limit(o.max_line_bytes, (uint64_t)max_event + 64);
  p->max_id = max_id;
  rv = hermes_sse__borrowed_append(&p->env, &p->last_id, o.last_event_id, max_id);
  if (rv < 0) {
    hermes_sse_parser_free(p);
    return rv;
  }
  *parser = p;
  return HERMES_SSE_OK;
}

void hermes_sse_parser_free(hermes_sse_parser *p)
{
  if (!p)
    return;
  hermes_sse__release(&p->env, p->line.own);
  hermes_sse__release(&p->env, p->data.own);
  hermes_sse__release(&p->env, p->type.own);
  hermes_sse__release(&p->env, p->id.own);
  hermes_sse__release(&p->env, p->last_id.own);
  hermes_sse__release(&p->env, p);
}

int hermes_sse_parser_feed(hermes_sse_parser *p, const void *bytes, size_t len)
{
  if (p->fed)
    return HERMES_SSE_ERR_STATE;
  p->fed = 1;
  p->at = bytes;
  p->end = bytes ? p->at + len : p->at;
  return HERMES_SSE_OK;
}

static void forget_event(hermes_sse_parser *p)
{
  hermes_sse__borrowed_clear(&p->env, &p->data, room_to_keep);
  hermes_sse__borrowed_clear(&p->env, &p->type, room_to_keep);
  hermes_sse__borrowed_clear(&p->env, &p->id, room_to_keep);
  p->has_data = p->has_id = p->over = 0;
}

void hermes_sse_parser_reset(hermes_sse_parser *p)
{
  forget_event(p);
  hermes_sse__borrowed_clear(&p->env, &p->line, room_to_keep);
  p->at = p->end = NULL;
  p->mark = p->after_cr = p->dropping = p->in_dropped = p->fed = 0;
}

slice hermes_sse_parser_last_event_id(const hermes_sse_parser *p)
{
  return p->last_id.now;
}

uint64_t hermes_sse_parser_retry_ms(const hermes_sse_parser *p)
{
  return p->retry_ms;
}

/* From now to the blank line nothing is looked at. The line before it is at its end, or its rest goes with the others. */
static int drop_event(hermes_sse_parser *p, int status)
{
  forget_event(p);
  hermes_sse__borrowed_clear(&p->env, &p->line, room_to_keep);
  p->dropping = 1;
  return status;
}

/* "Append the field value to the data buffer, then append a single LF" [SSE 9.2.6]: the LF comes with the next line, as the
   last is removed again. */
static int take_data(hermes_sse_parser *p, slice value)
{
  size_t before = p->has_data ? p->data.now.len + 1 : 0;
  int rv;

  if (before > p->max_event || value.len > p->max_event - before)
    return drop_event(p, HERMES_SSE_ERR_MAX_EVENT);
  if (!p->has_data) {
    hermes_sse__borrowed_borrow(&p->data, value);
    p->has_data = 1;
    return 0;
  }
  rv = hermes_sse__borrowed_append(&p->env, &p->data, (slice){ .ptr = "\n", .len = 1 }, p->max_event);
  if (rv == HERMES_SSE_OK) {
    rv = hermes_sse__borrowed_append(&p->env, &p->data, value, p->max_event);
    if (rv < 0)
      p->data.now.len--;
  }
  return rv;
}

static int take_id(hermes_sse_parser *p, slice value)
{
  if (value.len > 0 && memchr(value.ptr, 0, value.len))
    return 0;
  if (value.len > p->max_id)
    return drop_event(p, HERMES_SSE_ERR_MAX_ID);
  hermes_sse__borrowed_borrow(&p->id, value);
  p->has_id = 1;
  return 0;
}

static int take_retry(hermes_sse_parser *p, slice value, hermes_sse_event *found)
{
  const char *at = value.ptr;
  uint64_t n = 0;

  for (size_t i = 0; i < value.len; i++) {
    unsigned digit = (unsigned char)at[i] - (unsigned)'0';

    if (digit > 9)
      return 0;
    n = n > ((uint64_t)INT64_MAX - digit) / 10 ? (uint64_t)INT64_MAX : n * 10 + digit;
  }
  if (value.len == 0)
    return 0;
  p->retry_ms = n;
  if (!(p->flags & HERMES_SSE_PARSER_RETRIES))
    return 0;
  found->flags = HERMES_SSE_EVENT_NO_DATA | HERMES_SSE_EVENT_RETRY;
  found->retry_ms = n;
  return HERMES_SSE_PARSED_RETRY;
}

/* The value if `line` is the field `name` of `len` bytes, with or without a colon. */
static inline int is_field(slice line, const char *name, size_t len, slice *value)
{
  const char *at = line.ptr;

  if (line.len < len || memcmp(at, name, len) != 0)
    return 0;
  if (line.len == len) {
    *value = empty();
    return 1;
  }
  if (at[len] != ':')
    return 0;
  len += line.len > len + 1 && at[len + 1] == ' ' ? 2 : 1;
  *value = (slice){ .ptr = at + len, .len = line.len - len };
  return 1;
}

/* A line that is not blank: "process the field" [SSE 9.2.6]. */
static int take_line(hermes_sse_parser *p, slice line, hermes_sse_event *found)
{
  const char *at = line.ptr;
  slice value;

  if (is_field(line, "data", 4, &value))
    return take_data(p, value);
  if (is_field(line, "id", 2, &value))
    return take_id(p, value);
  if (is_field(line, "event", 5, &value)) {
    hermes_sse__borrowed_borrow(&p->type, value);
    return 0;
  }
  if (is_field(line, "retry", 5, &value))
    return take_retry(p, value, found);
  if (*at == ':' && p->flags & HERMES_SSE_PARSER_COMMENTS) {
    is_field(line, "", 0, &found->comment);
    found->flags = HERMES_SSE_EVENT_NO_DATA;
    return HERMES_SSE_PARSED_COMMENT;
  }
  return 0;
}

/* "Dispatch the event" [SSE 9.2.6]. Data is there if there was a data line that is not empty, or more than one: "if the data
   buffer is an empty string" is asked before its last LF is removed, so one empty line counts. */
static int take_blank_line(hermes_sse_parser *p, hermes_sse_event *found)
{
  if (p->has_id) {
    hermes_sse__borrowed last = p->last_id;
    int rv;

    last.now = empty();
    rv = hermes_sse__borrowed_append(&p->env, &last, p->id.now, p->max_id);
    if (rv < 0)
      return rv;
    p->last_id = last;
  }
  p->over = 1;
  if (!p->has_data)
    return 0;
  found->type = p->type.now.len > 0 ? p->type.now : (slice){ .ptr = "message", .len = 7 };
  found->data = p->data.now;
  found->id = p->last_id.now;
  return HERMES_SSE_PARSED_EVENT;
}

/* Past the line end at `at`, and the LF of a CRLF if it is there already. */
static void skip_line_end(hermes_sse_parser *p, const char *at)
{
  const char cr = *at++ == '\r';

  if (cr && at < p->end && *at == '\n')
    at++;
  else
    p->after_cr = (uint8_t)(cr && at == p->end);
  p->at = at;
}

/* To the blank line that ends the event being dropped. */
static void skip_dropped(hermes_sse_parser *p)
{
  while (p->dropping && p->at < p->end) {
    const char *line_end = hermes_sse__find_line_end(p->at, p->end);
    const int blank = line_end == p->at && !p->in_dropped;

    if (line_end == p->end) {
      p->in_dropped = 1;
      p->at = p->end;
      return;
    }
    p->in_dropped = 0;
    p->dropping = (uint8_t)!blank;
    skip_line_end(p, line_end);
  }
}

/* A line that was put together, and is the data so far, becomes the data's own memory instead of being copied. */
static void keep_line_as_data(hermes_sse_parser *p)
{
  const char *at = p->data.now.ptr;
  hermes_sse__borrowed line = p->line;

  if (p->data.now.len == 0 || at < line.own || at >= line.own + line.room || line.room > p->max_event)
    return;
  memmove(line.own, at, p->data.now.len);
  line.now = (slice){ .ptr = line.own, .len = p->data.now.len };
  p->line = (hermes_sse__borrowed){ .own = p->data.own, .room = p->data.room };
  p->data = line;
}

/* Copies what of the bytes fed will be needed when they are gone: the event so far, and the line that they end within. */
static int keep_rest(hermes_sse_parser *p)
{
  const hermes_sse_environment *env = &p->env;
  int rv;

  if (p->line.own && p->line.now.len == 0)
    keep_line_as_data(p);
  rv = hermes_sse__borrowed_keep(env, &p->data, p->max_event);
  rv = rv == HERMES_SSE_OK ? hermes_sse__borrowed_keep(env, &p->type, p->max_line) : rv;
  rv = rv == HERMES_SSE_OK ? hermes_sse__borrowed_keep(env, &p->id, p->max_id) : rv;
  rv = rv == HERMES_SSE_OK ? hermes_sse__borrowed_append(env, &p->line, between(p->at, p->end), p->max_line) : rv;
  if (rv == HERMES_SSE_OK)
    p->at = p->end;
  return rv;
}

/* Bytes that may be a byte order mark are held back; were they none, they begin the first line. */
static int skip_mark(hermes_sse_parser *p)
{
  int rv = HERMES_SSE_OK;

  while (p->mark < MARK_LEN && p->at < p->end && (unsigned char)*p->at == byte_order_mark[p->mark]) {
    p->mark++;
    p->at++;
  }
  if (p->mark < MARK_LEN && p->at == p->end)
    return HERMES_SSE_OK;
  if (p->mark > p->max_line && p->mark < MARK_LEN) {
    p->in_dropped = 1;
    rv = drop_event(p, HERMES_SSE_ERR_MAX_LINE);
    p->mark = MARK_DONE;
    return rv;
  }
  if (p->mark > 0 && p->mark < MARK_LEN)
    rv = hermes_sse__borrowed_append(&p->env, &p->line, (slice){ .ptr = byte_order_mark, .len = p->mark }, p->max_line);
  if (rv == HERMES_SSE_OK)
    p->mark = MARK_DONE;
  return rv;
}

/* A line, or as much of it as there is; what was found, or a status. */
static int take_bytes(hermes_sse_parser *p, hermes_sse_event *found)
{
  const char *line_end = hermes_sse__find_line_end(p->at, p->end);
  slice line = between(p->at, line_end);
  int rv;

  if (line.len > p->max_line - p->line.now.len) {
    p->in_dropped = 1;
    p->at += p->max_line - p->line.now.len;
    return drop_event(p, HERMES_SSE_ERR_MAX_LINE);
  }
  if (line_end == p->end)
    return keep_rest(p);
  if (p->line.now.len > 0) {
    rv = hermes_sse__borrowed_append(&p->env, &p->line, line, p->max_line);
    if (rv < 0)
      return rv;
    p->at = line_end;
    line = p->line.now;
  }
  rv = line.len > 0 ? take_line(p, line, found) : take_blank_line(p, found);
  if (rv == HERMES_SSE_ERR_NOMEM)
    return rv;
  p->line.now = empty();
  skip_line_end(p, line_end);
  return rv;
}

/* As hermes_sse_parser_next(), into an event of this version. */
static int next(hermes_sse_parser *p, hermes_sse_event *found)
{
  int rv = HERMES_SSE_OK;

  if (HERMES_SSE__UNLIKELY(p->mark != MARK_DONE))
    rv = skip_mark(p);
  if (p->after_cr && p->at < p->end) {
    p->at += *p->at == '\n';
    p->after_cr = 0;
  }
  if (p->over)
    forget_event(p);
  while (rv == 0 && p->at < p->end) {
    if (HERMES_SSE__UNLIKELY(p->dropping))
      skip_dropped(p);
    else
      rv = take_bytes(p, found);
    if (p->over && rv == 0)
      forget_event(p);
  }
  if (rv == 0 && !p->dropping)
    rv = keep_rest(p);
  if (rv == 0)
    p->fed = 0;
  return rv;
}

int hermes_sse_parser_next(hermes_sse_parser *p, hermes_sse_event *event)
{
  hermes_sse_event found = { .size = sizeof found };
  int rv;

  if (!event || event->size < sizeof event->size || event->size > 65536)
    return HERMES_SSE_ERR_OPTION;
  rv = next(p, &found);
  if (rv > 0 && event->size == sizeof found)
    *event = found;
  else if (rv > 0)
    hermes_sse__options_write(event, &found, sizeof found);
  return rv;
}
