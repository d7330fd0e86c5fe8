/* The library behind a pipe, for library.py: a parser, a client and the encoder that do what lines on stdin say. Lengths are
   decimal, and bytes follow their line.
     parser LINE EVENT ID      a new parser with these limits, 0 for none
     client                    a new client, whose parser is fed from now on
     feed LENGTH               then: what was found
     answered STATUS LENGTH    the content type; then: number
     ended                     then: the delay, or a negative status
     state                     then: the last event id and the reconnection time
     encode FLAGS RETRY COMMENT EVENT DATA ID     four lengths; then: bytes, or a status
   What comes out: event TYPE DATA ID, comment LENGTH, error STATUS, bytes LENGTH, number N, end. */
#include <hermes_sse/client.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static hermes_sse_client *client;
static hermes_sse_parser *own, *parser;

static void fail(const char *what)
{
  fprintf(stderr, "library: %s\n", what);
  exit(2);
}

static hermes_sse_slice read_bytes(size_t len)
{
  char *bytes = malloc(len > 0 ? len : 1);

  if (!bytes || fread(bytes, 1, len, stdin) != len)
    fail("bytes are missing");
  return (hermes_sse_slice){ .ptr = bytes, .len = len };
}

static void drop_bytes(hermes_sse_slice bytes)
{
  union {
    const void *is_const;
    void *is_not;
  } at = { .is_const = bytes.ptr };

  free(at.is_not);
}

static void write_bytes(hermes_sse_slice bytes)
{
  if (bytes.len > 0)
    fwrite(bytes.ptr, 1, bytes.len, stdout);
}

static void new_parser(uint64_t line, uint64_t event, uint64_t id)
{
  hermes_sse_parser_options o = { .size = sizeof o, .flags = HERMES_SSE_PARSER_COMMENTS };

  o.max_line_bytes = line ? line : HERMES_SSE_NEVER;
  o.max_event_bytes = event ? event : HERMES_SSE_NEVER;
  o.max_id_bytes = id ? id : HERMES_SSE_NEVER;
  hermes_sse_parser_free(own);
  if (hermes_sse_parser_new(&o, &own) < 0)
    fail("no parser");
  parser = own;
}

static void new_client(void)
{
  hermes_sse_client_options o = { .size = sizeof o, .retry_ms = 777777, .max_delay_ms = 1 };

  hermes_sse_client_free(client);
  if (hermes_sse_client_new(&o, &client) < 0)
    fail("no client");
  parser = hermes_sse_client_parser(client);
}

static void feed(size_t len)
{
  hermes_sse_event event = { .size = sizeof event };
  hermes_sse_slice bytes = read_bytes(len);
  int rv = hermes_sse_parser_feed(parser, bytes.ptr, bytes.len);

  if (rv < 0)
    fail(hermes_sse_strerror(rv));
  while ((rv = hermes_sse_parser_next(parser, &event)) != 0) {
    if (rv == HERMES_SSE_ERR_NOMEM || rv == HERMES_SSE_ERR_OPTION)
      fail(hermes_sse_strerror(rv));
    if (rv < 0)
      printf("error %d\n", rv);
    else if (rv == HERMES_SSE_PARSED_COMMENT)
      printf("comment %zu\n", event.comment.len);
    else
      printf("event %zu %zu %zu\n", event.type.len, event.data.len, event.id.len);
    if (rv == HERMES_SSE_PARSED_COMMENT)
      write_bytes(event.comment);
    if (rv == HERMES_SSE_PARSED_EVENT) {
      write_bytes(event.type);
      write_bytes(event.data);
      write_bytes(event.id);
    }
  }
  /* what the parser still needs of these bytes it has copied */
  drop_bytes(bytes);
}

static void encode(uint64_t flags, uint64_t retry, const size_t *lengths)
{
  hermes_sse_event e = { .size = sizeof e, .flags = flags, .retry_ms = retry };
  hermes_sse_ssize size;
  char *bytes;

  e.comment = read_bytes(lengths[0]);
  e.type = read_bytes(lengths[1]);
  e.data = read_bytes(lengths[2]);
  e.id = read_bytes(lengths[3]);
  size = hermes_sse_event_measure(&e);
  if (size < 0) {
    printf("error %d\n", (int)size);
  } else {
    bytes = malloc((size_t)size + 1);
    if (!bytes || hermes_sse_event_encode(&e, bytes, (size_t)size) != size)
      fail("measured and encoded sizes differ");
    printf("bytes %zu\n", (size_t)size);
    fwrite(bytes, 1, (size_t)size, stdout);
    free(bytes);
  }
  drop_bytes(e.comment);
  drop_bytes(e.type);
  drop_bytes(e.data);
  drop_bytes(e.id);
}

static void state(void)
{
  hermes_sse_slice id = hermes_sse_parser_last_event_id(parser);
  uint64_t retry = hermes_sse_parser_retry_ms(parser);

  printf("bytes %zu\n", id.len);
  write_bytes(id);
  printf("number %" PRId64 "\n", retry == HERMES_SSE_NEVER ? -1 : (int64_t)retry);
}

static void answered(unsigned status, size_t len)
{
  hermes_sse_slice type = read_bytes(len);

  printf("number %d\n", hermes_sse_client_answered(client, status, type));
  drop_bytes(type);
}

static void obey(const char *line)
{
  uint64_t a, b, c;
  size_t lengths[4];
  unsigned status;

  if (sscanf(line, "parser %" SCNu64 " %" SCNu64 " %" SCNu64, &a, &b, &c) == 3)
    new_parser(a, b, c);
  else if (sscanf(line, "feed %zu", &lengths[0]) == 1)
    feed(lengths[0]);
  else if (sscanf(line, "encode %" SCNu64 " %" SCNu64 " %zu %zu %zu %zu", &a, &b, &lengths[0], &lengths[1], &lengths[2],
                  &lengths[3]) == 6)
    encode(a, b, lengths);
  else if (sscanf(line, "answered %u %zu", &status, &lengths[0]) == 2)
    answered(status, lengths[0]);
  else if (line[0] == 's')
    state();
  else if (line[0] == 'c')
    new_client();
  else if (line[0] == 'e')
    printf("number %" PRId64 "\n", hermes_sse_client_ended(client));
  else
    fail(line);
}

int main(void)
{
  char line[256];

  while (fgets(line, sizeof line, stdin)) {
    obey(line);
    puts("end");
    fflush(stdout);
  }
  hermes_sse_client_free(client);
  hermes_sse_parser_free(own);
  return 0;
}
