/* The parser beside memchr over the same bytes, a byte at a time in C, and npm's eventsource-parser. parse [--short] */
#include "bench.h"
#include <hermes_sse/parser.h>
#include <unistd.h>

enum { STREAM = 4 << 20, CHUNK = 16384, EVENT = 32768 };

static char stream[STREAM + 2 * EVENT];
static size_t stream_len, events, found;

/* Fills `stream` with events whose data has `size` bytes of JSON, in ASCII or mostly CJK; with all three fields or data alone. */
static void fill(size_t size, int cjk, int fields)
{
  static char data[EVENT];
  size_t n = (size_t)snprintf(data, sizeof data, "{\"download_id\":\"0123456789abcdef\",\"filename\":\"");

  while (n + 5 < size) {
    memcpy(data + n, cjk ? "\xe6\x97\xa5" : "abc", 3);
    n += 3;
  }
  while (n + 2 < size)
    data[n++] = '.';
  memcpy(data + n, "\"}", 3);
  stream_len = events = 0;
  while (stream_len < STREAM) {
    if (fields)
      stream_len +=
          (size_t)snprintf(stream + stream_len, EVENT, "event: download_progress\nid: 1234567890123456-%zu\n", events);
    stream_len += (size_t)snprintf(stream + stream_len, EVENT, "data: %s\n\n", data);
    events++;
  }
}

static void by_library(void)
{
  hermes_sse_event event = { .size = sizeof event };
  hermes_sse_parser *parser;

  if (hermes_sse_parser_new(NULL, &parser) < 0)
    exit(2);
  for (size_t at = 0; at < stream_len; at += CHUNK) {
    hermes_sse_parser_feed(parser, stream + at, stream_len - at < CHUNK ? stream_len - at : CHUNK);
    while (hermes_sse_parser_next(parser, &event) > 0)
      found++;
  }
  hermes_sse_parser_free(parser);
}

static void by_memchr(void)
{
  for (const char *at = stream, *end = stream + stream_len; (at = memchr(at, '\n', (size_t)(end - at))); at++)
    found += at[1] == '\n';
}

/* What is written in an hour: a line buffer filled byte by byte, and a data buffer. */
static void by_byte(void)
{
  static char line[EVENT + 16], data[EVENT + 16];
  size_t line_len = 0, data_len = 0;

  for (size_t i = 0; i < stream_len; i++) {
    if (stream[i] != '\n' && stream[i] != '\r') {
      line[line_len++] = stream[i];
      continue;
    }
    if (line_len == 0) {
      found += data_len > 0;
      data_len = 0;
    } else if (line_len > 6 && memcmp(line, "data: ", 6) == 0) {
      memcpy(data + data_len, line + 6, line_len - 6);
      data_len += line_len - 6;
    }
    line_len = 0;
  }
}

/* GB/s, the median of `runs`. */
static double speed(void (*parse)(void), int runs)
{
  double gbs[32];

  for (int i = 0; i < runs; i++) {
    double from = cpu_ns();

    found = 0;
    parse();
    gbs[i] = (double)stream_len / (cpu_ns() - from);
    if (found != events) {
      fprintf(stderr, "found %zu of %zu events\n", found, events);
      exit(2);
    }
  }
  return median(gbs, runs);
}

/* eventsource-parser in node over the same stream; 0 where it is not installed. */
static double speed_of_npm(int runs)
{
  char path[] = "/tmp/bench-parse-XXXXXX", command[512], line[64] = "";
  int fd = mkstemp(path);
  FILE *pipe;

  if (fd < 0 || write(fd, stream, stream_len) != (ssize_t)stream_len)
    exit(2);
  close(fd);
  snprintf(command, sizeof command, "node '%s/eventsource_parser.mjs' %s %d %d %zu 2>/dev/null", BENCH_DIR, path, CHUNK,
           runs, events);
  pipe = popen(command, "r");
  if (pipe && !fgets(line, sizeof line, pipe))
    line[0] = 0;
  if (pipe)
    pclose(pipe);
  unlink(path);
  return atof(line);
}

static void row(const char *name, size_t size, int cjk, int fields, double target, int brief)
{
  const int runs = brief ? 5 : 21;
  double library, naive, npm;
  char met[32] = "";

  fill(size, cjk, fields);
  library = speed(by_library, runs);
  naive = speed(by_byte, runs);
  npm = speed_of_npm(brief ? 3 : 9);
  if (target > 0)
    snprintf(met, sizeof met, ">= %.0f  %s", target, verdict(library, target, 1));
  printf("%-34s %8.2f %8.2f %8.2f ", name, library, speed(by_memchr, runs), naive);
  if (npm > 0)
    printf("%8.3f %7.1f %7.1f  %s\n", npm, library / naive, library / npm, met);
  else
    printf("%8s %7.1f %7s  %s\n", "-", library / naive, "-", met);
}

int main(int argc, char **argv)
{
  int brief = is_short(argc, argv);

  printf("parse: GB/s of CPU time, chunks of 16 KiB, medians       (eventsource-parser: npm, Node.js; - is not "
         "installed)\n");
  printf("%-34s %8s %8s %8s %8s %7s %7s\n", "", "library", "memchr", "by byte", "npm", "/ byte", "/ npm");
  row("200 bytes of JSON", 200, 0, 0, 1, brief);
  row("200 bytes of JSON, CJK", 200, 1, 0, 0, brief);
  row("200 bytes with event and id", 200, 0, 1, 0, brief);
  row("16 KiB", 16384, 0, 0, 3, brief);
  row("16 KiB, CJK", 16384, 1, 0, 0, brief);
  return 0;
}
