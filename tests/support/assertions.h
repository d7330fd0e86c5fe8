/* Check's assertions, without its record of each one that held, which is a write to a file: many a test asserts a million times. */
#ifndef HERMES_SSE_TESTS_ASSERTIONS_H
#define HERMES_SSE_TESTS_ASSERTIONS_H
#include <check.h>

/* All others of Check are made of it. */
#undef ck_assert_msg
#define ck_assert_msg(expr, ...) ((expr) ? (void)0 : ck_abort_msg(__VA_ARGS__))

#undef ck_assert
#define ck_assert(expr) ck_assert_msg(expr, "Assertion '%s' failed", #expr)

#endif
