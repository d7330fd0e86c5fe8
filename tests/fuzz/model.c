/* The model (tests/model) with steps from the input: four bytes each, after one that says how memory fails. */
#include "../model/model.h"
#include "fuzz.h"
#include <stdio.h>
#include <string.h>

enum { STEPS_MAX = 600 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
  static model_step steps[STEPS_MAX];
  model_options options = { .fail_every = len > 0 ? fuzz_period(bytes[0]) : 0,
                            .is_bounded = len > 0 && bytes[0] % 3 == 0 };
  size_t n = len / sizeof *steps;
  const char *fault;

  n = n > STEPS_MAX ? STEPS_MAX : n;
  if (n > 0)
    memcpy(steps, bytes + (len > n * sizeof *steps ? 1 : 0), n * sizeof *steps);
  fault = model_run(steps, n, &options);
  if (fault) {
    fprintf(stderr, "%s\n", fault);
    model_print(steps, n);
  }
  FUZZ_CHECK(fault == NULL);
  return 0;
}
