/* Ids: read as the header says and no other way, written as they were read; and what a stream opened with any Last-Event-ID gets:
 * exactly what came after it, or a gap event first.
 * Input: what stands before the text, room to write into; then the text. */
#include "reference.h"
#include <hermes_sse/hermes_sse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PUBLISHED = 8, RETAINED = 4 };

static fuzz_memory memory;
static hermes_sse_bus *bus;
static hermes_sse_hub *hub;
static hermes_sse_id head;

/* ---- reading and writing ---- */

/* Digits up to `end`, as the header has it. */
static int naive_number(const char *at, const char *end, uint64_t *n)
{
  unsigned __int128 value = 0;

  if (at == end || (*at == '0' && end - at > 1))
    return 0;
  for (; at < end; at++) {
    if (*at < '0' || *at > '9')
      return 0;
    value = value * 10 + (unsigned)(*at - '0');
    if (value > UINT64_MAX)
      return 0;
  }
  *n = (uint64_t)value;
  return 1;
}

static int naive_parse(hermes_sse_slice text, hermes_sse_id *id)
{
  const char *at = text.ptr, *dash = text.len > 0 ? memchr(at, '-', text.len) : NULL;

  return dash && naive_number(at, dash, &id->hi) && naive_number(dash + 1, at + text.len, &id->lo);
}

static void check_format(const hermes_sse_id *id, hermes_sse_slice text, size_t cap)
{
  char *buf = malloc(cap);
  int rv = hermes_sse_id_format(id, buf, cap);

  if (cap > text.len)
    FUZZ_CHECK(rv == (int)text.len && memcmp(buf, text.ptr, text.len) == 0 && buf[text.len] == 0);
  else
    FUZZ_CHECK(rv == HERMES_SSE_ERR_SPACE);
  free(buf);
}

/* ---- coming back with it ---- */

static void world_once(void)
{
  hermes_sse_environment environment;
  hermes_sse_bus_options options = { .size = sizeof options, .environment = &environment };
  hermes_sse_topic_options policy = { .size = sizeof policy, .max_entries = RETAINED };

  if (bus)
    return;
  environment = fuzz_environment(&memory);
  FUZZ_CHECK(hermes_sse_bus_new(&options, &bus) == HERMES_SSE_OK);
  FUZZ_CHECK(hermes_sse_bus_topic(bus, "*", &policy) == HERMES_SSE_OK);
  FUZZ_CHECK(hermes_sse_hub_new(bus, NULL, &hub) == HERMES_SSE_OK);
  for (int i = 0; i < PUBLISHED; i++) {
    hermes_sse_message m = { .size = sizeof m, .topic = hermes_sse_str("t"), .data = hermes_sse_str("x") };

    FUZZ_CHECK(hermes_sse_bus_publish(bus, &m) == HERMES_SSE_OK);
    FUZZ_CHECK(hermes_sse_hub_run(hub, 1000, 0, NULL) == HERMES_SSE_OK);
  }
  FUZZ_CHECK(hermes_sse_bus_head(bus, &head) == HERMES_SSE_OK);
}

static void expect_event(fuzz_text *expected, uint64_t lo)
{
  char id[HERMES_SSE_ID_MAX];

  snprintf(id, sizeof id, "%llu-%llu", (unsigned long long)head.hi, (unsigned long long)lo);
  found_event(expected, hermes_sse_str("message"), hermes_sse_str("x"), hermes_sse_str(id));
}

/* The number of events after it that are still there, and 1 if a gap must be told. */
static uint64_t judge(hermes_sse_slice text, int *gap)
{
  hermes_sse_id id;

  *gap = 0;
  if (text.len == 0)
    return 0;
  *gap = 1;
  if (!naive_parse(text, &id) || id.hi != head.hi || id.lo > head.lo)
    return 0;
  *gap = head.lo - id.lo > RETAINED;
  return *gap ? RETAINED : head.lo - id.lo;
}

static void come_back(hermes_sse_slice text)
{
  hermes_sse_subscription topic = { .topic = hermes_sse_str("t") };
  hermes_sse_stream_options o = {
    .size = sizeof o, .flags = HERMES_SSE_STREAM_PULL, .topics = &topic, .n_topics = 1, .last_event_id = text
  };
  fuzz_text expected = { .at = NULL };
  hermes_sse_stream *stream;
  hermes_sse_ssize n;
  reference r;
  char buf[64];
  int gap;
  uint64_t events = judge(text, &gap);

  FUZZ_CHECK(hermes_sse_stream_open(hub, &o, &stream) == HERMES_SSE_OK);
  FUZZ_CHECK(hermes_sse_hub_run(hub, 1000, 0, NULL) == HERMES_SSE_OK);
  reference_init(&r, 0, SIZE_MAX, SIZE_MAX, SIZE_MAX);
  while ((n = hermes_sse_stream_read(stream, buf, sizeof buf)) > 0)
    reference_feed(&r, buf, (size_t)n);
  FUZZ_CHECK(n == 0);
  if (gap) {
    FUZZ_CHECK(r.found.n > 1 + sizeof(size_t) + 3);
    FUZZ_CHECK(memcmp(r.found.at + 1 + sizeof(size_t), "gap", 3) == 0);
    FUZZ_CHECK(memmem(r.found.at, r.found.n, "\"missed\":null", 13) != NULL);
  }
  for (uint64_t i = events; i > 0; i--)
    expect_event(&expected, head.lo - i + 1);
  FUZZ_CHECK(r.found.n >= expected.n && (gap || r.found.n == expected.n));
  if (expected.n > 0)
    FUZZ_CHECK(memcmp(r.found.at + r.found.n - expected.n, expected.at, expected.n) == 0);
  hermes_sse_stream_free(stream);
  FUZZ_CHECK(hermes_sse_hub_next(hub) == NULL);
  reference_clear(&r);
  fuzz_clear(&expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
  fuzz_input in = { .at = bytes, .end = bytes + len };
  fuzz_text built = { .at = NULL };
  hermes_sse_id id = { 1, 2 }, expected;
  hermes_sse_slice text;
  uint8_t how, cap;
  char prefix[32], *copy;
  int good;

  world_once();
  how = fuzz_byte(&in);
  cap = fuzz_byte(&in) % (HERMES_SSE_ID_MAX + 2);
  if (how & 1)
    fuzz_add(&built, prefix, (size_t)snprintf(prefix, sizeof prefix, "%llu-", (unsigned long long)head.hi));
  text = fuzz_take(&in, len);
  fuzz_add(&built, text.ptr, text.len);
  text = (hermes_sse_slice){ .ptr = built.at, .len = built.n };
  text.ptr = copy = fuzz_copy(text);
  good = naive_parse(text, &expected);
  FUZZ_CHECK(hermes_sse_id_parse(text.ptr, text.len, &id) == (good ? HERMES_SSE_OK : HERMES_SSE_ERR_BAD_ID));
  if (good)
    check_format(&expected, text, cap);
  else
    FUZZ_CHECK(id.hi == 1 && id.lo == 2);
  if (good)
    FUZZ_CHECK(id.hi == expected.hi && id.lo == expected.lo);
  come_back(text);
  free(copy);
  fuzz_clear(&built);
  return 0;
}
