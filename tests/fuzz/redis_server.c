#include "redis_server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECTIONS = 8, SUBSCRIPTIONS = 4, NAME_ROOM = 64, ASKED_ROOM = 1 << 16 };

static struct {
  int fd;
  size_t n; /* of what it asked and has no answer yet */
  char asked[ASKED_ROOM];
  int n_subscriptions;
  struct {
    char kind, name[NAME_ROOM]; /* of [PS]SUBSCRIBE the letter before */
  } subscriptions[SUBSCRIPTIONS];
} connections[CONNECTIONS];
static int n_connections, listener = -1;
static char directory[] = "/tmp/fuzz-redis-XXXXXX", path[64], url[80];

static void forget_directory(void)
{
  unlink(path);
  rmdir(directory);
}

const char *redis_server_url(void)
{
  struct sockaddr_un at = { .sun_family = AF_UNIX };

  if (listener >= 0)
    return url;
  FUZZ_CHECK(mkdtemp(directory));
  snprintf(path, sizeof path, "%s/socket", directory);
  snprintf(url, sizeof url, "unix://%s", path);
  strcpy(at.sun_path, path);
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  FUZZ_CHECK(listener >= 0 && bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 16) == 0);
  atexit(forget_directory);
  return url;
}

static void close_at(int i)
{
  close(connections[i].fd);
  if (i != --n_connections)
    connections[i] = connections[n_connections];
}

void redis_server_turn(void)
{
  while (n_connections < CONNECTIONS) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

    if (fd < 0)
      break;
    connections[n_connections].fd = fd;
    connections[n_connections].n_subscriptions = 0;
    connections[n_connections++].n = 0;
  }
  for (int i = n_connections - 1; i >= 0; i--) {
    ssize_t got =
        recv(connections[i].fd, connections[i].asked + connections[i].n, ASKED_ROOM - 1 - connections[i].n, 0);

    if (got > 0)
      connections[i].n += (size_t)got;
    else if (got == 0)
      close_at(i);
  }
}

static void say(int i, const char *bytes, size_t len)
{
  if (send(connections[i].fd, bytes, len, MSG_NOSIGNAL) < 0)
    return; /* gone, or it reads nothing: the next turn sees to it */
}

/* ---- good answers ---- */

typedef struct command {
  int argc;
  hermes_sse_slice argv[4];
} command;

/* One command at the front of what was asked; its length, 0: it is not whole. What the bridge writes is well-formed. */
static size_t read_command(const char *text, size_t n, command *c)
{
  char *end;
  const char *at = text, *stop = text + n;
  long argc = strtol(text + 1, &end, 10);

  FUZZ_CHECK(n == 0 || text[0] == '*');
  if (n == 0 || !memchr(text, '\n', n))
    return 0;
  FUZZ_CHECK(argc >= 1 && argc <= 32);
  c->argc = (int)argc;
  at = end + 2;
  for (long i = 0; i < argc; i++) {
    size_t len;

    if (at >= stop || !memchr(at, '\n', (size_t)(stop - at)))
      return 0;
    FUZZ_CHECK(*at == '$');
    len = strtoul(at + 1, &end, 10);
    at = end + 2;
    if ((size_t)(stop - at) < len + 2)
      return 0;
    if (i < 4)
      c->argv[i] = (hermes_sse_slice){ .ptr = at, .len = len };
    at += len + 2;
  }
  return (size_t)(at - text);
}

static int is(const command *c, int i, const char *word)
{
  return i < c->argc && fuzz_same(c->argv[i], hermes_sse_str(word));
}

static void add_bulk(fuzz_text *to, hermes_sse_slice bulk)
{
  char head[32];

  fuzz_add(to, head, (size_t)snprintf(head, sizeof head, "$%zu\r\n", bulk.len));
  fuzz_add(to, bulk.ptr, bulk.len);
  fuzz_add(to, "\r\n", 2);
}

static void answer_subscription(int i, const command *c)
{
  int n = connections[i].n_subscriptions;
  char kind = *(const char *)c->argv[0].ptr;
  fuzz_text text = { .at = NULL };

  fuzz_add(&text, "*3\r\n", 4);
  add_bulk(&text, c->argv[0]);
  add_bulk(&text, c->argv[1]);
  fuzz_add(&text, ":1\r\n", 4);
  say(i, text.at, text.n);
  fuzz_clear(&text);
  if (n == SUBSCRIPTIONS || c->argv[1].len >= NAME_ROOM || memmem(c->argv[0].ptr, c->argv[0].len, "UN", 2))
    return;
  connections[i].subscriptions[n].kind = kind == 'S' && c->argv[0].len == strlen("SUBSCRIBE") ? 0 : kind;
  memcpy(connections[i].subscriptions[n].name, c->argv[1].ptr, c->argv[1].len);
  connections[i].subscriptions[n].name[c->argv[1].len] = 0;
  connections[i].n_subscriptions++;
}

