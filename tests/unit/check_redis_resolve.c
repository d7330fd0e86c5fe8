/* Names to addresses: those that need nobody, and a server of names that the test plays. */
#include "redis/resolve.h"
#include "redis_peer.h"
#include "suite.h"

static const char *shown(const hermes_sse__addresses *addresses, size_t i)
{
  static char text[128];
  char number[INET6_ADDRSTRLEN];
  const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)&addresses->at[i];
  const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)&addresses->at[i];

  if (ipv4->sin_family == AF_INET)
    snprintf(text, sizeof text, "%s %u", inet_ntop(AF_INET, &ipv4->sin_addr, number, sizeof number),
             ntohs(ipv4->sin_port));
  else if (ipv6->sin6_family == AF_INET6)
    snprintf(text, sizeof text, "%s %u", inet_ntop(AF_INET6, &ipv6->sin6_addr, number, sizeof number),
             ntohs(ipv6->sin6_port));
  else
    snprintf(text, sizeof text, "%s", ((const struct sockaddr_un *)&addresses->at[i])->sun_path);
  return text;
}

START_TEST(what_needs_nobody)
{
  hermes_sse__addresses a;
  char host[128];
  hermes_sse__url url = { .host = host, .port = 7 };

  strcpy(host, "10.1.2.3");
  ck_assert_int_eq(hermes_sse__addresses_literal(&a, &url), 1);
  ck_assert_str_eq(shown(&a, 0), "10.1.2.3 7");
  strcpy(host, "2001:db8::1");
  ck_assert_int_eq(hermes_sse__addresses_literal(&a, &url), 1);
  ck_assert_str_eq(shown(&a, 0), "2001:db8::1 7");
  ck_assert_uint_eq(a.n, 1);
  strcpy(host, "localhost");
  ck_assert_int_eq(hermes_sse__addresses_literal(&a, &url), 0);
  ck_assert_int_eq(hermes_sse__addresses_localhost(&a, &url), 1);
  ck_assert_uint_eq(a.n, 2);
  ck_assert_str_eq(shown(&a, 0), "127.0.0.1 7");
  ck_assert_str_eq(shown(&a, 1), "::1 7");
  strcpy(host, "localhost.example");
  ck_assert_int_eq(hermes_sse__addresses_localhost(&a, &url), 0);
  url.kind = HERMES_SSE__URL_UNIX;
  strcpy(host, "/run/redis");
  ck_assert_int_eq(hermes_sse__addresses_literal(&a, &url), 1);
  ck_assert_str_eq(shown(&a, 0), "/run/redis");
}
END_TEST

START_TEST(further_ones_are_left_out)
{
  struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_port = htons(9) };
  hermes_sse__addresses a = { .n = 0 };

  hermes_sse__addresses_add(&a, (struct sockaddr *)&ipv4, sizeof(struct sockaddr_storage) + 1, 7);
  ck_assert_uint_eq(a.n, 0);
  for (size_t i = 0; i < HERMES_SSE__MAX_ADDRESSES + 2; i++)
    hermes_sse__addresses_add(&a, (struct sockaddr *)&ipv4, sizeof ipv4, 7);
  ck_assert_uint_eq(a.n, HERMES_SSE__MAX_ADDRESSES);
  ck_assert_str_eq(shown(&a, 0), "0.0.0.0 9"); /* a port of its own stays */
}
END_TEST

#ifdef HERMES_SSE__HAVE_CARES

/* ---- a server of names ---- */

enum { ANSWER, NO_NAME, SILENT_ONCE, GARBAGE, SILENT };

typedef struct names {
  peer p;
  int fd, how;
  int asked;
  char servers[64];
  hermes_sse__resolver_options options;
} names;

