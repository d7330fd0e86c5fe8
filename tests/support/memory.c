#include "memory.h"
#include "assertions.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 16 };

static int refused(memory *m)
{
  m->calls++;
  if (m->fail_at == 0 || m->calls < m->fail_at || (m->calls > m->fail_at && !m->fail_from))
    return 0;
  m->failed++;
  return 1;
}

static void count(memory *m, size_t bytes)
{
  m->live_bytes += bytes;
  if (m->live_bytes > m->peak_bytes)
    m->peak_bytes = m->live_bytes;
}

static void *tagged(char *block, size_t bytes)
{
  if (!block)
    return NULL;
  memcpy(block, &bytes, sizeof bytes);
  return block + HEADER;
}

static size_t size_of(const void *ptr)
{
  size_t bytes;

  memcpy(&bytes, (const char *)ptr - HEADER, sizeof bytes);
  return bytes;
}

static void *test_alloc(size_t bytes, void *user)
{
  memory *m = user;
  void *p = NULL;

  pthread_mutex_lock(&m->lock);
  if (!refused(m)) {
    p = tagged(malloc(bytes + HEADER), bytes);
    m->live_blocks++;
    count(m, bytes);
  }
  pthread_mutex_unlock(&m->lock);
  return p;
}

static void *test_resize(void *ptr, size_t bytes, void *user)
{
  memory *m = user;
  void *p = NULL;

  pthread_mutex_lock(&m->lock);
  if (!refused(m)) {
    size_t before = size_of(ptr);

    p = tagged(realloc((char *)ptr - HEADER, bytes + HEADER), bytes);
    m->live_bytes -= before;
    count(m, bytes);
  }
  pthread_mutex_unlock(&m->lock);
  return p;
}

static void test_release(void *ptr, void *user)
{
  memory *m = user;

  pthread_mutex_lock(&m->lock);
  m->live_blocks--;
  m->live_bytes -= size_of(ptr);
  pthread_mutex_unlock(&m->lock);
  free((char *)ptr - HEADER);
}

static void test_log(int level, const char *text, size_t len, void *user)
{
  memory *m = user;

  (void)level;
  pthread_mutex_lock(&m->lock);
  snprintf(m->last_log, sizeof m->last_log, "%.*s", (int)len, text);
  m->logs++;
  pthread_mutex_unlock(&m->lock);
}

static uint64_t test_clock_ns(void *user)
{
  memory *m = user;
  uint64_t now;

  pthread_mutex_lock(&m->lock);
  now = m->clock_ns += 1000;
  pthread_mutex_unlock(&m->lock);
  return now;
}

static uint64_t test_wall_ms(void *user)
{
  return ((const memory *)user)->wall_ms;
}

static int test_random(void *buf, size_t len, void *user)
{
  memory *m = user;
  unsigned char *to = buf;

  pthread_mutex_lock(&m->lock);
  for (size_t i = 0; i < len; i++) {
    m->random = m->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    to[i] = (unsigned char)(m->random >> 33);
  }
  pthread_mutex_unlock(&m->lock);
  return 0;
}

void memory_init(memory *m)
{
  memset(m, 0, sizeof *m);
  pthread_mutex_init(&m->lock, NULL);
  m->wall_ms = UINT64_C(1800000000000);
  m->random = 42;
}

hermes_sse_environment memory_environment(memory *m)
{
  return (hermes_sse_environment){ .size = sizeof(hermes_sse_environment),
                                   .user = m,
                                   .alloc = test_alloc,
                                   .resize = test_resize,
                                   .release = test_release,
                                   .log = test_log,
                                   .clock_ns = test_clock_ns,
                                   .wall_ms = test_wall_ms,
                                   .random = test_random };
}

static size_t run(void (*scenario)(const hermes_sse_environment *, memory *, void *), void *user, size_t fail_at,
                  int fail_from)
{
  memory m;
  hermes_sse_environment environment;

  memory_init(&m);
  m.fail_at = fail_at;
  m.fail_from = fail_from;
  environment = memory_environment(&m);
  scenario(&environment, &m, user);
  ck_assert_msg(m.live_blocks == 0 && m.live_bytes == 0, "allocation %zu failing%s: %zu blocks, %zu bytes leaked",
                fail_at, fail_from ? ", and all after it" : "", m.live_blocks, m.live_bytes);
  ck_assert_msg(fail_at == 0 || m.failed > 0, "allocation %zu was never reached", fail_at);
  return m.calls;
}

size_t memory_sweep(void (*scenario)(const hermes_sse_environment *, memory *, void *), void *user)
{
  size_t n = run(scenario, user, 0, 0);

  for (size_t i = 1; i <= n; i++) {
    run(scenario, user, i, 0);
    run(scenario, user, i, 1);
  }
  return n;
}
