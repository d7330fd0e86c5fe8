#include "core/fork.h"
#include <pthread.h>
#include <stdatomic.h>

/* The process's own count, not any object's: there is nothing to keep apart. */
static atomic_uint forks;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void in_child(void)
{
  atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

static void watch(void)
{
  (void)pthread_atfork(NULL, NULL, in_child);
}

unsigned hermes_sse__forks(void)
{
  pthread_once(&once, watch);
  return atomic_load_explicit(&forks, memory_order_relaxed);
}
