#include "fake.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STREAM_HI = 1000 };

static void leave(fake_client *c)
{
  if (c->fd < 0)
    return;
  close(c->fd);
  redisReaderFree(c->reader);
  *c = (fake_client){ .fd = -1 };
}

static void say_bytes(fake_client *c, const char *bytes, size_t len)
{
  while (c->fd >= 0 && len > 0) {
    ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);

    if (n <= 0) {
      leave(c);
      return;
    }
    bytes += n;
    len -= (size_t)n;
  }
}

__attribute__((format(printf, 2, 3))) static void say(fake_client *c, const char *format, ...)
{
  char text[4096];
  va_list args;
  int len;

  va_start(args, format);
  len = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  ck_assert_int_lt(len, (int)sizeof text);
  say_bytes(c, text, (size_t)len);
}

/* ---- pub/sub ---- */

static void drop_channel(fake_client *c, int i)
{
  memmove(c->channels[i], c->channels[i + 1], (size_t)(--c->n_channels - i) * sizeof c->channels[0]);
}

static void subscribe(fake_client *c, const char *word, const char *name, int on)
{
  int i = 0;

  while (i < c->n_channels && strcmp(c->channels[i], name) != 0)
    i++;
  if (on && i == c->n_channels) {
    ck_assert_int_lt(i, FAKE_CHANNELS);
    snprintf(c->channels[c->n_channels++], sizeof c->channels[0], "%s", name);
  } else if (!on && i < c->n_channels) {
    drop_channel(c, i);
  }
  c->subscribes = 1;
  say(c, "*3\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n:%d\r\n", strlen(word), word, strlen(name), name, c->n_channels);
}

static int deliver(fake *k, const redisReply *command, const char *word)
{
  const char *channel = command->element[1]->str, *payload = command->element[2]->str;
  int n = 0;

  for (int i = 0; i < FAKE_CLIENTS; i++)
    for (int j = 0; j < k->clients[i].n_channels; j++) {
      const char *name = k->clients[i].channels[j];
      size_t len = strlen(name);

      if (strcmp(name, channel) == 0)
        say(&k->clients[i], "*3\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(word), word, strlen(channel),
            channel, strlen(payload), payload);
      else if (name[len - 1] == '*' && strncmp(name, channel, len - 1) == 0)
        say(&k->clients[i], "*4\r\n$8\r\npmessage\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", len, name,
            strlen(channel), channel, strlen(payload), payload);
      else
        continue;
      n++;
    }
  return n;
}

/* ---- the stream ---- */

static void say_entries(fake *k, fake_client *c)
{
  if (!c->waits || c->after >= k->n_entries)
    return;
  c->waits = 0;
  say(c, "*1\r\n*2\r\n$1\r\nS\r\n*%zu\r\n", k->n_entries - c->after);
  for (size_t i = c->after; i < k->n_entries; i++)
    say_bytes(c, k->entries[i], strlen(k->entries[i]));
}

static void add_entry(fake *k, redisReply *const *fields, size_t n)
{
  char text[4096];
  int len;

  ck_assert_uint_lt(k->n_entries, FAKE_ENTRIES);
  len = snprintf(text, sizeof text, "*2\r\n$%d\r\n%d-%zu\r\n*%zu\r\n",
                 snprintf(NULL, 0, "%d-%zu", STREAM_HI, k->n_entries + 1), STREAM_HI, k->n_entries + 1, n);
  for (size_t i = 0; i < n; i++)
    len += snprintf(text + len, sizeof text - (size_t)len, "$%zu\r\n%s\r\n", fields[i]->len, fields[i]->str);
  ck_assert_int_lt(len, (int)sizeof text);
  k->entries[k->n_entries++] = strdup(text);
  for (int i = 0; i < FAKE_CLIENTS; i++)
    if (k->clients[i].fd >= 0)
      say_entries(k, &k->clients[i]);
}

/* As the script of that name does. */
static void publish_entry(fake *k, fake_client *c, const redisReply *command)
{
  const char *numbers = command->element[4]->str;
  long long number = atoll(command->element[6]->str);
  int i = 0;

  while (i < k->n_origins && strcmp(k->origins[i], numbers) != 0)
    i++;
  ck_assert_int_lt(i, FAKE_CLIENTS);
  if (i == k->n_origins)
    snprintf(k->origins[k->n_origins++], sizeof k->origins[0], "%s", numbers);
  if (number <= k->numbers[i]) {
    say(c, "$-1\r\n");
    return;
  }
  k->numbers[i] = number;
  add_entry(k, command->element + 13, command->elements - 13);
  say(c, "+%d-%zu\r\n", STREAM_HI, k->n_entries);
}

