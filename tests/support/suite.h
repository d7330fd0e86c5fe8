/* The main of a unit test. */
#ifndef HERMES_SSE_TESTS_SUITE_H
#define HERMES_SSE_TESTS_SUITE_H
#include "assertions.h"

#define SUITE_MAIN(name, ...)                                                                                          \
  int main(void)                                                                                                       \
  {                                                                                                                    \
    const TTest *const tests[] = { __VA_ARGS__ };                                                                      \
    Suite *suite = suite_create(name);                                                                                 \
    TCase *tcase = tcase_create(name);                                                                                 \
    SRunner *runner = srunner_create(suite);                                                                           \
    int failed;                                                                                                        \
                                                                                                                       \
    for (unsigned i = 0; i < sizeof tests / sizeof *tests; i++)                                                        \
      tcase_add_test(tcase, tests[i]);                                                                                 \
    tcase_set_timeout(tcase, 60);                                                                                      \
    suite_add_tcase(suite, tcase);                                                                                     \
    srunner_run_all(runner, CK_NORMAL);                                                                                \
    failed = srunner_ntests_failed(runner);                                                                            \
    srunner_free(runner);                                                                                              \
    return failed > 0;                                                                                                 \
  }

#endif
