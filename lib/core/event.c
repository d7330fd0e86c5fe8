#include "core/chunk.h"
#include "core/environment.h"
#include "core/options.h"
#include <hermes_sse/event.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* A line end in data begins a new line of the same field, whatever it was: CR, LF or CRLF [SSE 9.2.6]. So the encoded
   size is known from the number of line ends and their bytes, and no byte of the payload can end its field. */

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

static inline void put(writer *w, const void *bytes, size_t len)
{
  if (!w->at || len > (size_t)(w->end - w->at)) {
    w->at = NULL;
    return;
  }
  if (len > 0)
    memcpy(w->at, bytes, len);
  w->at += len;
}

#if defined(__SSE2__)
typedef __m128i vector;

static vector load(const char *at)
{
  return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static void store(char *to, vector bytes)
{
  _mm_storeu_si128((__m128i *)(void *)to, bytes);
}

static vector line_ends(vector bytes)
{
  return _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r')));
}

/* Copies up to the first CR or LF, or `end`, and returns where it stopped; what is left over, less than sixteen bytes or all
   that the room does not take, is for the caller. */
static const char *copy_line(writer *w, const char *at, const char *end)
{
  const char *line = at;
  char *to = w->at, *const room = w->end; /* apart from `w`, which the stores might otherwise change */
  unsigned mask = 0;

  for (; end - at >= 64 && room - to >= 64; at += 64, to += 64) {
    vector a = load(at), b = load(at + 16), c = load(at + 32), d = load(at + 48);
    vector least = _mm_min_epu8(_mm_min_epu8(a, b), _mm_min_epu8(c, d));

    if (_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(least, _mm_set1_epi8('\r')), least)))
      break; /* a byte up to CR: a line end, or another control character, which text hardly has */
    store(to, a);
    store(to + 16, b);
    store(to + 32, c);
    store(to + 48, d);
  }
  while (!mask && end - at >= 16 && room - to >= 16) {
    vector bytes = load(at);
    int n;

    mask = (unsigned)_mm_movemask_epi8(line_ends(bytes));
    n = mask ? __builtin_ctz(mask) : 16;
    store(to, bytes);
    to += n;
    at += n;
  }
  /* the rest together with what the line has before it, which is written again as it was */
  if (!mask && end - at < 16 && end - line >= 16 && room - to >= end - at) {
    vector bytes = load(end - 16);
    int left = (int)(end - at), n;

    mask = (unsigned)_mm_movemask_epi8(line_ends(bytes)) >> (16 - left);
    n = mask ? __builtin_ctz(mask) : left;
    store(to - (16 - left), bytes);
    to += n;
    at += n;
  }
  w->at = to;
  return at;
}
#else
static const char *copy_line(writer *w, const char *at, const char *end)
{
  (void)w;
  (void)end;
  return at;
}
#endif

/* What stands between the lines of a field, and, but for the first byte, before the first of them. */
typedef struct separator {
  char bytes[8];
  size_t len; /* less than 8, so that all may be copied where there is room */
} separator;

static const separator of_data = { "\ndata: ", 7 }, of_comment = { "\n: ", 3 };

static void put_separator(writer *w, const separator *s)
{
  if (HERMES_SSE__LIKELY(w->at && w->end - w->at >= (ptrdiff_t)sizeof s->bytes)) {
    memcpy(w->at, s->bytes, sizeof s->bytes);
    w->at += s->len;
  } else {
    put(w, s->bytes, s->len);
  }
}

static void put_lines(writer *w, const separator *s, hermes_sse_slice text)
{
  const char *at = text.ptr, *end = at ? at + text.len : at;

  put(w, s->bytes + 1, s->len - 1);
  while (w->at) {
    if (at < end)
      at = copy_line(w, at, end);
    if (at < end && *at != '\n' && *at != '\r') {
      const char *line_end = find_line_end(at, end);

      put(w, at, (size_t)(line_end - at));
      at = line_end;
    }
    if (at == end)
      break;
    put_separator(w, s);
    at = skip_line_end(at, end);
  }
  put(w, "\n", 1);
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
    put_lines(w, &of_comment, e->comment);
  if (e->type.len > 0)
    put_field(w, "event: ", 7, e->type);
  if (e->flags & HERMES_SSE_EVENT_RETRY) {
    char digits[20];
    unsigned n = format_decimal(digits + sizeof digits, e->retry_ms);

    put_field(w, "retry: ", 7, (hermes_sse_slice){ .ptr = digits + sizeof digits - n, .len = n });
  }
  if (!(e->flags & HERMES_SSE_EVENT_NO_DATA))
    put_lines(w, &of_data, e->data);
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
