/* The bridge of a Hermes server, as HERMES_REDIS_URL and HERMES_REDIS_MODE have it. */
#ifndef HERMES_SERVER_REDIS_H
#define HERMES_SERVER_REDIS_H
#include "server.h"

/* Nothing to do while no URL is set. After the hub, before the service, whose store may be the bridge's. Negative: said why. */
int redis_start(server *s);

/* Fills in the store, for the service. 0: there is no bridge. */
int redis_store(const server *s, hermes_sse_store *store);

/* The bridge speaks in the service's metrics, health and readiness. */
void redis_report(server *s);

/* After the service. */
void redis_stop(server *s);

#endif
