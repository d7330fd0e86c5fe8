/* Attempts to reach Redis: lost at each stage, back-off, what is logged, the host's hooks, names and addresses. */
#include "redis_peer.h"
#include "suite.h"

/* ---- the end of a connection, at each stage ---- */

/* `stage`: 0 before the greeting's answer, 1 within it, 2 up, 3 within a reply, 4 with a command under way. */
static void lose(int stage, int reset)
{
  peer p;

  peer_open_named(&p, "app", "redis://127.0.0.1:%d/1");
  PEER_UNTIL(&p, peer_accept(&p));
  peer_settle(&p);
  if (stage >= 1)
    peer_say(&p, stage == 1 ? "+OK\r\n" : "+OK\r\n+OK\r\n");
  if (stage >= 2)
    PEER_UNTIL(&p, p.ups == 1);
  if (stage == 3)
    peer_say(&p, "*3\r\n$7\r\nmess");
  peer_settle(&p);
  if (reset)
    peer_reset(&p);
  else
    peer_hang_up(&p);
  if (stage == 4) {
    ck_assert_int_eq(hermes_sse__connection_say(p.connection, (const char *[]){ "PING", NULL }), HERMES_SSE_OK);
    hermes_sse__connection_flush(p.connection, p.now);
    (void)hermes_sse__connection_say(p.connection, (const char *[]){ "PING", NULL });
    hermes_sse__connection_flush(p.connection, p.now);
  }
  PEER_UNTIL(&p, p.downs == 1);
  ck_assert_int_eq(p.was_up, stage >= 2);
  ck_assert_msg(strstr(p.why, "closed by the server") || strstr(p.why, "reading: ") || strstr(p.why, "writing: "), "%s",
                p.why);
  ck_assert_uint_eq(hermes_sse__connection_pending_bytes(p.connection), 0);
  ck_assert_uint_ge(p.next, p.now + 50);
  ck_assert_uint_le(p.next, p.now + 100);
  p.now = p.next; /* and it comes again */
  p.fd = -1;
  PEER_UNTIL(&p, peer_accept(&p));
  peer_say(&p, "+OK\r\n+OK\r\n+fine\r\n");
  PEER_UNTIL(&p, p.n_replies > 0);
  ck_assert_str_eq(p.replies, "fine ");
  ck_assert_int_eq(p.downs, 1);
  peer_clear(&p);
}

START_TEST(lost_at_each_stage)
{
  for (int stage = 0; stage <= 4; stage++)
    for (int reset = 0; reset < 2; reset++)
      lose(stage, reset);
}
END_TEST

START_TEST(freed_at_each_stage)
{
  for (int stage = 0; stage < 4; stage++) {
    peer p;

    peer_open(&p, "redis://127.0.0.1:%d/1");
    if (stage > 0)
      peer_run(&p);
    if (stage > 1)
      PEER_UNTIL(&p, peer_accept(&p));
    if (stage > 2) {
      peer_say(&p, "+OK\r\n");
      PEER_UNTIL(&p, p.ups == 1);
      (void)hermes_sse__connection_say(p.connection, (const char *[]){ "PING", NULL });
    }
    peer_clear(&p);
    ck_assert_int_eq(p.downs, 0);
  }
  hermes_sse__connection_free(NULL);
}
END_TEST

/* ---- back-off ---- */

static void refuse(peer *p)
{
  peer_init(p);
  ck_assert_int_eq(peer_listen(p, "127.0.0.1"), 1);
  peer_stop_listening(p);
  peer_connection(p, "redis://127.0.0.1:%d");
}

