#include "redis/resolve.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

void hermes_sse__addresses_add(hermes_sse__addresses *addresses, const struct sockaddr *address, socklen_t len,
                               uint16_t port)
{
  struct sockaddr_storage *to = &addresses->at[addresses->n];
  struct sockaddr_in *ipv4 = (struct sockaddr_in *)to;
  struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)to;

  if (addresses->n == HERMES_SSE__MAX_ADDRESSES || len > sizeof *to)
    return;
  memset(to, 0, sizeof *to);
  memcpy(to, address, len);
  if (to->ss_family == AF_INET && ipv4->sin_port == 0)
    ipv4->sin_port = htons(port);
  if (to->ss_family == AF_INET6 && ipv6->sin6_port == 0)
    ipv6->sin6_port = htons(port);
  addresses->lens[addresses->n++] = len;
}

static int add_number(hermes_sse__addresses *addresses, const char *text, uint16_t port)
{
  struct sockaddr_in ipv4 = { .sin_family = AF_INET };
  struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6 };

  if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1)
    hermes_sse__addresses_add(addresses, (struct sockaddr *)&ipv4, sizeof ipv4, port);
  else if (inet_pton(AF_INET6, text, &ipv6.sin6_addr) == 1)
    hermes_sse__addresses_add(addresses, (struct sockaddr *)&ipv6, sizeof ipv6, port);
  else
    return 0;
  return 1;
}

static void add_path(hermes_sse__addresses *addresses, const char *path)
{
  struct sockaddr_un local = { .sun_family = AF_UNIX };
  size_t len = strlen(path);

  if (len < sizeof local.sun_path)
    memcpy(local.sun_path, path, len);
  hermes_sse__addresses_add(addresses, (struct sockaddr *)&local, sizeof local, 0);
}

int hermes_sse__addresses_literal(hermes_sse__addresses *addresses, const hermes_sse__url *url)
{
  addresses->n = 0;
  if (url->kind != HERMES_SSE__URL_UNIX)
    return add_number(addresses, url->host, url->port);
  add_path(addresses, url->host);
  return 1;
}

int hermes_sse__addresses_localhost(hermes_sse__addresses *addresses, const hermes_sse__url *url)
{
  addresses->n = 0;
  return strcasecmp(url->host, "localhost") == 0 && add_number(addresses, "127.0.0.1", url->port) &&
         add_number(addresses, "::1", url->port);
}
