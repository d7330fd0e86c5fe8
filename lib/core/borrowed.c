#include "core/borrowed.h"
#include <string.h>

enum { FIRST_ROOM = 256 };

static int reserve(const hermes_sse_environment *env, hermes_sse__borrowed *t, size_t len, size_t max)
{
  const int owned = t->own && t->now.ptr == t->own;
  size_t room = t->room > max / 2 ? max : t->room * 2;
  char *own;

  if (len <= t->room)
    return HERMES_SSE_OK;
  if (room < FIRST_ROOM)
    room = max < FIRST_ROOM ? max : FIRST_ROOM;
  if (room < len)
    room = len;
  own = hermes_sse__resize(env, t->own, room, 1);
  if (!own)
    return HERMES_SSE_ERR_NOMEM;
  t->own = own;
  t->room = room;
  if (owned)
    t->now.ptr = own;
  return HERMES_SSE_OK;
}

int hermes_sse__borrowed_append(const hermes_sse_environment *env, hermes_sse__borrowed *t, hermes_sse_slice bytes,
                                size_t max)
{
  int rv = reserve(env, t, t->now.len + bytes.len, max);

  if (rv < 0)
    return rv;
  if (t->now.len > 0 && t->now.ptr != t->own)
    memcpy(t->own, t->now.ptr, t->now.len);
  if (bytes.len > 0)
    memcpy(t->own + t->now.len, bytes.ptr, bytes.len);
  t->now = (hermes_sse_slice){ .ptr = t->own, .len = t->now.len + bytes.len };
  return HERMES_SSE_OK;
}

int hermes_sse__borrowed_keep(const hermes_sse_environment *env, hermes_sse__borrowed *t, size_t max)
{
  return hermes_sse__borrowed_append(env, t, (hermes_sse_slice){ .len = 0 }, max);
}

void hermes_sse__borrowed_clear(const hermes_sse_environment *env, hermes_sse__borrowed *t, size_t most)
{
  t->now = (hermes_sse_slice){ .len = 0 };
  if (t->room <= most)
    return;
  hermes_sse__release(env, t->own);
  t->own = NULL;
  t->room = 0;
}