START_TEST(back_off_doubles_with_jitter)
{
  static const unsigned whole[] = { 100, 200, 400, 800, 1000, 1000, 1000 };
  uint64_t waits[7], others[7];
  peer p;
  int differ = 0;

  for (int round = 0; round < 2; round++) {
    refuse(&p);
    hermes_sse__connection_free(p.connection);
    p.options.random = (uint64_t)round;
    ck_assert_int_eq(hermes_sse__connection_new(&p.options, &p.connection), HERMES_SSE_OK);
    for (int i = 0; i < 7; i++) {
      PEER_UNTIL(&p, p.downs == i + 1);
      ck_assert_str_eq(p.why, "cannot connect: Connection refused");
      (round ? others : waits)[i] = p.next - p.now;
      ck_assert_uint_ge(p.next - p.now, whole[i] / 2);
      ck_assert_uint_le(p.next - p.now, whole[i]);
      p.now = p.next - 1; /* not a millisecond too early */
      peer_run(&p);
      ck_assert_int_eq(p.n_watched, 0);
      p.now = p.next;
    }
    peer_clear(&p);
  }
  for (int i = 0; i < 7; i++)
    differ += waits[i] != others[i];
  ck_assert_int_gt(differ, 3);
}
END_TEST

START_TEST(only_what_is_settled_begins_anew)
{
  peer p;

  peer_open(&p, "redis://127.0.0.1:%d");
  for (int i = 0; i < 6; i++) {
    unsigned whole = i < 4 ? 100u << i : 100u;

    peer_greet(&p);
    if (i >= 3)
      hermes_sse__connection_settled(p.connection);
    peer_hang_up(&p);
    PEER_UNTIL(&p, p.downs == i + 1);
    if (i >= 3)
      whole = 100;
    ck_assert_uint_ge(p.next - p.now, whole / 2);
    ck_assert_uint_le(p.next - p.now, whole);
    hermes_sse__connection_settled(p.connection); /* nothing is */
    p.now = p.next;
  }
  peer_clear(&p);
}
END_TEST

START_TEST(a_long_outage_leaves_few_lines)
{
  peer p;
  size_t logs;

  refuse(&p);
  for (int i = 1; i <= 20; i++) {
    logs = p.memory.logs;
    PEER_UNTIL(&p, p.downs == i);
    ck_assert_uint_eq(p.memory.logs - logs, (i & (i - 1)) == 0);
    p.now = p.next;
  }
  ck_assert_ptr_nonnull(strstr(p.memory.last_log, "redis tests: no connection to redis://127.0.0.1:"));
  ck_assert_ptr_nonnull(
      strstr(p.memory.last_log, "/0: cannot connect: Connection refused (16 times); next attempt in "));
  logs = p.memory.logs;
  ck_assert_int_eq(peer_listen(&p, "127.0.0.1"), 1);
  peer_greet(&p); /* after a line that was left out this one is too */
  ck_assert_uint_eq(p.memory.logs, logs);
  peer_hang_up(&p);
  PEER_UNTIL(&p, p.downs == 21); /* another reason */
  ck_assert_uint_eq(p.memory.logs, logs + 1);
  ck_assert_ptr_nonnull(strstr(p.memory.last_log, "redis tests: lost redis://127.0.0.1:"));
  for (int i = 22; i <= 24; i++) { /* up for long, so each is an outage of its own */
    p.now = p.next;
    peer_greet(&p);
    p.now += 60000;
    peer_hang_up(&p);
    PEER_UNTIL(&p, p.downs == i);
    ck_assert_ptr_null(strstr(p.memory.last_log, "times"));
  }
  ck_assert_uint_eq(p.memory.logs, logs + 7);
  peer_clear(&p);
}
END_TEST

START_TEST(silence_times_out)
{
  peer p;

  peer_open_named(&p, "app", "redis://127.0.0.1:%d");
  PEER_UNTIL(&p, peer_accept(&p));
  peer_settle(&p);
  ck_assert_uint_eq(p.next, 6000);
  p.now = 5999;
  peer_run(&p);
  ck_assert_int_eq(p.downs, 0);
  p.now = 6000;
  peer_run(&p);
  ck_assert_int_eq(p.downs, 1);
  ck_assert_str_eq(p.why, "the greeting took longer than 5000 ms");
  peer_clear(&p);
}
END_TEST

