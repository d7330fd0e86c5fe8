/* The envelope by the contract's letter, read and written. */
#include "memory.h"
#include "redis/envelope.h"
#include "suite.h"
#include <hermes_sse/status.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static hermes_sse__envelope read_as(const char *text, size_t len, int status)
{
  hermes_sse__envelope e;
  int rv = hermes_sse__envelope_read((hermes_sse_slice){ .ptr = text, .len = len }, &e);

  ck_assert_msg(rv == status, "%.200s: %s", text, hermes_sse_status_name(rv));
  return e;
}

static void refuse(const char *text, int status)
{
  read_as(text, strlen(text), status);
}

static void take(const char *text, const char *type, const char *data, const char *key)
{
  hermes_sse__envelope e = read_as(text, strlen(text), HERMES_SSE_OK);

  ck_assert_msg(e.type.len == strlen(type) && memcmp(e.type.ptr, type, e.type.len) == 0, "%s", text);
  ck_assert_msg(e.data.len == strlen(data) && memcmp(e.data.ptr, data, e.data.len) == 0, "%s: %.*s", text,
                (int)e.data.len, (const char *)e.data.ptr);
  ck_assert_str_eq(e.key, key);
  ck_assert_uint_eq(e.key_len, strlen(key));
}

START_TEST(data_is_byte_for_byte)
{
  static const char *const data[] = {
    "18446744073709551615",
    "-9223372036854775808",
    "1e400",
    "-1E+400",
    "1.10",
    "0.0",
    "-0",
    "123456789012345678901234567890.123456789012345678901234567890123456789012345678901234",
    "true",
    "null",
    "\"\"",
    "[]",
    "{}",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "\"\xc3\xa9\"",
    "\"\\/ \\b\\f\\n\\r\\t\\\\ \\\"\"",
    "{\"a\":1,\"a\":2}",
    "{\"\\u0061\":1,\"a\":1}",
    "[ 1 ,\t2 ]",
    "{\"a\":\n{\r\n\"b\" : [ ]\n}\n}",
    "\"\x7f\"",
    "{\"type\":\"y\",\"data\":2,\"hermes_sse\":3}"
  };
  char text[1024];

  for (size_t i = 0; i < sizeof data / sizeof *data; i++) {
    snprintf(text, sizeof text, "{\"type\":\"x\",\"data\":%s}", data[i]);
    take(text, "x", data[i], "");
    snprintf(text, sizeof text, " \t\r\n{ \"data\" \n:\t %s\r\n , \"timestamp\" : [1] ,\"type\" : \"x\" } \n", data[i]);
    take(text, "x", data[i], "");
  }
}
END_TEST

