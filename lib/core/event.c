#include "core/chunk.h"
#include "core/options.h"
#include <hermes_sse/event.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* A line end in data begins a new line of the same field, whatever it was: CR, LF or CRLF [SSE 9.2.6]. So the encoded
   size is known from the number of line ends and their bytes, and no byte of the payload can end its field. */

enum {
  NEAR = 256 /* a line this long is searched and copied in one loop; beyond it libc's wide searches pay */
};

/* The first CR or LF in [at, end), or `end`. */
static const char *find_line_end(const char *at, const char *end)
{
  const char *lf, *cr;

  for (const char *near = end - at > 16 ? at + 16 : end; at < near; at++)
    if (*at == '\n' || *at == '\r')
      return at;
  if (at == end)
    return end;
  lf = memchr(at, '\n', (size_t)(end - at));
  if (!lf)
    lf = end;
  cr = memchr(at, '\r', (size_t)(lf - at));
  return cr ? cr : lf;
}

static const char *skip_line_end(const char *at, const char *end)
{
  return at[0] == '\r' && at + 1 < end && at[1] == '\n' ? at + 2 : at + 1;
}

/* Bytes of `text` as lines of a field whose name takes `prefix` bytes; at least one line. */
static size_t measure_lines(hermes_sse_slice text, size_t prefix)
{
  const char *at = text.ptr, *end = at ? at + text.len : at;
  size_t size = prefix + 1;

  while (at < end) {
    const char *line_end = find_line_end(at, end);

    size += (size_t)(line_end - at);
    if (line_end == end)
      break;
    size += prefix + 1;
    at = skip_line_end(line_end, end);
  }
  return size;
}

static int breaks_out(hermes_sse_slice value)
{
  const char *at = value.ptr;

  for (size_t i = 0; i < value.len; i++)
    if (at[i] == '\n' || at[i] == '\r' || at[i] == 0)
      return 1;
  return 0;
}

static int check(const hermes_sse_event *e)
{
  const uint64_t known =
      HERMES_SSE_EVENT_NO_DATA | HERMES_SSE_EVENT_RETRY | HERMES_SSE_EVENT_RESET_ID | HERMES_SSE_EVENT_CHUNK;

  if (e->flags & ~known || (e->flags & HERMES_SSE_EVENT_RESET_ID && e->id.len > 0))
    return HERMES_SSE_ERR_OPTION;
  if (breaks_out(e->type))
    return HERMES_SSE_ERR_BAD_TYPE;
  if (breaks_out(e->id))
    return HERMES_SSE_ERR_BAD_ID;
  /* encoding a byte adds at most 6 more; nothing that exists in memory comes near, but arithmetic on it must not wrap */
  if (e->data.len > PTRDIFF_MAX / 32 || e->comment.len > PTRDIFF_MAX / 32 || e->type.len > PTRDIFF_MAX / 32 ||
      e->id.len > PTRDIFF_MAX / 32)
    return HERMES_SSE_ERR_TOO_LARGE;
  return HERMES_SSE_OK;
}

static unsigned format_decimal(char *end, uint64_t number)
{
  char *at = end;

  do {
    *--at = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return (unsigned)(end - at);
}

/* Where encoded bytes go; `at` NULL: too little room was found, nothing more is written. */
typedef struct writer {
  char *at, *end;
} writer;

static void put(writer *w, const void *bytes, size_t len)
{
  if (!w->at || len > (size_t)(w->end - w->at)) {
    w->at = NULL;
    return;
  }
  if (len > 0)
    memcpy(w->at, bytes, len);
  w->at += len;
}

/* Copies up to the first CR or LF, at most NEAR bytes, and returns where it stopped. */
static const char *copy_near(writer *w, const char *at, const char *end)
{
#if defined(__SSE2__)
  const __m128i lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');
  const char *near = end - at > NEAR ? at + NEAR : end;

  for (; near - at >= 16 && w->end - w->at >= 16; at += 16, w->at += 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    int mask = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, lf), _mm_cmpeq_epi8(bytes, cr)));

    _mm_storeu_si128((__m128i *)(void *)w->at, bytes);
    if (mask) {
      int n = __builtin_ctz((unsigned)mask);

      w->at += n;
      return at + n;
    }
  }
#else
  (void)w;
  (void)end;
