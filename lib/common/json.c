#include "common/json.h"
#include <cJSON.h>
#include <string.h>

/* The grammar of RFC 8259 to the letter, which cJSON takes more lightly: what is let through here, every browser reads. */
typedef struct scan {
  const unsigned char *at, *end;
} scan;

static void blanks(scan *s)
{
  while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
    s->at++;
}

static int take(scan *s, const char *word)
{
  size_t len = strlen(word);

  if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
    return 0;
  s->at += len;
  return 1;
}

static int digits(scan *s)
{
  const unsigned char *from = s->at;

  while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
    s->at++;
  return s->at > from;
}

static int number(scan *s)
{
  take(s, "-");
  if (!take(s, "0") && !digits(s))
    return 0;
  if (take(s, ".") && !digits(s))
    return 0;
  if (take(s, "e") || take(s, "E")) {
    if (!take(s, "+"))
      take(s, "-");
    return digits(s);
  }
  return 1;
}

static int escape(scan *s)
{
  if (s->at == s->end || !*s->at || !strchr("\"\\/bfnrtu", *s->at))
    return 0;
  if (*s->at++ != 'u')
    return 1;
  for (int i = 0; i < 4; i++, s->at++)
    if (s->at == s->end || !*s->at || !strchr("0123456789abcdefABCDEF", *s->at))
      return 0;
  return 1;
}

static int string(scan *s)
{
  if (!take(s, "\""))
    return 0;
  while (s->at < s->end && *s->at >= ' ') {
    unsigned char c = *s->at++;

    if (c == '"')
      return 1;
    if (c == '\\' && !escape(s))
      return 0;
  }
  return 0;
}

static int value(scan *s, int depth);

/* The members of an object, or the items of an array, up to `close`. */
static int members(scan *s, const char *close, int depth)
{
  int object = *close == '}';

  blanks(s);
  if (take(s, close))
    return 1;
  do {
    blanks(s);
    if (object && !string(s))
      return 0;
    blanks(s);
    if (object && !take(s, ":"))
      return 0;
    if (!value(s, depth))
      return 0;
  } while (take(s, ","));
  return take(s, close);
}

static int value(scan *s, int depth)
{
  int good;

  blanks(s);
  if (take(s, "{"))
    good = depth > 0 && members(s, "}", depth - 1);
  else if (take(s, "["))
    good = depth > 0 && members(s, "]", depth - 1);
  else if (s->at < s->end && *s->at == '"')
    good = string(s);
  else
    good = take(s, "true") || take(s, "false") || take(s, "null") || number(s);
  blanks(s);
  return good;
}

int hermes_sse__json_read(hermes_sse_slice text, cJSON **json)
{
  scan s = { .at = text.ptr, .end = text.len ? (const unsigned char *)text.ptr + text.len : text.ptr };
  cJSON *parsed;

  if (text.len > HERMES_SSE__JSON_BYTES)
    return HERMES_SSE_ERR_TOO_LARGE;
  if (text.len == 0 || !value(&s, HERMES_SSE__JSON_DEPTH) || s.at != s.end)
    return HERMES_SSE_ERR_BAD_DATA;
  parsed = cJSON_ParseWithLength(text.ptr, text.len);
  if (!parsed)
    return HERMES_SSE_ERR_BAD_DATA;
  *json = parsed;
  return HERMES_SSE_OK;
}

int hermes_sse__json_next(hermes_sse_slice text, size_t *at, hermes_sse__json_member *member)
{
  const unsigned char *start = text.ptr, *from;
  scan s = { .at = start + *at, .end = start + text.len };

  blanks(&s);
  if (!take(&s, *at == 0 ? "{" : ","))
    return 0;
  blanks(&s);
  from = s.at + 1;
  if (!string(&s))
    return 0;
  member->name = (hermes_sse_slice){ .ptr = from, .len = (size_t)(s.at - 1 - from) };
  blanks(&s);
  take(&s, ":");
  blanks(&s);
  from = s.at;
  value(&s, HERMES_SSE__JSON_DEPTH);
  *at = (size_t)(s.at - start);
  while (s.at > from && strchr(" \t\r\n", s.at[-1]))
    s.at--;
  member->value = (hermes_sse_slice){ .ptr = from, .len = (size_t)(s.at - from) };
  return 1;
}

int hermes_sse__json_is(const hermes_sse__json_member *member, const char *name)
{
  return member->name.len == strlen(name) && memcmp(member->name.ptr, name, member->name.len) == 0;
}

static int has_escaped_nul(hermes_sse_slice string)
{
  const char *at = string.ptr, *end = at + string.len;

  for (; end - at >= 6; at += *at == '\\' ? 2 : 1)
    if (memcmp(at, "\\u0000", 6) == 0)
      return 1;
  return 0;
}

int hermes_sse__json_has_nul(hermes_sse_slice text, const char *name)
{
  hermes_sse__json_member member;
  size_t at = 0;

  while (hermes_sse__json_next(text, &at, &member))
    if (hermes_sse__json_is(&member, name))
      return has_escaped_nul(member.value);
  return 0;
}

void hermes_sse__json_line(hermes_sse__text *to, hermes_sse_slice text)
{
  const char *at = text.ptr, *end = at + text.len;

  while (at < end) {
    size_t len = 0;

    while (at + len < end && at[len] != '\n' && at[len] != '\r')
      len++;
    hermes_sse__text_add(to, at, len);
    at += len;
    if (at < end) {
      hermes_sse__text_add(to, " ", 1);
      at++;
    }
  }
}