static void serve(names *s, int how)
{
  struct sockaddr_in at = { .sin_family = AF_INET };
  socklen_t len = sizeof at;

  memset(s, 0, sizeof *s);
  peer_init(&s->p);
  s->how = how;
  inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
  s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  ck_assert_int_eq(bind(s->fd, (struct sockaddr *)&at, len), 0);
  ck_assert_int_eq(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
  snprintf(s->servers, sizeof s->servers, "127.0.0.1:%u", ntohs(at.sin_port));
  s->options = (hermes_sse__resolver_options){
    .env = &s->p.env, .host = "redis.example.", .port = 6379, .servers = s->servers, .user = &s->p, .watch = peer_watch
  };
}

static void stop(names *s)
{
  ck_assert_int_eq(s->p.n_watched, 0);
  ck_assert_uint_eq(s->p.memory.live_blocks, 0);
  close(s->fd);
}

/* The question comes back with two addresses of IPv4, or one of IPv6. */
static size_t reply_to(const names *s, unsigned char *m, size_t n)
{
  static const unsigned char ipv4[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0 };
  static const unsigned char ipv6[] = { 0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 60, 0, 16, 0, 0,
                                        0,    0,  0, 0,  0, 0, 0, 0, 0, 0,  0, 0,  0, 1 };
  size_t end = 12;

  while (end < n && m[end] > 0)
    end += m[end] + 1u;
  end += 5;
  ck_assert_uint_le(end, n);
  m[2] = 0x81;
  m[3] = s->how == NO_NAME ? 0x83 : 0x80;
  memset(m + 6, 0, 6);
  if (s->how == NO_NAME)
    return end;
  m[7] = m[end - 3] == 28 ? 1 : 2;
  if (m[end - 3] == 28) {
    memcpy(m + end, ipv6, sizeof ipv6);
    return end + sizeof ipv6;
  }
  for (unsigned char i = 1; i <= 2; i++) {
    memcpy(m + end, ipv4, sizeof ipv4);
    m[end + sizeof ipv4] = i;
    end += sizeof ipv4 + 1;
  }
  return end;
}

static void answer_all(names *s)
{
  unsigned char message[512];
  struct sockaddr_storage from;
  socklen_t len = sizeof from;
  ssize_t n;

  while ((n = recvfrom(s->fd, message, 300, 0, (struct sockaddr *)&from, &len)) > 0) {
    size_t size = (size_t)n;

    s->asked++;
    if (s->how == SILENT || (s->how == SILENT_ONCE && s->asked == 1))
      continue;
    if (s->how == GARBAGE)
      memset(message + 2, 0xff, size - 2);
    else
      size = reply_to(s, message, size);
    sendto(s->fd, message, size, 0, (struct sockaddr *)&from, len);
  }
}

static void turn(names *s, hermes_sse__resolver *r)
{
  struct pollfd fds[PEER_WATCHED];
  int n = s->p.n_watched;

  for (int i = 0; i < n; i++)
    fds[i] = (struct pollfd){ .fd = s->p.watched[i].fd,
                              .events = (short)((s->p.watched[i].events & HERMES_SSE_READ ? POLLIN : 0) |
                                                (s->p.watched[i].events & HERMES_SSE_WRITE ? POLLOUT : 0)) };
  answer_all(s);
  if (poll(fds, (nfds_t)n, 5) > 0)
    for (int i = 0; i < n; i++)
      if (fds[i].revents)
        ck_assert_int_eq(
            hermes_sse__resolver_ready(r, fds[i].fd, fds[i].revents & POLLOUT ? HERMES_SSE_WRITE : HERMES_SSE_READ), 1);
  if (hermes_sse__resolver_next_ms(r) <= 1)
    poll(NULL, 0, 2);
  hermes_sse__resolver_run(r);
}

static int resolve(names *s, hermes_sse__addresses *a, const char **why, int turns)
{
  hermes_sse__resolver *r = NULL;
  int rv;

  ck_assert_int_eq(hermes_sse__resolver_new(&s->options, &r), HERMES_SSE_OK);
  for (int i = 0; (rv = hermes_sse__resolver_answer(r, a, why)) == 0 && i < turns; i++)
    turn(s, r);
  ck_assert_int_eq(hermes_sse__resolver_ready(r, s->fd, HERMES_SSE_READ), 0);
  hermes_sse__resolver_free(r);
  return rv;
}

START_TEST(a_name_has_addresses)
{
  for (int how = 0; how < 2; how++) {
    hermes_sse__addresses a = { .n = 0 };
    const char *why = NULL;
    int ipv4 = 0, ipv6 = 0;
    names s;

    serve(&s, how ? SILENT_ONCE : ANSWER); /* what is lost is asked for again */
    ck_assert_int_eq(resolve(&s, &a, &why, 1000), 1);
    for (size_t i = 0; i < a.n; i++) {
      ipv4 += strcmp(shown(&a, i), "127.0.0.1 6379") == 0 || strcmp(shown(&a, i), "127.0.0.2 6379") == 0;
      ipv6 += strcmp(shown(&a, i), "::1 6379") == 0;
    }
    ck_assert_int_eq(ipv4, 2);
    ck_assert_int_eq(ipv6, 1);
    ck_assert_int_ge(s.asked, 2 + how);
    stop(&s);
  }
}
END_TEST

START_TEST(or_it_has_none)
{
  hermes_sse__addresses a = { .n = 0 };
  const char *why = NULL;
  names s;

  serve(&s, NO_NAME);
  ck_assert_int_eq(resolve(&s, &a, &why, 400), HERMES_SSE_ERR_NOT_FOUND);
  ck_assert_str_eq(why, "Domain name not found");
  ck_assert_uint_eq(a.n, 0);
  stop(&s);
}
END_TEST

START_TEST(given_up_in_the_middle)
{
  static const int hows[] = { SILENT, GARBAGE };

  for (int i = 0; i < 2; i++) {
    hermes_sse__addresses a = { .n = 0 };
    const char *why = NULL;
    names s;

    serve(&s, hows[i]);
    ck_assert_int_eq(resolve(&s, &a, &why, 10), 0);
    ck_assert_int_gt(s.asked, 0);
    stop(&s);
  }
}
END_TEST

START_TEST(a_host_that_cannot_watch)
{
  hermes_sse__addresses a = { .n = 0 };
  const char *why = NULL;
  names s;

  serve(&s, ANSWER);
  s.p.refuse_watch = 1;
  ck_assert_int_eq(resolve(&s, &a, &why, 400), HERMES_SSE_ERR_CALLBACK);
  ck_assert_str_eq(why, "a socket of the resolver cannot be watched");
  stop(&s);
}
END_TEST

START_TEST(memory_may_fail)
{
  hermes_sse__resolver *r = NULL;
  names s;

  serve(&s, ANSWER);
  s.p.memory.fail_at = 1;
  ck_assert_int_eq(hermes_sse__resolver_new(&s.options, &r), HERMES_SSE_ERR_NOMEM);
  s.options.servers = "nonsense:::";
  ck_assert_int_eq(hermes_sse__resolver_new(&s.options, &r), HERMES_SSE_ERR_NOMEM);
  ck_assert_ptr_null(r);
  hermes_sse__resolver_free(NULL);
  stop(&s);
}
END_TEST

SUITE_MAIN("redis resolve", what_needs_nobody, further_ones_are_left_out, a_name_has_addresses, or_it_has_none,
           given_up_in_the_middle, a_host_that_cannot_watch, memory_may_fail)
#else
SUITE_MAIN("redis resolve", what_needs_nobody, further_ones_are_left_out)
#endif
