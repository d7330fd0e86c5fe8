/* Where Redis is: what is accepted, what is refused and how that is told, what is shown. */
#include "memory.h"
#include "redis/url.h"
#include "suite.h"
#include <stdio.h>
#include <string.h>

typedef struct row {
  const char *text;
  int kind;
  const char *host, *user, *password;
  unsigned port, db;
  const char *shown;
} row;

static const row good[] = {
  { "redis://localhost", HERMES_SSE__URL_TCP, "localhost", NULL, NULL, 6379, 0, "redis://localhost:6379/0" },
  { "redis://localhost/", HERMES_SSE__URL_TCP, "localhost", NULL, NULL, 6379, 0, "redis://localhost:6379/0" },
  { "REDIS://10.0.0.1:1/5", HERMES_SSE__URL_TCP, "10.0.0.1", NULL, NULL, 1, 5, "redis://10.0.0.1:1/5" },
  { "rediss://a-b_c.example:65535/65535", HERMES_SSE__URL_TLS, "a-b_c.example", NULL, NULL, 65535, 65535,
    "rediss://a-b_c.example:65535/65535" },
  { "redis://[::1]", HERMES_SSE__URL_TCP, "::1", NULL, NULL, 6379, 0, "redis://[::1]:6379/0" },
  { "redis://[fe80::1:2]:7000/3", HERMES_SSE__URL_TCP, "fe80::1:2", NULL, NULL, 7000, 3, "redis://[fe80::1:2]:7000/3" },
  { "redis://:secret@h", HERMES_SSE__URL_TCP, "h", NULL, "secret", 6379, 0, "redis://h:6379/0" },
  { "redis://u:secret@h:7/2", HERMES_SSE__URL_TCP, "h", "u", "secret", 7, 2, "redis://h:7/2" },
  { "redis://u:@h", HERMES_SSE__URL_TCP, "h", "u", "", 6379, 0, "redis://h:6379/0" },
  { "redis://:@h", HERMES_SSE__URL_TCP, "h", NULL, NULL, 6379, 0, "redis://h:6379/0" },
  { "redis://a%3Ab:p%40%2f%25@h", HERMES_SSE__URL_TCP, "h", "a:b", "p@/%", 6379, 0, "redis://h:6379/0" },
  { "redis://u:p@ss/w:rd@h:9/1", HERMES_SSE__URL_TCP, "h", "u", "p@ss/w:rd", 9, 1, "redis://h:9/1" },
  { "unix:///run/redis.sock", HERMES_SSE__URL_UNIX, "/run/redis.sock", NULL, NULL, 0, 0, "unix:///run/redis.sock" },
  { "unix:///r@x:1?db=7", HERMES_SSE__URL_UNIX, "/r@x:1", NULL, NULL, 0, 7, "unix:///r@x:1?db=7" },
};

static void expect_text(const char *found, const char *expected)
{
  if (expected)
    ck_assert_pstr_eq(found, expected);
  else
    ck_assert_ptr_null(found);
}

START_TEST(urls_are_read)
{
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    memory m;
    hermes_sse_environment env;
    hermes_sse__url url;
    char shown[128];

    memory_init(&m);
    env = memory_environment(&m);
    ck_assert_msg(hermes_sse__url_parse(&env, good[i].text, &url) == HERMES_SSE_OK, "%s: %s", good[i].text, m.last_log);
    ck_assert_int_eq(url.kind, good[i].kind);
    ck_assert_str_eq(url.host, good[i].host);
    expect_text(url.user, good[i].user);
    expect_text(url.password, good[i].password);
    ck_assert_uint_eq(url.port, good[i].port);
    ck_assert_uint_eq(url.db, good[i].db);
    ck_assert_uint_eq(hermes_sse__url_show(&url, shown, sizeof shown), strlen(good[i].shown));
    ck_assert_str_eq(shown, good[i].shown);
    hermes_sse__url_clear(&env, &url);
    ck_assert_uint_eq(m.live_blocks, 0);
    ck_assert_uint_eq(m.logs, 0);
  }
}
END_TEST

