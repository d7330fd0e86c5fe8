#include "core/oldest.h"

/* oldest_at is the place in the heap plus one; 0: the log is not in it. */

static uint64_t age(const hermes_sse__log *log)
{
  return hermes_sse__entry_at(log, log->first)->seq;
}

static void put(hermes_sse__oldest *oldest, uint32_t at, hermes_sse__log *log)
{
  oldest->logs[at] = log;
  log->oldest_at = at + 1;
}

static uint32_t rise(hermes_sse__oldest *oldest, uint32_t at, hermes_sse__log *log)
{
  for (; at > 0 && age(oldest->logs[(at - 1) / 2]) > age(log); at = (at - 1) / 2)
    put(oldest, at, oldest->logs[(at - 1) / 2]);
  return at;
}

static uint32_t sink(hermes_sse__oldest *oldest, uint32_t at, const hermes_sse__log *log)
{
  for (uint32_t child; (child = 2 * at + 1) < oldest->n; at = child) {
    if (child + 1 < oldest->n && age(oldest->logs[child + 1]) < age(oldest->logs[child]))
      child++;
    if (age(oldest->logs[child]) >= age(log))
      break;
    put(oldest, at, oldest->logs[child]);
  }
  return at;
}

int hermes_sse__oldest_reserve(const hermes_sse_environment *env, hermes_sse__oldest *oldest, size_t n)
{
  size_t capacity = n + n / 2 + 8;
  hermes_sse__log **logs;

  if (n <= oldest->capacity)
    return HERMES_SSE_OK;
  if (capacity > UINT32_MAX / 2)
    return HERMES_SSE_ERR_NOMEM;
  logs = hermes_sse__resize(env, oldest->logs, capacity, sizeof(*logs));
  if (!logs)
    return HERMES_SSE_ERR_NOMEM;
  oldest->logs = logs;
  oldest->capacity = (uint32_t)capacity;
  return HERMES_SSE_OK;
}

void hermes_sse__oldest_update(hermes_sse__oldest *oldest, hermes_sse__log *log)
{
  uint32_t at;

  if (hermes_sse__log_n(log) == 0) {
    hermes_sse__log *last;

    if (log->oldest_at == 0)
      return;
    at = log->oldest_at - 1;
    log->oldest_at = 0;
    last = oldest->logs[--oldest->n];
    if (last != log) {
      at = rise(oldest, at, last);
      put(oldest, sink(oldest, at, last), last);
    }
    return;
  }
  at = log->oldest_at > 0 ? log->oldest_at - 1 : oldest->n++;
  at = rise(oldest, at, log);
  put(oldest, sink(oldest, at, log), log);
}
