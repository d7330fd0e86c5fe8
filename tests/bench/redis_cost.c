/* What a message costs between Redis and the bus, beside readers of hiredis alone that get the same bytes over the same kind of
 * socket, and cJSON alone on the same envelopes. The server is played by this thread: it writes a batch, then the reader's
 * time is taken until it has read it all. */
#include "redis.h"
#include <cJSON.h>
#include <hiredis/hiredis.h>
#include <sys/un.h>

enum { BATCH = 128, READ_BYTES = 16 << 10, NOW_MS = 1000 };

static char batch[BATCH * (ENVELOPE_ROOM + 128)], envelope[BATCH][ENVELOPE_ROOM];
static size_t batch_len, envelope_len[BATCH], messages;

/* ---- the envelopes ---- */

size_t envelope_write(char to[ENVELOPE_ROOM], size_t size, const char *origin, uint64_t number)
{
  size_t n = (size_t)sprintf(
             to, "{\"type\":\"download_progress\",\"data\":{\"download_id\":\"0123456789abcdef\",\"status\":"
                 "\"downloading\",\"progress\":42.5,\"eta\":17,\"error_message\":\""),
         end = strlen("\"},\"timestamp\":\"2026-01-02T03:04:05.678Z\"}");

  while (n + end < size)
    to[n++] = 'x';
  n += (size_t)sprintf(to + n, "\"},\"timestamp\":\"2026-01-02T03:04:05.678Z\"%s", origin ? "" : "}");
  if (origin)
    n += (size_t)sprintf(to + n, ",\"hermes_sse\":{\"origin\":\"%s\",\"number\":%llu}}", origin,
                         (unsigned long long)number);
  return n;
}

/* A batch as Redis sends it. */
static void fill(size_t size, const char *origin)
{
  static uint64_t number;
  static const char *const argv[] = { "message", "bench" };

  batch_len = 0;
  for (int i = 0; i < BATCH; i++) {
    const char *const all[] = { argv[0], argv[1], envelope[i] };
    size_t lens[] = { 7, 5, 0 };

    lens[2] = envelope_len[i] = envelope_write(envelope[i], size, origin, ++number);
    batch_len = command_add(batch, batch_len, all, lens, 3);
  }
}

/* ---- hiredis ---- */

static char nothing;

static void *no_string(const redisReadTask *task, char *text, size_t len)
{
  (void)task, (void)text, (void)len;
  return &nothing;
}

static void *no_integer(const redisReadTask *task, long long number)
{
  (void)task, (void)number;
  return &nothing;
}

static void *no_nil(const redisReadTask *task)
{
  (void)task;
  return &nothing;
}

#if HIREDIS_MAJOR >= 1
static void *no_array(const redisReadTask *task, size_t n)
#else
static void *no_array(const redisReadTask *task, int n)
#endif
{
  (void)task, (void)n;
  return &nothing;
}

static redisReplyObjectFunctions none;
static redisReader *with_objects, *without_objects;

static void read_wire(redisReader *reader, const char *bytes, size_t len)
{
  void *reply = NULL;

  if (redisReaderFeed(reader, bytes, len) != REDIS_OK)
    fail("redisReaderFeed");
  while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
    messages++;
    if (reply != &nothing)
      freeReplyObject(reply);
  }
}

/* ---- the readers: each empties its socket ---- */

static int pair[2]; /* the server's end, the reader's */

static void read_all(redisReader *reader)
{
  char bytes[READ_BYTES];
  ssize_t n = READ_BYTES;

  while (n == READ_BYTES) {
    n = recv(pair[1], bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0 && reader)
      read_wire(reader, bytes, (size_t)n);
  }
  messages += reader ? 0 : BATCH;
}

static double floor_of(void)
{
  double from;

  send_all(pair[0], batch, batch_len);
  from = cpu_ns();
  read_all(NULL);
  return cpu_ns() - from;
}

static double hiredis_of(void)
{
  double from;

  send_all(pair[0], batch, batch_len);
  from = cpu_ns();
  read_all(with_objects);
  return cpu_ns() - from;
}

static double bare_of(void)
{
  double from;

  send_all(pair[0], batch, batch_len);
  from = cpu_ns();
  read_all(without_objects);
  return cpu_ns() - from;
}

static double cjson_of(void)
{
  double from = cpu_ns();

  for (int i = 0; i < BATCH; i++) {
    cJSON *json = cJSON_ParseWithLength(envelope[i], envelope_len[i]);

    messages += json != NULL;
    cJSON_Delete(json);
  }
  return cpu_ns() - from;
}

/* ---- the bridge, and a server that says just what it needs to hear ---- */

static bridge_host host;
static int subscriptions; /* the server's end */
static double hub_ns;