static const char *const bad[] = {
  "",
  "redis",
  "http://h",
  "redis:/h",
  "redis://",
  "redis:///1",
  "redis://:6379",
  "redis://h:",
  "redis://h:0",
  "redis://h:65536",
  "redis://h:+1",
  "redis://h:9999999999999999999",
  "redis://h:1x",
  "redis://h/x",
  "redis://h/-1",
  "redis://h/65536",
  "redis://h/1/2",
  "redis://h/1?db=2",
  "redis://h?x",
  "redis://h h",
  "redis://h\n",
  "redis://h\x7f",
  "redis://h\xc3\xa9",
  "redis://::1",
  "redis://[::1",
  "redis://[::1]x",
  "redis://[::1]:",
  "redis://[]",
  "redis://[127.0.0.1]",
  "redis://[::1%lo]",
  "redis://[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]",
  "redis://onlyuser@h",
  "redis://:hunter2%@h",
  "redis://:hunter2%4@h",
  "redis://:hunter2%4g@h",
  "redis://:hunter2%00@h",
  "redis://u%zz:hunter2@h",
  "redis://:hunter2@",
  "redis://u:hunter2@h:x",
  "redis://u:hunter2@h/x",
  "redis://u:hunter2@[h]",
  "unix://",
  "unix://run/redis.sock",
  "unix:///run?db=",
  "unix:///run?db=x",
  "unix:///run?d=1",
  "unix:///run?db=1&x",
};

START_TEST(others_are_refused_without_showing_a_password)
{
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    memory m;
    hermes_sse_environment env;
    hermes_sse__url url = { .db = 99 };

    memory_init(&m);
    env = memory_environment(&m);
    ck_assert_msg(hermes_sse__url_parse(&env, bad[i], &url) == HERMES_SSE_ERR_OPTION, "%s", bad[i]);
    ck_assert_uint_eq(url.db, 99);
    ck_assert_ptr_null(url.host);
    ck_assert_uint_eq(m.live_blocks, 0);
    ck_assert_uint_eq(m.logs, 1);
    ck_assert_ptr_nonnull(strstr(m.last_log, "accepted: redis://"));
    ck_assert_ptr_null(strstr(m.last_log, "hunter2"));
  }
}
END_TEST

START_TEST(a_missing_one_and_overlong_ones_are_refused)
{
  hermes_sse_environment env;
  hermes_sse__url url;
  memory m;
  char text[600];

  memory_init(&m);
  env = memory_environment(&m);
  ck_assert_int_eq(hermes_sse__url_parse(&env, NULL, &url), HERMES_SSE_ERR_OPTION);
  memset(text, 'a', sizeof text);
  memcpy(text, "redis://", 8);
  text[8 + 254] = 0;
  ck_assert_int_eq(hermes_sse__url_parse(&env, text, &url), HERMES_SSE_ERR_OPTION);
  text[8 + 253] = 0;
  ck_assert_int_eq(hermes_sse__url_parse(&env, text, &url), HERMES_SSE_OK);
  hermes_sse__url_clear(&env, &url);
  memcpy(text, "unix:///", 8);
  text[7 + 108] = 0;
  ck_assert_int_eq(hermes_sse__url_parse(&env, text, &url), HERMES_SSE_ERR_OPTION);
  text[7 + 107] = 0;
  ck_assert_int_eq(hermes_sse__url_parse(&env, text, &url), HERMES_SSE_OK);
  hermes_sse__url_clear(&env, &url);
  ck_assert_uint_eq(m.live_blocks, 0);
}
END_TEST

START_TEST(what_is_shown_is_cut)
{
  hermes_sse__url url = { .kind = HERMES_SSE__URL_TCP, .host = (char[]){ "host" }, .port = 1 };
  char buf[64];

  for (size_t cap = 1; cap < sizeof buf; cap++) {
    memset(buf, '#', sizeof buf);
    ck_assert_uint_eq(hermes_sse__url_show(&url, buf, cap), cap <= 16 ? cap - 1 : 16);
    ck_assert_uint_eq(strlen(buf), cap <= 16 ? cap - 1 : 16);
    ck_assert_int_eq(strncmp(buf, "redis://host:1/0", strlen(buf)), 0);
  }
  ck_assert_uint_eq(hermes_sse__url_show(&url, NULL, 0), 0);
}
END_TEST

static void read_one(const hermes_sse_environment *env, memory *m, void *user)
{
  hermes_sse__url url = { .db = 99 };
  int rv = hermes_sse__url_parse(env, user, &url);

  if (rv == HERMES_SSE_OK) {
    hermes_sse__url_clear(env, &url);
    return;
  }
  ck_assert_int_eq(rv, HERMES_SSE_ERR_NOMEM);
  ck_assert_uint_gt(m->failed, 0);
  ck_assert_uint_eq(url.db, 99);
}

START_TEST(memory_may_fail)
{
  ck_assert_uint_eq(memory_sweep(read_one, (char[]){ "redis://u:p@h:1/2" }), 3);
  ck_assert_uint_eq(memory_sweep(read_one, (char[]){ "unix:///run/redis" }), 1);
}
END_TEST

SUITE_MAIN("redis url", urls_are_read, others_are_refused_without_showing_a_password,
           a_missing_one_and_overlong_ones_are_refused, what_is_shown_is_cut, memory_may_fail)
