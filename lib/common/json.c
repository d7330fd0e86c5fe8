#include "common/json.h"
#include <cJSON.h>
#include <string.h>

/* The grammar of RFC 8259 to the letter, which cJSON takes more lightly: what is let through here, every browser reads. Members of
   the outermost object are noted on the way. */
typedef struct scan {
  const unsigned char *at, *end;
  hermes_sse__json_member *wanted;
  size_t n_wanted;
} scan;

static scan scan_of(hermes_sse_slice text)
{
  const unsigned char *at = text.ptr;

  return (scan){ .at = at, .end = text.len > 0 ? at + text.len : at };
}

static void blanks(scan *s)
{
  while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
    s->at++;
}

/* The next byte; 0, which nothing begins with, at the end. */
static int peek(const scan *s)
{
  return s->at < s->end ? *s->at : 0;
}

static int take(scan *s, char c)
{
  if (peek(s) != c)
    return 0;
  s->at++;
  return 1;
}

static int word(scan *s, const char *text, size_t len)
{
  if ((size_t)(s->end - s->at) < len || memcmp(s->at, text, len) != 0)
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
  take(s, '-');
  if (!take(s, '0') && !digits(s))
    return 0;
  if (take(s, '.') && !digits(s))
    return 0;
  if (take(s, 'e') || take(s, 'E')) {
    if (!take(s, '+'))
      take(s, '-');
    return digits(s);
  }
  return 1;
}

static int escape(scan *s)
{
  int c = peek(s);

  if (!c || !strchr("\"\\/bfnrtu", c))
    return 0;
  s->at++;
  for (int i = 0; c == 'u' && i < 4; i++, s->at++)
    if (!peek(s) || !strchr("0123456789abcdefABCDEF", peek(s)))
      return 0;
  return 1;
}

/* One character beyond ASCII: RFC 3629, 4; its bytes, 0: it is none. */
static size_t beyond_ascii(const unsigned char *at, const unsigned char *end)
{
  unsigned char least = 0x80, most = 0xbf;
  size_t len = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;

  if (at[0] < 0xc2 || at[0] > 0xf4 || (size_t)(end - at) < len)
    return 0;
  if (at[0] == 0xe0)
    least = 0xa0; /* a longer form than needed */
  else if (at[0] == 0xed)
    most = 0x9f; /* half of a surrogate pair */
  else if (at[0] == 0xf0)
    least = 0x90;
  else if (at[0] == 0xf4)
    most = 0x8f;
  if (at[1] < least || at[1] > most)
    return 0;
  for (size_t i = 2; i < len; i++)
    if (at[i] < 0x80 || at[i] > 0xbf)
      return 0;
  return len;
}

int hermes_sse__json_is_text(hermes_sse_slice text)
{
  const unsigned char *at = text.ptr, *end = text.len > 0 ? at + text.len : at;

  while (at < end) {
    size_t len = *at < 0x80 ? 1 : beyond_ascii(at, end);

    if (len == 0)
      return 0;
    at += len;
  }
  return 1;
}

/* Past what stands in a string for itself and is ASCII. */
static void plain(scan *s)
{
  const uint64_t each = UINT64_C(0x0101010101010101), high = each * 0x80;

  for (; s->end - s->at >= 8; s->at += 8) {
    uint64_t bytes, quotes, backslashes;

    memcpy(&bytes, s->at, 8);
    quotes = bytes ^ each * '"';
    backslashes = bytes ^ each * '\\';
    /* A byte less than what is taken from it ends with its high bit set, and a sought one is 0 here. A borrow marks only more, behind one. */
    if ((bytes | (bytes - each * ' ') | (quotes - each) | (backslashes - each)) & high)
      break;
  }
  while (s->at < s->end && *s->at >= ' ' && *s->at < 0x80 && *s->at != '"' && *s->at != '\\')
    s->at++;
}

static int string(scan *s)
{
  if (!take(s, '"'))
    return 0;
  for (;;) {
    plain(s);
    if (take(s, '"'))
      return 1;
    if (peek(s) >= 0x80) {
      size_t len = beyond_ascii(s->at, s->end);

      if (len == 0)
        return 0;
      s->at += len;
    } else if (!take(s, '\\') || !escape(s)) {
      return 0;
    }
  }
}

