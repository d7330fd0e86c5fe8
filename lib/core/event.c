#include "core/chunk.h"
#include "core/environment.h"
#include "core/line_end.h"
#include "core/options.h"
#include <hermes_sse/event.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* A line end in data begins a new line of the same field, whatever it was: CR, LF or CRLF [SSE 9.2.6]. So the encoded
   size is known from the number of line ends and their bytes, and no byte of the payload can end its field. */

#if defined(__SSE2__)
enum { BLOCK = 64 };

typedef struct block {
  __m128i a, b, c, d;
} block;

static inline __m128i load16(const char *at)
{
  return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static inline void store16(char *to, __m128i bytes)
{
  _mm_storeu_si128((__m128i *)(void *)to, bytes);
}

static inline unsigned line_ends16(__m128i bytes)
{
  __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r')));

  return (unsigned)_mm_movemask_epi8(ends);
}

static inline block load_block(const char *at)
{
  return (block){ load16(at), load16(at + 16), load16(at + 32), load16(at + 48) };
}

static inline void store_block(char *to, block x)
{
  store16(to, x.a);
  store16(to + 16, x.b);
  store16(to + 32, x.c);
  store16(to + 48, x.d);
}

/* A byte up to CR is in it: a line end, or another control character, which text hardly has. */
static inline int has_control(block x)
{
  __m128i least = _mm_min_epu8(_mm_min_epu8(x.a, x.b), _mm_min_epu8(x.c, x.d));

  return _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(least, _mm_set1_epi8('\r')), least)) != 0;
}

static inline uint64_t line_ends(block x)
{
  return (uint64_t)line_ends16(x.a) | (uint64_t)line_ends16(x.b) << 16 | (uint64_t)line_ends16(x.c) << 32 |
         (uint64_t)line_ends16(x.d) << 48;
}
#endif

static const char *skip_line_end(const char *at, const char *end)
{
  return at[0] == '\r' && at + 1 < end && at[1] == '\n' ? at + 2 : at + 1;
}

/* What the line end at `at` adds to its size: it becomes LF and prefix; the LF of a CRLF has been counted and goes. */
static inline size_t added_by(const char *at, const char *text, size_t prefix)
{
  return *at == '\n' && at > text && at[-1] == '\r' ? (size_t)-1 : prefix;
}

