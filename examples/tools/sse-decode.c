/* sse-decode: an event stream on standard input to objects of JSON on standard output, one a line. */
#include "common.h"
#include "json.h"
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <hermes_sse/parser.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 16 };
#define DEFAULT_MAX_EVENT (UINT64_C(64) << 20)

static const char usage[] =
    "usage: sse-decode [--comments] [--max-event BYTES] [--max-line BYTES] [--max-id BYTES] [--chunk BYTES]\n"
    "                  [--help] [--version]\n"
    "Reads Server-Sent Events from standard input and writes objects of JSON, one a line.\n"
    "\n"
    "  {\"event\":\"message\",\"data\":\"text\",\"id\":\"1\"}   an event; id: the last event id, \"\" for none\n"
    "  {\"retry\":3000}                               a reconnection time, in milliseconds\n"
    "  {\"comment\":\"text\"}                           with --comments\n"
    "\n"
    "  --comments         writes comments too\n"
    "  --max-event BYTES  the longest data of an event (default 64M)\n"
    "  --max-line BYTES   the longest line (default: 64 more than --max-event)\n"
    "  --max-id BYTES     the longest id (default 1K)\n"
    "  --chunk BYTES      gives the parser no more than these at a time, for tests\n";

typedef struct input {
  hermes_sse_parser *parser;
  uint64_t line;   /* that the next byte belongs to */
  int after_cr;    /* the last byte was CR: an LF now is of the same line end */
  int lost_events; /* beyond a limit */
} input;

static void print_found(int kind, const hermes_sse_event *event)
{
  if (kind == HERMES_SSE_PARSED_RETRY) {
    printf("{\"retry\":%" PRIu64 "}\n", event->retry_ms);
  } else if (kind == HERMES_SSE_PARSED_COMMENT) {
    fputs("{\"comment\":", stdout);
    json_print(event->comment, stdout);
    fputs("}\n", stdout);
  } else {
    fputs("{\"event\":", stdout);
    json_print(event->type, stdout);
    fputs(",\"data\":", stdout);
    json_print(event->data, stdout);
    fputs(",\"id\":", stdout);
    json_print(event->id, stdout);
    fputs("}\n", stdout);
  }
  flush_output();
}

static void report_loss(input *in, int status)
{
  const char *option = status == HERMES_SSE_ERR_MAX_LINE    ? "max-line"
                       : status == HERMES_SSE_ERR_MAX_EVENT ? "max-event"
                       : status == HERMES_SSE_ERR_MAX_ID    ? "max-id"
                                                            : NULL;

  if (!option)
    errx(FAILED, "line %" PRIu64 ": %s", in->line, hermes_sse_strerror(status));
  warnx("line %" PRIu64 ": %s; --%s accepts more", in->line, hermes_sse_strerror(status), option);
  in->lost_events = 1;
}

/* Bytes of one line. */
static void parse(input *in, const char *bytes, size_t len)
{
  hermes_sse_event event = { .size = sizeof event };
  int rv = hermes_sse_parser_feed(in->parser, bytes, len);

  if (rv < 0)
    report_loss(in, rv);
  while ((rv = hermes_sse_parser_next(in->parser, &event)) != 0) {
    if (rv < 0)
      report_loss(in, rv);
    else
      print_found(rv, &event);
  }
}

/* Line by line, as the parser does not tell where a limit was exceeded. */
static void parse_lines(input *in, const char *bytes, size_t len)
{
  while (len > 0) {
    size_t n = 0;

    if (in->after_cr && bytes[0] == '\n') {
      in->line--;
    } else {
      while (n < len && bytes[n] != '\n' && bytes[n] != '\r')
        n++;
    }
    in->after_cr = n < len && bytes[n] == '\r';
    if (n < len) {
      parse(in, bytes, n + 1);
      in->line++;
      n++;
    } else {
      parse(in, bytes, n);
    }
    bytes += n;
    len -= n;
  }
}

static void decode(input *in, size_t chunk)
{
  static char bytes[READ_BYTES];
  ssize_t n;

  while ((n = read(STDIN_FILENO, bytes, sizeof bytes)) != 0) {
    if (n < 0 && errno != EINTR)
      err(FAILED, "standard input");
    for (size_t at = 0, left; n > 0 && at < (size_t)n; at += left) {
      left = (size_t)n - at < chunk ? (size_t)n - at : chunk;
      parse_lines(in, bytes + at, left);
    }
  }
}

int main(int argc, char **argv)
{
  enum { COMMENTS = 256, MAX_EVENT, MAX_LINE, MAX_ID, CHUNK, HELP, VERSION };
  static const struct option options[] = {
    { "comments", no_argument, NULL, COMMENTS },       { "max-event", required_argument, NULL, MAX_EVENT },
    { "max-line", required_argument, NULL, MAX_LINE }, { "max-id", required_argument, NULL, MAX_ID },
    { "chunk", required_argument, NULL, CHUNK },       { "help", no_argument, NULL, HELP },
    { "version", no_argument, NULL, VERSION },         { NULL, 0, NULL, 0 }
  };
  hermes_sse_parser_options how = { .size = sizeof how,
                                    .flags = HERMES_SSE_PARSER_RETRIES,
                                    .max_event_bytes = DEFAULT_MAX_EVENT };
  input in = { .line = 1 };
  uint64_t chunk = READ_BYTES;
  int option, rv;

  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    if (option == COMMENTS)
      how.flags |= HERMES_SSE_PARSER_COMMENTS;
    else if (option == MAX_EVENT)
      how.max_event_bytes = size_argument("max-event", optarg);
    else if (option == MAX_LINE)
      how.max_line_bytes = size_argument("max-line", optarg);
    else if (option == MAX_ID)
      how.max_id_bytes = size_argument("max-id", optarg);
    else if (option == CHUNK)
      chunk = size_argument("chunk", optarg);
    else if (option == HELP)
      print_and_end(usage);
    else if (option == VERSION)
      print_version_and_end("sse-decode");
    else
      end_misused();
  }
  refuse_operands(argc, argv);
  rv = hermes_sse_parser_new(&how, &in.parser);
  if (rv < 0)
    errx(FAILED, "%s", hermes_sse_strerror(rv));
  decode(&in, chunk);
  hermes_sse_parser_free(in.parser);
  return in.lost_events ? FAILED : 0;
}
