#include "core/environment.h"
#include "core/options.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static void *default_alloc(size_t bytes, void *user)
{
  (void)user;
  return malloc(bytes);
}

static void *default_resize(void *ptr, size_t bytes, void *user)
{
  (void)user;
  return realloc(ptr, bytes);
}

static void default_release(void *ptr, void *user)
{
  (void)user;
  free(ptr);
}

static uint64_t default_clock_ns(void *user)
{
  struct timespec t;
  (void)user;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t default_wall_ms(void *user)
{
  struct timespec t;
  (void)user;
  clock_gettime(CLOCK_REALTIME, &t);
  return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static int default_random(void *buf, size_t len, void *user)
{
  (void)user;
  while (len > 0) {
    ssize_t n = getrandom(buf, len < 256 ? len : 256, 0);

    if (n <= 0)
      return HERMES_SSE_ERR_RANDOM;
    buf = (char *)buf + n;
    len -= (size_t)n;
  }
  return 0;
}

int hermes_sse__environment_read(hermes_sse_environment *to, const hermes_sse_environment *from)
{
  hermes_sse_environment env;
  int rv = hermes_sse__options_read(&env, sizeof env, from);

  if (rv < 0)
    return rv;
  if (!env.alloc != !env.resize || !env.alloc != !env.release)
    return HERMES_SSE_ERR_OPTION;
  if (!env.alloc) {
    env.alloc = default_alloc;
    env.resize = default_resize;
    env.release = default_release;
  }
  if (!env.clock_ns)
    env.clock_ns = default_clock_ns;
  if (!env.wall_ms)
    env.wall_ms = default_wall_ms;
  if (!env.random)
    env.random = default_random;
  *to = env;
  return HERMES_SSE_OK;
}

void *hermes_sse__alloc_raw(const hermes_sse_environment *env, size_t count, size_t size)
{
  if (size > 0 && count > SIZE_MAX / size)
    return NULL;
  return env->alloc(count * size > 0 ? count * size : 1, env->user);
}

void *hermes_sse__alloc(const hermes_sse_environment *env, size_t count, size_t size)
{
  void *p = hermes_sse__alloc_raw(env, count, size);

  return p ? memset(p, 0, count * size) : NULL;
}

void *hermes_sse__resize(const hermes_sse_environment *env, void *ptr, size_t count, size_t size)
{
  if (!ptr)
    return hermes_sse__alloc_raw(env, count, size);
  if (count == 0 || size == 0 || count > SIZE_MAX / size)
    return NULL;
  return env->resize(ptr, count * size, env->user);
}

void hermes_sse__release(const hermes_sse_environment *env, void *ptr)
{
  if (ptr)
    env->release(ptr, env->user);
}

char *hermes_sse__copy(const hermes_sse_environment *env, const void *bytes, size_t len)
{
  char *p = len < SIZE_MAX ? hermes_sse__alloc_raw(env, len + 1, 1) : NULL;

  if (!p)
    return NULL;
  if (len > 0)
    memcpy(p, bytes, len);
  p[len] = 0;
  return p;
}

void hermes_sse__log_line(const hermes_sse_environment *env, int level, const char *format, ...)
{
  char line[512];
  va_list args;
  int n;

  if (!env->log)
    return;
  va_start(args, format);
  n = vsnprintf(line, sizeof line, format, args);
  va_end(args);
  for (char *at = line; n > 0 && *at; at++)
    if ((unsigned char)*at < ' ' || *at == 0x7f)
      *at = '?'; /* what others named or said stays on one line */
  if (n > 0)
    env->log(level, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1, env->user);
}
