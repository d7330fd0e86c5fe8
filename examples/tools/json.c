#include "json.h"
#include <cjson/cJSON.h>
#include <ctype.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

/* NUMBER_MAX is cJSON's, which refuses the rest of a longer one. */
enum { NUMBER_MAX = 63, PIECE = 4096, SEQUENCE_MAX = 4, ESCAPE_MAX = 6 };

static const char no_json[] =
    "no JSON (RFC 8259), half of a surrogate pair, or nested deeper than 1000; accepted: one object a "
    "line, such as {\"data\":\"text\"}";

static void *alloc_or_end(size_t bytes)
{
  void *ptr = malloc(bytes);

  if (!ptr)
    err(1, "%zu bytes for JSON", bytes);
  return ptr;
}

void json_start(void)
{
  cJSON_Hooks hooks = { .malloc_fn = alloc_or_end, .free_fn = free };

  cJSON_InitHooks(&hooks);
}

/* How long the number is, 0 if it is none by JSON's grammar. */
static size_t number_length(const char *text)
{
  static const char digits[] = "0123456789";
  const char *p = text + (*text == '-');
  size_t n = strspn(p, digits);

  if (n == 0 || (n > 1 && *p == '0'))
    return 0;
  p += n;
  if (*p == '.') {
    if ((n = strspn(p + 1, digits)) == 0)
      return 0;
    p += 1 + n;
  }
  if (*p == 'e' || *p == 'E') {
    p += 1 + (p[1] == '+' || p[1] == '-');
    if ((n = strspn(p, digits)) == 0)
      return 0;
    p += n;
  }
  return (size_t)(p - text);
}

static int is_hex(const char *four)
{
  return strspn(four, "0123456789abcdefABCDEF") >= 4;
}

/* What cJSON takes although it is no JSON, and numbers longer than it can take. */
static const char *find_what_cjson_misses(const char *text, const char *end, const char **at)
{
  int in_string = 0;
  size_t n;

  for (const char *p = text; p < end; p++) {
    unsigned char c = (unsigned char)*p;

    *at = p;
    if (c < ' ' && (in_string || (c != '\t' && c != '\r')))
      return "a control character; accepted: its escape in a string, such as \\u0001";
    if (c == '"') {
      in_string = !in_string;
    } else if (in_string && c == '\\') {
      if (*++p == 'u' && !is_hex(p + 1))
        return "\\u without four hexadecimal digits; accepted: such as \\u00e9";
    } else if (!in_string && (isdigit(c) || c == '-')) {
      if ((n = number_length(p)) == 0)
        return "no number of JSON; accepted: such as 0, -1.5 or 2e9";
      if (n > NUMBER_MAX)
        return "a number of more than 63 characters; accepted: a shorter one, or a string";
      p += n - 1;
    } else if (!in_string && c > '~') {
      return no_json;
    }
  }
  return NULL;
}

static int fail(json_object *o, const char *at, const char *wrong)
{
  o->at = o->text + (at - o->text);
  o->wrong = wrong;
  return -1;
}

static void skip_space(json_object *o)
{
  o->at += strspn(o->at, " \t\r");
}

static int skip(json_object *o, char c)
{
  skip_space(o);
  if (*o->at != c)
    return 0;
  o->at++;
  return 1;
}

/* The end of the string at `text`, NULL if it has none. Where it says \u0000, at which cJSON's own string would end, it is cut in
   two: "a\u0000b" becomes "a"    "b". */
static char *cut_at_nul(char *text, const char *end)
{
  for (char *p = text + 1; p < end; p++) {
    if (*p == '"')
      return p + 1;
    if (*p != '\\')
      continue;
    if (end - p > ESCAPE_MAX && memcmp(p, "\\u0000", ESCAPE_MAX) == 0) {
      memcpy(p, "\"    \"", ESCAPE_MAX);
      p += ESCAPE_MAX - 1;
    } else {
      p++;
    }
  }
  return NULL;
}

