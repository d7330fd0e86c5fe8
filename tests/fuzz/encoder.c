/* The encoder: what was measured is what is written, what is written reads back as the event with its line ends made LF, by the
 * library's parser and by the reference, and a chunk holds exactly that.
 * Input: flags, retry, lengths of type, id and comment, how the buffer is cut; then their bytes, and the data. */
#include "reference.h"
#include <hermes_sse/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char before[] = "an earlier id";

static int has_any(hermes_sse_slice text, const char *bytes, size_t n)
{
  for (size_t i = 0; i < text.len; i++)
    if (memchr(bytes, ((const char *)text.ptr)[i], n))
      return 1;
  return 0;
}

/* 1 if `status` is one of those that this event deserves; HERMES_SSE_OK if it deserves none. */
static int deserved(const hermes_sse_event *e, int status)
{
  int option = e->flags > 15 || (e->flags & HERMES_SSE_EVENT_RESET_ID && e->id.len > 0);
  int type = has_any(e->type, "\r\n\0", 3), id = has_any(e->id, "\r\n\0", 3);

  if (status == HERMES_SSE_ERR_OPTION)
    return option;
  if (status == HERMES_SSE_ERR_BAD_TYPE)
    return type;
  if (status == HERMES_SSE_ERR_BAD_ID)
    return id;
  return status == HERMES_SSE_OK && !option && !type && !id;
}

/* ---- normalise(event): what a client makes of it ---- */

/* The lines of `text`, each handed to `line`: CR, LF and CRLF end one, and the last one needs no end. */
static void each_line(hermes_sse_slice text, void (*line)(void *to, const char *at, size_t len, int last), void *to)
{
  const char *at = text.ptr;
  size_t from = 0, i = 0;

  while (i < text.len) {
    size_t end = i;

    if (at[i] == '\r' && i + 1 < text.len && at[i + 1] == '\n')
      i++;
    if (at[i] == '\n' || at[i] == '\r') {
      line(to, at + from, end - from, 0);
      from = i + 1;
    }
    i++;
  }
  line(to, text.len > from ? at + from : "", text.len - from, 1);
}

static void comment_line(void *to, const char *at, size_t len, int last)
{
  (void)last;
  found_comment(to, (hermes_sse_slice){ .ptr = at, .len = len });
}

static void data_line(void *to, const char *at, size_t len, int last)
{
  fuzz_add(to, at, len);
  if (!last)
    fuzz_add(to, "\n", 1);
}

static hermes_sse_slice id_after(const hermes_sse_event *e)
{
  if (e->flags & HERMES_SSE_EVENT_RESET_ID)
    return hermes_sse_str("");
  return e->id.len > 0 ? e->id : hermes_sse_str(before);
}

static void normalise(const hermes_sse_event *e, fuzz_text *found)
{
  fuzz_text data = { .at = NULL };

  if (e->comment.len > 0)
    each_line(e->comment, comment_line, found);
  if (e->flags & HERMES_SSE_EVENT_RETRY)
    found_retry(found, e->retry_ms < INT64_MAX ? e->retry_ms : INT64_MAX);
  if (e->flags & HERMES_SSE_EVENT_NO_DATA)
    return;
  each_line(e->data, data_line, &data);
  found_event(found, e->type.len > 0 ? e->type : hermes_sse_str("message"),
              (hermes_sse_slice){ .ptr = data.at, .len = data.n }, id_after(e));
  fuzz_clear(&data);
}

/* ---- reading back ---- */

