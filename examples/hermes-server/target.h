/* Where transfers may go: from a server beyond loopback, nowhere inside private networks. */
#ifndef HERMES_SERVER_TARGET_H
#define HERMES_SERVER_TARGET_H
#include "server.h"
#include <sys/socket.h>

int target_allowed(const server *s, const struct sockaddr *address);

#endif