/* Reads the string where it stands: what it says is never longer than its text. */
static int read_string(json_object *o, hermes_sse_slice *value)
{
  char *start = o->at, *end = cut_at_nul(o->at, o->end), *out = start;
  const char *stop;

  if (!end)
    return fail(o, o->end, no_json);
  while (o->at < end) {
    cJSON *piece = cJSON_ParseWithLengthOpts(o->at, (size_t)(end - o->at), &stop, 0);
    size_t n;

    if (!piece || !piece->valuestring) {
      cJSON_Delete(piece);
      return fail(o, stop, no_json);
    }
    n = strlen(piece->valuestring);
    if (out > start || o->at > start)
      *out++ = 0;
    memcpy(out, piece->valuestring, n);
    out += n;
    cJSON_Delete(piece);
    o->at += stop - o->at;
  }
  *value = (hermes_sse_slice){ .ptr = start, .len = (size_t)(out - start) };
  return 0;
}

static int read_value(json_object *o, json_member *m)
{
  const char *stop;
  cJSON *value;

  skip_space(o);
  m->kind = *o->at == '"' ? JSON_STRING : isdigit((unsigned char)*o->at) || *o->at == '-' ? JSON_NUMBER : JSON_OTHER;
  if (m->kind == JSON_STRING)
    return read_string(o, &m->value);
  value = cJSON_ParseWithLengthOpts(o->at, (size_t)(o->end - o->at), &stop, 0);
  if (!value)
    return fail(o, stop, no_json);
  cJSON_Delete(value);
  m->value = (hermes_sse_slice){ .ptr = o->at, .len = (size_t)(stop - o->at) };
  o->at += stop - o->at;
  return 0;
}

/* Text at which no member begins: the object's end, and the text's. */
static int read_end(json_object *o)
{
  if (!skip(o, '}'))
    return fail(o, o->at, no_json);
  skip_space(o);
  return o->at == o->end ? 0 : fail(o, o->at, "more behind the object; accepted: one object a line");
}

int json_next(json_object *o, json_member *m)
{
  const char *at;

  if (!o->opened) {
    o->opened = 1;
    o->wrong = find_what_cjson_misses(o->text, o->end, &at);
    if (o->wrong)
      return fail(o, at, o->wrong);
    if (!skip(o, '{'))
      return fail(o, o->at, no_json);
    skip_space(o);
    if (*o->at == '}')
      return read_end(o);
  } else if (!skip(o, ',')) {
    return read_end(o);
  }
  skip_space(o);
  if (*o->at != '"')
    return fail(o, o->at, no_json);
  if (read_string(o, &m->name) < 0)
    return -1;
  if (!skip(o, ':'))
    return fail(o, o->at, no_json);
  return read_value(o, m) < 0 ? -1 : 1;
}

/* The bytes of the UTF-8 sequence at `s`; if there is none, less than 0: those that one U+FFFD stands for. */
static int sequence(const unsigned char *s, size_t len)
{
  unsigned char low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
  unsigned char high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
  int wanted = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

  if (s[0] >= 0x80 && (s[0] < 0xc2 || s[0] > 0xf4))
    return -1;
  for (int n = 1; n < wanted; n++) {
    if ((size_t)n == len || s[n] < low || s[n] > high)
      return -n;
    low = 0x80;
    high = 0xbf;
  }
  return wanted;
}

/* UTF-8 without NUL. */
static void print_piece(char *text, FILE *to)
{
  cJSON item = { .type = cJSON_String, .valuestring = text };
  char json[PIECE * ESCAPE_MAX + 16]; /* quotes and NUL, and the few bytes more that cJSON wants to see */

  if (cJSON_PrintPreallocated(&item, json, sizeof json, 0))
    fwrite(json + 1, 1, strlen(json) - 2, to);
}

void json_print(hermes_sse_slice bytes, FILE *to)
{
  const unsigned char *p = bytes.ptr, *end = bytes.len > 0 ? p + bytes.len : p;
  char piece[PIECE];
  size_t used = 0;

  putc('"', to);
  while (p < end) {
    int n = sequence(p, (size_t)(end - p));

    if (*p != 0) {
      memcpy(piece + used, n < 0 ? "\xef\xbf\xbd" : (const char *)p, n < 0 ? 3 : (size_t)n);
      used += n < 0 ? 3 : (size_t)n;
    }
    if (*p == 0 || used + SEQUENCE_MAX >= PIECE) {
      piece[used] = 0;
      print_piece(piece, to);
      used = 0;
    }
    if (*p == 0)
      fputs("\\u0000", to);
    p += n < 0 ? -n : n;
  }
  piece[used] = 0;
  print_piece(piece, to);
  putc('"', to);
}
