/* What the library takes from the world around it: memory, a log, clocks for content and figures, random bytes.
 * Scheduling is not here: time for that is passed to hermes_sse_hub_run(). */
#ifndef HERMES_SSE_ENVIRONMENT_H
#define HERMES_SSE_ENVIRONMENT_H
#include <hermes_sse/status.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Levels of the log, most urgent first. */
enum { HERMES_SSE_LOG_ERROR = 1, HERMES_SSE_LOG_WARNING, HERMES_SSE_LOG_INFO, HERMES_SSE_LOG_DEBUG };

/* Copied where it is passed; every member that is NULL gets its default. All functions may be called on any thread, at
   any time until the object that copied the struct is freed, also under the library's locks: they may not call the
   library. */
typedef struct hermes_sse_environment {
  size_t size;
  void *user; /* last argument of every function below */
  /* As malloc, realloc and free; all three or none, else HERMES_SSE_ERR_OPTION. `resize` is never called with NULL or 0,
     `release` never with NULL. NULL on failure, which the library survives. */
  void *(*alloc)(size_t bytes, void *user);
  void *(*resize)(void *ptr, size_t bytes, void *user);
  void (*release)(void *ptr, void *user);
  /* The library's only voice. One line without its end, `len` bytes, also NUL-terminated. Default: silence. */
  void (*log)(int level, const char *text, size_t len, void *user);
  /* Monotonic nanoseconds, for figures of latency alone. Default: CLOCK_MONOTONIC. */
  uint64_t (*clock_ns)(void *user);
  /* Milliseconds since 1970 in UTC, for content alone (timestamps, expiry of tokens). Default: CLOCK_REALTIME. */
  uint64_t (*wall_ms)(void *user);
  /* Fills `buf` with `len` unpredictable bytes; 0, or negative on failure. Default: getrandom(2). */
  int (*random)(void *buf, size_t len, void *user);
} hermes_sse_environment;

#ifdef __cplusplus
}
#endif
#endif
