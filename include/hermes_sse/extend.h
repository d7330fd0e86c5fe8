/* For parts that live beside the core (the service, the Redis bridge, bindings). Hosts need none of this. */
#ifndef HERMES_SSE_EXTEND_H
#define HERMES_SSE_EXTEND_H
#include <hermes_sse/stream.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Asks the hub's host for a run, as a publish does; coalesces. Class: any, while the hub lives. */
HERMES_SSE_API void hermes_sse_hub_wake(hermes_sse_hub *hub);

/* Work of a part inside the hub's turns. */
typedef struct hermes_sse_part {
  size_t size;
  /* Called in every run, after delivery, as a callback (only submit calls are legal). Lowers `*next_ms` to its own
     deadline if that is earlier. May detach itself. */
  void (*run)(hermes_sse_hub *hub, uint64_t now_ms, uint64_t *next_ms, void *user);
  /* The hub is being freed: the part is detached already and may not use the hub any more. */
  void (*gone)(hermes_sse_hub *hub, void *user);
} hermes_sse_part;

/* Attaches a part; (part functions, user) is its name. Both functions are required. HERMES_SSE_ERR_NOMEM, _OPTION.
   Class: submit. */
HERMES_SSE_API int hermes_sse_hub_attach(hermes_sse_hub *hub, const hermes_sse_part *part, void *user);

/* Detaches the part that was attached with `user`; `gone` is not called. HERMES_SSE_ERR_NOT_FOUND. Class: submit. */
HERMES_SSE_API int hermes_sse_hub_detach(hermes_sse_hub *hub, void *user);

/* An asynchronous key/value store with expiry. `done` answers a call exactly once, on any thread, also from inside the
   call; `value` is borrowed for `done`. status: HERMES_SSE_OK, _NOT_FOUND, or any other: the store cannot tell now. Its users must survive a `done`
   that comes late, twice, or never. A negative return: refused, `done` will not come. Keys are NUL-terminated, values any
   bytes; both are borrowed for the call. */
typedef void (*hermes_sse_store_done)(int status, const void *value, size_t len, void *context);
typedef struct hermes_sse_store {
  size_t size;
  void *user;
  int (*get)(const char *key, hermes_sse_store_done done, void *context, void *user);
  int (*put)(const char *key, const void *value, size_t len, uint64_t ttl_s, hermes_sse_store_done done, void *context,
             void *user);
  int (*del)(const char *key, hermes_sse_store_done done, void *context, void *user);
} hermes_sse_store;

#ifdef __cplusplus
}
#endif
#endif
