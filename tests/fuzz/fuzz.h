/* What the fuzz targets share: reading the input, growing buffers, an environment whose allocations fail on demand. */
#ifndef HERMES_SSE_TESTS_FUZZ_H
#define HERMES_SSE_TESTS_FUZZ_H
#include <hermes_sse/environment.h>

/* Each target's entry, which libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Ends the process if the condition is false, which libFuzzer takes for a crash. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/* ---- the input, from its front; behind its end it is zeros and empty ---- */

typedef struct fuzz_input {
  const uint8_t *at, *end;
} fuzz_input;

uint8_t fuzz_byte(fuzz_input *in);
uint64_t fuzz_number(fuzz_input *in, unsigned bytes);
hermes_sse_slice fuzz_take(fuzz_input *in, size_t len);
/* Up to the first `mark`, which is skipped, or to the end. */
hermes_sse_slice fuzz_until(fuzz_input *in, uint8_t mark);

/* ---- buffers ---- */

/* A block of exactly these bytes, so that reading behind it is noticed. free() it. */
char *fuzz_copy(hermes_sse_slice bytes);
/* The same with a NUL behind them. */
char *fuzz_string(hermes_sse_slice bytes);

typedef struct fuzz_text {
  char *at;
  size_t n, room;
} fuzz_text;

void fuzz_add(fuzz_text *text, const void *bytes, size_t len);
/* The length, then the bytes: what is added so can be compared as a whole. */
void fuzz_add_slice(fuzz_text *text, hermes_sse_slice bytes);
int fuzz_equal(const fuzz_text *a, const fuzz_text *b);
int fuzz_same(hermes_sse_slice a, hermes_sse_slice b);
void fuzz_clear(fuzz_text *text);

/* ---- the environment ---- */

typedef struct fuzz_memory {
  size_t live_blocks, live_bytes, peak_bytes;
  unsigned period; /* every so manieth allocation fails; 0: none */
  unsigned calls;
  size_t failed;
  uint64_t wall_ms, random;
} fuzz_memory;

/* `memory` must outlive what is made with it. */
hermes_sse_environment fuzz_environment(fuzz_memory *memory);

/* A period from a byte of the input: none for most, never 1, so that a call that is made again goes on. */
unsigned fuzz_period(uint8_t byte);

#endif
