#include "core/options.h"
#include "core/environment.h"
#include <inttypes.h>
#include <string.h>

int hermes_sse__options_read(void *to, size_t size, const void *from)
{
  const unsigned char *bytes = from;
  size_t given;

  if (!from) {
    memset(to, 0, size);
    memcpy(to, &size, sizeof size);
    return HERMES_SSE_OK;
  }
  memcpy(&given, from, sizeof given);
  if (given == size) {
    memcpy(to, from, size);
    return HERMES_SSE_OK;
  }
  if (given < sizeof given || given > 65536)
    return HERMES_SSE_ERR_OPTION;
  for (size_t i = size; i < given; i++)
    if (bytes[i] != 0)
      return HERMES_SSE_ERR_OPTION;
  memset(to, 0, size);
  memcpy(to, from, given < size ? given : size);
  memcpy(to, &size, sizeof size);
  return HERMES_SSE_OK;
}

int hermes_sse__options_write(void *to, const void *from, size_t size)
{
  size_t given, known;

  if (!to)
    return HERMES_SSE_ERR_OPTION;
  memcpy(&given, to, sizeof given);
  if (given < sizeof given || given > 65536)
    return HERMES_SSE_ERR_OPTION;
  known = given < size ? given : size;
  if (known > sizeof given)
    memcpy((char *)to + sizeof given, (const char *)from + sizeof given, known - sizeof given);
  return HERMES_SSE_OK;
}

uint64_t hermes_sse__or(uint64_t value, uint64_t otherwise)
{
  return value ? value : otherwise;
}

int hermes_sse__refuse(const hermes_sse_environment *env, const char *member, const char *accepted)
{
  hermes_sse__log_line(env, HERMES_SSE_LOG_ERROR, "%s refused; accepted: %s", member, accepted);
  return HERMES_SSE_ERR_OPTION;
}

int hermes_sse__refuse_number(const hermes_sse_environment *env, const char *member, uint64_t value,
                              const char *accepted)
{
  hermes_sse__log_line(env, HERMES_SSE_LOG_ERROR, "%s %" PRIu64 " refused; accepted: %s", member, value, accepted);
  return HERMES_SSE_ERR_OPTION;
}
