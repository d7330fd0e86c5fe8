#include "redis/resolve.h"
#include <hermes_sse/redis.h>

#ifdef HERMES_SSE__HAVE_CARES
#include <ares.h>
#include <string.h>

enum { MAX_SOCKETS = 16, TRY_MS = 1000, TRIES = 3 };

struct hermes_sse__resolver {
  hermes_sse__resolver_options o;
  ares_channel channel;
  int have_channel;
  struct {
    int fd, events;
  } sockets[MAX_SOCKETS]; /* those that are watched */
  size_t n_sockets;
  int status; /* 0: not yet; 1: answered; negative: failed */
  const char *why;
  hermes_sse__addresses addresses;
};

static void fail(hermes_sse__resolver *resolver, int status, const char *why)
{
  if (resolver->status != 0)
    return;
  resolver->status = status;
  resolver->why = why;
}

static size_t find(const hermes_sse__resolver *resolver, int fd)
{
  size_t i = 0;

  while (i < resolver->n_sockets && resolver->sockets[i].fd != fd)
    i++;
  return i;
}

/* c-ares says which of its sockets wait for what; neither: it is about to close it. */
static void watch(void *user, ares_socket_t fd, int readable, int writable)
{
  hermes_sse__resolver *resolver = user;
  size_t i = find(resolver, fd);
  int known = i < resolver->n_sockets, was = known ? resolver->sockets[i].events : 0;
  int want = (readable ? HERMES_SSE_READ : 0) | (writable ? HERMES_SSE_WRITE : 0);

  if (want == was)
    return;
  if (!known && i == MAX_SOCKETS) {
    fail(resolver, HERMES_SSE_ERR_FULL, "the resolver wants too many sockets");
    return;
  }
  if (resolver->o.watch(fd, was, want, resolver->o.user) < 0 && want) {
    fail(resolver, HERMES_SSE_ERR_CALLBACK, "a socket of the resolver cannot be watched");
    return;
  }
  resolver->sockets[i].fd = fd;
  resolver->sockets[i].events = want;
  if (!known)
    resolver->n_sockets++;
  else if (!want)
    resolver->sockets[i] = resolver->sockets[--resolver->n_sockets];
}

static void answered(void *user, int status, int timeouts, struct ares_addrinfo *info)
{
  hermes_sse__resolver *resolver = user;

  (void)timeouts;
  for (struct ares_addrinfo_node *node = info ? info->nodes : NULL; node; node = node->ai_next)
    hermes_sse__addresses_add(&resolver->addresses, node->ai_addr, node->ai_addrlen, resolver->o.port);
  if (info)
    ares_freeaddrinfo(info);
  if (resolver->addresses.n == 0)
    fail(resolver, HERMES_SSE_ERR_NOT_FOUND,
         status == ARES_SUCCESS ? "the name has no addresses" : ares_strerror(status));
  else if (resolver->status == 0)
    resolver->status = 1;
}

static int begin(hermes_sse__resolver *resolver)
{
  struct ares_options options = {
    .timeout = TRY_MS, .tries = TRIES, .sock_state_cb = watch, .sock_state_cb_data = resolver
  };
  struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };

  /* ares_library_init() would count in a global without a lock, and only Windows and Android need it */
  if (ares_init_options(&resolver->channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) !=
      ARES_SUCCESS)
    return HERMES_SSE_ERR_NOMEM;
  resolver->have_channel = 1;
  if (resolver->o.servers && ares_set_servers_ports_csv(resolver->channel, resolver->o.servers) != ARES_SUCCESS)
    return HERMES_SSE_ERR_NOMEM;
  ares_getaddrinfo(resolver->channel, resolver->o.host, NULL, &hints, answered, resolver);
  return HERMES_SSE_OK;
}

int hermes_sse__resolver_new(const hermes_sse__resolver_options *options, hermes_sse__resolver **new)
{
  hermes_sse__resolver *resolver = hermes_sse__alloc(options->env, 1, sizeof *resolver);
  int rv;

  if (!resolver)
    return HERMES_SSE_ERR_NOMEM;
  resolver->o = *options;
  rv = begin(resolver);
  if (rv < 0) {
    hermes_sse__resolver_free(resolver);
    return rv;
  }
  *new = resolver;
  return HERMES_SSE_OK;
}

void hermes_sse__resolver_free(hermes_sse__resolver *resolver)
{
  if (!resolver)
    return;
  if (resolver->have_channel)
    ares_destroy(resolver->channel);
  hermes_sse__release(resolver->o.env, resolver);
}

void hermes_sse__resolver_run(hermes_sse__resolver *resolver)
{
  ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

uint64_t hermes_sse__resolver_next_ms(const hermes_sse__resolver *resolver)
{
  struct timeval buf, *left = ares_timeout(resolver->channel, NULL, &buf);

  return left ? (uint64_t)left->tv_sec * 1000u + (uint64_t)left->tv_usec / 1000u + 1u : HERMES_SSE_NEVER;
}

int hermes_sse__resolver_ready(hermes_sse__resolver *resolver, int fd, int events)
{
  if (find(resolver, fd) == resolver->n_sockets)
    return 0;
  ares_process_fd(resolver->channel, events & HERMES_SSE_READ ? fd : ARES_SOCKET_BAD,
                  events & HERMES_SSE_WRITE ? fd : ARES_SOCKET_BAD);
  return 1;
}

int hermes_sse__resolver_answer(const hermes_sse__resolver *resolver, hermes_sse__addresses *addresses,
                                const char **why)
{
  if (resolver->status < 0)
    *why = resolver->why;
  else if (resolver->status > 0)
    *addresses = resolver->addresses;
  return resolver->status;
}

#else

int hermes_sse__resolver_new(const hermes_sse__resolver_options *options, hermes_sse__resolver **new)
{
  (void)options, (void)new;
  return HERMES_SSE_ERR_NOT_FOUND;
}

void hermes_sse__resolver_free(hermes_sse__resolver *resolver)
{
  (void)resolver;
}

void hermes_sse__resolver_run(hermes_sse__resolver *resolver)
{
  (void)resolver;
}

uint64_t hermes_sse__resolver_next_ms(const hermes_sse__resolver *resolver)
{
  (void)resolver;
  return HERMES_SSE_NEVER;
}

int hermes_sse__resolver_ready(hermes_sse__resolver *resolver, int fd, int events)
{
  (void)resolver, (void)fd, (void)events;
  return 0;
}

int hermes_sse__resolver_answer(const hermes_sse__resolver *resolver, hermes_sse__addresses *addresses,
                                const char **why)
{
  (void)resolver, (void)addresses;
  *why = "c-ares is not built in";
  return HERMES_SSE_ERR_NOT_FOUND;
}

#endif
