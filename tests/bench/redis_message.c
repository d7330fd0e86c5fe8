#include "redis.h"

static const char before_data[] = "{\"type\":\"download_progress\",\"data\":",
                  after_data[] = ",\"timestamp\":\"2026-01-02T03:04:05.678Z\"";

size_t data_write(char *to, size_t size)
{
  size_t n = (size_t)sprintf(to, "{\"download_id\":\"0123456789abcdef\",\"status\":\"downloading\",\"progress\":42.5,"
                                 "\"eta\":17,\"error_message\":\"");

  while (n + 2 < size)
    to[n++] = 'x';
  return n + (size_t)sprintf(to + n, "\"}");
}

size_t envelope_write(char to[ENVELOPE_ROOM], size_t size, const char *origin, uint64_t number)
{
  size_t n = (size_t)sprintf(to, "%s", before_data);

  n += data_write(to + n, size - strlen(before_data) - strlen(after_data) - 1);
  n += (size_t)sprintf(to + n, "%s", after_data);
  if (origin)
    n += (size_t)sprintf(to + n, ",\"hermes_sse\":{\"origin\":\"%s\",\"number\":%llu}", origin,
                         (unsigned long long)number);
  return n + (size_t)sprintf(to + n, "}");
}
