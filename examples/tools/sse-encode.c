/* sse-encode: objects of JSON on standard input, one a line, to an event stream on standard output. */
#include "common.h"
#include "json.h"
#include <err.h>
#include <getopt.h>
#include <hermes_sse/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The longest form in JSON of the longest data that sse-decode takes by default: 64 MiB, six characters a byte, and the rest. */
#define DEFAULT_MAX_LINE (UINT64_C(512) << 20)

static const char usage[] =
    "usage: sse-encode [--keep-going] [--max-line BYTES] [--help] [--version]\n"
    "Reads objects of JSON from standard input, one a line, and writes them as Server-Sent Events.\n"
    "\n"
    "  {\"event\":\"type\",\"data\":\"text\",\"id\":\"1\",\"retry\":3000,\"comment\":\"text\"}   each member may be "
    "missing\n"
    "\n"
    "  --keep-going      goes on behind a line that is refused (exit code 1 at the end)\n"
    "  --max-line BYTES  the longest line that is taken (default 512M)\n";

typedef struct line {
  char *text; /* a NUL follows it */
  size_t len, room, number;
} line;

typedef enum member { EVENT, DATA, ID, RETRY, COMMENT, MEMBERS } member;

static const char *const names[MEMBERS] = { "event", "data", "id", "retry", "comment" };

/* 0 when there is none. Of one that is longer than `max` the first max + 1 bytes. */
static int read_line(line *l, size_t max)
{
  int c;

  l->len = 0;
  l->number++;
  while ((c = getc_unlocked(stdin)) != EOF && c != '\n') {
    if (l->len > max)
      continue;
    if (l->len + 1 >= l->room) {
      l->room *= 2;
      if ((l->text = realloc(l->text, l->room)) == NULL)
        err(FAILED, "line %zu: %zu bytes", l->number, l->room);
    }
    l->text[l->len++] = (char)c;
  }
  l->text[l->len] = 0;
  if (ferror(stdin))
    err(FAILED, "standard input");
  return c != EOF || l->len > 0;
}

static member find_member(hermes_sse_slice name)
{
  member m = 0;

  while (m < MEMBERS && (strlen(names[m]) != name.len || memcmp(names[m], name.ptr, name.len) != 0))
    m++;
  return m;
}

static int refuse_unknown(const line *l, hermes_sse_slice name)
{
  char shown[41] = "";
  size_t n = name.len < sizeof shown ? name.len : sizeof shown - 1;

  memcpy(shown, name.ptr, n);
  for (size_t i = 0; i < n; i++)
    if (shown[i] < ' ' || shown[i] > '~')
      shown[i] = '?';
  warnx("line %zu: unknown member \"%s\"; accepted: event, data, id, retry and comment", l->number, shown);
  return -1;
}

static int take_retry(hermes_sse_event *event, const line *l, const json_member *m)
{
  uint64_t ms = 0;

  /* behind the digits stands what ended the number; strtoull() makes UINT64_MAX of more than it can hold */
  if (m->kind == JSON_NUMBER && strspn(m->value.ptr, "0123456789") == m->value.len)
    ms = strtoull(m->value.ptr, NULL, 10);
  else
    ms = UINT64_MAX;
  if (ms > INT64_MAX) {
    warnx("line %zu: \"retry\" is no whole number of milliseconds; accepted: digits alone, from 0 to %" PRId64,
          l->number, INT64_MAX);
    return -1;
  }
  event->retry_ms = ms;
  event->flags |= HERMES_SSE_EVENT_RETRY;
  return 0;
}

static int take_member(hermes_sse_event *event, const line *l, member which, const json_member *m)
{
  if (which == RETRY)
    return take_retry(event, l, m);
  if (which == DATA) {
    event->data = m->value;
    event->flags &= ~(uint64_t)HERMES_SSE_EVENT_NO_DATA;
    return 0;
  }
  if (m->kind != JSON_STRING) {
    warnx("line %zu: \"%s\" is no string; accepted: a string", l->number, names[which]);
    return -1;
  }
  if (which == ID && m->value.len == 0)
    event->flags |= HERMES_SSE_EVENT_RESET_ID;
  *(which == EVENT ? &event->type : which == ID ? &event->id : &event->comment) = m->value;
  return 0;
}