START_TEST(the_rules)
{
  static const char *const bad[] = {
    "",
    " ",
    "{",
    "}",
    "[]",
    "1",
    "null",
    "\"x\"",
    "{}",
    "{\"type\":\"x\"}",
    "{\"data\":1}",
    "{\"type\":\"x\",\"data\":}",
    "{\"type\":\"x\",\"data\":1",
    "{\"type\":\"x\",\"data\":1}}",
    "{\"type\":\"x\",\"data\":1}{}",
    "{\"type\":\"x\",\"data\":1},",
    "{\"type\":\"x\",\"data\":1,}",
    "{\"type\":\"x\" \"data\":1}",
    "{type:\"x\",\"data\":1}",
    "{'type':'x','data':1}",
    "{\"type\":1,\"data\":1}",
    "{\"type\":null,\"data\":1}",
    "{\"type\":[\"x\"],\"data\":1}",
    "[{\"type\":\"x\",\"data\":1}]",
    /* twice, whichever would count */
    "{\"type\":\"x\",\"type\":\"x\",\"data\":1}",
    "{\"type\":\"x\",\"data\":1,\"data\":1}",
    "{\"type\":\"x\",\"data\":1,\"hermes_sse\":{},\"hermes_sse\":{}}",
    /* numbers and words that are none */
    "{\"type\":\"x\",\"data\":01}",
    "{\"type\":\"x\",\"data\":1.}",
    "{\"type\":\"x\",\"data\":.5}",
    "{\"type\":\"x\",\"data\":+1}",
    "{\"type\":\"x\",\"data\":0x1}",
    "{\"type\":\"x\",\"data\":1e}",
    "{\"type\":\"x\",\"data\":-}",
    "{\"type\":\"x\",\"data\":NaN}",
    "{\"type\":\"x\",\"data\":Infinity}",
    "{\"type\":\"x\",\"data\":True}",
    "{\"type\":\"x\",\"data\":tru}",
    /* raw control characters, escapes that are none */
    "{\"type\":\"x\",\"data\":\"\n\"}",
    "{\"type\":\"x\",\"data\":\"\x01\"}",
    "{\"type\":\"x\",\"data\":\"\t\"}",
    "{\"type\":\"x\",\"data\":\"\\x\"}",
    "{\"type\":\"x\",\"data\":\"\\u12g4\"}",
    "{\"type\":\"x\",\"data\":\"\\u12\"}",
    "{\"type\":\"x\",\"data\":\"\\\"}",
    "{\"a\nb\":1,\"type\":\"x\",\"data\":1}",
    "{\"type\":\"x\",\"data\":\v1}",
    "{\"type\":\"x\",\"data\":1/**/}",
    "\xef\xbb\xbf{\"type\":\"x\",\"data\":1}",
  };

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    refuse(bad[i], HERMES_SSE_ERR_BAD_DATA);
  read_as("{\"type\":\"x\",\"data\":1\0}", 21, HERMES_SSE_ERR_BAD_DATA);
  read_as("{\"type\":\"x\",\"data\":\"\0\"}", 23, HERMES_SSE_ERR_BAD_DATA);
}
END_TEST

/* Wherever it stands in a string, as several bytes are looked at together. */
START_TEST(every_byte_of_a_string)
{
  for (int byte = 0; byte < 256; byte++) {
    for (size_t len = 1; len <= 20; len++) {
      for (size_t at = 0; at < len; at++) {
        char text[64];
        int n = snprintf(text, sizeof text, "{\"type\":\"x\",\"data\":\"");
        int is_plain = byte >= ' ' && byte < 0x80 && byte != '"' && byte != '\\';

        memset(text + n, 'a', len);
        text[n + (int)at] = (char)byte;
        memcpy(text + n + len, "\"}", 2);
        read_as(text, (size_t)n + len + 2, is_plain ? HERMES_SSE_OK : HERMES_SSE_ERR_BAD_DATA);
      }
    }
  }
}
END_TEST

START_TEST(types)
{
  static const char accepted[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  static const char *const bad[] = { "",    "a b",       "a\\u0041",  "\\u0000", "\xc3\xa9", "a/b",
                                     "a:b", "connected", "heartbeat", "gap",     "message" };
  char text[256], name[80];

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    snprintf(text, sizeof text, "{\"type\":\"%s\",\"data\":1}", bad[i]);
    refuse(text, HERMES_SSE_ERR_BAD_TYPE);
  }
  memset(name, 'z', sizeof name);
  for (int len = 64; len <= 65; len++) {
    snprintf(text, sizeof text, "{\"type\":\"%.*s\",\"data\":1}", len, name);
    read_as(text, strlen(text), len == 64 ? HERMES_SSE_OK : HERMES_SSE_ERR_BAD_TYPE);
  }
  for (int byte = ' '; byte < 0x80; byte++) {
    snprintf(text, sizeof text, "{\"type\":\"%c\",\"data\":1}", byte);
    if (byte != '"' && byte != '\\')
      read_as(text, strlen(text), strchr(accepted, byte) ? HERMES_SSE_OK : HERMES_SSE_ERR_BAD_TYPE);
  }
  take("{\"type\":\"Az09_.-\",\"data\":1}", "Az09_.-", "1", "");
  take("{\"type\":\"Gap\",\"data\":1}", "Gap", "1", "");
}
END_TEST

START_TEST(further_members_are_ignored)
{
  take("{\"type\":\"x\",\"data\":1,\"timestamp\":\"2026-01-02T03:04:05Z\"}", "x", "1", "");
  take("{\"timestamp\":1,\"timestamp\":{\"data\":2},\"type\":\"x\",\"data\":1}", "x", "1", "");
  take("{\"Type\":1,\"DATA\":2,\"type\":\"x\",\"data\":1,\"id\":5,\"\":6}", "x", "1", "");
  take("{\"ty\\u0070e\":\"y\",\"type\":\"x\",\"data\":1,\"d\\u0061ta\":2}", "x", "1",
       ""); /* that is another name here */
}
END_TEST

