/* Clients that drain real sockets in a process of their own on the other core, and the floor over the same sockets. */
#ifndef HERMES_SSE_TESTS_BENCH_CLIENTS_H
#define HERMES_SSE_TESTS_BENCH_CLIENTS_H
#include "bench.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_BURST = 64 };

static _Atomic uint64_t *received; /* shared by the processes: bytes that the clients have drained */
static int *fds;                   /* the server's ends, in the order of service: the benchmark records them */
static int n_fds;

static inline void fail(const char *what)
{
  printf("%s: %s\n", what, strerror(errno));
  exit(1);
}

static inline void pin(int core)
{
  cpu_set_t set;

  CPU_ZERO(&set);
  CPU_SET((size_t)core, &set);
  sched_setaffinity(0, sizeof set, &set);
}

/* Raises the descriptor limit as far as it goes, and says what it allows. */
static inline int most_clients(void)
{
  struct rlimit limit;
  int most;

  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  most = limit.rlim_max > 10100 ? 10000 : (int)limit.rlim_max - 100;
  printf("descriptors: at most %llu in a process; so at most %d clients\n", (unsigned long long)limit.rlim_max, most);
  return most;
}

/* `format` is the request, with a %d for the client's number or without. */
static inline int client_connect(uint16_t port, int i, const char *format)
{
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
  char request[128];
  int fd = socket(AF_INET, SOCK_STREAM, 0), len = snprintf(request, sizeof request, format, i);

  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (unsigned)i / 10000);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
    fail("connect");
  if (send(fd, request, (size_t)len, 0) != len)
    fail("send");
  return fd;
}

static inline void clients_run(uint16_t port, int n, const char *format)
{
  static char room[1 << 20];
  struct epoll_event events[512];
  int epoll = epoll_create1(0);

  pin(1);
  for (int i = 0; i < n; i++) {
    struct epoll_event e = { .events = EPOLLIN, .data.fd = client_connect(port, i, format) };

    epoll_ctl(epoll, EPOLL_CTL_ADD, e.data.fd, &e);
  }
  for (;;) {
    int ready = epoll_wait(epoll, events, 512, -1);

    for (int i = 0; i < ready; i++) {
      ssize_t got = recv(events[i].data.fd, room, sizeof room, MSG_DONTWAIT);

      if (got > 0)
        atomic_fetch_add(received, (uint64_t)got);
      else if (got == 0)
        _exit(0);
    }
  }
}

/* The caller is on the first core from then on. */
static inline pid_t clients_start(uint16_t port, int n, const char *format)
{
  pid_t child;

  if (!received)
    received = mmap(NULL, sizeof *received, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  atomic_store(received, 0);
  fds = calloc((size_t)n, sizeof *fds);
  n_fds = 0;
  child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a run that fails leaves nothing behind */
    clients_run(port, n, format);
  }
  pin(0);
  return child;
}

static inline void clients_stop(pid_t child)
{
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  free(fds);
}

static inline uint64_t clients_received(void)
{
  return atomic_load(received);
}

static inline void wait_until_received(uint64_t bytes)
{
  struct timespec moment = { .tv_nsec = 20000 };

  for (int i = 0; clients_received() < bytes; i++) {
    if (i > 500000) {
      printf("clients got %llu of %llu bytes\n", (unsigned long long)clients_received(), (unsigned long long)bytes);
      exit(1);
    }
    nanosleep(&moment, NULL);
  }
}

/* CPU nanoseconds per client: one send() of `bytes`, or one sendmsg() of `events` pieces of that size. */
static inline double floor_ns(int n, size_t bytes, int events, uint64_t *expected)
{
  static char ready[MAX_BURST * 65536];
  struct iovec iov[MAX_BURST];
  struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)events };
  double from = cpu_ns();

  for (int i = 0; i < events; i++)
    iov[i] = (struct iovec){ .iov_base = ready + (size_t)i * bytes, .iov_len = bytes };
  for (int i = 0; i < n; i++) {
    ssize_t sent = events == 1 ? send(fds[i], ready, bytes, MSG_NOSIGNAL) : sendmsg(fds[i], &m, MSG_NOSIGNAL);

    if (sent != (ssize_t)bytes * events)
      fail("floor");
  }
  from = (cpu_ns() - from) / n;
  wait_until_received(*expected += (uint64_t)n * bytes * (uint64_t)events);
  return from;
}

#endif