/* Bytes of `text` as lines of a field whose name takes `prefix` bytes; at least one line. */
static size_t measure_lines(hermes_sse_slice text, size_t prefix)
{
  const char *at = text.ptr, *end = at ? at + text.len : at;
  size_t size = prefix + text.len + 1;

#if defined(__SSE2__)
  for (; end - at >= BLOCK; at += BLOCK) {
    block x = load_block(at);

    for (uint64_t mask = has_control(x) ? line_ends(x) : 0; mask; mask &= mask - 1)
      size += added_by(at + __builtin_ctzll(mask), text.ptr, prefix);
  }
#endif
  for (; at < end; at++)
    if (*at == '\n' || *at == '\r')
      size += added_by(at, text.ptr, prefix);
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

static inline int check(const hermes_sse_event *e)
{
  const uint64_t known =
      HERMES_SSE_EVENT_NO_DATA | HERMES_SSE_EVENT_RETRY | HERMES_SSE_EVENT_RESET_ID | HERMES_SSE_EVENT_CHUNK;
  const size_t most = PTRDIFF_MAX / 32;

  if (!e || e->flags & ~known || (e->flags & HERMES_SSE_EVENT_RESET_ID && e->id.len > 0))
    return HERMES_SSE_ERR_OPTION;
  /* encoding a byte adds at most 6 more; nothing that exists in memory comes near, but arithmetic on it must not wrap */
  if (e->data.len > most || e->comment.len > most || e->type.len > most || e->id.len > most)
    return HERMES_SSE_ERR_TOO_LARGE;
  if (breaks_out(e->type))
    return HERMES_SSE_ERR_BAD_TYPE;
  if (breaks_out(e->id))
    return HERMES_SSE_ERR_BAD_ID;
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

/* Where encoded bytes go; `at` NULL: too little room was found, nothing more is written. Passed on by value, which keeps it
   in registers. */
typedef struct writer {
  char *at, *end;
} writer;

static inline writer put(writer w, const void *bytes, size_t len)
{
  if (HERMES_SSE__UNLIKELY(!w.at || len > (size_t)(w.end - w.at)))
    return (writer){ .at = NULL };
  if (len > 0)
    memcpy(w.at, bytes, len);
  w.at += len;
  return w;
}

/* What stands between the lines of a field, and, but for the first byte, before the first of them. */
typedef struct separator {
  char bytes[8];
  size_t len; /* less than 8, so that all may be copied where there is room */
} separator;

static const separator of_data = { "\ndata: ", 7 }, of_comment = { "\n: ", 3 };

static inline writer put_separator(writer w, const separator *s)
{
  if (HERMES_SSE__UNLIKELY(w.end - w.at < (ptrdiff_t)sizeof s->bytes))
    return put(w, s->bytes, s->len);
  memcpy(w.at, s->bytes, sizeof s->bytes);
  w.at += s->len;
  return w;
}

#if defined(__SSE2__)
/* Copies lines as long as a whole block of text is left and has room; the text after that. `*line` is where the line that
   it stops in begins. A block is taken after the other, wherever the lines in it end: were the next to begin at a line's
   start, its load would wait for this one's mask. */
static inline const char *copy_blocks(writer *w, const separator *of, const char *at, const char *end,
                                      const char **line)
{
  /* apart from `w` and `of`, which the stores might otherwise change */
  char *to = w->at, *const room = w->end;
  const separator s = *of;

  while (end - at >= BLOCK && room - to >= BLOCK) {
    const char *const from = at, *const next = at + BLOCK;
    block x = load_block(at);

    store_block(to, x);
    if (HERMES_SSE__LIKELY(!has_control(x))) {
      at += BLOCK;
      to += BLOCK;
      continue;
    }
    for (uint64_t mask = line_ends(x); mask; mask &= mask - 1) {
      const char *line_end = from + __builtin_ctzll(mask);

      if (line_end < at)
        continue; /* the LF of a CRLF */
      to += line_end - at;
      at = line_end;
      if (room - to < (ptrdiff_t)sizeof s.bytes)
        goto stop;
      memcpy(to, s.bytes, sizeof s.bytes);
      to += s.len;
      at = *line = skip_line_end(at, end);
      if (end - at < BLOCK || room - to < BLOCK)
        goto stop;
      store_block(to, load_block(at));
    }
    if (at < next) {
      to += next - at;
      at = next;
    }
  }
stop:
  w->at = to;
  return at;
}

/* Copies up to the next CR or LF, or `end`, from less than a block; what it leaves is less than sixteen bytes, or more than
   there is room for. */
static const char *copy_rest(writer *w, const char *line, const char *at, const char *end)
{
  char *to = w->at;
  uint64_t mask = 0;
  ptrdiff_t left, n;

  /* where the line is long enough, together with what it has before, which is written again as it was */
  if (end - at < BLOCK && end - line >= BLOCK && w->end - to >= end - at) {
    block x = load_block(end - BLOCK);

    left = end - at;
    mask = left > 0 ? line_ends(x) >> (BLOCK - left) : 0;
    n = mask ? __builtin_ctzll(mask) : left;
    store_block(to - (BLOCK - left), x);
    w->at = to + n;
    return at + n;
  }
  for (; !mask && end - at >= 16 && w->end - to >= 16; at += n, to += n) {
    mask = line_ends16(load16(at));
    n = mask ? __builtin_ctzll(mask) : 16;
    store16(to, load16(at));
  }
  if (!mask && end - at < 16 && end - line >= 16 && w->end - to >= end - at) {
    left = end - at;
    mask = line_ends16(load16(end - 16)) >> (16 - left);
    n = mask ? __builtin_ctzll(mask) : left;
    store16(to - (16 - left), load16(end - 16));
    to += n;
    at += n;
  }
  w->at = to;
  return at;
}
#endif

static writer put_lines(writer w, const separator *s, hermes_sse_slice text)
{
  const char *at = text.ptr, *end = at ? at + text.len : at, *line = at;

  w = put(w, s->bytes + 1, s->len - 1);
#if defined(__SSE2__)
  if (w.at)
    at = copy_blocks(&w, s, at, end, &line);
#endif
  while (w.at) {
#if defined(__SSE2__)
    at = copy_rest(&w, line, at, end);
#endif
    if (at < end && *at != '\n' && *at != '\r') {
      const char *line_end = hermes_sse__find_line_end(at, end);

      w = put(w, at, (size_t)(line_end - at));
      at = line_end;
    }
    if (at == end || !w.at)
      break;
    w = put_separator(w, s);
    at = line = skip_line_end(at, end);
  }
  return put(w, "\n", 1);
}

static inline writer put_field(writer w, const char *name, size_t name_len, hermes_sse_slice value)
{
  w = put(w, name, name_len);
  w = put(w, value.ptr, value.len);
  return put(w, "\n", 1);
}

static writer put_event(writer w, const hermes_sse_event *e)
{
  const char *start = w.at;

  if (e->comment.len > 0)
    w = put_lines(w, &of_comment, e->comment);
  if (e->type.len > 0)
    w = put_field(w, "event: ", 7, e->type);
  if (e->flags & HERMES_SSE_EVENT_RETRY) {
    char digits[20];
    unsigned n = format_decimal(digits + sizeof digits, e->retry_ms);

    w = put_field(w, "retry: ", 7, (hermes_sse_slice){ .ptr = digits + sizeof digits - n, .len = n });
  }
  if (!(e->flags & HERMES_SSE_EVENT_NO_DATA))
    w = put_lines(w, &of_data, e->data);
  if (e->id.len > 0)
    w = put_field(w, "id: ", 4, e->id);
  if (e->flags & HERMES_SSE_EVENT_RESET_ID)
    w = put(w, "id\n", 3);
  return w.at != start ? put(w, "\n", 1) : w;
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

/* The event as this version knows it: itself, which saves a copy that waits for the caller's stores, or else `copy`.
   NULL, which check() refuses: no event, or a struct that cannot be read. */
static inline const hermes_sse_event *read_event(const hermes_sse_event *event, hermes_sse_event *copy)
{
  if (HERMES_SSE__LIKELY(event && event->size == sizeof *copy))
    return event;
  return event && hermes_sse__options_read(copy, sizeof *copy, event) == HERMES_SSE_OK ? copy : NULL;
}

hermes_sse_ssize hermes_sse_event_measure(const hermes_sse_event *event)
{
  char line[HERMES_SSE__CHUNK_ROOM];
  hermes_sse_event copy;
  const hermes_sse_event *e = read_event(event, &copy);
  int rv = check(e);
  size_t size;

  if (rv < 0)
    return rv;
  size = measure_event(e);
  if (e->flags & HERMES_SSE_EVENT_CHUNK && size > 0)
    size += hermes_sse__chunk_line(line + sizeof line, size) + 2;
  return (hermes_sse_ssize)size;
}

/* As one chunk. Its line's length depends on the size, so this is the one case that is measured first. */
static writer put_chunk(writer w, const hermes_sse_event *e)
{
  char line[HERMES_SSE__CHUNK_ROOM];
  size_t size = measure_event(e);
  unsigned n;

  if (size == 0)
    return w; /* a chunk of no bytes would end the response */
  n = hermes_sse__chunk_line(line + sizeof line, size);
  w = put(w, line + sizeof line - n, n);
  return put(put_event(w, e), "\r\n", 2);
}

hermes_sse_ssize hermes_sse_event_encode(const hermes_sse_event *event, void *buf, size_t cap)
{
  char none, *const start = buf ? buf : &none;
  writer w = { .at = start, .end = start + (buf ? cap : 0) };
  hermes_sse_event copy;
  const hermes_sse_event *e = read_event(event, &copy);
  int rv = check(e);

  if (rv < 0)
    return rv;
  w = e->flags & HERMES_SSE_EVENT_CHUNK ? put_chunk(w, e) : put_event(w, e);
  return w.at ? w.at - start : HERMES_SSE_ERR_SPACE;
}
