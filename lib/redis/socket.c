#include "redis/socket.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

/* A peer that is gone without a word is noticed within about 20 seconds, idle or not. */
enum { IDLE_S = 10, BETWEEN_S = 5, PROBES = 2, UNACKNOWLEDGED_MS = 20000 };

static void set(int fd, int level, int option, int value)
{
  (void)setsockopt(fd, level, option, &value, sizeof value); /* what a kernel lacks, the connection does without */
}

static void tune(int fd, int family)
{
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (family != AF_INET && family != AF_INET6)
    return;
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
#ifdef TCP_KEEPIDLE
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, IDLE_S);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, BETWEEN_S);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
#endif
#ifdef TCP_USER_TIMEOUT
  set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS);
#endif
}

int hermes_sse__socket_connect(const struct sockaddr *address, socklen_t len)
{
  int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;

  if (fd < 0)
    return HERMES_SSE_ERR_PEER;
  tune(fd, address->sa_family);
  if (connect(fd, address, len) == 0 || errno == EINPROGRESS || errno == EINTR)
    return fd;
  error = errno;
  close(fd);
  errno = error;
  return HERMES_SSE_ERR_PEER;
}

int hermes_sse__socket_connected(int fd)
{
  struct pollfd decided = { .fd = fd, .events = POLLOUT };
  int error = 0;
  socklen_t len = sizeof error;

  if (poll(&decided, 1, 0) == 0) /* said too early: an event of the descriptor that had this number before */
    return HERMES_SSE_ERR_AGAIN;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
    error = errno;
  if (error == 0)
    return HERMES_SSE_OK;
  errno = error;
  return HERMES_SSE_ERR_PEER;
}

static int would_block(int error)
{
  return error == EAGAIN || error == EWOULDBLOCK;
}

hermes_sse_ssize hermes_sse__socket_read(int fd, void *buf, size_t cap)
{
  ssize_t n;

  do
    n = recv(fd, buf, cap, 0);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    return n;
  if (n == 0)
    return HERMES_SSE_ERR_EOF;
  return would_block(errno) ? HERMES_SSE_ERR_AGAIN : HERMES_SSE_ERR_PEER;
}

hermes_sse_ssize hermes_sse__socket_write(int fd, const void *bytes, size_t len)
{
  ssize_t n;

  do
    n = send(fd, bytes, len, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    return n;
  return n == 0 || would_block(errno) ? HERMES_SSE_ERR_AGAIN : HERMES_SSE_ERR_PEER;
}

void hermes_sse__socket_close(int fd)
{
  close(fd);
}
