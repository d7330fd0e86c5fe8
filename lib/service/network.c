#include "service/network.h"
#include <arpa/inet.h>
#include <hermes_sse/limits.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

static void from_ipv4(hermes_sse__network *n, const void *address)
{
  memset(n->bytes, 0, 10);
  memset(n->bytes + 10, 0xff, 2);
  memcpy(n->bytes + 12, address, 4);
  n->bits = 128;
}

int hermes_sse__network_parse(hermes_sse_slice text, hermes_sse__network *network)
{
  char buf[64], *slash;
  hermes_sse__network n = { .bits = 128 };
  unsigned most, bits = 0;
  size_t digits;

  if (text.len == 0 || text.len >= sizeof buf || memchr(text.ptr, 0, text.len))
    return HERMES_SSE_ERR_OPTION;
  memcpy(buf, text.ptr, text.len);
  buf[text.len] = 0;
  slash = strchr(buf, '/');
  if (slash)
    *slash++ = 0;
  if (inet_pton(AF_INET, buf, n.bytes) == 1) {
    struct in_addr a;

    memcpy(&a, n.bytes, sizeof a);
    from_ipv4(&n, &a);
    most = 32;
  } else if (inet_pton(AF_INET6, buf, n.bytes) == 1) {
    most = 128;
  } else {
    return HERMES_SSE_ERR_OPTION;
  }
  if (slash) {
    digits = strspn(slash, "0123456789");
    if (digits == 0 || digits > 3 || slash[digits])
      return HERMES_SSE_ERR_OPTION;
    for (size_t i = 0; i < digits; i++)
      bits = 10 * bits + (unsigned)(slash[i] - '0');
    if (bits > most)
      return HERMES_SSE_ERR_OPTION;
    n.bits = 128 - most + bits;
  }
  *network = n;
  return HERMES_SSE_OK;
}

int hermes_sse__network_of(const struct sockaddr *address, hermes_sse__network *network)
{
  struct sockaddr_in in;
  struct sockaddr_in6 in6;

  if (address && address->sa_family == AF_INET) {
    memcpy(&in, address, sizeof in);
    from_ipv4(network, &in.sin_addr);
    return HERMES_SSE_OK;
  }
  if (!address || address->sa_family != AF_INET6)
    return HERMES_SSE_ERR_OPTION;
  memcpy(&in6, address, sizeof in6);
  memcpy(network->bytes, &in6.sin6_addr, 16);
  network->bits = 128;
  return HERMES_SSE_OK;
}

int hermes_sse__network_has(const hermes_sse__network *network, const hermes_sse__network *address)
{
  unsigned whole = network->bits / 8, rest = network->bits % 8;

  if (memcmp(network->bytes, address->bytes, whole) != 0)
    return 0;
  return rest == 0 || ((network->bytes[whole] ^ address->bytes[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

static int address_of(hermes_sse_slice host, hermes_sse__network *n)
{
  if (host.len > 2 && ((const char *)host.ptr)[0] == '[' && ((const char *)host.ptr)[host.len - 1] == ']')
    host = (hermes_sse_slice){ .ptr = (const char *)host.ptr + 1, .len = host.len - 2 };
  return hermes_sse__network_parse(host, n) == HERMES_SSE_OK && n->bits == 128;
}

int hermes_sse__is_address(hermes_sse_slice host)
{
  hermes_sse__network n;

  return address_of(host, &n);
}

int hermes_sse__is_loopback(hermes_sse_slice host)
{
  static const hermes_sse__network ipv4 = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127 }, 104 };
  static const hermes_sse__network ipv6 = { { [15] = 1 }, 128 };
  hermes_sse__network n;

  if (host.len == 9 && strncasecmp(host.ptr, "localhost", 9) == 0)
    return 1;
  return address_of(host, &n) && (hermes_sse__network_has(&ipv4, &n) || hermes_sse__network_has(&ipv6, &n));
}

int hermes_sse__next_item(hermes_sse_slice *list, hermes_sse_slice *item)
{
  const char *at = list->ptr, *end = at ? at + list->len : at;

  while (at < end && (*at == ',' || *at == ' ' || *at == '\t'))
    at++;
  item->ptr = at;
  while (at < end && *at != ',')
    at++;
  item->len = (size_t)(at - (const char *)item->ptr);
  list->ptr = at;
  list->len = (size_t)(end - at);
  while (item->len > 0 && strchr(" \t", ((const char *)item->ptr)[item->len - 1]))
    item->len--;
  return item->len > 0;
}
