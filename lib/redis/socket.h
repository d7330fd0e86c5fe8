/* A non-blocking stream socket, as Redis connections want it. */
#ifndef HERMES_SSE_REDIS_SOCKET_H
#define HERMES_SSE_REDIS_SOCKET_H
#include <hermes_sse/status.h>
#include <sys/socket.h>

/* Begins to connect: the descriptor, which becomes writable when it is decided; HERMES_SSE_ERR_PEER: errno tells. */
int hermes_sse__socket_connect(const struct sockaddr *address, socklen_t len);

/* HERMES_SSE_OK: connected. HERMES_SSE_ERR_AGAIN: not decided yet. HERMES_SSE_ERR_PEER: errno tells. */
int hermes_sse__socket_connected(int fd);

/* The bytes; HERMES_SSE_ERR_AGAIN; HERMES_SSE_ERR_EOF; HERMES_SSE_ERR_PEER: errno tells. No call raises SIGPIPE. */
hermes_sse_ssize hermes_sse__socket_read(int fd, void *buf, size_t cap);
hermes_sse_ssize hermes_sse__socket_write(int fd, const void *bytes, size_t len);

void hermes_sse__socket_close(int fd);

#endif
