/* A hub on a thread of its own, and one client there that follows "t". */
#ifndef HERMES_SSE_TESTS_LOOP_H
#define HERMES_SSE_TESTS_LOOP_H
#include "sink.h"
#include <pthread.h>
#include <stdatomic.h>

typedef struct loop {
  hermes_sse_hub *hub;
  sink sink;
  pthread_mutex_t lock; /* of `woken` */
  pthread_cond_t wake;
  int woken;
  pthread_t thread;
  const atomic_int *stop;
  void (*between)(struct loop *l, uint64_t now); /* may be NULL: what else its thread does after a run */
} loop;

/* Without its thread yet. */
void loop_init(loop *l, hermes_sse_bus *bus, const atomic_int *stop);
void loop_start(loop *l);
/* For `stop` once it is set: the thread has run the hub since then, and is gone. */
void loop_join(loop *l);
void loop_clear(loop *l);

#endif
