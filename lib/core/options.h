/* Structs of the caller that begin with their size, read once at the edge: everything inside sees the newest form. */
#ifndef HERMES_SSE_CORE_OPTIONS_H
#define HERMES_SSE_CORE_OPTIONS_H
#include <hermes_sse/environment.h>

/* Copies `from` into `to` (`size` bytes), zeroing what the caller's struct does not have; NULL gives all zero.
   HERMES_SSE_ERR_OPTION: no size, or a tail that this version does not know and that is not zero. */
int hermes_sse__options_read(void *to, size_t size, const void *from);

/* Copies `from` (`size` bytes, beginning with its size) into the caller's `to`, as far as that goes and leaving its size
   as it is. HERMES_SSE_ERR_OPTION: no size. */
int hermes_sse__options_write(void *to, const void *from, size_t size);

/* Logs what was refused and what would be accepted: HERMES_SSE_ERR_OPTION. */
int hermes_sse__refuse(const hermes_sse_environment *env, const char *member, const char *accepted);
int hermes_sse__refuse_number(const hermes_sse_environment *env, const char *member, uint64_t value,
                              const char *accepted);

/* `value` if not 0, else `otherwise`. */
uint64_t hermes_sse__or(uint64_t value, uint64_t otherwise);

#endif
