/* The encoder beside memcpy of the same bytes, a byte at a time, and snprintf per line. encode [--short] */
#include "bench.h"
#include <hermes_sse/event.h>

enum { PAIRS = 11, ROOM = 1 << 18 };
/* Half a page apart: a copy to an address a few bytes above its source, in the low twelve bits, costs many processors fifteen
   times as much, and every way would be timed by that alone. */
static _Alignas(4096) char memory[65536 + 2048 + ROOM];
static char *const payload = memory, *const out = memory + 65536 + 2048;
static volatile char keep;

static size_t by_library(const char *data, size_t len)
{
  hermes_sse_event e = { .size = sizeof e };

  e.data = (hermes_sse_slice){ .ptr = data, .len = len };
  return (size_t)hermes_sse_event_encode(&e, out, ROOM);
}

static size_t by_memcpy(const char *data, size_t len)
{
  memcpy(out, data, len);
  return len;
}

static size_t by_byte(const char *data, size_t len)
{
  char *to = out;

  memcpy(to, "data: ", 6);
  to += 6;
  for (size_t i = 0; i < len; i++) {
    if (data[i] == '\n' || data[i] == '\r') {
      if (data[i] == '\r' && i + 1 < len && data[i + 1] == '\n')
        i++;
      memcpy(to, "\ndata: ", 7);
      to += 7;
    } else {
      *to++ = data[i];
    }
  }
  memcpy(to, "\n\n", 2);
  return (size_t)(to + 2 - out);
}

static size_t by_snprintf(const char *data, size_t len)
{
  size_t n = 0;

  for (const char *at = data, *end = data + len; at <= end;) {
    size_t line = 0;

    while (at + line < end && at[line] != '\n' && at[line] != '\r')
      line++;
    n += (size_t)snprintf(out + n, ROOM - n, "data: %.*s\n", (int)line, at);
    at += line + 1;
  }
  out[n++] = '\n';
  return n;
}

static double time_of(size_t (*encode)(const char *, size_t), size_t len, int rounds)
{
  double from = cpu_ns();

  for (int i = 0; i < rounds; i++) {
    size_t n = encode(payload, len);

    keep = out[n / 2];
  }
  return (cpu_ns() - from) / rounds;
}

static void measure(const char *name, size_t len, size_t line, int budget, double most_ns, double least_ratio)
{
  size_t (*const ways[])(const char *, size_t) = { by_library, by_memcpy, by_byte, by_snprintf };
  double ns[4][PAIRS], ratio[PAIRS];
  int rounds = budget / (int)(len + 200);

  memset(payload, 'x', 65536);
  for (size_t i = line; line > 0 && i < len; i += line + 1)
    payload[i] = '\n';
  for (int way = 0; way < 4; way++)
    time_of(ways[way], len, rounds / 10 + 1);
  for (int p = 0; p < PAIRS; p++) {
    for (int way = 0; way < 4; way++)
      ns[way][p] = time_of(ways[way], len, way < 2 ? rounds : rounds / 10 + 1);
    ratio[p] = ns[1][p] / ns[0][p];
  }
  for (int way = 1; way < 4; way++)
    median(ns[way], PAIRS);
  printf("%-22s %9.1f %9.1f %9.1f %9.1f   %5.2f  ", name, median(ns[0], PAIRS), ns[1][PAIRS / 2], ns[2][PAIRS / 2],
         ns[3][PAIRS / 2], median(ratio, PAIRS));
  if (most_ns > 0)
    printf("<= %2.0f ns %s\n", most_ns, verdict(ns[0][PAIRS / 2], most_ns, 0));
  else
    printf(">= %.2f  %s\n", least_ratio, verdict(ratio[PAIRS / 2], least_ratio, 1));
}

int main(int argc, char **argv)
{
  int budget = is_short(argc, argv) ? 4000000 : 60000000;

  printf("encode, ns per event       library    memcpy      byte  snprintf   memcpy/library, target\n");
  measure("100 B", 100, 0, budget, 25, 0);
  measure("1 KiB", 1024, 0, budget, 0, 0.25);
  measure("64 KiB, one line", 65536, 0, budget * 4, 0, 0.5);
  measure("64 KiB, lines of 80 B", 65536, 80, budget * 4, 0, 0.2);
  return 0;
}
