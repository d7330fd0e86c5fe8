/* Envelopes: any bytes are an event within the contract, or an error; and an event that was taken, or that may be sent, is the same
 * event after it was written and read.
 * Input: which of the two, period of failing allocations, meta, length of the key; then the envelope, or key and data. */
#include "fuzz.h"
#include "redis/envelope.h"
#include <cJSON.h>
#include <stdlib.h>
#include <string.h>

static const char ours[] = "00112233445566ff";

static int is_json(hermes_sse_slice text)
{
  cJSON *json = cJSON_ParseWithLength(text.ptr, text.len);
  int good = json != NULL;

  cJSON_Delete(json);
  return good;
}

static int is_within(hermes_sse_slice part, hermes_sse_slice whole)
{
  const char *at = part.ptr, *from = whole.ptr;

  return at >= from && at + part.len <= from + whole.len;
}

/* [A-Za-z0-9_.-]{1,64}, and none of the stream's own. */
static int is_type(hermes_sse_slice type)
{
  static const char *const taken[] = { "connected", "heartbeat", "gap", "message" };
  const unsigned char *at = type.ptr;

  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
    if (fuzz_same(type, hermes_sse_str(taken[i])))
      return 0;
  for (size_t i = 0; i < type.len; i++)
    if (!(at[i] >= 'A' && at[i] <= 'Z') && !(at[i] >= 'a' && at[i] <= 'z') && !(at[i] >= '0' && at[i] <= '9') &&
        at[i] != '_' && at[i] != '.' && at[i] != '-')
      return 0;
  return type.len >= 1 && type.len <= 64;
}

static void check(const hermes_sse__envelope *e, hermes_sse_slice text)
{
  FUZZ_CHECK(is_within(e->type, text) && is_within(e->data, text));
  FUZZ_CHECK(is_type(e->type));
  FUZZ_CHECK(is_json(e->data));
  FUZZ_CHECK(e->key_len <= HERMES_SSE_KEY_MAX && e->key[e->key_len] == 0);
  FUZZ_CHECK(strlen(e->origin) <= HERMES_SSE__ORIGIN_MAX);
  FUZZ_CHECK(e->origin[0] || (e->number == 0 && !e->has_id && e->meta == 0));
}

/* HERMES_SSE_OK, or why there is none. */
static int read_envelope(hermes_sse_slice text, hermes_sse__envelope *e)
{
  int rv = hermes_sse__envelope_read(text, e);

  FUZZ_CHECK(rv == HERMES_SSE_OK || rv == HERMES_SSE_ERR_BAD_DATA || rv == HERMES_SSE_ERR_BAD_TYPE ||
             (rv == HERMES_SSE_ERR_TOO_LARGE && text.len > 1 << 20));
  if (rv == HERMES_SSE_OK)
    check(e, text);
  return rv;
}

/* Line breaks, which stand between tokens, become blanks. */
static int same_data(hermes_sse_slice sent, hermes_sse_slice got)
{
  const char *a = sent.ptr, *b = got.ptr;

  if (sent.len != got.len)
    return 0;
  for (size_t i = 0; i < sent.len; i++)
    if (b[i] != (a[i] == '\n' || a[i] == '\r' ? ' ' : a[i]))
      return 0;
  return 1;
}

/* What blanks are around the data of a message is no part of the value. */
static hermes_sse_slice bare(hermes_sse_slice data)
{
  const char *at = data.ptr;
  size_t from = 0, to = data.len;

  while (from < to && strchr(" \t\r\n", at[from]))
    from++;
  while (to > from && strchr(" \t\r\n", at[to - 1]))
    to--;
  return (hermes_sse_slice){ .ptr = at + from, .len = to - from };
}

/* `is_sure`: it was an event before, so it may be sent. */
static void send_and_read(const hermes_sse_message *m, uint64_t number, unsigned period, int is_sure)
{
  fuzz_memory memory = { .period = period };
  hermes_sse_environment env = fuzz_environment(&memory);
  hermes_sse__text text = hermes_sse__text_new(&env);
  hermes_sse__envelope e;
  int rv = hermes_sse__envelope_write(&text, m, ours, number, memory.wall_ms);

  FUZZ_CHECK(rv == HERMES_SSE_OK || !is_sure || (rv == HERMES_SSE_ERR_NOMEM && memory.failed > 0));
  if (rv == HERMES_SSE_OK) {
    hermes_sse_slice whole = { .ptr = text.bytes, .len = text.n };

    FUZZ_CHECK(!memchr(text.bytes, '\n', text.n) && !memchr(text.bytes, '\r', text.n));
    FUZZ_CHECK(memcmp(text.bytes + text.n - 2, "}}", 2) == 0);
    FUZZ_CHECK(read_envelope(whole, &e) == HERMES_SSE_OK);
    FUZZ_CHECK(fuzz_same(e.type, m->type) && same_data(bare(m->data), e.data));
    FUZZ_CHECK(fuzz_same((hermes_sse_slice){ .ptr = e.key, .len = e.key_len }, m->key) && e.meta == m->meta);
    FUZZ_CHECK(strcmp(e.origin, ours) == 0 && e.number == number && !e.has_id);
  }
  hermes_sse__text_clear(&text);
  FUZZ_CHECK(memory.live_blocks == 0);
}

static void receive(hermes_sse_slice text, uint64_t number, unsigned period)
{
  hermes_sse_message m = { .size = sizeof m };
  hermes_sse__envelope e;

  if (read_envelope(text, &e) < 0)
    return;
  m.type = e.type;
  m.data = e.data;
  m.key = (hermes_sse_slice){ .ptr = e.key, .len = e.key_len };
  m.meta = e.meta;
  /* what we add makes it longer, and is the only reason to refuse it */
  send_and_read(&m, number, period, text.len < 1 << 19);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
  fuzz_input in = { .at = bytes, .end = bytes + len };
  int publishes = fuzz_byte(&in) & 1;
  unsigned period = fuzz_period(fuzz_byte(&in));
  uint64_t meta = fuzz_number(&in, 8);
  hermes_sse_slice key = fuzz_take(&in, fuzz_byte(&in)), rest = fuzz_take(&in, len);
  char *text = fuzz_copy(rest), *key_text = fuzz_copy(key);
  hermes_sse_message m = { .size = sizeof m, .type = hermes_sse_str("download_progress"), .meta = meta };

  m.data = (hermes_sse_slice){ .ptr = text, .len = rest.len };
  m.key = (hermes_sse_slice){ .ptr = key_text, .len = key.len };
  if (publishes)
    send_and_read(&m, meta, period, 0);
  else
    receive(m.data, meta, period);
  free(text);
  free(key_text);
  return 0;
}