/* What was published comes where it was subscribed to. */
static void deliver(int i, char kind, const char *name, const command *c)
{
  hermes_sse_slice pattern = hermes_sse_str(name);
  int matches = kind == 'P' ? c->argv[1].len + 1 >= pattern.len && memcmp(c->argv[1].ptr, name, pattern.len - 1) == 0
                            : fuzz_same(pattern, c->argv[1]);
  fuzz_text text = { .at = NULL };

  if (!matches)
    return;
  fuzz_add(&text, kind == 'P' ? "*4\r\n" : "*3\r\n", 4);
  add_bulk(&text, hermes_sse_str(kind == 'P' ? "pmessage" : kind == 'S' ? "smessage" : "message"));
  if (kind == 'P')
    add_bulk(&text, pattern);
  add_bulk(&text, c->argv[1]);
  add_bulk(&text, c->argv[2]);
  say(i, text.at, text.n);
  fuzz_clear(&text);
}

static void deliver_all(const command *c)
{
  for (int i = 0; i < n_connections; i++)
    for (int k = 0; k < connections[i].n_subscriptions; k++)
      deliver(i, connections[i].subscriptions[k].kind, connections[i].subscriptions[k].name, c);
}

static const char *answer_to(const command *c, int was_trimmed)
{
  static const char sha[] = "$40\r\n0123456789012345678901234567890123456789\r\n";

  if (is(c, 0, "INFO"))
    return "$41\r\n\r\nrole:master\r\nused_memory:9\r\nmaxmemory:8\r\n";
  if (is(c, 0, "PUBLISH") || is(c, 0, "SPUBLISH") || is(c, 0, "DEL"))
    return ":1\r\n";
  if (is(c, 0, "SCRIPT"))
    return sha;
  if (is(c, 0, "EVAL") && c->argc == 4)
    return was_trimmed ? "$3\r\n7-0\r\n" : "$-1\r\n";
  if (is(c, 0, "EVAL") && was_trimmed)
    return "*3\r\n$3\r\n8-0\r\n:0\r\n$3\r\n7-0\r\n";
  if (is(c, 0, "EVAL"))
    return "*3\r\n$3\r\n5-0\r\n:1\r\n$3\r\n4-0\r\n";
  if (is(c, 0, "EVALSHA"))
    return is(c, 2, "2") ? ":2\r\n" : "$3\r\n6-0\r\n";
  if (is(c, 0, "XREAD"))
    return "*1\r\n*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$3\r\n9-0\r\n*6\r\n$1\r\nt\r\n$1\r\na\r\n$1\r\ne\r\n$1\r\nb\r\n$"
           "1\r\nd\r\n$1\r\n1\r\n";
  if (is(c, 0, "GET"))
    return "$1\r\nv\r\n";
  if (is(c, 0, "PING"))
    return "*2\r\n$4\r\npong\r\n$0\r\n\r\n";
  return "+OK\r\n";
}

void redis_server_answer(unsigned which)
{
  int i = n_connections > 0 ? (int)(which % (unsigned)n_connections) : -1;
  size_t at = 0, len;
  command c;

  if (i < 0)
    return;
  connections[i].asked[connections[i].n] = 0;
  while ((len = read_command(connections[i].asked + at, connections[i].n - at, &c)) > 0) {
    if (c.argc == 2 && memmem(c.argv[0].ptr, c.argv[0].len, "SUBSCRIBE", 9))
      answer_subscription(i, &c);
    else
      say(i, answer_to(&c, which & 64), strlen(answer_to(&c, which & 64)));
    if (c.argc == 3 && (is(&c, 0, "PUBLISH") || is(&c, 0, "SPUBLISH")))
      deliver_all(&c);
    at += len;
  }
  connections[i].n -= at;
  memmove(connections[i].asked, connections[i].asked + at, connections[i].n);
}

void redis_server_say(unsigned which, hermes_sse_slice bytes)
{
  if (n_connections > 0)
    say((int)(which % (unsigned)n_connections), bytes.ptr, bytes.len);
}

void redis_server_hang_up(unsigned which)
{
  if (n_connections > 0)
    close_at((int)(which % (unsigned)n_connections));
}

void redis_server_reset(void)
{
  int before;

  do {
    redis_server_turn();
    before = n_connections;
    while (n_connections > 0)
      close_at(0);
  } while (before == CONNECTIONS);
}
