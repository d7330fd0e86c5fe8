#include "model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void model_generate(uint64_t seed, model_step *steps, size_t n)
{
  uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

  for (size_t i = 0; i < n; i++) {
    random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    steps[i] = (model_step){ (uint8_t)(random >> 56), (uint8_t)(random >> 48), (uint8_t)(random >> 40),
                             (uint8_t)(random >> 32) };
  }
}

/* A crash is a failure too. */
static int still_fails(const model_step *steps, size_t n, const model_options *options)
{
  int status = 0;
  pid_t child = fork();

  if (child == 0)
    _exit(model_run(steps, n, options) != NULL);
  if (child < 0 || waitpid(child, &status, 0) < 0)
    return 0;
  return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

size_t model_shrink(model_step *steps, size_t n, const model_options *options)
{
  model_step *less = malloc((n + 1) * sizeof *less);

  for (size_t chunk = n / 2; less && chunk > 0; chunk /= 2)
    for (size_t at = 0; at + chunk <= n;) {
      memcpy(less, steps, at * sizeof *less);
      memcpy(less + at, steps + at + chunk, (n - at - chunk) * sizeof *less);
      if (still_fails(less, n - chunk, options)) {
        n -= chunk;
        memcpy(steps, less, n * sizeof *less);
      } else {
        at += chunk;
      }
    }
  free(less);
  return n;
}

void model_print(const model_step *steps, size_t n)
{
  static const char *const names[MODEL_OPS] = { "publish", "publish", "run",   "run",       "tend",        "tend",
                                                "tend",    "cut",     "stall", "subscribe", "unsubscribe", "send",
                                                "end",     "policy",  "hub",   "wait" };

  for (size_t i = 0; i < n; i++)
    printf("  %-11s %3u %3u %3u\n", names[steps[i].op % MODEL_OPS], steps[i].a, steps[i].b, steps[i].c);
  fflush(stdout);
}
