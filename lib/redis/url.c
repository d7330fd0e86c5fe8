#include "redis/url.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

enum { DEFAULT_PORT = 6379, HOST_MAX = 253, DB_MAX = 65535 };

#define ACCEPTED "redis://[[user]:password@]host[:port][/db], rediss://... or unix:///path[?db=N]"

typedef struct span {
  const char *at, *end;
} span;

/* What is wrong; NULL: nothing. Each part below returns this. */
typedef const char *fault;

static int is_empty(span s)
{
  return s.at == s.end;
}

static const char *find(span s, char c)
{
  return is_empty(s) ? NULL : memchr(s.at, c, (size_t)(s.end - s.at));
}

static const char *find_last(span s, char c)
{
  return is_empty(s) ? NULL : memrchr(s.at, c, (size_t)(s.end - s.at));
}

static int read_number(span s, uint32_t min, uint32_t max, uint32_t *number)
{
  uint32_t n = 0;

  if (is_empty(s) || s.end - s.at > 5)
    return 0;
  for (; s.at < s.end; s.at++) {
    if (!isdigit((unsigned char)*s.at))
      return 0;
    n = 10 * n + (uint32_t)(*s.at - '0');
  }
  *number = n;
  return n >= min && n <= max;
}

static int hex(char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place of `to`, which has room for all of `s`. */
static int decode(span s, char *to)
{
  for (; s.at < s.end; to++) {
    if (*s.at != '%') {
      *to = *s.at++;
      continue;
    }
    if (s.end - s.at < 3 || hex(s.at[1]) < 0 || hex(s.at[2]) < 0)
      return 0;
    *to = (char)(hex(s.at[1]) << 4 | hex(s.at[2]));
    if (*to == 0)
      return 0;
    s.at += 3;
  }
  *to = 0;
  return 1;
}

static fault copy_decoded(const hermes_sse_environment *env, span s, char **to, int *status)
{
  *to = hermes_sse__copy(env, s.at, (size_t)(s.end - s.at));
  if (!*to) {
    *status = HERMES_SSE_ERR_NOMEM;
    return "no memory";
  }
  return decode(s, *to) ? NULL : "a %XX in user or password is none";
}

static fault read_user(const hermes_sse_environment *env, span s, hermes_sse__url *url, int *status)
{
  const char *colon = find(s, ':');
  fault wrong = NULL;

  if (!colon)
    return "before the '@' is no ':', so it is neither user:password nor :password";
  if (colon > s.at)
    wrong = copy_decoded(env, (span){ s.at, colon }, &url->user, status);
  if (!wrong && (url->user || colon + 1 < s.end))
    wrong = copy_decoded(env, (span){ colon + 1, s.end }, &url->password, status);
  return wrong;
}

static int is_host_name(span s)
{
  if (is_empty(s) || s.end - s.at > HOST_MAX)
    return 0;
  for (; s.at < s.end; s.at++)
    if (!isalnum((unsigned char)*s.at) && !memchr("-._", *s.at, 3))
      return 0;
  return 1;
}

static int is_ipv6(span s)
{
  char text[INET6_ADDRSTRLEN];
  struct in6_addr address;

  if (s.end - s.at >= (ptrdiff_t)sizeof text)
    return 0;
  snprintf(text, sizeof text, "%.*s", (int)(s.end - s.at), s.at);
  return inet_pton(AF_INET6, text, &address) == 1;
}

static fault read_host(const hermes_sse_environment *env, span s, hermes_sse__url *url, int *status)
{
  span host = s, port = { s.end, s.end };
  const char *close = !is_empty(s) && *s.at == '[' ? find(s, ']') : NULL, *colon = find_last(s, ':');
  uint32_t number = DEFAULT_PORT;

  if (close) {
    host = (span){ s.at + 1, close };
    port.at = close + 1;
    if (!is_ipv6(host))
      return "in the brackets is no IPv6 address";
  } else {
    host.end = port.at = colon ? colon : s.end;
    if (!is_host_name(host))
      return "the host is neither a name nor an address ([...] around IPv6)";
  }
  if (!is_empty(port) && (*port.at != ':' || !read_number((span){ port.at + 1, port.end }, 1, 65535, &number)))
    return "the port is not from 1 to 65535";
  url->port = (uint16_t)number;
  url->host = hermes_sse__copy(env, host.at, (size_t)(host.end - host.at));
  if (url->host)
    return NULL;
  *status = HERMES_SSE_ERR_NOMEM;
  return "no memory";
}

static fault read_server(const hermes_sse_environment *env, span s, hermes_sse__url *url, int *status)
{
  const char *at = find_last(s, '@'), *slash;
  fault wrong = at ? read_user(env, (span){ s.at, at }, url, status) : NULL;

  if (wrong)
    return wrong;
  s.at = at ? at + 1 : s.at;
  slash = find(s, '/');
  if (slash && slash + 1 < s.end && !read_number((span){ slash + 1, s.end }, 0, DB_MAX, &url->db))
    return "after the '/' is no database number";
  return read_host(env, (span){ s.at, slash ? slash : s.end }, url, status);
}

static fault read_path(const hermes_sse_environment *env, span s, hermes_sse__url *url, int *status)
{
  const char *query = find(s, '?');
  span path = { s.at, query ? query : s.end };

  if (is_empty(path) || *path.at != '/')
    return "unix:// is followed by a path that begins with '/'";
  if ((size_t)(path.end - path.at) >= sizeof((struct sockaddr_un *)0)->sun_path)
    return "the path is too long for a unix socket";
  if (query && (s.end - query < 4 || memcmp(query, "?db=", 4) != 0 ||
                !read_number((span){ query + 4, s.end }, 0, DB_MAX, &url->db)))
    return "after the path only ?db=N is known";
  url->host = hermes_sse__copy(env, path.at, (size_t)(path.end - path.at));
  if (url->host)
    return NULL;
  *status = HERMES_SSE_ERR_NOMEM;
  return "no memory";
}

static fault read_url(const hermes_sse_environment *env, const char *text, hermes_sse__url *url, int *status)
{
  static const char *const schemes[] = {
    [HERMES_SSE__URL_TCP] = "redis://", [HERMES_SSE__URL_TLS] = "rediss://", [HERMES_SSE__URL_UNIX] = "unix://"
  };
  span rest = { text, text + strlen(text) };

  for (const char *c = text; c < rest.end; c++)
    if ((unsigned char)*c <= ' ' || *c == 0x7f)
      return "it has spaces or control characters";
  for (int i = 0; i < (int)(sizeof schemes / sizeof *schemes); i++)
    if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0) {
      rest.at += strlen(schemes[i]);
      url->kind = i;
      return i == HERMES_SSE__URL_UNIX ? read_path(env, rest, url, status) : read_server(env, rest, url, status);
    }
  return "it begins otherwise";
}

