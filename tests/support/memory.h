/* An environment for tests: an allocator that counts and fails on demand, a clock and random bytes that repeat. */
#ifndef HERMES_SSE_TESTS_MEMORY_H
#define HERMES_SSE_TESTS_MEMORY_H
#include <hermes_sse/environment.h>
#include <pthread.h>

typedef struct memory {
  pthread_mutex_t lock;
  size_t live_blocks, live_bytes, peak_bytes;
  size_t calls;   /* allocations and resizes so far */
  size_t fail_at; /* this call fails (1 is the first); 0: none */
  int fail_from;  /* and all after it */
  size_t failed;
  uint64_t wall_ms, clock_ns, random;
  char last_log[512];
  size_t logs;
} memory;

void memory_init(memory *m);

/* `m` must outlive what is made with it. */
hermes_sse_environment memory_environment(memory *m);

/* Runs `scenario` without failures, then once for each of its allocations with that one failing, then once for each with
   that one and all later ones failing. The scenario must survive, free all it made and check its own statuses; `user` is
   passed on. Fails the Check test on a leak. The number of allocations. */
size_t memory_sweep(void (*scenario)(const hermes_sse_environment *environment, memory *m, void *user), void *user);

#endif
