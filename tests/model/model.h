/* A random life of a bus, two hubs and some clients, as a trace of small steps, beside a simple model of what each client must
 * have seen. The same trace always does the same, and a trace with steps left out is one too: so a failing one can be made small. */
#ifndef HERMES_SSE_TESTS_MODEL_H
#define HERMES_SSE_TESTS_MODEL_H
#include <hermes_sse/hermes_sse.h>
#include <hermes_sse/parser.h>
#include <stdint.h>

/* Four bytes: what a fuzzer's input is made of. */
typedef struct model_step {
  uint8_t op, a, b, c;
} model_step;

enum {
  MODEL_PUBLISH,
  MODEL_PUBLISH_MORE,
  MODEL_RUN,
  MODEL_RUN_MORE,
  MODEL_TEND,
  MODEL_TEND_MORE,
  MODEL_TEND_AGAIN,
  MODEL_CUT,
  MODEL_STALL,
  MODEL_SUBSCRIBE,
  MODEL_UNSUBSCRIBE,
  MODEL_SEND,
  MODEL_END, /* close, gone, or kick */
  MODEL_POLICY,
  MODEL_HUB, /* one is freed and made anew */
  MODEL_WAIT,
  MODEL_OPS
};

typedef struct model_options {
  unsigned fail_every; /* every so manieth allocation fails; 0: none */
  int is_bounded;      /* a small bound over all topics: anything may be lost, and told */
  int skip_event; /* a planted fault: this event, counted from 1, is kept from the first client that gets it; 0: none */
} model_options;

/* Runs the trace and all checks at its end. NULL, or what is wrong, living until the next call. */
const char *model_run(const model_step *steps, size_t n, const model_options *options);

/* Figures of the last run. */
typedef struct model_figures {
  size_t came, gaps, cuts, sent, failed_allocations;
} model_figures;
model_figures model_last(void);

/* ---- trace.c ---- */

void model_generate(uint64_t seed, model_step *steps, size_t n);
/* Leaves out steps as long as it still fails; each try in a process of its own. The number of steps left. */
size_t model_shrink(model_step *steps, size_t n, const model_options *options);
/* One line a step. */
void model_print(const model_step *steps, size_t n);

#endif