int hermes_sse__url_parse(const hermes_sse_environment *env, const char *text, hermes_sse__url *url)
{
  hermes_sse__url read = { .kind = 0 };
  int status = HERMES_SSE_ERR_OPTION;
  fault wrong = text ? read_url(env, text, &read, &status) : "there is none";

  if (!wrong) {
    *url = read;
    return HERMES_SSE_OK;
  }
  hermes_sse__url_clear(env, &read);
  if (status == HERMES_SSE_ERR_OPTION)
    hermes_sse__log_line(env, HERMES_SSE_LOG_ERROR, "url refused: %s; accepted: %s", wrong, ACCEPTED);
  return status;
}

void hermes_sse__url_clear(const hermes_sse_environment *env, hermes_sse__url *url)
{
  if (url->password)
    explicit_bzero(url->password, strlen(url->password));
  hermes_sse__release(env, url->password);
  hermes_sse__release(env, url->user);
  hermes_sse__release(env, url->host);
  *url = (hermes_sse__url){ .kind = 0 };
}

size_t hermes_sse__url_show(const hermes_sse__url *url, char *buf, size_t cap)
{
  int ipv6 = url->kind != HERMES_SSE__URL_UNIX && strchr(url->host, ':') != NULL, n;

  if (cap == 0)
    return 0;
  if (url->kind == HERMES_SSE__URL_UNIX)
    n = snprintf(buf, cap, url->db > 0 ? "unix://%s?db=%u" : "unix://%s", url->host, (unsigned)url->db);
  else
    n = snprintf(buf, cap, "%s://%s%s%s:%u/%u", url->kind == HERMES_SSE__URL_TLS ? "rediss" : "redis", ipv6 ? "[" : "",
                 url->host, ipv6 ? "]" : "", (unsigned)url->port, (unsigned)url->db);
  return n > 0 && (size_t)n < cap ? (size_t)n : cap - 1;
}