static void read_back(const hermes_sse_event *e, const char *bytes, size_t len)
{
  hermes_sse_parser_options o = { .size = sizeof o,
                                  .flags = HERMES_SSE_PARSER_COMMENTS | HERMES_SSE_PARSER_RETRIES,
                                  .max_event_bytes = HERMES_SSE_NEVER,
                                  .max_line_bytes = HERMES_SSE_NEVER,
                                  .max_id_bytes = HERMES_SSE_NEVER,
                                  .last_event_id = hermes_sse_str(before) };
  fuzz_text expected = { .at = NULL }, found = { .at = NULL };
  hermes_sse_event event = { .size = sizeof event };
  hermes_sse_parser *parser;
  reference naive;
  int rv;

  normalise(e, &expected);
  FUZZ_CHECK(hermes_sse_parser_new(&o, &parser) == HERMES_SSE_OK);
  FUZZ_CHECK(hermes_sse_parser_feed(parser, bytes, len) == HERMES_SSE_OK);
  while ((rv = hermes_sse_parser_next(parser, &event)) != 0)
    found_by_parser(&found, rv, &event);
  FUZZ_CHECK(fuzz_equal(&found, &expected));
  FUZZ_CHECK(fuzz_same(hermes_sse_parser_last_event_id(parser), id_after(e)));
  hermes_sse_parser_free(parser);
  reference_init(&naive, o.flags, SIZE_MAX, SIZE_MAX, SIZE_MAX);
  fuzz_add(&naive.id_buffer, before, strlen(before));
  reference_feed(&naive, bytes, len);
  FUZZ_CHECK(fuzz_equal(&naive.found, &expected));
  FUZZ_CHECK(naive.line.n == 0 && naive.data.n == 0 && naive.type.n == 0);
  reference_clear(&naive);
  fuzz_clear(&expected);
  fuzz_clear(&found);
}

/* ---- writing ---- */

/* NULL if it was refused, and that was deserved; free() it. */
static char *encode(const hermes_sse_event *e, size_t short_by, size_t *len)
{
  hermes_sse_ssize size = hermes_sse_event_measure(e);
  char *bytes;

  if (size < 0) {
    FUZZ_CHECK(deserved(e, (int)size));
    FUZZ_CHECK(hermes_sse_event_encode(e, NULL, 0) == size);
    return NULL;
  }
  FUZZ_CHECK(deserved(e, HERMES_SSE_OK));
  *len = (size_t)size;
  if (short_by > 0 && short_by <= *len) {
    bytes = malloc(*len - short_by);
    FUZZ_CHECK(hermes_sse_event_encode(e, bytes, *len - short_by) == HERMES_SSE_ERR_SPACE);
    free(bytes);
  }
  bytes = malloc(*len);
  FUZZ_CHECK(hermes_sse_event_encode(e, bytes, *len) == size);
  return bytes;
}

/* The chunk line, the bytes, and the end [RFC 9112, 7.1]; nothing for no bytes, which would end the body. */
static void check_chunk(hermes_sse_event e, const char *bytes, size_t len)
{
  char line[32];
  size_t chunked_len, line_len = (size_t)snprintf(line, sizeof line, "%zx\r\n", len);
  char *chunked;

  e.flags |= HERMES_SSE_EVENT_CHUNK;
  chunked = encode(&e, 1, &chunked_len);
  FUZZ_CHECK(chunked != NULL);
  if (len == 0) {
    FUZZ_CHECK(chunked_len == 0);
  } else {
    FUZZ_CHECK(chunked_len == line_len + len + 2);
    FUZZ_CHECK(memcmp(chunked, line, line_len) == 0);
    FUZZ_CHECK(memcmp(chunked + line_len, bytes, len) == 0);
    FUZZ_CHECK(memcmp(chunked + line_len + len, "\r\n", 2) == 0);
  }
  free(chunked);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t input_len)
{
  fuzz_input in = { .at = input, .end = input + input_len };
  hermes_sse_event e = { .size = sizeof e };
  char *type, *id, *comment, *data, *bytes;
  size_t type_len, id_len, comment_len, short_by, len;

  e.flags = fuzz_byte(&in) & 31;
  e.retry_ms = fuzz_number(&in, 8);
  type_len = fuzz_byte(&in);
  id_len = fuzz_byte(&in);
  comment_len = fuzz_byte(&in);
  short_by = fuzz_byte(&in);
  e.type = fuzz_take(&in, type_len);
  e.id = fuzz_take(&in, id_len);
  e.comment = fuzz_take(&in, comment_len);
  e.data = fuzz_take(&in, input_len);
  e.type.ptr = type = fuzz_copy(e.type);
  e.id.ptr = id = fuzz_copy(e.id);
  e.comment.ptr = comment = fuzz_copy(e.comment);
  e.data.ptr = data = fuzz_copy(e.data);
  if (e.flags <= 15)
    e.flags &= ~(uint64_t)HERMES_SSE_EVENT_CHUNK;
  bytes = encode(&e, short_by, &len);
  if (bytes) {
    read_back(&e, bytes, len);
    check_chunk(e, bytes, len);
  }
  free(bytes);
  free(type);
  free(id);
  free(comment);
  free(data);
  return 0;
}
