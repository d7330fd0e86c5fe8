/* The environment that an object copied, with defaults filled in, and the only way to memory. */
#ifndef HERMES_SSE_CORE_ENVIRONMENT_H
#define HERMES_SSE_CORE_ENVIRONMENT_H
#include <hermes_sse/environment.h>

#if defined(__GNUC__)
#define HERMES_SSE__PRINTF(text, first) __attribute__((format(printf, text, first)))
#define HERMES_SSE__UNLIKELY(x)         __builtin_expect(!!(x), 0)
#define HERMES_SSE__LIKELY(x)           __builtin_expect(!!(x), 1)
#else
#define HERMES_SSE__PRINTF(text, first)
#define HERMES_SSE__UNLIKELY(x) (x)
#define HERMES_SSE__LIKELY(x)   (x)
#endif

/* HERMES_SSE_ERR_OPTION for a bad size, or for some but not all allocator functions. `from` may be NULL. */
int hermes_sse__environment_read(hermes_sse_environment *to, const hermes_sse_environment *from);

/* `count` times `size` bytes, zeroed; NULL on overflow or when there is none. Never asks for 0 bytes. */
void *hermes_sse__alloc(const hermes_sse_environment *env, size_t count, size_t size);

/* As above without zeroing: for what is filled at once. */
void *hermes_sse__alloc_raw(const hermes_sse_environment *env, size_t count, size_t size);

/* Keeps `ptr` valid on failure. `ptr` may be NULL. What is new is not zeroed. */
void *hermes_sse__resize(const hermes_sse_environment *env, void *ptr, size_t count, size_t size);

void hermes_sse__release(const hermes_sse_environment *env, void *ptr);

/* A NUL-terminated copy. */
char *hermes_sse__copy(const hermes_sse_environment *env, const void *bytes, size_t len);

void hermes_sse__log_line(const hermes_sse_environment *env, int level, const char *format, ...)
    HERMES_SSE__PRINTF(3, 4);

#endif
