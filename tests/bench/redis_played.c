#include "redis.h"
#include <sys/un.h>

enum { NOW_MS = 1000 };

static char asked[16 << 10]; /* three scripts at once */

/* What every connection begins with, then what is this one's. */
static void hear(played *p, int fd, played_answer answer)
{
  ssize_t n = recv(fd, asked, sizeof asked - 1, MSG_DONTWAIT);

  if (n <= 0)
    return;
  asked[n] = 0;
  if (strstr(asked, "\r\nSETNAME\r\n"))
    dprintf(fd, "+OK\r\n");
  if (strstr(asked, "\r\nINFO\r\n"))
    dprintf(fd, "$11\r\nrole:master\r\n");
  answer(p, fd, asked);
}

static int listen_at(struct sockaddr_un *at)
{
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

  if (bind(listener, (struct sockaddr *)at, sizeof *at) || listen(listener, MAX_PLAYED))
    fail("listen");
  return listener;
}

void played_open(played *p, const char *const *channels, size_t n_channels, played_answer answer)
{
  struct sockaddr_un at = { .sun_family = AF_UNIX };
  char directory[] = "/tmp/bench-redis-XXXXXX", url[160];
  int listener;

  *p = (played){ .fd = -1 };
  if (!mkdtemp(directory))
    fail("a directory");
  snprintf(at.sun_path, sizeof at.sun_path, "%s/socket", directory);
  snprintf(url, sizeof url, "unix://%s", at.sun_path);
  listener = listen_at(&at);
  bridge_host_open(&p->host, url, channels, n_channels, NULL);
  for (int i = 0; p->fd < 0 || hermes_sse_redis_state(p->host.redis) != HERMES_SSE_REDIS_STATE_THROUGH; i++) {
    int fd = accept(listener, NULL, NULL);

    if (i > 500 || p->n == MAX_PLAYED)
      fail("the bridge does not come up");
    if (fd >= 0)
      p->ends[p->n++] = fd;
    bridge_host_turn(&p->host, 0, NOW_MS);
    for (int k = 0; k < p->n; k++)
      hear(p, p->ends[k], answer);
  }
  close(listener);
  unlink(at.sun_path);
  rmdir(directory);
}

void played_close(played *p)
{
  bridge_host_close(&p->host);
  for (int i = 0; i < p->n; i++)
    close(p->ends[i]);
}

double played_read(played *p)
{
  double longest = 0;

  for (int i = 0; i < p->host.set.n; i++) {
    double from = cpu_ns(), took;

    hermes_sse_redis_ready(p->host.redis, p->host.set.fds[i].fd, HERMES_SSE_READ);
    took = cpu_ns() - from;
    longest = took > longest ? took : longest; /* the other one has nothing */
  }
  return longest;
}

double played_run(played *p)
{
  double from = cpu_ns();

  hermes_sse_hub_run(p->host.hub, NOW_MS, 0, NULL);
  return cpu_ns() - from;
}
