#include "suite.h"
#include <hermes_sse/stream.h>
#include <string.h>

START_TEST(every_status_has_a_name_and_a_text)
{
#define CHECK(name, code, text)                                                                                        \
  ck_assert_str_eq(hermes_sse_status_name(code), "HERMES_SSE_ERR_" #name);                                             \
  ck_assert_str_eq(hermes_sse_strerror(HERMES_SSE_ERR_##name), text);                                                  \
  ck_assert_int_eq(hermes_sse_is_fatal(code), (code) <= -50);
  HERMES_SSE_STATUS_MAP(CHECK)
#undef CHECK
  ck_assert_str_eq(hermes_sse_status_name(0), "HERMES_SSE_OK");
  ck_assert_str_eq(hermes_sse_strerror(0), "success");
  ck_assert_int_eq(hermes_sse_is_fatal(0), 0);
}
END_TEST

START_TEST(any_int_is_survived)
{
  ck_assert_str_eq(hermes_sse_strerror(12345), "unknown status");
  ck_assert_str_eq(hermes_sse_status_name(-999), "unknown status");
  ck_assert_str_eq(hermes_sse_close_name(0), "open");
  ck_assert_str_eq(hermes_sse_close_name(HERMES_SSE_CLOSE_SLOW), "slow");
  ck_assert_str_eq(hermes_sse_close_name(99), "unknown");
}
END_TEST

START_TEST(strings_are_slices)
{
  ck_assert_uint_eq(hermes_sse_str(NULL).len, 0);
  ck_assert_uint_eq(hermes_sse_str("abc").len, 3);
  ck_assert_str_eq(hermes_sse_version(), "0.1.0");
}
END_TEST

SUITE_MAIN("status", every_status_has_a_name_and_a_text, any_int_is_survived, strings_are_slices)
