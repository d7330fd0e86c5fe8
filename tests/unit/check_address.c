#include "suite.h"
#include <arpa/inet.h>
#include <hermes_sse/limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static const char *key_of(int family, const char *text, unsigned bits)
{
  static char key[64];
  union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
  } a;

  memset(&a, 0, sizeof a);
  a.any.sa_family = (sa_family_t)family;
  if (family == AF_INET)
    inet_pton(family, text, &a.in.sin_addr);
  else if (family == AF_INET6)
    inet_pton(family, text, &a.in6.sin6_addr);
  ck_assert_int_eq(hermes_sse_address_key(&a.any, bits, key, sizeof key), (int)strlen(key));
  return key;
}

START_TEST(addresses_fold_into_clients)
{
  ck_assert_str_eq(key_of(AF_INET, "192.0.2.7", 64), "192.0.2.7");
  ck_assert_str_eq(key_of(AF_INET6, "2001:db8:1:2:3:4:5:6", 64), "2001:db8:1:2::/64");
  ck_assert_str_eq(key_of(AF_INET6, "2001:db8:1:2ff:3:4:5:6", 56), "2001:db8:1:200::/56");
  ck_assert_str_eq(key_of(AF_INET6, "2001:db8:1:2ff:3:4:5:6", 60), "2001:db8:1:2f0::/60");
  ck_assert_str_eq(key_of(AF_INET6, "ffff::", 1), "8000::/1");
  ck_assert_str_eq(key_of(AF_INET6, "::ffff:192.0.2.7", 64), "192.0.2.7");
  ck_assert_str_eq(key_of(AF_INET6, "1:2:3:4:5:6:7:8", 128), "1:2:3:4:5:6:7:8/128");
  ck_assert_str_eq(key_of(AF_UNIX, "", 64), "unix");
}
END_TEST

START_TEST(what_is_no_address_is_refused)
{
  struct sockaddr other = { .sa_family = AF_APPLETALK };
  struct sockaddr_in in = { .sin_family = AF_INET };
  char key[64];

  ck_assert_int_eq(hermes_sse_address_key(&other, 64, key, sizeof key), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_address_key(NULL, 64, key, sizeof key), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_address_key((struct sockaddr *)&in, 0, key, sizeof key), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_address_key((struct sockaddr *)&in, 129, key, sizeof key), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse_address_key((struct sockaddr *)&in, 64, key, 7), HERMES_SSE_ERR_SPACE);
  ck_assert_int_eq(hermes_sse_address_key((struct sockaddr *)&in, 64, key, 8), 7);
}
END_TEST

SUITE_MAIN("address", addresses_fold_into_clients, what_is_no_address_is_refused)
