/* The store that a service has when its host gives none: in memory, answers at once. */
#ifndef HERMES_SSE_SERVICE_MEMORY_STORE_H
#define HERMES_SSE_SERVICE_MEMORY_STORE_H
#include "core/hash.h"
#include "core/table.h"
#include <hermes_sse/extend.h>
#include <pthread.h>

typedef struct hermes_sse__memory_store hermes_sse__memory_store;

/* HERMES_SSE_ERR_NOMEM, _RANDOM. `store` refers to it. */
int hermes_sse__memory_store_new(const hermes_sse_environment *env, hermes_sse__memory_store **new,
                                 hermes_sse_store *store);
void hermes_sse__memory_store_free(hermes_sse__memory_store *store);

#endif
