/* Where lines end: CR, LF or CRLF [SSE 9.2.5]. */
#ifndef HERMES_SSE_CORE_LINE_END_H
#define HERMES_SSE_CORE_LINE_END_H
#include <stddef.h>
#include <string.h>

/* The first CR or LF in [at, end), or `end`. By growing steps, so that text whose lines all end in CR is not searched for
   its first LF over and over. */
static inline const char *hermes_sse__find_line_end(const char *at, const char *end)
{
  for (const char *near = end - at > 16 ? at + 16 : end; at < near; at++)
    if (*at == '\n' || *at == '\r')
      return at;
  for (size_t step = 64; at < end; step *= 2) {
    size_t len = (size_t)(end - at) < step ? (size_t)(end - at) : step;
    const char *lf = memchr(at, '\n', len);
    const char *cr = memchr(at, '\r', lf ? (size_t)(lf - at) : len);

    if (cr || lf)
      return cr ? cr : lf;
    at += len;
  }
  return end;
}

#endif
