/* What the charts show, told when it has changed, at most once a second. */
#ifndef HERMES_SERVER_ANALYTICS_H
#define HERMES_SERVER_ANALYTICS_H
#include "server.h"

/* The same as GET /api/v1/stats/ answers. The length. */
int analytics_format(const server *s, char *buf, size_t cap);

/* A download has ended. */
void analytics_changed(server *s);
void analytics_stop(void);

#endif