static char *nested(int depth)
{
  static char text[400];
  size_t len = (size_t)snprintf(text, sizeof text, "{\"type\":\"x\",\"data\":");

  memset(text + len, '[', (size_t)depth);
  memset(text + len + depth, ']', (size_t)depth);
  strcpy(text + len + 2 * depth, "}");
  return text;
}

START_TEST(depth_and_size)
{
  enum { MOST = 1 << 20 };
  char *text = malloc(MOST + 2);

  read_as(nested(63), strlen(nested(63)), HERMES_SSE_OK);
  refuse(nested(64), HERMES_SSE_ERR_BAD_DATA);
  memset(text, ' ', MOST + 1);
  memcpy(text, "{\"type\":\"x\",\"data\":1}", 21);
  read_as(text, MOST, HERMES_SSE_OK);
  read_as(text, MOST + 1, HERMES_SSE_ERR_TOO_LARGE);
  free(text);
}
END_TEST

START_TEST(the_key_is_the_download)
{
  static const char *const none[] = {
    "1", "null", "true", "[]", "{}", "[\"a\"]", "\"\"", "\"a\\u0000b\"", "\"\\u0000\""
  };
  char text[1024], id[260];

  take("{\"type\":\"x\",\"data\":{\"download_id\":\"d-1\"}}", "x", "{\"download_id\":\"d-1\"}", "d-1");
  take("{\"type\":\"x\",\"data\":{\"download_id\":\"\\u00e9\\n\"}}", "x", "{\"download_id\":\"\\u00e9\\n\"}",
       "\xc3\xa9\n");
  take("{\"download_id\":\"no\",\"type\":\"x\",\"data\":{\"a\":{\"download_id\":\"no\"}}}", "x",
       "{\"a\":{\"download_id\":\"no\"}}", "");
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    snprintf(text, sizeof text, "{\"type\":\"x\",\"data\":{\"download_id\":%s}}", none[i]);
    ck_assert_uint_eq(read_as(text, strlen(text), HERMES_SSE_OK).key_len, 0);
  }
  memset(id, 'd', sizeof id);
  for (int len = 255; len <= 256; len++) {
    snprintf(text, sizeof text, "{\"type\":\"x\",\"data\":{\"download_id\":\"%.*s\"}}", len, id);
    ck_assert_uint_eq(read_as(text, strlen(text), HERMES_SSE_OK).key_len, len == 255 ? 255 : 0);
  }
}
END_TEST

/* ---- ours ---- */

START_TEST(a_strangers_member_of_our_name)
{
  static const char *const strange[] = { "null",
                                         "1",
                                         "[]",
                                         "\"x\"",
                                         "{}",
                                         "{\"origin\":1,\"number\":2}",
                                         "{\"origin\":\"o\"}",
                                         "{\"origin\":\"\",\"number\":1}",
                                         "{\"number\":1}",
                                         "{\"origin\":\"o\",\"number\":\"1\"}",
                                         "{\"origin\":\"o\",\"number\":-1}",
                                         "{\"origin\":\"o\",\"number\":1.5}",
                                         "{\"origin\":\"o\",\"number\":1e3}",
                                         "{\"origin\":\"o\",\"number\":18446744073709551616}",
                                         "{\"origin\":\"ooooooooooooooooooooooooooooooooo\",\"number\":1}" };
  char text[512];

  for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
    hermes_sse__envelope e;

    snprintf(text, sizeof text, "{\"type\":\"x\",\"data\":{\"download_id\":\"d\"},\"hermes_sse\":%s}", strange[i]);
    e = read_as(text, strlen(text), HERMES_SSE_OK);
    ck_assert_msg(!e.origin[0] && e.meta == 0 && !e.has_id, "%s: origin %s", strange[i], e.origin);
    ck_assert_str_eq(e.key, "d");
  }
}
END_TEST