static void answer(int fd)
{
  char asked[4096] = "";
  ssize_t n = recv(fd, asked, sizeof asked - 1, MSG_DONTWAIT);

  if (n > 0 && strstr(asked, "SETNAME"))
    send_all(fd, "+OK\r\n", 5);
  if (n > 0 && strstr(asked, "INFO"))
    send_all(fd, "$11\r\nrole:master\r\n", 18);
  if (n > 0 && strstr(asked, "SUBSCRIBE")) {
    send_all(fd, "*3\r\n$9\r\nsubscribe\r\n$5\r\nbench\r\n:1\r\n", 34);
    subscriptions = fd;
  }
}

static void open_bridge(void)
{
  static const char *const channels[] = { "bench" };
  struct sockaddr_un at = { .sun_family = AF_UNIX };
  char directory[] = "/tmp/bench-redis-XXXXXX", url[160];
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), ends[8], n = 0;

  if (!mkdtemp(directory))
    fail("a directory");
  snprintf(at.sun_path, sizeof at.sun_path, "%s/socket", directory);
  snprintf(url, sizeof url, "unix://%s", at.sun_path);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 4))
    fail("listen");
  bridge_host_open(&host, url, channels, 1, NULL);
  for (int i = 0; hermes_sse_redis_state(host.redis) != HERMES_SSE_REDIS_STATE_THROUGH; i++) {
    int fd = accept(listener, NULL, NULL);

    if (i > 500 || n == 8)
      fail("the bridge does not come up");
    if (fd >= 0)
      ends[n++] = fd;
    bridge_host_turn(&host, 0, NOW_MS);
    for (int k = 0; k < n; k++)
      answer(ends[k]);
  }
  close(listener);
  unlink(at.sun_path);
  rmdir(directory);
}

static double bridge_of(void)
{
  int fd = -1;
  double took = 0, from;
  uint64_t before = bridge_host_published(&host);

  send_all(subscriptions, batch, batch_len);
  for (int i = 0; i < host.set.n; i++) {
    fd = host.set.fds[i].fd;
    from = cpu_ns();
    hermes_sse_redis_ready(host.redis, fd, HERMES_SSE_READ);
    took = cpu_ns() - from > took ? cpu_ns() - from : took; /* the other one has nothing */
  }
  from = cpu_ns();
  hermes_sse_hub_run(host.hub, NOW_MS, 0, NULL);
  hub_ns += cpu_ns() - from;
  messages += bridge_host_published(&host) - before;
  return took;
}

/* ---- the table ---- */

typedef double (*reader_of)(void);

/* us a message, of `batches` batches. */
static double cost_of(reader_of one, int batches, size_t size, const char *origin)
{
  double took = 0;

  messages = 0;
  for (int i = 0; i < batches; i++) {
    fill(size, origin); /* no number comes twice */
    took += one();
  }
  if (messages != (size_t)batches * BATCH) {
    printf("%zu of %d messages\n", messages, batches * BATCH);
    exit(1);
  }
  return took / batches / BATCH / 1000;
}

static void row(const char *name, size_t size, const char *origin, double target, int batches)
{
  static const reader_of readers[] = { floor_of, hiredis_of, bare_of, cjson_of, bridge_of };
  enum { READERS = sizeof readers / sizeof *readers };
  double us[READERS][PAIRS], ratios[PAIRS], hub[PAIRS], bridge;
  char met[40] = "";

  for (int p = 0; p < PAIRS; p++) {
    hub_ns = 0;
    for (int i = 0; i < READERS; i++)
      us[i][p] = cost_of(readers[i], batches, size, origin);
    hub[p] = hub_ns / batches / BATCH / 1000;
    ratios[p] = us[READERS - 1][p] / us[1][p];
  }
  bridge = median(us[READERS - 1], PAIRS);
  if (target > 0)
    snprintf(met, sizeof met, "<= %.1f  %s", target, verdict(bridge, target, 0));
  printf("%-34s %6zu ", name, envelope_len[0]);
  for (int i = 0; i < READERS; i++)
    printf(" %8.3f", median(us[i], PAIRS));
  printf(" %8.2f %8.3f  %s\n", median(ratios, PAIRS), median(hub, PAIRS), met);
  fflush(stdout);
}

void cost_table(int brief)
{
  int batches = brief ? 10 : 100;

  none.createString = no_string;
  none.createArray = no_array;
  none.createInteger = no_integer;
  none.createNil = no_nil;
  with_objects = redisReaderCreate();
  without_objects = redisReaderCreateWithFunctions(&none);
  if (!with_objects || !without_objects || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
    fail("readers");
  open_bridge();
  printf("Redis message to bus, CPU us       bytes      recv  hiredis no alloc    cJSON   bridge / hiredis   + hub  "
         "target\n");
  row("a worker's envelope", 200, NULL, 1.5, batches);
  row("another bridge's", 200, "00112233445566ff", 0, batches);
  row("a worker's, 1 KiB", 1024, NULL, 0, batches);
  bridge_host_close(&host);
  redisReaderFree(with_objects);
  redisReaderFree(without_objects);
  close(pair[0]);
  close(pair[1]);
}
