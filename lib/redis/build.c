#include "redis/build.h"
#include <string.h>

enum {
  SLACK = 64 << 10, /* so that a small limit is not used up by the values themselves */
  KEEP = 256 << 10  /* a block larger than this does not outlive its reply */
};

void hermes_sse__build_init(hermes_sse__build *build, const hermes_sse_environment *env, uint64_t max_bytes)
{
  *build = (hermes_sse__build){ .env = env };
  build->limit = max_bytes < SIZE_MAX - SLACK ? (size_t)max_bytes + SLACK : SIZE_MAX;
}

static void forget(hermes_sse__build *build, hermes_sse__nodes *nodes)
{
  hermes_sse__release(build->env, nodes->at);
  *nodes = (hermes_sse__nodes){ .at = NULL };
}

static void forget_text(hermes_sse__build *build)
{
  hermes_sse__release(build->env, build->text);
  build->text = NULL;
  build->text_room = 0;
}

void hermes_sse__build_clear(hermes_sse__build *build)
{
  forget(build, &build->open);
  forget(build, &build->placed);
  forget_text(build);
}

void hermes_sse__build_begin(hermes_sse__build *build)
{
  if (build->open.room > KEEP / sizeof(hermes_sse__reply))
    forget(build, &build->open);
  if (build->placed.room > KEEP / sizeof(hermes_sse__reply))
    forget(build, &build->placed);
  if (build->text_room > KEEP)
    forget_text(build);
  build->open.n = build->placed.n = build->n_text = build->used = 0;
  build->depth = 0;
  build->status = HERMES_SSE_OK;
}

/* Doubles, but not beyond what one reply may use. */
static size_t next_room(size_t room, size_t need, size_t most)
{
  room = room < most / 2 ? 2 * room : most;
  return room > need ? room : need;
}

static int reserve(hermes_sse__build *build, hermes_sse__nodes *nodes, size_t n)
{
  size_t need = nodes->n + n, room;
  hermes_sse__reply *at;

  if (need <= nodes->room)
    return HERMES_SSE_OK;
  room = next_room(nodes->room, need < 16 ? 16 : need, build->limit / sizeof *at);
  at = hermes_sse__resize(build->env, nodes->at, room, sizeof *at);
  if (!at)
    return HERMES_SSE_ERR_NOMEM;
  nodes->at = at;
  nodes->room = room;
  return HERMES_SSE_OK;
}

static int reserve_text(hermes_sse__build *build, size_t len)
{
  size_t need = build->n_text + len, room;
  char *at;

  if (need <= build->text_room)
    return HERMES_SSE_OK;
  room = next_room(build->text_room, need < 512 ? 512 : need, build->limit);
  at = hermes_sse__resize(build->env, build->text, room, 1);
  if (!at)
    return HERMES_SSE_ERR_NOMEM;
  build->text = at;
  build->text_room = room;
  return HERMES_SSE_OK;
}

/* A value and `extra` bytes more. */
static int charge(hermes_sse__build *build, size_t extra)
{
  size_t left = build->limit - build->used;

  if (build->depth == 0 && build->open.n > 0)
    return HERMES_SSE_ERR_BAD_DATA;
  if (left < sizeof(hermes_sse__reply) || left - sizeof(hermes_sse__reply) < extra)
    return HERMES_SSE_ERR_TOO_LARGE;
  build->used += sizeof(hermes_sse__reply) + extra;
  return HERMES_SSE_OK;
}

/* The last array has all its values: they move to where they stay, and it takes their place. Until the end `integer` is where the
   values begin, as the block may still move. */
static int place(hermes_sse__build *build, size_t n)
{
  hermes_sse__reply array = { .kind = HERMES_SSE__REPLY_ARRAY, .n = n, .integer = (int64_t)build->placed.n };
  hermes_sse__nodes *open = &build->open, *placed = &build->placed;

  if (reserve(build, placed, n) < 0)
    return HERMES_SSE_ERR_NOMEM;
  memcpy(placed->at + placed->n, open->at + (open->n - n), n * sizeof array);
  placed->n += n;
  open->n -= n;
  open->at[open->n++] = array;
  return HERMES_SSE_OK;
}

static int push(hermes_sse__build *build, hermes_sse__reply value)
{
  if (reserve(build, &build->open, 1) < 0)
    return HERMES_SSE_ERR_NOMEM;
  build->open.at[build->open.n++] = value;
  while (build->depth > 0 && --build->levels[build->depth - 1].left == 0)
    if (place(build, build->levels[--build->depth].n) < 0)
      return HERMES_SSE_ERR_NOMEM;
  return HERMES_SSE_OK;
}

int hermes_sse__build_text(hermes_sse__build *build, int kind, const char *text, size_t len)
{
  hermes_sse__reply value = { .kind = kind, .len = len, .integer = (int64_t)build->n_text };

  build->status = len < SIZE_MAX ? charge(build, len + 1) : HERMES_SSE_ERR_TOO_LARGE;
  if (build->status == HERMES_SSE_OK)
    build->status = reserve_text(build, len + 1);
  if (build->status < 0)
    return build->status;
  if (len > 0)
    memcpy(build->text + build->n_text, text, len);
  build->text[build->n_text + len] = 0;
  build->n_text += len + 1;
  return build->status = push(build, value);
}

int hermes_sse__build_number(hermes_sse__build *build, int kind, int64_t number)
{
  build->status = charge(build, 0);
  if (build->status == HERMES_SSE_OK)
    build->status = push(build, (hermes_sse__reply){ .kind = kind, .integer = number });
  return build->status;
}

int hermes_sse__build_array(hermes_sse__build *build, size_t n)
{
  if (n > (build->limit - build->used) / sizeof(hermes_sse__reply))
    return build->status = HERMES_SSE_ERR_TOO_LARGE; /* known before one of them came */
  if (build->depth == HERMES_SSE__BUILD_DEPTH)
    return build->status = HERMES_SSE_ERR_BAD_DATA;
  build->status = charge(build, 0);
  if (build->status < 0)
    return build->status;
  if (n == 0)
    return build->status = push(build, (hermes_sse__reply){ .kind = HERMES_SSE__REPLY_ARRAY });
  build->levels[build->depth].n = build->levels[build->depth].left = n;
  build->depth++;
  return HERMES_SSE_OK;
}

static void settle(const hermes_sse__build *build, hermes_sse__reply *value)
{
  switch (value->kind) {
  case HERMES_SSE__REPLY_STRING:
  case HERMES_SSE__REPLY_STATUS:
  case HERMES_SSE__REPLY_ERROR:
    value->text = build->text + value->integer;
    value->integer = 0;
    break;
  case HERMES_SSE__REPLY_ARRAY:
    value->items = value->n > 0 ? build->placed.at + value->integer : NULL;
    value->integer = 0;
    break;
  default:
    break;
  }
}

const hermes_sse__reply *hermes_sse__build_end(hermes_sse__build *build)
{
  if (build->depth > 0 || build->open.n != 1)
    return NULL;
  for (size_t i = 0; i < build->placed.n; i++)
    settle(build, &build->placed.at[i]);
  settle(build, &build->open.at[0]);
  return build->open.at;
}