START_TEST(our_member_is_read)
{
  hermes_sse__envelope e;
  const char *text =
      "{\"hermes_sse\":{\"more\":[1],\"number\":18446744073709551615,\"meta\":18446744073709551614,\"key\":\"k\","
      "\"origin\":\"oooooooooooooooooooooooooooooooo\",\"id\":\"1-1\"},\"type\":\"x\",\"data\":{\"download_id\":\"d\"}"
      "}";

  e = read_as(text, strlen(text), HERMES_SSE_OK);
  ck_assert_str_eq(e.origin, "oooooooooooooooooooooooooooooooo");
  ck_assert(e.number == UINT64_MAX && e.meta == UINT64_MAX - 1 && e.has_id);
  ck_assert_str_eq(e.key, "k");
  text = "{\"type\":\"x\",\"data\":1,\"hermes_sse\":{\"origin\":\"o\",\"number\":0,\"meta\":\"x\",\"key\":5,\"id\":7}}";
  e = read_as(text, strlen(text), HERMES_SSE_OK);
  ck_assert_str_eq(e.origin, "o");
  ck_assert(e.number == 0 && e.meta == 0 && !e.has_id && e.key_len == 0);
}
END_TEST

/* ---- written ---- */

typedef struct writer {
  memory memory;
  hermes_sse_environment env;
  hermes_sse__text text;
} writer;

static int write_it(writer *w, const hermes_sse_message *m, uint64_t number)
{
  memory_init(&w->memory);
  w->env = memory_environment(&w->memory);
  w->text = hermes_sse__text_new(&w->env);
  return hermes_sse__envelope_write(&w->text, m, "0123456789abcdef", number, UINT64_C(1767322245678));
}

static void clear(writer *w)
{
  hermes_sse__text_clear(&w->text);
  ck_assert_uint_eq(w->memory.live_blocks, 0);
}

static hermes_sse_message message_of(const char *key, const char *data, uint64_t meta)
{
  return (hermes_sse_message){ .size = sizeof(hermes_sse_message),
                               .topic = hermes_sse_str("t"),
                               .key = hermes_sse_str(key),
                               .type = hermes_sse_str("x"),
                               .data = hermes_sse_str(data),
                               .meta = meta };
}

START_TEST(what_is_written)
{
  hermes_sse_message m = message_of("k", "[1,\n2]", 7);
  writer w;

  ck_assert_int_eq(write_it(&w, &m, 12), HERMES_SSE_OK);
  ck_assert_str_eq(w.text.bytes,
                   "{\"type\":\"x\",\"data\":[1, 2],\"timestamp\":\"2026-01-02T02:50:45.678Z\","
                   "\"hermes_sse\":{\"origin\":\"0123456789abcdef\",\"key\":\"k\",\"meta\":7,\"number\":12}}");
  clear(&w);
  m = message_of("d", "{\"download_id\":\"d\"}", 0); /* the data says it */
  ck_assert_int_eq(write_it(&w, &m, 1), HERMES_SSE_OK);
  ck_assert_str_eq(w.text.bytes,
                   "{\"type\":\"x\",\"data\":{\"download_id\":\"d\"},\"timestamp\":\"2026-01-02T02:50:45.678Z\","
                   "\"hermes_sse\":{\"origin\":\"0123456789abcdef\",\"number\":1}}");
  clear(&w);
}
END_TEST

START_TEST(written_and_read_again)
{
  static const char *const keys[] = { "", "k", "d", "\"\\/\n\t\x01", "\xc3\xa9" };
  static const char *const data[] = {
    "{\"download_id\":\"d\"}", "1.10", "18446744073709551615", "\"\\u0000\"", " [ ] ", "1e400"
  };
  static const uint64_t metas[] = { 0, 1, UINT64_C(9007199254740993), UINT64_MAX };

  for (size_t i = 0; i < 5; i++)
    for (size_t j = 0; j < 6; j++)
      for (size_t k = 0; k < 4; k++) {
        hermes_sse_message m = message_of(keys[i], data[j], metas[k]);
        hermes_sse__envelope e;
        writer w;

        ck_assert_int_eq(write_it(&w, &m, UINT64_MAX - k), HERMES_SSE_OK);
        e = read_as(w.text.bytes, w.text.n, HERMES_SSE_OK);
        ck_assert_str_eq(e.key, keys[i]);
        ck_assert_str_eq(e.origin, "0123456789abcdef");
        ck_assert(e.meta == metas[k] && e.number == UINT64_MAX - k && !e.has_id);
        ck_assert_ptr_nonnull(memmem(data[j], strlen(data[j]), e.data.ptr, e.data.len));
        clear(&w);
      }
}
END_TEST

