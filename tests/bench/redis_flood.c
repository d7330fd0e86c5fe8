/* How many messages a second come through a real redis-server, beside a reader of hiredis alone in the same run: publishers in another
 * process, pipelined: at a steady rate above the target, and as fast as Redis and the reader take them. On another channel an event comes every 10 ms: until the last of 1,000
 * streams has it, or the bare reader. Meanwhile Redis is asked what waits at the subscriber. */
#include "redis.h"
#include <hiredis/hiredis.h>
#include <poll.h>

enum {
  CLIENTS = 1000,
  PIPELINE = 64,
  PUBLISHERS = 2,
  QUIET_MS = 10,
  ASK_MS = 20,
  HOLD_BYTES = 16 << 20,
  READ_BYTES = 16 << 10
};
enum { STEADY = 60000, ALL = 1 << 30 }; /* messages a second */

static const char *const channels[] = { "flood", "quiet" };

typedef struct shared {
  _Atomic int flood, is_idle; /* messages a second; nothing is under way */
  _Atomic int ask;
  _Atomic uint64_t published; /* that Redis has confirmed */
  _Atomic uint64_t waits[2];  /* bytes at the subscriber: the most while `ask` is 1, while it is 2 */
} shared;

static shared *both; /* the two processes' */

/* ---- the publishers ---- */

static int ends[PUBLISHERS];
static char piped[PIPELINE * ENVELOPE_ROOM];
static size_t piped_len;

static void expect(int fd, int lines)
{
  char bytes[4096];

  while (lines > 0) {
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);

    if (n <= 0)
      _exit(1);
    for (ssize_t i = 0; i < n; i++)
      lines -= bytes[i] == '\n';
  }
}

static void pipe_up(void)
{
  for (int i = 0; i < PUBLISHERS; i++)
    send_all(ends[i], piped, piped_len);
  for (int i = 0; i < PUBLISHERS; i++)
    expect(ends[i], PIPELINE);
  atomic_fetch_add(&both->published, PUBLISHERS * PIPELINE);
}

static void say_quiet(int fd)
{
  char command[512], text[160];
  const char *const argv[] = { "PUBLISH", "quiet", text };
  const size_t lens[] = { 7, 5,
                          (size_t)snprintf(text, sizeof text, "{\"type\":\"tick\",\"data\":{\"t\":%.0f}}", wall_ns()) };

  send_all(fd, command, command_add(command, 0, argv, lens, 3));
  expect(fd, 1);
}

/* Of all subscribers, which is one. */
static uint64_t ask_waits(int fd)
{
  static char answer[65536];
  int half = atomic_load(&both->ask);
  size_t have = 0;
  uint64_t most = 0;

  send_all(fd, "CLIENT LIST TYPE pubsub\r\n", 25);
  do {
    ssize_t n = recv(fd, answer + have, sizeof answer - 1 - have, 0);

    if (n <= 0)
      _exit(1);
    have += (size_t)n;
    answer[have] = 0;
  } while (have < 4 || strcmp(answer + have - 3, "\n\r\n") != 0);
  for (const char *at = answer; (at = strstr(at, " omem=")); at++) {
    uint64_t waits = strtoull(at + 6, NULL, 10);

    most = waits > most ? waits : most;
  }
  if (half > 0 && most > atomic_load(&both->waits[half - 1]))
    atomic_store(&both->waits[half - 1], most);
  return most;
}

static void publish_all(const server *s)
{
  int quiet = server_connect(s), asking = server_connect(s);
  double next_quiet = wall_ns(), next_ask = next_quiet, next_pipe = next_quiet;
  int is_held = 0; /* the reader is behind: it catches up before more is published */

  end_with_parent();
  for (int i = 0; i < PUBLISHERS; i++)
    ends[i] = server_connect(s);
  for (int i = 0; i < PIPELINE; i++) {
    char text[ENVELOPE_ROOM];
    const char *const argv[] = { "PUBLISH", "flood", text };
    const size_t lens[] = { 7, 5, envelope_write(text, 200, NULL, 0) };

    piped_len = command_add(piped, piped_len, argv, lens, 3);
  }
  for (;;) {
    double now = wall_ns();
    int flood = atomic_load(&both->flood);

    if (now >= next_quiet) {
      say_quiet(quiet);
      next_quiet = now + QUIET_MS * 1e6;
    }
    if (now >= next_ask && atomic_load(&both->ask)) {
      is_held = ask_waits(asking) > HOLD_BYTES;
      next_ask = now + ASK_MS * 1e6;
    }
    next_pipe =
        flood && now < next_pipe + 1e9 ? next_pipe : now; /* what a stall of a moment held back comes after it */
    atomic_store(&both->is_idle, !flood);
    if (flood && !is_held && now >= next_pipe) {
      pipe_up();
      next_pipe += PUBLISHERS * PIPELINE * 1e9 / flood;
    } else {
      poll(NULL, 0, 1);
    }
  }
}

/* ---- the two readers ---- */

