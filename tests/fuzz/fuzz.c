#include "fuzz.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 16 };

void fuzz_fail(const char *file, int line, const char *condition)
{
  fprintf(stderr, "%s:%d: not true: %s\n", file, line, condition);
  abort();
}

uint8_t fuzz_byte(fuzz_input *in)
{
  return in->at < in->end ? *in->at++ : 0;
}

uint64_t fuzz_number(fuzz_input *in, unsigned bytes)
{
  uint64_t n = 0;

  while (bytes-- > 0)
    n = n << 8 | fuzz_byte(in);
  return n;
}

hermes_sse_slice fuzz_take(fuzz_input *in, size_t len)
{
  size_t left = (size_t)(in->end - in->at);
  hermes_sse_slice taken = { .ptr = in->at, .len = len < left ? len : left };

  in->at += taken.len;
  return taken;
}

hermes_sse_slice fuzz_until(fuzz_input *in, uint8_t mark)
{
  size_t left = (size_t)(in->end - in->at);
  const uint8_t *stop = left > 0 ? memchr(in->at, mark, left) : NULL;
  hermes_sse_slice taken = fuzz_take(in, stop ? (size_t)(stop - in->at) : left);

  fuzz_byte(in);
  return taken;
}

static void *need(void *block)
{
  if (!block) {
    fprintf(stderr, "out of memory\n");
    exit(2);
  }
  return block;
}

char *fuzz_copy(hermes_sse_slice bytes)
{
  char *copy = need(malloc(bytes.len));

  if (bytes.len > 0)
    memcpy(copy, bytes.ptr, bytes.len);
  return copy;
}

char *fuzz_string(hermes_sse_slice bytes)
{
  char *copy = need(malloc(bytes.len + 1));

  if (bytes.len > 0)
    memcpy(copy, bytes.ptr, bytes.len);
  copy[bytes.len] = 0;
  return copy;
}

void fuzz_add(fuzz_text *text, const void *bytes, size_t len)
{
  if (len > text->room - text->n) {
    text->room = 2 * text->room + len + 64;
    text->at = need(realloc(text->at, text->room));
  }
  if (len > 0)
    memcpy(text->at + text->n, bytes, len);
  text->n += len;
}

void fuzz_add_slice(fuzz_text *text, hermes_sse_slice bytes)
{
  fuzz_add(text, &bytes.len, sizeof bytes.len);
  fuzz_add(text, bytes.ptr, bytes.len);
}

int fuzz_same(hermes_sse_slice a, hermes_sse_slice b)
{
  return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

int fuzz_equal(const fuzz_text *a, const fuzz_text *b)
{
  return fuzz_same((hermes_sse_slice){ .ptr = a->at, .len = a->n }, (hermes_sse_slice){ .ptr = b->at, .len = b->n });
}

void fuzz_clear(fuzz_text *text)
{
  free(text->at);
  *text = (fuzz_text){ .at = NULL };
}

/* ---- the environment: each block begins with its size ---- */

static int refused(fuzz_memory *m)
{
  m->calls++;
  if (m->period == 0 || m->calls % m->period != 0)
    return 0;
  m->failed++;
  return 1;
}

static void count(fuzz_memory *m, size_t bytes)
{
  m->live_bytes += bytes;
  if (m->live_bytes > m->peak_bytes)
    m->peak_bytes = m->live_bytes;
}

static size_t size_of(const void *block)
{
  size_t bytes;

  memcpy(&bytes, (const char *)block - HEADER, sizeof bytes);
  return bytes;
}

static void *tagged(char *block, size_t bytes)
{
  memcpy(need(block), &bytes, sizeof bytes);
  return block + HEADER;
}

static void *fuzz_alloc(size_t bytes, void *user)
{
  fuzz_memory *m = user;

  if (refused(m))
    return NULL;
  m->live_blocks++;
  count(m, bytes);
  return tagged(malloc(bytes + HEADER), bytes);
}

static void *fuzz_resize(void *block, size_t bytes, void *user)
{
  fuzz_memory *m = user;

  if (refused(m))
    return NULL;
  m->live_bytes -= size_of(block);
  count(m, bytes);
  return tagged(realloc((char *)block - HEADER, bytes + HEADER), bytes);
}

static void fuzz_release(void *block, void *user)
{
  fuzz_memory *m = user;

  m->live_blocks--;
  m->live_bytes -= size_of(block);
  free((char *)block - HEADER);
}

static void fuzz_log(int level, const char *text, size_t len, void *user)
{
  (void)level, (void)user;
  FUZZ_CHECK(strlen(text) == len && !memchr(text, '\n', len));
}

static uint64_t fuzz_clock_ns(void *user)
{
  (void)user;
  return 1;
}

static uint64_t fuzz_wall_ms(void *user)
{
  return ((const fuzz_memory *)user)->wall_ms;
}

static int fuzz_random(void *buf, size_t len, void *user)
{
  fuzz_memory *m = user;
  unsigned char *to = buf;

  for (size_t i = 0; i < len; i++) {
    m->random = m->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    to[i] = (unsigned char)(m->random >> 33);
  }
  return 0;
}

hermes_sse_environment fuzz_environment(fuzz_memory *memory)
{
  if (memory->wall_ms == 0)
    memory->wall_ms = UINT64_C(1800000000000);
  memory->random = 42;
  return (hermes_sse_environment){ .size = sizeof(hermes_sse_environment),
                                   .user = memory,
                                   .alloc = fuzz_alloc,
                                   .resize = fuzz_resize,
                                   .release = fuzz_release,
                                   .log = fuzz_log,
                                   .clock_ns = fuzz_clock_ns,
                                   .wall_ms = fuzz_wall_ms,
                                   .random = fuzz_random };
}

unsigned fuzz_period(uint8_t byte)
{
  return byte < 2 || byte > 64 ? 0 : byte;
}