START_TEST(what_is_not_written)
{
  static const char *const bad[] = { "",
                                     " ",
                                     "x",
                                     "{",
                                     "1 2",
                                     "1,\"x\":2",
                                     "1}",
                                     "1}{\"a\":1",
                                     "1,\"data\":2",
                                     "1,\"type\":\"y\"",
                                     "{},\"hermes_sse\":{}",
                                     "\"\n\"" };
  hermes_sse_message m = message_of("", "1", 0);
  writer w;

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    m.data = hermes_sse_str(bad[i]);
    ck_assert_msg(write_it(&w, &m, 1) == HERMES_SSE_ERR_BAD_DATA, "%s", bad[i]);
    clear(&w);
  }
  m.data = hermes_sse_str("1");
  m.type = hermes_sse_str("gap");
  ck_assert_int_eq(write_it(&w, &m, 1), HERMES_SSE_ERR_BAD_TYPE);
  clear(&w);
  m.type = (hermes_sse_slice){ .ptr = NULL };
  ck_assert_int_eq(write_it(&w, &m, 1), HERMES_SSE_ERR_BAD_TYPE);
  clear(&w);
}
END_TEST

/* Whatever can be written can be read: by depth, and by size to the byte. */
START_TEST(nothing_is_written_that_others_refuse)
{
  enum { MOST = 1 << 20 };
  char *data = malloc(MOST + 1), deep[140];
  int refused = 0, taken = 0;
  hermes_sse_message m = message_of("k", "1", 0);
  writer w;

  for (size_t depth = 60; depth <= 66; depth++) {
    memset(deep, '[', depth);
    memset(deep + depth, ']', depth);
    m.data = (hermes_sse_slice){ .ptr = deep, .len = 2 * depth };
    if (write_it(&w, &m, 1) == HERMES_SSE_OK)
      read_as(w.text.bytes, w.text.n, HERMES_SSE_OK);
    else
      ck_assert_uint_gt(depth, 62);
    clear(&w);
  }
  memset(data, '7', MOST);
  for (size_t len = MOST - 400; len <= MOST; len++) {
    int rv;

    m.data = (hermes_sse_slice){ .ptr = data, .len = len };
    rv = write_it(&w, &m, 1);
    if (rv == HERMES_SSE_OK)
      ck_assert_uint_le(w.text.n, MOST);
    else
      ck_assert_int_eq(rv, HERMES_SSE_ERR_TOO_LARGE);
    taken += rv == HERMES_SSE_OK;
    refused += rv < 0;
    clear(&w);
    len += 38;
  }
  ck_assert_int_gt(taken, 0);
  ck_assert_int_gt(refused, 0);
  free(data);
}
END_TEST

static void write_once(const hermes_sse_environment *environment, memory *mem, void *user)
{
  hermes_sse_message m = message_of("k", "{\"a\":\"b\"}", 1);
  hermes_sse__text text = hermes_sse__text_new(environment);
  int rv = hermes_sse__envelope_write(&text, &m, "o", 1, 0);

  (void)user;
  ck_assert_int_eq(rv, mem->failed > 0 ? HERMES_SSE_ERR_NOMEM : HERMES_SSE_OK);
  hermes_sse__text_clear(&text);
}

START_TEST(writing_survives)
{
  ck_assert_uint_gt(memory_sweep(write_once, NULL), 1);
}
END_TEST

SUITE_MAIN("redis envelope", data_is_byte_for_byte, the_rules, every_byte_of_a_string, types,
           further_members_are_ignored, depth_and_size, the_key_is_the_download, a_strangers_member_of_our_name,
           our_member_is_read, what_is_written, written_and_read_again, what_is_not_written,
           nothing_is_written_that_others_refuse, writing_survives)
