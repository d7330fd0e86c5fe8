#include "suite.h"
#include <hermes_sse/event.h>
#include <string.h>

static const struct {
  const char *text;
  uint64_t hi, lo;
} good[] = {
  { "0-0", 0, 0 },
  { "1-2", 1, 2 },
  { "18446744073709551615-18446744073709551615", UINT64_MAX, UINT64_MAX },
  { "1700000000000-0", 1700000000000, 0 },
};

static const char *const bad[] = {
  "",
  "-",
  "1",
  "1-",
  "-1",
  "1--2",
  "1-2-3",
  " 1-2",
  "1-2 ",
  "+1-2",
  "1-+2",
  "01-2",
  "1-02",
  "00-0",
  "a-b",
  "0x1-2",
  "1-2\n",
  "18446744073709551616-0",
  "0-18446744073709551616",
  "99999999999999999999999-1",
  "184467440737095516150-18446744073709551615x",
};

START_TEST(ids_round_trip)
{
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    char text[HERMES_SSE_ID_MAX];
    hermes_sse_id id;

    ck_assert_int_eq(hermes_sse_id_parse(good[i].text, strlen(good[i].text), &id), HERMES_SSE_OK);
    ck_assert(id.hi == good[i].hi && id.lo == good[i].lo);
    ck_assert_int_eq(hermes_sse_id_format(&id, text, sizeof text), (int)strlen(good[i].text));
    ck_assert_str_eq(text, good[i].text);
    ck_assert_int_eq(hermes_sse_id_format(&id, text, strlen(good[i].text)), HERMES_SSE_ERR_SPACE);
  }
}
END_TEST

START_TEST(anything_else_is_no_id)
{
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    hermes_sse_id id = { 7, 7 };

    ck_assert_msg(hermes_sse_id_parse(bad[i], strlen(bad[i]), &id) == HERMES_SSE_ERR_BAD_ID, "%s", bad[i]);
    ck_assert(id.hi == 7 && id.lo == 7);
  }
  ck_assert_int_eq(hermes_sse_id_parse("1\0-2", 4, &(hermes_sse_id){ 0, 0 }), HERMES_SSE_ERR_BAD_ID);
}
END_TEST

SUITE_MAIN("id", ids_round_trip, anything_else_is_no_id)