/* ---- watching ---- */

START_TEST(a_host_that_cannot_watch)
{
  for (int at = 1; at <= 3; at++) {
    static char large[4 << 20];
    const char *const argv[] = { "ECHO", large };
    const size_t lens[] = { 4, sizeof large };
    peer p;

    peer_init(&p);
    p.options.max_pending_bytes = sizeof large + 100;
    ck_assert_int_eq(peer_listen(&p, "127.0.0.1"), 1);
    peer_connection(&p, "redis://127.0.0.1:%d");
    p.refuse_watch = at; /* the first, that of reading, that of writing too */
    if (at == 3) {
      peer_greet(&p);
      ck_assert_int_eq(hermes_sse__connection_command(p.connection, 2, argv, lens), HERMES_SSE_OK);
    }
    PEER_UNTIL(&p, p.downs == 1);
    ck_assert_str_eq(p.why, "the socket cannot be watched");
    p.now = p.next;
    p.fd = -1;
    peer_greet(&p);
    peer_clear(&p);
  }
}
END_TEST

/* ---- names ---- */

static int answer_with(peer *p, const char *const *addresses, size_t n)
{
  struct sockaddr_in ipv4[2];
  const struct sockaddr *at[2] = { NULL, NULL };
  socklen_t lens[2] = { sizeof *ipv4, sizeof *ipv4 };

  for (size_t i = 0; i < n; i++) {
    ipv4[i] = (struct sockaddr_in){ .sin_family = AF_INET };
    inet_pton(AF_INET, addresses[i], &ipv4[i].sin_addr);
    at[i] = (const struct sockaddr *)&ipv4[i];
  }
  hermes_sse__connection_resolved(p->connection, at, lens, n);
  return 0;
}

static int at_once(peer *p)
{
  return answer_with(p, (const char *[]){ "127.0.0.1" }, 1);
}

static int second_of_two(peer *p)
{
  return answer_with(p, (const char *[]){ "127.0.0.2", "127.0.0.1" }, 2);
}

static int none(peer *p)
{
  return answer_with(p, NULL, 0);
}

static int never(peer *p)
{
  (void)p;
  return 0;
}

static int cannot(peer *p)
{
  (void)p;
  return -1;
}

static void open_hooked(peer *p, int (*resolve)(peer *p))
{
  peer_init(p);
  p->options.resolve = peer_resolve;
  p->resolve = resolve;
  ck_assert_int_eq(peer_listen(p, "127.0.0.1"), 1);
  peer_connection(p, "redis://redis.example:%d");
}

START_TEST(the_host_resolves)
{
  peer p;

  open_hooked(&p, at_once);
  none(&p); /* nobody asked */
  peer_greet(&p);
  none(&p); /* any more */
  peer_clear(&p);

  open_hooked(&p, second_of_two);
  peer_greet(&p);
  ck_assert_int_eq(p.downs, 0);
  ck_assert_int_eq(p.asked, 1);
  peer_clear(&p);

  open_hooked(&p, never);
  peer_settle(&p);
  at_once(&p);
  none(&p); /* has answered */
  peer_greet(&p);
  peer_clear(&p);
}
END_TEST

START_TEST(or_it_does_not)
{
  peer p;

  open_hooked(&p, cannot);
  peer_run(&p);
  ck_assert_str_eq(p.why, "the host cannot resolve the name");
  p.resolve = none;
  p.now = p.next;
  peer_run(&p);
  ck_assert_str_eq(p.why, "the name has no addresses");
  p.resolve = never;
  p.now = p.next;
  peer_run(&p);
  ck_assert_uint_eq(p.next, p.now + 5000);
  p.now = p.next;
  peer_run(&p);
  ck_assert_str_eq(p.why, "resolving the name took longer than 5000 ms");
  ck_assert_int_eq(p.downs, 3);
  at_once(&p); /* too late */
  ck_assert_int_eq(p.n_watched, 0);
  p.resolve = at_once;
  p.now = p.next;
  peer_greet(&p);
  ck_assert_int_eq(p.asked, 4);
  peer_clear(&p);
}
END_TEST

