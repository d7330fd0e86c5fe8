#include <arpa/inet.h>
#include <hermes_sse/limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static int copy(const char *text, char *buf, size_t cap)
{
  size_t len = strlen(text);

  if (len >= cap)
    return HERMES_SSE_ERR_SPACE;
  memcpy(buf, text, len + 1);
  return (int)len;
}

static int ipv6_key(struct in6_addr a, unsigned bits, char *buf, size_t cap)
{
  char text[INET6_ADDRSTRLEN], key[INET6_ADDRSTRLEN + 5];

  for (unsigned i = 0; i < 16; i++) {
    unsigned kept = bits > 8 * i ? bits - 8 * i : 0;

    if (kept < 8)
      a.s6_addr[i] &= (uint8_t)(0xff00u >> kept);
  }
  inet_ntop(AF_INET6, &a, text, sizeof text);
  snprintf(key, sizeof key, "%s/%u", text, bits);
  return copy(key, buf, cap);
}

int hermes_sse_address_key(const struct sockaddr *address, unsigned ipv6_bits, char *buf, size_t cap)
{
  char text[INET_ADDRSTRLEN];

  if (!address || ipv6_bits < 1 || ipv6_bits > 128)
    return HERMES_SSE_ERR_OPTION;
  if (address->sa_family == AF_UNIX)
    return copy("unix", buf, cap);
  if (address->sa_family == AF_INET) {
    struct sockaddr_in in;

    memcpy(&in, address, sizeof in);
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    return copy(text, buf, cap);
  }
  if (address->sa_family == AF_INET6) {
    struct sockaddr_in6 in6;

    memcpy(&in6, address, sizeof in6);
    if (!IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
      return ipv6_key(in6.sin6_addr, ipv6_bits, buf, cap);
    inet_ntop(AF_INET, &in6.sin6_addr.s6_addr[12], text, sizeof text);
    return copy(text, buf, cap);
  }
  return HERMES_SSE_ERR_OPTION;
}
