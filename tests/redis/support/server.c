#include "server.h"
#include "assertions.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRIES = 500, TRY_US = 10000 };

/* Below what the kernel gives to connections, so that it is still free when the server comes, and comes again; processes that run at the
 * same time begin apart. */
static int free_port(void)
{
  enum { FIRST = 10000, PORTS = 20000, APART = 20 };
  static int next;
  int fd, status;

  do {
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    at.sin_port = htons((uint16_t)(FIRST + (getpid() * APART + next++) % PORTS));
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    status = bind(fd, (struct sockaddr *)&at, sizeof at);
    close(fd);
    if (status == 0)
      return ntohs(at.sin_port);
  } while (next < PORTS);
  ck_abort_msg("no free port");
  return 0;
}

static void run_server(const server *s, pid_t parent)
{
  char port[16];
  const char *argv[SERVER_ARGS + 16] = { "redis-server", "--bind",      "127.0.0.1", "--port", port,
                                         "--dir",        s->dir,        "--save",    "",       "--appendonly",
                                         "no",           "--daemonize", "no" };
  char log[80];
  int n = 13, null = open("/dev/null", O_RDWR), fd;

  snprintf(port, sizeof port, "%d", s->port);
  snprintf(log, sizeof log, "%s/log", s->dir);
  fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  for (int i = 0; s->args[i]; i++)
    argv[n++] = s->args[i];
  argv[n] = NULL;
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
  if (getppid() != parent)
    _exit(1);
  dup2(null, 0);
  dup2(fd, 1);
  dup2(fd, 2);
  execvp(argv[0], (char **)(uintptr_t)argv);
  _exit(127);
}

static void launch(server *s)
{
  pid_t parent = getpid();

  s->pid = fork();
  if (s->pid == 0)
    run_server(s, parent); /* nothing of Check's before it: other threads may hold its lock */
  ck_assert_int_ge(s->pid, 0);
}

static void hang_up(server *s)
{
  if (s->context)
    redisFree(s->context);
  s->context = NULL;
}

static redisContext *context_of(server *s)
{
  struct timeval patience = { .tv_sec = 5 };

  if (s->context && s->context->err)
    hang_up(s);
  if (!s->context) {
    s->context = redisConnectWithTimeout("127.0.0.1", s->port, patience);
    ck_assert_ptr_nonnull(s->context);
    redisSetTimeout(s->context, patience);
  }
  return s->context;
}

/* The end of its log. */
static const char *last_words(const server *s)
{
  static char text[512];
  char name[80];
  FILE *file;
  size_t n = 0;

  snprintf(name, sizeof name, "%s/log", s->dir);
  file = fopen(name, "r");
  if (file) {
    if (fseek(file, -(long)sizeof text + 1, SEEK_END) < 0)
      rewind(file);
    n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
  }
  text[n] = 0;
  return text;
}

static void wait_for(server *s)
{
  for (int i = 0; i < TRIES; i++) {
    redisReply *reply = context_of(s)->err ? NULL : redisCommand(s->context, "PING");
    int there = reply && (reply->type == REDIS_REPLY_STATUS ||
                          (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NO", 2) == 0));
    int status;

    freeReplyObject(reply);
    if (there)
      return;
    if (waitpid(s->pid, &status, WNOHANG) == s->pid)
      ck_abort_msg("redis-server ended at once (status %d); is it installed? it said: %s", status, last_words(s));
    usleep(TRY_US);
  }
  ck_abort_msg("redis-server does not answer on port %d", s->port);
}

void server_start_at(server *s, int port, const char *const *args)
{
  int n = 0;

  memset(s, 0, sizeof *s);
  snprintf(s->dir, sizeof s->dir, "/tmp/hermes-sse-redis-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(s->dir));
  for (; args && args[n]; n++)
    s->args[n] = args[n];
  ck_assert_int_lt(n, SERVER_ARGS);
  s->port = port;
  launch(s);
  wait_for(s);
}

void server_start(server *s, const char *const *args)
{
  server_start_at(s, free_port(), args);
}

void server_kill(server *s)
{
  if (s->pid > 0) {
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
  }
  s->pid = 0;
  hang_up(s);
}

void server_again_at_once(server *s)
{
  launch(s);
}

void server_again(server *s)
{
  launch(s);
  wait_for(s);
}

void server_freeze(server *s)
{
  ck_assert_int_eq(kill(s->pid, SIGSTOP), 0);
}

void server_thaw(server *s)
{
  ck_assert_int_eq(kill(s->pid, SIGCONT), 0);
}

void server_stop(server *s)
{
  char command[128];

  server_kill(s);
  snprintf(command, sizeof command, "rm -rf '%s'", s->dir);
  ck_assert_int_eq(system(command), 0);
}

static redisReply *ask(server *s, const char *format, va_list args)
{
  return redisvCommand(context_of(s), format, args);
}

redisReply *server_ask(server *s, const char *format, ...)
{
  redisReply *reply;
  va_list args;

  va_start(args, format);
  reply = ask(s, format, args);
  va_end(args);
  return reply;
}

static void expect(const server *s, const redisReply *reply, const char *format)
{
  ck_assert_msg(reply != NULL, "%s: %s", format, s->context->errstr);
  ck_assert_msg(reply->type != REDIS_REPLY_ERROR, "%s: %s", format, reply->str);
}

void server_do(server *s, const char *format, ...)
{
  redisReply *reply;
  va_list args;

  va_start(args, format);
  reply = ask(s, format, args);
  va_end(args);
  expect(s, reply, format);
  freeReplyObject(reply);
}

long long server_integer(server *s, const char *format, ...)
{
  redisReply *reply;
  va_list args;
  long long value;

  va_start(args, format);
  reply = ask(s, format, args);
  va_end(args);
  expect(s, reply, format);
  ck_assert_int_eq(reply->type, REDIS_REPLY_INTEGER);
  value = reply->integer;
  freeReplyObject(reply);
  return value;
}

long long server_ask_count(server *s, const char *format)
{
  redisReply *reply = server_ask(s, format);
  long long value;

  expect(s, reply, format);
  ck_assert_uint_ge(reply->elements, 2);
  value = reply->element[1]->integer;
  freeReplyObject(reply);
  return value;
}

const char *server_text(server *s, const char *format, ...)
{
  static char *text;
  redisReply *reply;
  va_list args;

  va_start(args, format);
  reply = ask(s, format, args);
  va_end(args);
  expect(s, reply, format);
  free(text);
  text = strdup(reply->str ? reply->str : "");
  freeReplyObject(reply);
  return text;
}

long long server_publish(server *s, const char *channel, const char *data)
{
  char envelope[4096];

  ck_assert_int_lt(snprintf(envelope, sizeof envelope, "{\"type\":\"x\",\"data\":%s}", data), (int)sizeof envelope);
  return server_integer(s, "PUBLISH %s %s", channel, envelope);
}

int server_clients(server *s, const char *name)
{
  const char *at = server_text(s, "CLIENT LIST");
  int n = 0;

  for (; (at = strstr(at, " name=")); at++)
    n += memmem(at, strcspn(at + 1, " ") + 1, name, strlen(name)) != NULL;
  return n;
}