static int read_event(const line *l, hermes_sse_event *event)
{
  json_object object = { .text = l->text, .at = l->text, .end = l->text + l->len };
  json_member m;
  unsigned seen = 0;
  int rv;

  *event = (hermes_sse_event){ .size = sizeof *event, .flags = HERMES_SSE_EVENT_NO_DATA };
  while ((rv = json_next(&object, &m)) > 0) {
    member which = find_member(m.name);

    if (which == MEMBERS)
      return refuse_unknown(l, m.name);
    if (seen & 1u << which) {
      warnx("line %zu: \"%s\" occurs twice; accepted: once", l->number, names[which]);
      return -1;
    }
    seen |= 1u << which;
    if (take_member(event, l, which, &m) < 0)
      return -1;
  }
  if (rv < 0)
    warnx("line %zu, byte %td: %s", l->number, object.at - object.text + 1, object.wrong);
  else if (seen == 0)
    warnx("line %zu: an object without members; accepted: one or more of event, data, id, retry and comment",
          l->number);
  return rv < 0 || seen == 0 ? -1 : 0;
}

static int refuse_event(const line *l, hermes_sse_ssize status)
{
  if (status == HERMES_SSE_ERR_BAD_TYPE || status == HERMES_SSE_ERR_BAD_ID)
    warnx("line %zu: \"%s\" contains CR, LF or NUL; accepted: text of one line", l->number,
          status == HERMES_SSE_ERR_BAD_ID ? "id" : "event");
  else
    warnx("line %zu: %s", l->number, hermes_sse_strerror((int)status));
  return -1;
}

static int send_line(const line *l, size_t max)
{
  hermes_sse_event event;
  hermes_sse_ssize size;
  char *bytes;

  if (l->len > max) {
    warnx("line %zu: longer than %zu bytes; accepted: at most that, or more with --max-line", l->number, max);
    return -1;
  }
  if (strspn(l->text, " \t\r") == l->len)
    return 0;
  if (read_event(l, &event) < 0)
    return -1;
  size = hermes_sse_event_measure(&event);
  if (size < 0)
    return refuse_event(l, size);
  if ((bytes = malloc((size_t)size + 1)) == NULL)
    err(FAILED, "line %zu: %td bytes", l->number, size);
  size = hermes_sse_event_encode(&event, bytes, (size_t)size);
  if (size > 0)
    fwrite(bytes, 1, (size_t)size, stdout);
  flush_output();
  free(bytes);
  return 0;
}

int main(int argc, char **argv)
{
  static const struct option options[] = { { "keep-going", no_argument, NULL, 'k' },
                                           { "max-line", required_argument, NULL, 'l' },
                                           { "help", no_argument, NULL, 'h' },
                                           { "version", no_argument, NULL, 'v' },
                                           { NULL, 0, NULL, 0 } };
  line l = { .room = 4096 };
  size_t max = DEFAULT_MAX_LINE;
  int option, keep_going = 0, failed = 0;

  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    if (option == 'k')
      keep_going = 1;
    else if (option == 'l')
      max = size_argument("max-line", optarg);
    else if (option == 'h')
      print_and_end(usage);
    else if (option == 'v')
      print_version_and_end("sse-encode");
    else
      end_misused();
  }
  refuse_operands(argc, argv);
  json_start();
  if ((l.text = malloc(l.room)) == NULL)
    err(FAILED, "%zu bytes", l.room);
  while ((!failed || keep_going) && read_line(&l, max))
    failed |= send_line(&l, max) < 0;
  free(l.text);
  return failed ? FAILED : 0;
}
