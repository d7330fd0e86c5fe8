#include "redis.h"
#include <fcntl.h>

static int free_port(void)
{
  struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t len = sizeof any;
  int fd = socket(AF_INET, SOCK_STREAM, 0);

  if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) || getsockname(fd, (struct sockaddr *)&any, &len))
    fail("a free port");
  close(fd);
  return ntohs(any.sin_port);
}

static int try_connect(const server *s)
{
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)s->port) };
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
    return fd;
  close(fd);
  return -1;
}

/* On a busy machine a reader may fall behind for a while; that is to be seen in the table, not the end of it. */
static void run(const server *s)
{
  char port[16];
  int null = open("/dev/null", O_RDWR);

  snprintf(port, sizeof port, "%d", s->port);
  dup2(null, 1);
  dup2(null, 2);
  end_with_parent();
  execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
         "--client-output-buffer-limit", "pubsub 256mb 0 0", "--dir", s->directory, (char *)NULL);
  _exit(127);
}

int server_start(server *s)
{
  struct timespec moment = { .tv_nsec = 20000000 };
  int fd = -1;

  strcpy(s->directory, "/tmp/bench-redis-XXXXXX");
  if (!mkdtemp(s->directory))
    fail("a directory");
  s->port = free_port();
  snprintf(s->url, sizeof s->url, "redis://127.0.0.1:%d", s->port);
  s->pid = fork();
  if (s->pid == 0)
    run(s);
  for (int i = 0; i < 500 && fd < 0 && waitpid(s->pid, NULL, WNOHANG) == 0; i++) {
    nanosleep(&moment, NULL);
    fd = try_connect(s);
  }
  if (fd < 0) {
    rmdir(s->directory);
    return 0;
  }
  close(fd);
  return 1;
}

void server_stop(server *s)
{
  kill(s->pid, SIGKILL);
  waitpid(s->pid, NULL, 0);
  rmdir(s->directory);
}

int server_connect(const server *s)
{
  int fd = try_connect(s);

  if (fd < 0)
    fail("redis-server");
  return fd;
}

void send_all(int fd, const void *bytes, size_t len)
{
  const char *at = bytes;

  while (len > 0) {
    ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

    if (n < 0 && errno != EINTR)
      fail("send");
    at += n > 0 ? n : 0;
    len -= n > 0 ? (size_t)n : 0;
  }
}

size_t command_add(char *to, size_t at, const char *const *argv, const size_t *lens, int argc)
{
  at += (size_t)sprintf(to + at, "*%d\r\n", argc);
  for (int i = 0; i < argc; i++) {
    at += (size_t)sprintf(to + at, "$%zu\r\n", lens[i]);
    memcpy(to + at, argv[i], lens[i]);
    at += lens[i];
    to[at++] = '\r';
    to[at++] = '\n';
  }
  return at;
}