START_TEST(localhost_needs_no_resolver)
{
  peer p;

  peer_open(&p, "redis://LocalHost:%d");
  peer_greet(&p);
  peer_clear(&p);

  peer_init(&p);
  if (peer_listen(&p, "::1")) { /* the second of its addresses; and the number itself */
    peer_connection(&p, "redis://localhost:%d");
    peer_greet(&p);
    peer_clear(&p);
    peer_init(&p);
    ck_assert_int_eq(peer_listen(&p, "::1"), 1);
    peer_connection(&p, "redis://[::1]:%d");
    peer_greet(&p);
    peer_clear(&p);
  }
}
END_TEST

#ifndef HERMES_SSE__HAVE_CARES
START_TEST(other_names_do)
{
  peer p;

  peer_open(&p, "redis://redis.example:%d");
  peer_run(&p);
  ck_assert_str_eq(p.why, "names cannot be resolved: c-ares is not built in, and the host gave no resolve hook");
  peer_clear(&p);
}
END_TEST
#else
/* What comes back for a question: 127.0.0.1, or nothing of the other kind. */
static int answer_question(int fd)
{
  static const unsigned char ipv4[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1 };
  unsigned char m[512];
  struct sockaddr_in from;
  socklen_t len = sizeof from;
  ssize_t n = recvfrom(fd, m, 300, 0, (struct sockaddr *)&from, &len);
  size_t end = 12;

  if (n < 12)
    return 0;
  while (m[end] > 0)
    end += m[end] + 1u;
  end += 5;
  m[2] = 0x81;
  m[3] = 0x80;
  memset(m + 6, 0, 6);
  m[7] = m[end - 3] == 1;
  memcpy(m + end, ipv4, sizeof ipv4);
  return sendto(fd, m, end + (m[7] ? sizeof ipv4 : 0), 0, (struct sockaddr *)&from, len) > 0;
}

/* `how`: 0 answered, 1 given up, 2 freed, 3 no memory. */
static void ask(int fd, const char *servers, int how)
{
  peer p;

  peer_init(&p);
  p.options.name_servers = servers;
  ck_assert_int_eq(peer_listen(&p, "127.0.0.1"), 1);
  peer_connection(&p, "redis://redis.example:%d");
  if (how == 3)
    p.memory.fail_at = p.memory.calls + 2;
  peer_run(&p);
  ck_assert_int_eq(p.n_watched > 0, how < 3);
  ck_assert_uint_le(p.next, p.now + 1001); /* then it asks again */
  if (how == 0) {
    PEER_UNTIL(&p, (answer_question(fd), peer_accept(&p)));
    PEER_UNTIL(&p, p.ups == 1);
  } else if (how == 1) {
    p.now += 5000;
    peer_run(&p);
    ck_assert_str_eq(p.why, "resolving the name took longer than 5000 ms");
  } else if (how == 3) {
    ck_assert_str_eq(p.why, "no memory to resolve the name");
  }
  peer_clear(&p);
}

START_TEST(other_names_are_asked_for)
{
  struct sockaddr_in at = { .sin_family = AF_INET };
  socklen_t len = sizeof at;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  char servers[64];

  inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
  ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
  ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
  snprintf(servers, sizeof servers, "127.0.0.1:%u", ntohs(at.sin_port));
  for (int how = 0; how < 4; how++)
    ask(fd, servers, how);
  close(fd);
}
END_TEST