#endif
  return at;
}

static void put_lines(writer *w, const char *prefix, size_t prefix_len, hermes_sse_slice text)
{
  const char *at = text.ptr, *end = at ? at + text.len : at;

  for (;;) {
    const char *line_end;

    put(w, prefix, prefix_len);
    if (!w->at)
      return;
    if (at < end)
      at = copy_near(w, at, end);
    line_end = at < end ? find_line_end(at, end) : end;
    if (line_end > at)
      put(w, at, (size_t)(line_end - at));
    put(w, "\n", 1);
    if (line_end == end)
      return;
    at = skip_line_end(line_end, end);
  }
}

static void put_field(writer *w, const char *name, size_t name_len, hermes_sse_slice value)
{
  put(w, name, name_len);
  put(w, value.ptr, value.len);
  put(w, "\n", 1);
}

static void put_event(writer *w, const hermes_sse_event *e)
{
  const char *start = w->at;

  if (e->comment.len > 0)
    put_lines(w, ": ", 2, e->comment);
  if (e->type.len > 0)
    put_field(w, "event: ", 7, e->type);
  if (e->flags & HERMES_SSE_EVENT_RETRY) {
    char digits[20];
    unsigned n = format_decimal(digits + sizeof digits, e->retry_ms);

    put_field(w, "retry: ", 7, (hermes_sse_slice){ .ptr = digits + sizeof digits - n, .len = n });
  }
  if (!(e->flags & HERMES_SSE_EVENT_NO_DATA))
    put_lines(w, "data: ", 6, e->data);
  if (e->id.len > 0)
    put_field(w, "id: ", 4, e->id);
  if (e->flags & HERMES_SSE_EVENT_RESET_ID)
    put(w, "id\n", 3);
  if (w->at != start)
    put(w, "\n", 1);
}

static size_t measure_event(const hermes_sse_event *e)
{
  char digits[20];
  size_t size = 0;

  if (e->comment.len > 0)
    size += measure_lines(e->comment, 2);
  if (e->type.len > 0)
    size += 8 + e->type.len;
  if (e->flags & HERMES_SSE_EVENT_RETRY)
    size += 8 + format_decimal(digits + sizeof digits, e->retry_ms);
  if (!(e->flags & HERMES_SSE_EVENT_NO_DATA))
    size += measure_lines(e->data, 6);
  if (e->id.len > 0)
    size += 5 + e->id.len;
  if (e->flags & HERMES_SSE_EVENT_RESET_ID)
    size += 3;
  return size > 0 ? size + 1 : 0;
}

static int read_event(hermes_sse_event *e, const hermes_sse_event *event)
{
  if (!event || hermes_sse__options_read(e, sizeof *e, event) < 0)
    return HERMES_SSE_ERR_OPTION;
  return check(e);
}

hermes_sse_ssize hermes_sse_event_measure(const hermes_sse_event *event)
{
  char line[HERMES_SSE__CHUNK_ROOM];
  hermes_sse_event e;
  size_t size;
  int rv = read_event(&e, event);

  if (rv < 0)
    return rv;
  size = measure_event(&e);
  if (e.flags & HERMES_SSE_EVENT_CHUNK && size > 0)
    size += hermes_sse__chunk_line(line + sizeof line, size) + 2;
  return (hermes_sse_ssize)size;
}

hermes_sse_ssize hermes_sse_event_encode(const hermes_sse_event *event, void *buf, size_t cap)
{
  char line[HERMES_SSE__CHUNK_ROOM];
  writer w = { .at = buf, .end = (char *)buf + cap };
  hermes_sse_event e;
  int rv = read_event(&e, event), chunked;

  if (rv < 0)
    return rv;
  chunked = e.flags & HERMES_SSE_EVENT_CHUNK ? 1 : 0;
  if (chunked) {
    /* the line's length depends on the size, so a chunk is the one case that is measured first */
    size_t size = measure_event(&e);
    unsigned n = size > 0 ? hermes_sse__chunk_line(line + sizeof line, size) : 0;

    chunked = size > 0;
    put(&w, line + sizeof line - n, n);
  }
  put_event(&w, &e);
  if (chunked)
    put(&w, "\r\n", 2);
  return w.at ? w.at - (char *)buf : HERMES_SSE_ERR_SPACE;
}
