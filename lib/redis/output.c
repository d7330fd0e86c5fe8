#include "redis/output.h"
#include <hiredis/hiredis.h>
#include <string.h>

enum { SMALLEST = 1 << 10, KEEP = 64 << 10 };

void hermes_sse__output_clear(hermes_sse__output *output)
{
  if (output->bytes)
    explicit_bzero(output->bytes, output->room);
  hermes_sse__release(output->env, output->bytes);
  *output = (hermes_sse__output){ .env = output->env };
}

/* Room for `len` bytes behind the end. */
static int reserve(hermes_sse__output *output, size_t len)
{
  size_t pending = hermes_sse__output_pending(output), room;
  char *bytes;

  if (len <= output->room - output->end)
    return HERMES_SSE_OK;
  if (pending <= output->begin && pending + len <= output->room) {
    memcpy(output->bytes, output->bytes + output->begin, pending);
    output->begin = 0;
    output->end = pending;
    return HERMES_SSE_OK;
  }
  if (len > SIZE_MAX / 4 - output->end)
    return HERMES_SSE_ERR_NOMEM;
  room = 2 * (output->end + len);
  room = room > SMALLEST ? room : SMALLEST;
  bytes = hermes_sse__resize(output->env, output->bytes, room, 1);
  if (!bytes)
    return HERMES_SSE_ERR_NOMEM;
  output->bytes = bytes;
  output->room = room;
  return HERMES_SSE_OK;
}

int hermes_sse__output_add(hermes_sse__output *output, const void *bytes, size_t len)
{
  int rv = reserve(output, len);

  if (rv < 0)
    return rv;
  if (len > 0)
    memcpy(output->bytes + output->end, bytes, len);
  output->end += len;
  return HERMES_SSE_OK;
}

/* 1 if all the arguments together are no more than `max`, so that what cannot be sent is not formatted first. */
static int fits(uint64_t max, int argc, const size_t *lens)
{
  for (int i = 0; i < argc; i++) {
    if (lens[i] > max)
      return 0;
    max -= lens[i];
  }
  return 1;
}

int hermes_sse__output_command(hermes_sse__output *output, uint64_t max, int argc, const char *const *argv,
                               const size_t *lens)
{
  size_t pending = hermes_sse__output_pending(output);
  char *text = NULL;
  long long len; /* what hiredis returns is wider in newer versions */
  int rv;

  max = max < INT32_MAX ? max : INT32_MAX; /* and an int in the oldest */
  if (pending > max || !fits(max - pending, argc, lens))
    return HERMES_SSE_ERR_FULL;
  len = redisFormatCommandArgv(&text, argc, (const char **)argv, lens);
  if (len < 0)
    return HERMES_SSE_ERR_NOMEM;
  rv = (uint64_t)len > max - pending ? HERMES_SSE_ERR_FULL : hermes_sse__output_add(output, text, (size_t)len);
  redisFreeCommand(text);
  return rv;
}

void hermes_sse__output_take(hermes_sse__output *output, size_t len)
{
  output->begin += len;
  if (output->begin < output->end)
    return;
  output->begin = output->end = 0;
  if (output->room > KEEP) {
    hermes_sse__release(output->env, output->bytes);
    output->bytes = NULL;
    output->room = 0;
  }
}

void hermes_sse__output_wipe(hermes_sse__output *output)
{
  if (output->begin > 0)
    explicit_bzero(output->bytes, output->begin);
  if (output->end < output->room)
    explicit_bzero(output->bytes + output->end, output->room - output->end);
}
