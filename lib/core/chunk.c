#include "core/chunk.h"

unsigned hermes_sse__chunk_line(char *end, size_t len)
{
  static const char digits[] = "0123456789abcdef";
  char *at = end;

  *--at = '\n';
  *--at = '\r';
  do {
    *--at = digits[len & 15];
    len >>= 4;
  } while (len > 0);
  return (unsigned)(end - at);
}