typedef struct reader {
  void (*open)(const server *s);
  uint64_t (*turn)(void); /* messages of the flood so far */
  void (*close)(void);
} reader;

static latencies *ticks;
static bridge_host host;
static hermes_sse_stream *streams[CLIENTS];
static redisReader *wire;
static int bare_fd;
static uint64_t bare_flood, bare_ticks, bridge_ticks;

static void bare_message(const redisReply *r)
{
  if (r->type != REDIS_REPLY_ARRAY || r->elements != 3 || r->element[2]->type != REDIS_REPLY_STRING)
    return; /* the subscriptions' */
  if (r->element[1]->str[0] == 'f') {
    bare_flood++;
    return;
  }
  bare_ticks++;
  latencies_add(ticks, wall_ns() - stamp_of(r->element[2]->str, (size_t)r->element[2]->len));
}

static uint64_t bare_turn(void)
{
  struct pollfd ready = { .fd = bare_fd, .events = POLLIN };
  char bytes[READ_BYTES];
  void *reply = NULL;
  ssize_t n;

  if (poll(&ready, 1, 10) <= 0)
    return bare_flood;
  n = recv(bare_fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (n <= 0 || redisReaderFeed(wire, bytes, (size_t)n) != REDIS_OK)
    fail("the bare reader");
  while (redisReaderGetReply(wire, &reply) == REDIS_OK && reply) {
    bare_message(reply);
    freeReplyObject(reply);
  }
  return bare_flood;
}

static void bare_open(const server *s)
{
  bare_fd = server_connect(s);
  wire = redisReaderCreate();
  bare_flood = bare_ticks = 0;
  send_all(bare_fd, "SUBSCRIBE flood quiet\r\n", 23);
  for (int i = 0; i < 500 && bare_ticks == 0; i++)
    bare_turn();
}

static void bare_close(void)
{
  close(bare_fd);
  redisReaderFree(wire);
}

/* Events that are written at once may come in one piece. */
static void note_ticks(const char *bytes, size_t len)
{
  const char *end = bytes + len, *event;
  double now = wall_ns(), stamp;

  for (; (event = memmem(bytes, (size_t)(end - bytes), "data: {\"t\":", 11)); bytes = event + 11) {
    stamp = stamp_of(event, (size_t)(end - event));
    latencies_add(ticks, now - stamp);
    bridge_ticks++;
  }
}

static hermes_sse_ssize take_all(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  hermes_sse_ssize sum = 0;

  (void)user;
  for (int i = 0; i < n; i++) {
    if (stream == streams[CLIENTS - 1])
      note_ticks(iov[i].iov_base, iov[i].iov_len);
    sum += (hermes_sse_ssize)iov[i].iov_len;
  }
  return sum;
}

static uint64_t bridge_turn(void)
{
  bridge_host_turn(&host, 10, 0);
  return bridge_host_published(&host) - bridge_ticks;
}

static void bridge_open(const server *s)
{
  hermes_sse_subscription to = { .topic = hermes_sse_str("quiet") };
  hermes_sse_stream_options o = { .size = sizeof o, .topics = &to, .n_topics = 1 };

  bridge_ticks = 0;
  bridge_host_open(&host, s->url, channels, 2, take_all);
  for (int i = 0; i < CLIENTS; i++)
    if (hermes_sse_stream_open(host.hub, &o, &streams[i]))
      fail("streams");
  bridge_host_wait(&host);
}

static void bridge_close(void)
{
  for (int i = 0; i < CLIENTS; i++)
    hermes_sse_stream_free(streams[i]);
  bridge_host_close(&host);
}

static const reader bare = { bare_open, bare_turn, bare_close }, bridge = { bridge_open, bridge_turn, bridge_close };

/* ---- one phase ---- */

typedef struct phase {
  double per_second, cpu_us;
  int64_t lost;
  uint64_t waits[2];
} phase;

/* Turns until `until`; messages of the flood so far. */
static uint64_t turn_until(const reader *r, double until)
{
  uint64_t n = 0;

  while (wall_ns() < until)
    n = r->turn();
  return n;
}

/* Takes what is on its way: as many as were published, and `more`. */
static void settle(const reader *r, uint64_t more)
{
  for (double give_up = wall_ns() + 10e9; wall_ns() < give_up;)
    if (r->turn() == atomic_load(&both->published) + more && atomic_load(&both->is_idle))
      return;
}

static phase run(const server *s, const reader *r, int flood, double seconds, latencies *l)
{
  phase p = { .lost = 0 };
  uint64_t before, sent, came;
  double from, cpu;

  ticks = l;
  r->open(s);
  before = r->turn();
  sent = atomic_load(&both->published);
  atomic_store(&both->waits[0], 0);
  atomic_store(&both->waits[1], 0);
  from = wall_ns();
  cpu = cpu_ns();
  atomic_store(&both->flood, flood);
  for (int half = 1; half <= 2; half++) {
    atomic_store(&both->ask, half);
    came = turn_until(r, from + seconds * 5e8 * half);
  }
  atomic_store(&both->ask, 0);
  p.per_second = (double)(came - before) * 1e9 / (wall_ns() - from);
  p.cpu_us = (cpu_ns() - cpu) / 1000 / (double)(came > before ? came - before : 1);
  atomic_store(&both->flood, 0);
  settle(r, before - sent);
  p.lost = (int64_t)(atomic_load(&both->published) - sent - (r->turn() - before));
  p.waits[0] = atomic_load(&both->waits[0]);
  p.waits[1] = atomic_load(&both->waits[1]);
  r->close();
  return p;
}

/* ---- the table ---- */

enum { ROUNDS = 3 };

typedef struct row {
  const char *name;
  const reader *reader;
  int flood;
  phase phases[ROUNDS];
  latencies ticks;
} row;

static double rate(const row *r)
{
  double all[ROUNDS];

  for (int i = 0; i < ROUNDS; i++)
    all[i] = r->phases[i].per_second;
  return median(all, ROUNDS);
}

static void print(row *r)
{
  double cpu[ROUNDS];
  uint64_t waits[2] = { 0, 0 };
  int64_t lost = 0;

  for (int i = 0; i < ROUNDS; i++) {
    cpu[i] = r->phases[i].cpu_us;
    lost += r->phases[i].lost;
    for (int k = 0; k < 2; k++)
      waits[k] = r->phases[i].waits[k] > waits[k] ? r->phases[i].waits[k] : waits[k];
  }
  printf("%-34s ", r->name);
  if (r->flood)
    printf("%8.0f %7.3f %6lld  %7.0f %7.0f", rate(r), median(cpu, ROUNDS), (long long)lost, (double)waits[0] / 1024,
           (double)waits[1] / 1024);
  else
    printf("%8s %7s %6s  %7s %7s", "-", "-", "-", "-", "-");
  printf("  %7.0f %7.0f\n", latencies_at(&r->ticks, 0.5), latencies_at(&r->ticks, 0.99));
}

static double ratio(const row *ours, const row *theirs)
{
  double ratios[ROUNDS];

  for (int i = 0; i < ROUNDS; i++)
    ratios[i] = ours->phases[i].per_second / theirs->phases[i].per_second;
  return median(ratios, ROUNDS);
}

/* That what waits at Redis grows shows in the second half of a phase, beside the first. */
static int grows(const row *r)
{
  int grown = 0;

  for (int i = 0; i < ROUNDS; i++)
    grown += r->phases[i].waits[1] > r->phases[i].waits[0] + (1 << 20);
  return grown;
}

void flood_table(const server *s, int brief)
{
  enum { STEADY_BARE = 2, STEADY_BRIDGE, ALL_BARE, ALL_BRIDGE, N_ROWS };
  row rows[N_ROWS] = { { .name = "bare reader of hiredis, no flood", .reader = &bare },
                       { .name = "bridge, 1,000 streams, no flood", .reader = &bridge },
                       { .name = "bare reader, steady", .reader = &bare, .flood = STEADY },
                       { .name = "bridge, steady", .reader = &bridge, .flood = STEADY },
                       { .name = "bare reader, as fast as it goes", .reader = &bare, .flood = ALL },
                       { .name = "bridge, as fast as it goes", .reader = &bridge, .flood = ALL } };
  double seconds = brief ? 0.5 : 10;
  pid_t publishers;

  both = mmap(NULL, sizeof *both, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  publishers = fork();
  if (publishers == 0)
    publish_all(s);
  for (int i = 0; i < ROUNDS; i++)
    for (row *r = rows; r < rows + N_ROWS; r++)
      r->phases[i] = run(s, r->reader, r->flood, seconds, &r->ticks);
  kill(publishers, SIGKILL);
  waitpid(publishers, NULL, 0);
  printf("\n%-34s %8s %7s %6s  %15s  %s\n", "through redis-server", "", "", "", "waits there, KiB",
         "another channel's events, us");
  printf("%d x %-4.1f s %24s %8s %7s %6s  %7s %7s  %7s %7s\n", ROUNDS, seconds, "", "per s", "CPU us", "lost",
         "1st half", "2nd", "p50", "p99");
  for (row *r = rows; r < rows + N_ROWS; r++)
    print(r);
  printf(
      "steady, bridge / bare: %.2f, target >= 0.90: %s; %.0f a second, target >= 50000: %s; what waits at Redis: %s\n",
      ratio(&rows[STEADY_BRIDGE], &rows[STEADY_BARE]), verdict(ratio(&rows[STEADY_BRIDGE], &rows[STEADY_BARE]), 0.9, 1),
      rate(&rows[STEADY_BRIDGE]), verdict(rate(&rows[STEADY_BRIDGE]), 50000, 1),
      grows(&rows[STEADY_BRIDGE]) ? "grows, MISS" : "ok");
  printf("as fast as it goes, bridge / bare: %.2f (each up to what its core takes; bare, a message is parsed and no "
         "more)\n",
         ratio(&rows[ALL_BRIDGE], &rows[ALL_BARE]));
  munmap(both, sizeof *both);
}