static void look(fake *k, fake_client *c, const redisReply *command)
{
  const char *last = command->element[4]->str;
  size_t n = k->n_entries, next = *last ? (size_t)atoll(strchr(last, '-') + 1) + 1 : 1;
  char id[32];

  snprintf(id, sizeof id, "%d-%zu", n > 0 ? STREAM_HI : 0, n);
  say(c, "*3\r\n$%zu\r\n%s\r\n:1\r\n", strlen(id), id);
  if (next > n) {
    say(c, "$-1\r\n");
    return;
  }
  snprintf(id, sizeof id, "%d-%zu", STREAM_HI, next);
  say(c, "$%zu\r\n%s\r\n", strlen(id), id);
}

/* ---- commands ---- */

static const char *name_of(const redisReply *command)
{
  const char *word = command->element[0]->str;

  if (strcmp(word, "EVALSHA") == 0)
    return command->element[1]->str;
  if (strcmp(word, "EVAL") == 0)
    return strstr(command->element[1]->str, "XINFO") ? "look" : "first";
  return word;
}

static void load(fake_client *c, const char *text)
{
  const char *name = strstr(text, "MAXLEN") && strstr(text, "PUBLISH") ? "publish" : "look";

  name = strstr(text, "holder") ? "lease" : name;
  say(c, "$%zu\r\n%s\r\n", strlen(name), name);
}

