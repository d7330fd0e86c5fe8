#include <hermes_sse/event.h>
#include <string.h>

/* The digits at `at`: their number, 0 if there are none, they do not fit 64 bits, or begin with a zero too many. */
static size_t parse_number(const char *at, size_t len, uint64_t *number)
{
  uint64_t n = 0;
  size_t i;

  for (i = 0; i < len && at[i] >= '0' && at[i] <= '9'; i++) {
    uint64_t digit = (uint64_t)(at[i] - '0');

    if (n > (UINT64_MAX - digit) / 10)
      return 0;
    n = 10 * n + digit;
  }
  if (i > 1 && at[0] == '0')
    return 0;
  *number = n;
  return i;
}

int hermes_sse_id_parse(const void *text, size_t len, hermes_sse_id *id)
{
  const char *at = text;
  hermes_sse_id parsed;
  size_t hi, lo;

  if (len < 3 || len >= HERMES_SSE_ID_MAX)
    return HERMES_SSE_ERR_BAD_ID;
  hi = parse_number(at, len, &parsed.hi);
  if (hi == 0 || hi == len || at[hi] != '-')
    return HERMES_SSE_ERR_BAD_ID;
  lo = parse_number(at + hi + 1, len - hi - 1, &parsed.lo);
  if (lo == 0 || hi + 1 + lo != len)
    return HERMES_SSE_ERR_BAD_ID;
  *id = parsed;
  return HERMES_SSE_OK;
}

/* Right-aligned before `end`; the first digit. */
static char *format_number(char *end, uint64_t number)
{
  do {
    *--end = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return end;
}

int hermes_sse_id_format(const hermes_sse_id *id, char *buf, size_t cap)
{
  char text[HERMES_SSE_ID_MAX], *end = text + sizeof text, *at;
  size_t len;

  at = format_number(end, id->lo);
  *--at = '-';
  at = format_number(at, id->hi);
  len = (size_t)(end - at);
  if (len >= cap)
    return HERMES_SSE_ERR_SPACE;
  memcpy(buf, at, len);
  buf[len] = 0;
  return (int)len;
}
