/* A host of the service for the targets: one request at a time, and what must hold of every answer. */
#ifndef HERMES_SSE_TESTS_FUZZ_HOST_H
#define HERMES_SSE_TESTS_FUZZ_HOST_H
#include "fuzz.h"
#include <hermes_sse/service.h>

typedef struct host {
  fuzz_memory memory;
  hermes_sse_environment environment;
  hermes_sse_bus *bus;
  hermes_sse_hub *hub;
  hermes_sse_service *service;
  uint64_t now;
} host;

/* `variables` as for hermes_sse_settings_load(); the result lives as long as the process. */
hermes_sse_settings *host_settings(const char *const *variables);

/* Allocations do not fail in here; set h->memory.period afterwards. `store` may be NULL. */
void host_init(host *h, const hermes_sse_settings *settings, const hermes_sse_store *store);
/* Frees it all and checks that nothing is left. */
void host_clear(host *h);

/* Headers as "name: value\n" lines, looked up by name. */
int host_header(const char *name, hermes_sse_slice *value, void *user);

/* As hermes_sse_service_handle(); checks its result, and what `request` says then. */
int host_ask(host *h, const hermes_sse_request_input *input, hermes_sse_request **request);

/* Everything that must hold of a request in its state; it may have been decided just now. */
void host_check(const host *h, hermes_sse_request *request);

/* Opens the stream that was decided; the host's own to free. NULL: it became a reply, which was checked. */
hermes_sse_stream *host_open(host *h, hermes_sse_request *request, uint64_t http);

/* Runs the hub and checks the head and the greeting that the stream gives. */
void host_check_first_bytes(host *h, hermes_sse_stream *stream, uint64_t http);

#endif
