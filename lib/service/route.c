#include "service/route.h"
#include <string.h>

const hermes_sse__channel hermes_sse__channels[HERMES_SSE__N_CHANNELS] = {
  { "download:updates", "download", HERMES_SSE__ROUTE_DOWNLOAD },
  { "queue:updates", "queue", HERMES_SSE__ROUTE_QUEUE },
  { "system:notifications", "system", HERMES_SSE__ROUTE_SYSTEM },
  { "analytics:updates", "analytics", HERMES_SSE__ROUTE_ANALYTICS },
};

static const char prefix[] = "/api/v1/events";

static int is(const char *at, size_t len, const char *word)
{
  return len == strlen(word) && memcmp(at, word, len) == 0;
}

int hermes_sse__route_find(hermes_sse_slice path, hermes_sse_slice *id)
{
  static const struct {
    const char *name;
    int route;
  } leaves[] = { { "stream", HERMES_SSE__ROUTE_STREAM },   { "queue", HERMES_SSE__ROUTE_QUEUE },
                 { "system", HERMES_SSE__ROUTE_SYSTEM },   { "analytics", HERMES_SSE__ROUTE_ANALYTICS },
                 { "health", HERMES_SSE__ROUTE_HEALTH },   { "ready", HERMES_SSE__ROUTE_READY },
                 { "metrics", HERMES_SSE__ROUTE_METRICS }, { "token", HERMES_SSE__ROUTE_TOKEN } };
  const char *at = path.ptr;
  size_t len = path.len;

  if (len < sizeof prefix - 1 || memcmp(at, prefix, sizeof prefix - 1) != 0)
    return HERMES_SSE__ROUTE_PASS;
  at += sizeof prefix - 1;
  len -= sizeof prefix - 1;
  if (len > 0 && *at != '/')
    return HERMES_SSE__ROUTE_PASS;
  if (len > 1 && at[len - 1] == '/')
    len--;
  for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++)
    if (len > 1 && is(at + 1, len - 1, leaves[i].name))
      return leaves[i].route;
  if (len > 11 && memcmp(at, "/downloads/", 11) == 0 && !memchr(at + 11, '/', len - 11)) {
    *id = (hermes_sse_slice){ .ptr = at + 11, .len = len - 11 };
    return HERMES_SSE__ROUTE_DOWNLOAD;
  }
  return HERMES_SSE__ROUTE_UNKNOWN;
}

int hermes_sse__route_is_stream(int route)
{
  return route >= HERMES_SSE__ROUTE_STREAM && route <= HERMES_SSE__ROUTE_ANALYTICS;
}

const char *hermes_sse__route_methods(int route)
{
  return route == HERMES_SSE__ROUTE_TOKEN ? "POST, OPTIONS" : "GET, HEAD, OPTIONS";
}

int hermes_sse__method_in(hermes_sse_slice method, const char *methods)
{
  while (*methods) {
    size_t len = strcspn(methods, ", ");

    if (len == method.len && memcmp(methods, method.ptr, len) == 0)
      return 1;
    methods += len;
    methods += strspn(methods, ", ");
  }
  return 0;
}

static int digit(char c)
{
  char lower = (char)(c | 0x20);

  if (c >= '0' && c <= '9')
    return c - '0';
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

int hermes_sse__percent_decode(hermes_sse_slice text, int plus, char *buf, size_t cap)
{
  const char *at = text.ptr;
  size_t n = 0;

  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)at[i];

    if (c == '%') {
      if (i + 2 >= text.len || digit(at[i + 1]) < 0 || digit(at[i + 2]) < 0)
        return HERMES_SSE_ERR_BAD_DATA;
      c = (unsigned char)(16 * digit(at[i + 1]) + digit(at[i + 2]));
      i += 2;
    } else if (c == '+' && plus) {
      c = ' ';
    }
    if (c < ' ' || c == 0x7f)
      return HERMES_SSE_ERR_BAD_DATA;
    if (n + 1 >= cap)
      return HERMES_SSE_ERR_SPACE;
    buf[n++] = (char)c;
  }
  buf[n] = 0;
  return (int)n;
}

int hermes_sse__query_find(hermes_sse_slice query, const char *name, hermes_sse_slice *value)
{
  const char *at = query.ptr, *end = at ? at + query.len : at;
  size_t len = strlen(name);

  while (at < end) {
    const char *stop = memchr(at, '&', (size_t)(end - at));
    size_t n;

    stop = stop ? stop : end;
    n = (size_t)(stop - at);
    if (n >= len && memcmp(at, name, len) == 0 && (n == len || at[len] == '=')) {
      *value = (hermes_sse_slice){ .ptr = at + len + (n > len), .len = n - len - (n > len) };
      return 1;
    }
    at = stop + 1;
  }
  return 0;
}
