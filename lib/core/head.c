#include "core/head.h"
#include "core/gap.h"
#include <string.h>
#include <time.h>

static const char *const headers[][2] = {
  { "content-type", "text/event-stream; charset=utf-8" },
  { "cache-control", "no-cache, no-transform" },
  { "x-accel-buffering", "no" },
};
enum { N_HEADERS = sizeof headers / sizeof *headers };

int hermes_sse__head_header(int gap, size_t i, const char **name, const char **value)
{
  if (i < N_HEADERS) {
    *name = headers[i][0];
    *value = headers[i][1];
    return HERMES_SSE_OK;
  }
  if (i > N_HEADERS || gap == HERMES_SSE__GAP_NONE)
    return HERMES_SSE_ERR_NOT_FOUND;
  *name = "hermes-sse-gap";
  *value = hermes_sse_gap_name(gap);
  return HERMES_SSE_OK;
}

int hermes_sse__head_check(hermes_sse_slice extra)
{
  const char *at = extra.ptr, *end;

  if (extra.len == 0)
    return HERMES_SSE_OK;
  end = at + extra.len;
  while (at < end) {
    const char *line_end = memchr(at, '\r', (size_t)(end - at)), *colon;

    if (!line_end || line_end + 1 == end || line_end[1] != '\n')
      return HERMES_SSE_ERR_OPTION;
    colon = memchr(at, ':', (size_t)(line_end - at));
    if (!colon || colon == at)
      return HERMES_SSE_ERR_OPTION;
    for (; at < line_end; at++)
      if ((unsigned char)*at < ' ' && *at != '\t')
        return HERMES_SSE_ERR_OPTION;
    at = line_end + 2;
  }
  return HERMES_SSE_OK;
}

typedef struct writer {
  char *buf; /* NULL: measure */
  size_t len;
} writer;

static void put(writer *w, const void *bytes, size_t len)
{
  if (w->buf && len > 0)
    memcpy(w->buf + w->len, bytes, len);
  w->len += len;
}

static void line(writer *w, const char *name, const char *value)
{
  put(w, name, strlen(name));
  put(w, ": ", 2);
  put(w, value, strlen(value));
  put(w, "\r\n", 2);
}

/* IMF-fixdate, RFC 9110, 5.6.7; names of its own because strftime follows the host's locale */
static void date(writer *w, uint64_t wall_ms)
{
  static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  char text[] = "Sun, 00 Jan 0000 00:00:00 GMT";
  time_t seconds = (time_t)(wall_ms / 1000u);
  struct tm t;

  if (!gmtime_r(&seconds, &t))
    return;
  memcpy(text, days + 3L * t.tm_wday, 3);
  memcpy(text + 8, months + 3L * t.tm_mon, 3);
  for (int i = 0, year = t.tm_year + 1900; i < 4; i++, year /= 10)
    text[15 - i] = (char)('0' + year % 10);
  text[5] = (char)('0' + t.tm_mday / 10), text[6] = (char)('0' + t.tm_mday % 10);
  text[17] = (char)('0' + t.tm_hour / 10), text[18] = (char)('0' + t.tm_hour % 10);
  text[20] = (char)('0' + t.tm_min / 10), text[21] = (char)('0' + t.tm_min % 10);
  text[23] = (char)('0' + t.tm_sec / 10), text[24] = (char)('0' + t.tm_sec % 10);
  line(w, "date", text);
}

size_t hermes_sse__head_write(const hermes_sse_environment *env, int http, int gap, hermes_sse_slice extra, char *buf)
{
  writer w = { .buf = buf };
  const char *name, *value;

  put(&w, http == 10 ? "HTTP/1.0 200 OK\r\n" : "HTTP/1.1 200 OK\r\n", 17);
  date(&w, env->wall_ms(env->user));
  for (size_t i = 0; hermes_sse__head_header(gap, i, &name, &value) == HERMES_SSE_OK; i++)
    line(&w, name, value);
  line(&w, "connection", "close");
  if (http == 11)
    line(&w, "transfer-encoding", "chunked");
  put(&w, extra.ptr, extra.len);
  put(&w, "\r\n", 2);
  return w.len;
}