START_TEST(other_names_do)
{
  char path[] = "/tmp/hermes-sse-aliases-XXXXXX";
  int fd = mkstemp(path);
  peer p;

  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(write(fd, "redis-alias localhost\n", 22), 22);
  close(fd);
  setenv("HOSTALIASES", path, 1); /* answered without a server of names */
  peer_open(&p, "redis://redis-alias:%d");
  peer_greet(&p);
  unsetenv("HOSTALIASES");
  unlink(path);
  peer_clear(&p);

  peer_open(&p, "redis://redis..example:%d"); /* no name */
  PEER_UNTIL(&p, p.downs == 1);
  ck_assert_ptr_nonnull(strstr(p.why, "the name cannot be resolved: "));
  peer_clear(&p);
}
END_TEST
#endif

START_TEST(an_address_that_is_silent_has_its_share)
{
  struct sockaddr_in full = { .sin_family = AF_INET };
  socklen_t len = sizeof full;
  int others[8], listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  peer p;

  inet_pton(AF_INET, "127.0.0.2", &full.sin_addr);
  ck_assert_int_eq(bind(listener, (struct sockaddr *)&full, len), 0);
  ck_assert_int_eq(listen(listener, 0), 0);
  ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&full, &len), 0);
  for (int i = 0; i < 8; i++) { /* its queue is full: it does not answer any more */
    others[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)connect(others[i], (struct sockaddr *)&full, len);
  }
  peer_init(&p);
  p.options.resolve = peer_resolve;
  p.resolve = second_of_two;
  p.port = ntohs(full.sin_port);
  ck_assert_int_eq(peer_listen(&p, "127.0.0.1"), 1);
  peer_connection(&p, "redis://redis.example:%d");
  peer_settle(&p);
  if (p.ups == 0) { /* else this kernel takes more than it was told */
    ck_assert_uint_eq(p.next, 1000 + 2500);
    ck_assert_int_eq(hermes_sse__connection_ready(p.connection, p.now, p.watched[0].fd, HERMES_SSE_WRITE), 1);
    ck_assert_int_eq(p.ups + p.downs, 0); /* that was not true */
    p.now = p.next;
    peer_greet(&p);
  }
  ck_assert_int_eq(p.downs, 0);
  for (int i = 0; i < 8; i++)
    close(others[i]);
  close(listener);
  peer_clear(&p);
}
END_TEST

START_TEST(unix_sockets)
{
  struct sockaddr_un at = { .sun_family = AF_UNIX };
  char url[160];
  peer p;

  snprintf(at.sun_path, sizeof at.sun_path, "/tmp/hermes-sse-%ld.sock", (long)getpid());
  unlink(at.sun_path);
  peer_init(&p);
  snprintf(url, sizeof url, "unix://%s?db=2", at.sun_path);
  peer_connection(&p, url);
  peer_run(&p);
  ck_assert_int_eq(p.downs, 1);
  ck_assert_str_eq(p.why, "cannot connect: No such file or directory");
  p.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq(bind(p.listener, (struct sockaddr *)&at, sizeof at), 0);
  ck_assert_int_eq(listen(p.listener, 4), 0);
  p.now = p.next;
  PEER_UNTIL(&p, peer_accept(&p));
  peer_expect(&p, "*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n");
  peer_say(&p, "+OK\r\n");
  PEER_UNTIL(&p, p.ups == 1);
  unlink(at.sun_path);
  peer_clear(&p);
}
END_TEST

#ifdef HERMES_SSE__HAVE_CARES
#define OTHER_NAMES other_names_are_asked_for, other_names_do
#else
#define OTHER_NAMES other_names_do
#endif

SUITE_MAIN("redis attempts", lost_at_each_stage, freed_at_each_stage, back_off_doubles_with_jitter,
           only_what_is_settled_begins_anew, a_long_outage_leaves_few_lines, silence_times_out,
           a_host_that_cannot_watch, the_host_resolves, or_it_does_not, localhost_needs_no_resolver, OTHER_NAMES,
           an_address_that_is_silent_has_its_share, unix_sockets)
