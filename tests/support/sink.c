#include "sink.h"
#include "assertions.h"
#include <stdlib.h>
#include <string.h>

void sink_init(sink *s)
{
  memset(s, 0, sizeof *s);
  s->room = SIZE_MAX;
}

void sink_clear(sink *s)
{
  free(s->bytes);
  s->bytes = NULL;
}

void sink_forget(sink *s)
{
  s->n = 0;
}

void sink_take(sink *s, const void *bytes, size_t n)
{
  if (s->n + n > s->capacity) {
    s->capacity = 2 * (s->n + n) + 64;
    s->bytes = realloc(s->bytes, s->capacity);
  }
  if (n > 0)
    memcpy(s->bytes + s->n, bytes, n);
  s->n += n;
}

hermes_sse_ssize sink_writev(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  sink *s = user;
  size_t limit, taken = 0;

  ck_assert(n >= 1 && n <= HERMES_SSE_IOV_MAX);
  ck_assert_ptr_eq(hermes_sse_stream_user(stream), user);
  s->calls++;
  if (s->act_at == s->calls) {
    if (!s->act)
      return s->gives;
    s->act(s);
  }
  if (s->room == 0)
    return HERMES_SSE_ERR_AGAIN;
  limit = s->per_call ? s->per_call : SIZE_MAX;
  if (limit > s->room)
    limit = s->room;
  for (int i = 0; i < n && taken < limit; i++) {
    size_t len = iov[i].iov_len < limit - taken ? iov[i].iov_len : limit - taken;

    ck_assert(iov[i].iov_len > 0);
    sink_take(s, iov[i].iov_base, len);
    taken += len;
  }
  if (s->room != SIZE_MAX)
    s->room -= taken;
  return (hermes_sse_ssize)taken;
}

int sink_want_write(hermes_sse_stream *stream, int on, void *user)
{
  sink *s = user;

  (void)stream;
  s->watched = on;
  s->watch_calls++;
  return 0;
}

/* The body without chunk framing; `*len` its length. */
static char *body(const sink *s, size_t *len, int *ended)
{
  const char *at = s->n ? s->bytes : "", *end = at + s->n;
  char *out = calloc(1, s->n + 1);

  ck_assert_ptr_nonnull(out);
  *len = 0;
  if (s->head) {
    at = s->n ? memmem(at, s->n, "\r\n\r\n", 4) : NULL;
    ck_assert_ptr_nonnull(at);
    at += 4;
  }
  while (s->chunked && at < end) {
    char *rest;
    size_t size = strtoul(at, &rest, 16);

    ck_assert(rest > at && rest + 2 <= end && rest[0] == '\r' && rest[1] == '\n');
    if (size == 0) {
      ck_assert(rest + 4 == end && memcmp(rest, "\r\n\r\n", 4) == 0);
      *ended = 1;
      return out;
    }
    at = rest + 2;
    ck_assert(at + size + 2 <= end && at[size] == '\r' && at[size + 1] == '\n');
    memcpy(out + *len, at, size);
    *len += size;
    at += size + 2;
  }
  if (!s->chunked && at < end) {
    memcpy(out, at, (size_t)(end - at));
    *len = (size_t)(end - at);
  }
  return out;
}

static void append(char *to, size_t cap, const char *text, size_t len)
{
  size_t have = strlen(to);

  ck_assert(have + len < cap);
  memcpy(to + have, text, len);
  to[have + len] = 0;
}

/* One line of the stream, HTML 9.2.6: a field, a comment, or the empty line that dispatches. */
static void line(received *now, char *last_id, const char *at, size_t len)
{
  const char *colon = memchr(at, ':', len), *value;
  size_t name = colon ? (size_t)(colon - at) : len, value_len;

  value = colon ? colon + 1 : at + len;
  if (colon && value < at + len && *value == ' ')
    value++;
  value_len = (size_t)(at + len - value);
  if (colon == at) {
    append(now->comment, sizeof now->comment, value, value_len);
  } else if (name == 5 && memcmp(at, "event", 5) == 0) {
    now->type[0] = 0;
    append(now->type, sizeof now->type, value, value_len);
  } else if (name == 4 && memcmp(at, "data", 4) == 0) {
    append(now->data, sizeof now->data, value, value_len);
    append(now->data, sizeof now->data, "\n", 1);
    now->dispatched = 1;
  } else if (name == 2 && memcmp(at, "id", 2) == 0) {
    last_id[0] = 0;
    append(last_id, 64, value, value_len);
  } else if (name == 5 && memcmp(at, "retry", 5) == 0) {
    now->retry = strtol(value, NULL, 10);
  } else {
    ck_abort_msg("unexpected line: %.*s", (int)len, at);
  }
}

size_t sink_read(const sink *s, received *events, size_t max, int *ended)
{
  char last_id[64] = "";
  size_t len, n = 0;
  int over = 0;
  char *text = body(s, &len, &over), *at = text, *end = text + len;
  received now = { .retry = -1 };

  while (at < end) {
    char *stop = at + strcspn(at, "\r\n");

    if (stop == at) {
      memcpy(now.id, last_id, sizeof now.id);
      if (now.data[0])
        now.data[strlen(now.data) - 1] = 0;
      ck_assert(n < max);
      events[n++] = now;
      now = (received){ .retry = -1 };
    } else {
      line(&now, last_id, at, (size_t)(stop - at));
    }
    at = stop[0] == '\r' && stop[1] == '\n' ? stop + 2 : stop + 1;
  }
  free(text);
  if (ended)
    *ended = over;
  return n;
}
