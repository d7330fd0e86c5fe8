#include "proxy.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 64 << 10 };

static void cut(proxy_pair *pair)
{
  if (pair->client >= 0)
    close(pair->client);
  if (pair->server >= 0)
    close(pair->server);
  *pair = (proxy_pair){ .client = -1, .server = -1 };
}

void proxy_mute_subscribers(proxy *p)
{
  for (int i = 0; i < PROXY_PAIRS; i++)
    p->pairs[i].is_mute |= p->pairs[i].subscribes;
}

void proxy_cut_all(proxy *p)
{
  for (int i = 0; i < PROXY_PAIRS; i++)
    cut(&p->pairs[i]);
}

static int fill(struct pollfd *fds, int max, void *user)
{
  proxy *p = user;
  int n = 0;

  if (p->is_silent)
    return 0;
  if (p->listener >= 0)
    fds[n++] = (struct pollfd){ .fd = p->listener, .events = POLLIN };
  for (int i = 0; i < PROXY_PAIRS && n + 2 <= max; i++)
    if (p->pairs[i].client >= 0) {
      fds[n++] = (struct pollfd){ .fd = p->pairs[i].client, .events = POLLIN };
      fds[n++] = (struct pollfd){ .fd = p->pairs[i].server, .events = POLLIN };
    }
  return n;
}

static void accept_one(proxy *p)
{
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  int on = 1, i = 0;

  while (i < PROXY_PAIRS && p->pairs[i].client >= 0)
    i++;
  ck_assert_int_lt(i, PROXY_PAIRS);
  to.sin_port = htons((uint16_t)p->to);
  p->pairs[i].client = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
  p->pairs[i].server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(p->pairs[i].client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(p->pairs[i].server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(p->pairs[i].server, (struct sockaddr *)&to, sizeof to) < 0)
    cut(&p->pairs[i]);
}

static int send_all(int fd, const char *bytes, size_t len)
{
  while (len > 0) {
    ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

    if (n <= 0)
      return 0;
    bytes += n;
    len -= (size_t)n;
  }
  return 1;
}

static void from_client(proxy *p, proxy_pair *pair, const char *bytes, size_t len)
{
  pair->subscribes |= memmem(bytes, len, "SUBSCRIBE", 9) != NULL;
  if (p->how != PROXY_PASS && memmem(bytes, len, p->match, strlen(p->match))) {
    p->cuts++;
    if (p->how == PROXY_BEFORE) {
      p->how = PROXY_PASS;
      cut(pair);
      return;
    }
    p->how = PROXY_PASS;
    pair->is_doomed = 1;
  }
  if (!send_all(pair->server, bytes, len))
    cut(pair);
}

static void pass(proxy *p, int fd)
{
  static char bytes[CHUNK];
  proxy_pair *pair = NULL;
  ssize_t n;

  for (int i = 0; i < PROXY_PAIRS; i++)
    if (p->pairs[i].client == fd || p->pairs[i].server == fd)
      pair = &p->pairs[i];
  if (!pair)
    return; /* cut meanwhile */
  n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n <= 0 || (fd == pair->server && pair->is_doomed))
    cut(pair);
  else if (fd == pair->client)
    from_client(p, pair, bytes, (size_t)n);
  else if (!pair->is_mute && !send_all(pair->client, bytes, (size_t)n))
    cut(pair);
}

static void dispatch(const struct pollfd *fds, int n, void *user)
{
  proxy *p = user;

  for (int i = 0; i < n; i++)
    if (fds[i].revents && fds[i].fd == p->listener)
      accept_one(p);
    else if (fds[i].revents)
      pass(p, fds[i].fd);
}

void proxy_open(proxy *p)
{
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t len = sizeof at;
  int on = 1;

  at.sin_port = htons((uint16_t)p->port);
  p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ck_assert_int_eq(bind(p->listener, (struct sockaddr *)&at, len), 0);
  ck_assert_int_eq(listen(p->listener, 16), 0);
  ck_assert_int_eq(getsockname(p->listener, (struct sockaddr *)&at, &len), 0);
  p->port = ntohs(at.sin_port);
}

void proxy_close(proxy *p)
{
  if (p->listener >= 0)
    close(p->listener);
  p->listener = -1;
}

void proxy_init(proxy *p, fleet *f, int to)
{
  memset(p, 0, sizeof *p);
  p->to = to;
  for (int i = 0; i < PROXY_PAIRS; i++)
    p->pairs[i].client = p->pairs[i].server = -1;
  proxy_open(p);
  fleet_part_add(f, (fleet_part){ .fill = fill, .dispatch = dispatch, .user = p });
}

void proxy_clear(proxy *p)
{
  proxy_cut_all(p);
  proxy_close(p);
}
