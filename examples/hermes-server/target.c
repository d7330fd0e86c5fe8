#include "target.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

typedef struct range {
  uint32_t network;
  unsigned bits;
} range;

/* IANA's special-purpose registry (RFC 6890), as far as a server could reach something of ours there. */
static const range private_ipv4[] = {
  { 0x00000000, 8 },  { 0x0a000000, 8 },  { 0x64400000, 10 }, { 0x7f000000, 8 }, { 0xa9fe0000, 16 }, { 0xac100000, 12 },
  { 0xc0000000, 24 }, { 0xc0a80000, 16 }, { 0xc6120000, 15 }, { 0xe0000000, 4 }, { 0xf0000000, 4 },
};

static int public_ipv4(uint32_t address)
{
  for (size_t i = 0; i < sizeof private_ipv4 / sizeof *private_ipv4; i++)
    if ((address ^ private_ipv4[i].network) >> (32 - private_ipv4[i].bits) == 0)
      return 0;
  return 1;
}

static int public_ipv6(const struct in6_addr *a)
{
  uint32_t low;

  memcpy(&low, a->s6_addr + 12, sizeof low);
  if (IN6_IS_ADDR_V4MAPPED(a))
    return public_ipv4(ntohl(low));
  if (a->s6_addr[0] == 0x00 && a->s6_addr[1] == 0x64 && a->s6_addr[2] == 0xff) /* 64:ff9b::/96: NAT64 */
    return public_ipv4(ntohl(low));
  return (a->s6_addr[0] & 0xe0) == 0x20 && !(a->s6_addr[0] == 0x20 && a->s6_addr[1] == 0x02); /* global, not 6to4 */
}

static int on_loopback(const server *s)
{
  const char *host = hermes_sse_settings_get(s->settings, "API_HOST");

  return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

int target_allowed(const server *s, const struct sockaddr *address)
{
  struct sockaddr_in in;
  struct sockaddr_in6 in6;

  if (on_loopback(s))
    return 1;
  if (address->sa_family == AF_INET) {
    memcpy(&in, address, sizeof in);
    return public_ipv4(ntohl(in.sin_addr.s_addr));
  }
  if (address->sa_family != AF_INET6)
    return 0;
  memcpy(&in6, address, sizeof in6);
  return public_ipv6(&in6.sin6_addr);
}