static int value(scan *s, int depth);

static int items(scan *s, int depth)
{
  blanks(s);
  if (take(s, ']'))
    return 1;
  do {
    if (!value(s, depth))
      return 0;
  } while (take(s, ','));
  return take(s, ']');
}

static void note(const scan *s, hermes_sse_slice name, const unsigned char *from, const unsigned char *to)
{
  for (size_t i = 0; i < s->n_wanted; i++) {
    hermes_sse__json_member *m = &s->wanted[i];

    if (m->name.len != name.len || memcmp(m->name.ptr, name.ptr, name.len) != 0)
      continue;
    if (m->times++ == 0)
      m->value = (hermes_sse_slice){ .ptr = from, .len = (size_t)(to - from) };
  }
}

/* A value and the blanks around it; `*to` is where it ends itself. */
static int value_of_member(scan *s, int depth, const unsigned char **from, const unsigned char **to)
{
  blanks(s);
  *from = s->at;
  if (!value(s, depth))
    return 0;
  for (*to = s->at; (*to)[-1] <= ' ';)
    --*to;
  return 1;
}

static int members(scan *s, int depth)
{
  int outermost = depth == HERMES_SSE__JSON_DEPTH - 1;
  const unsigned char *from, *to;

  blanks(s);
  if (take(s, '}'))
    return 1;
  do {
    hermes_sse_slice name;

    blanks(s);
    from = s->at + 1;
    if (!string(s))
      return 0;
    name = (hermes_sse_slice){ .ptr = from, .len = (size_t)(s->at - 1 - from) };
    blanks(s);
    if (!take(s, ':') || !value_of_member(s, depth, &from, &to))
      return 0;
    if (outermost)
      note(s, name, from, to);
  } while (take(s, ','));
  return take(s, '}');
}

/* With the blanks around it. */
static int value(scan *s, int depth)
{
  int good;

  blanks(s);
  switch (peek(s)) {
  case '"':
    good = string(s);
    break;
  case '{':
    s->at++;
    good = depth > 0 && members(s, depth - 1);
    break;
  case '[':
    s->at++;
    good = depth > 0 && items(s, depth - 1);
    break;
  case 't':
    good = word(s, "true", 4);
    break;
  case 'f':
    good = word(s, "false", 5);
    break;
  case 'n':
    good = word(s, "null", 4);
    break;
  default:
    good = number(s);
  }
  blanks(s);
  return good;
}

static int judge(scan *s, size_t len)
{
  if (len > HERMES_SSE__JSON_BYTES)
    return HERMES_SSE_ERR_TOO_LARGE;
  if (!value(s, HERMES_SSE__JSON_DEPTH) || s->at != s->end)
    return HERMES_SSE_ERR_BAD_DATA;
  return HERMES_SSE_OK;
}

int hermes_sse__json_read(hermes_sse_slice text, cJSON **json)
{
  scan s = scan_of(text);
  int rv = judge(&s, text.len);

  return rv < 0 ? rv : hermes_sse__json_parse(text, json);
}

int hermes_sse__json_parse(hermes_sse_slice text, cJSON **json)
{
  cJSON *parsed = cJSON_ParseWithLength(text.ptr, text.len);

  if (!parsed)
    return HERMES_SSE_ERR_BAD_DATA;
  *json = parsed;
  return HERMES_SSE_OK;
}

int hermes_sse__json_find(hermes_sse_slice text, hermes_sse__json_member *wanted, size_t n)
{
  scan s = scan_of(text);

  s.wanted = wanted;
  s.n_wanted = n;
  blanks(&s);
  if (peek(&s) != '{')
    return text.len > HERMES_SSE__JSON_BYTES ? HERMES_SSE_ERR_TOO_LARGE : HERMES_SSE_ERR_BAD_DATA;
  return judge(&s, text.len);
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
  hermes_sse__json_member member = { .name = hermes_sse_str(name) };

  if (text.len == 0 || !memchr(text.ptr, '\\', text.len))
    return 0;
  if (hermes_sse__json_find(text, &member, 1) < 0)
    return 0;
  return has_escaped_nul(member.times > 0 ? member.value
                                          : text); /* a name may be written with escapes: then any may be it */
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