static void answer(fake *k, fake_client *c, const redisReply *command)
{
  static const char info[] = "# Server\r\nrole:master\r\nloading:0\r\nused_memory:5\r\nmaxmemory:7\r\n";
  const char *word = name_of(command), *first = command->elements > 1 ? command->element[1]->str : "";

  if (strcmp(word, "INFO") == 0)
    say(c, "$%zu\r\n%s\r\n", strlen(info), info);
  else if (strcmp(word, "SCRIPT") == 0)
    load(c, command->element[2]->str);
  else if (strcasestr(word, "UNSUBSCRIBE"))
    subscribe(c, *word == 'P' ? "punsubscribe" : *word == 'S' ? "sunsubscribe" : "unsubscribe", first, 0);
  else if (strstr(word, "SUBSCRIBE"))
    subscribe(c, *word == 'P' ? "psubscribe" : strncmp(word, "SS", 2) == 0 ? "ssubscribe" : "subscribe", first, 1);
  else if (strstr(word, "PUBLISH"))
    say(c, ":%d\r\n", deliver(k, command, *word == 'S' ? "smessage" : "message"));
  else if (strcmp(word, "publish") == 0)
    publish_entry(k, c, command);
  else if (strcmp(word, "look") == 0)
    look(k, c, command);
  else if (strcmp(word, "first") == 0 && k->n_entries > 0)
    say(c, "$%d\r\n%d-1\r\n", snprintf(NULL, 0, "%d-1", STREAM_HI), STREAM_HI);
  else if (strcmp(word, "first") == 0)
    say(c, "$-1\r\n");
  else if (strcmp(word, "lease") == 0)
    say(c, ":%d\r\n", strcmp(command->element[5]->str, "take") == 0 ? 2 : 1);
  else if (strcmp(word, "GET") == 0)
    say(c, "$-1\r\n");
  else if (strcmp(word, "DEL") == 0)
    say(c, ":1\r\n");
  else if (strcmp(word, "PING") == 0)
    say(c, "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
  else
    say(c, "+OK\r\n");
}

static void wait_for_entries(fake *k, fake_client *c, const redisReply *command)
{
  const char *id = command->element[command->elements - 1]->str;

  c->waits = 1;
  c->after = (size_t)atoll(strchr(id, '-') + 1);
  say_entries(k, c);
  if (c->waits && strcmp(command->element[3]->str, "BLOCK") != 0) {
    c->waits = 0;
    say(c, "*-1\r\n");
  }
}

static void take(fake *k, fake_client *c, const redisReply *command)
{
  if (k->target && k->hits < k->times && strcmp(name_of(command), k->target) == 0) {
    k->hits++;
    say_bytes(c, k->payload, k->payload_len);
    if (k->then_close)
      leave(c);
  } else if (strcmp(name_of(command), "XREAD") == 0) {
    wait_for_entries(k, c, command);
  } else {
    answer(k, c, command);
  }
}

/* ---- in the loop ---- */

static int fill(struct pollfd *fds, int max, void *user)
{
  fake *k = user;
  int n = 0;

  fds[n++] = (struct pollfd){ .fd = k->listener, .events = POLLIN };
  for (int i = 0; i < FAKE_CLIENTS && n < max; i++)
    if (k->clients[i].fd >= 0)
      fds[n++] = (struct pollfd){ .fd = k->clients[i].fd, .events = POLLIN };
  return n;
}

static void come(fake *k)
{
  int on = 1, i = 0;

  while (i < FAKE_CLIENTS && k->clients[i].fd >= 0)
    i++;
  ck_assert_int_lt(i, FAKE_CLIENTS);
  k->clients[i].fd = accept4(k->listener, NULL, NULL, SOCK_CLOEXEC);
  k->clients[i].reader = redisReaderCreate();
  setsockopt(k->clients[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void hear(fake *k, fake_client *c)
{
  char bytes[16 << 10];
  ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
  void *reply = NULL;

  if (n <= 0) {
    leave(c);
    return;
  }
  redisReaderFeed(c->reader, bytes, (size_t)n);
  while (c->fd >= 0 && redisReaderGetReply(c->reader, &reply) == REDIS_OK && reply) {
    take(k, c, reply);
    freeReplyObject(reply);
    reply = NULL;
  }
}

static void dispatch(const struct pollfd *fds, int n, void *user)
{
  fake *k = user;

  for (int i = 0; i < n; i++) {
    if (!fds[i].revents)
      continue;
    if (fds[i].fd == k->listener)
      come(k);
    for (int j = 0; j < FAKE_CLIENTS; j++)
      if (k->clients[j].fd >= 0 && k->clients[j].fd == fds[i].fd)
        hear(k, &k->clients[j]);
  }
}

void fake_init(fake *k, fleet *f)
{
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t len = sizeof at;
  int on = 1;

  memset(k, 0, sizeof *k);
  for (int i = 0; i < FAKE_CLIENTS; i++)
    k->clients[i].fd = -1;
  k->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(k->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ck_assert_int_eq(bind(k->listener, (struct sockaddr *)&at, len), 0);
  ck_assert_int_eq(listen(k->listener, 32), 0);
  ck_assert_int_eq(getsockname(k->listener, (struct sockaddr *)&at, &len), 0);
  k->port = ntohs(at.sin_port);
  fleet_part_add(f, (fleet_part){ .fill = fill, .dispatch = dispatch, .user = k });
}

void fake_answer(fake *k, const char *target, const char *payload, int times)
{
  k->target = target;
  k->payload = payload;
  k->payload_len = payload ? strlen(payload) : 0;
  k->times = times;
  k->hits = 0;
}

void fake_say(fake *k, const char *bytes)
{
  for (int i = 0; i < FAKE_CLIENTS; i++)
    if (k->clients[i].n_channels > 0)
      say_bytes(&k->clients[i], bytes, strlen(bytes));
}

void fake_say_all(fake *k, const char *bytes)
{
  for (int i = 0; i < FAKE_CLIENTS; i++)
    if (k->clients[i].subscribes)
      say_bytes(&k->clients[i], bytes, strlen(bytes));
}

void fake_tell_all(fake *k, const char *bytes)
{
  for (int i = 0; i < FAKE_CLIENTS; i++)
    if (k->clients[i].fd >= 0)
      say_bytes(&k->clients[i], bytes, strlen(bytes));
}

void fake_say_waiting(fake *k, const char *bytes)
{
  for (int i = 0; i < FAKE_CLIENTS; i++)
    if (k->clients[i].fd >= 0 && k->clients[i].waits) {
      k->clients[i].waits = 0;
      say_bytes(&k->clients[i], bytes, strlen(bytes));
    }
}

void fake_unsubscribe(fake *k, const char *channel)
{
  for (int i = 0; i < FAKE_CLIENTS; i++)
    for (int j = 0; j < k->clients[i].n_channels; j++)
      if (strcmp(k->clients[i].channels[j], channel) == 0)
        drop_channel(&k->clients[i], j);
}

void fake_hang_up(fake *k)
{
  for (int i = 0; i < FAKE_CLIENTS; i++)
    leave(&k->clients[i]);
}

void fake_forget(fake *k)
{
  while (k->n_entries > 0)
    free(k->entries[--k->n_entries]);
  k->n_origins = 0;
  memset(k->numbers, 0, sizeof k->numbers);
}

void fake_clear(fake *k)
{
  fake_hang_up(k);
  fake_forget(k);
  close(k->listener);
}
