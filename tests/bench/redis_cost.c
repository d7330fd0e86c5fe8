/* What a message costs between Redis and the bus, beside readers of hiredis alone that get the same bytes over the same kind of
 * socket, and cJSON alone where messages are JSON. The server is played by this thread: it writes a batch, then the reader's
 * time is taken until it has read it all. */
#include "redis.h"
#include <hiredis/hiredis.h>

enum { READ_BYTES = 16 << 10 };

static const cost_way *way;
static cost_batch batch;
static played peer; /* to the bridge */
static double hub_ns;
static int pair[2]; /* to the bare readers: the server's end, theirs */

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

static size_t read_wire(redisReader *reader, const char *bytes, size_t len)
{
  void *reply = NULL;
  size_t n = 0;

  if (redisReaderFeed(reader, bytes, len) != REDIS_OK)
    fail("redisReaderFeed");
  while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
    n++;
    if (reply != &nothing)
      freeReplyObject(reply);
  }
  return n;
}

/* ---- the readers: each empties its socket, and returns how many messages that were ---- */

static size_t read_all(redisReader *reader, double *took_ns)
{
  char bytes[READ_BYTES];
  ssize_t n = READ_BYTES;
  size_t replies = 0;
  double from;

  send_all(pair[0], batch.bytes, batch.len);
  from = cpu_ns();
  while (n == READ_BYTES) {
    n = recv(pair[1], bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0 && reader)
      replies += read_wire(reader, bytes, (size_t)n);
  }
  *took_ns += cpu_ns() - from;
  return !reader || replies == batch.replies ? BATCH : replies;
}

static size_t floor_of(double *took_ns)
{
  return read_all(NULL, took_ns);
}

static size_t hiredis_of(double *took_ns)
{
  return read_all(with_objects, took_ns);
}

static size_t bare_of(double *took_ns)
{
  return read_all(without_objects, took_ns);
}

static size_t cjson_of(double *took_ns)
{
  return way->parse ? way->parse(took_ns) : BATCH;
}

static size_t bridge_of(double *took_ns)
{
  uint64_t before = bridge_host_published(&peer.host);

  send_all(peer.fd, batch.bytes, batch.len);
  *took_ns += played_read(&peer);
  hub_ns += played_run(&peer);
  if (way->check_asked)
    way->check_asked(&peer);
  return bridge_host_published(&peer.host) - before;
}

/* ---- the table ---- */

enum { FLOOR, HIREDIS, BARE, CJSON, BRIDGE, READERS };

static size_t (*const readers[READERS])(double *) = {
  [FLOOR] = floor_of, [HIREDIS] = hiredis_of, [BARE] = bare_of, [CJSON] = cjson_of, [BRIDGE] = bridge_of
};

/* us a message, of `batches` batches. */
static double cost_of(int reader, int batches, size_t size, const char *origin)
{
  size_t messages = 0;
  double took = 0;

  for (int i = 0; i < batches; i++) {
    way->fill(&batch, size, origin); /* no message comes twice */
    messages += readers[reader](&took);
  }
  if (messages != (size_t)batches * BATCH) {
    printf("%zu of %d messages\n", messages, batches * BATCH);
    exit(1);
  }
  return took / batches / BATCH / 1000;
}

static void row(const char *name, size_t size, const char *origin, double target, int batches)
{
  double us[READERS][PAIRS], ratios[PAIRS], hub[PAIRS], bridge;
  char met[40] = "";

  for (int p = 0; p < PAIRS; p++) {
    hub_ns = 0;
    for (int i = 0; i < READERS; i++)
      us[i][p] = cost_of(i, batches, size, origin);
    hub[p] = hub_ns / batches / BATCH / 1000;
    ratios[p] = us[BRIDGE][p] / us[HIREDIS][p];
  }
  bridge = median(us[BRIDGE], PAIRS);
  if (target > 0)
    snprintf(met, sizeof met, "<= %.1f  %s", target, verdict(bridge, target, 0));
  printf("%-34s %6zu ", name, batch.size);
  for (int i = 0; i < READERS; i++) {
    if (i == CJSON && !way->parse)
      printf(" %8s", "-");
    else
      printf(" %8.3f", median(us[i], PAIRS));
  }
  printf(" %8.2f %8.3f  %s\n", median(ratios, PAIRS), median(hub, PAIRS), met);
  fflush(stdout);
}

static void open_readers(void)
{
  none.createString = no_string;
  none.createArray = no_array;
  none.createInteger = no_integer;
  none.createNil = no_nil;
  with_objects = redisReaderCreate();
  without_objects = redisReaderCreateWithFunctions(&none);
  if (!with_objects || !without_objects || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
    fail("readers");
}

static void close_readers(void)
{
  redisReaderFree(with_objects);
  redisReaderFree(without_objects);
  close(pair[0]);
  close(pair[1]);
}

static void begin(const cost_way *next)
{
  way = next;
  way->open(&peer);
}

void cost_table(int brief)
{
  static const char origin[] = "00112233445566ff";
  int batches = brief ? 10 : 100;

  open_readers();
  printf("Redis message to bus, CPU us       bytes      recv  hiredis no alloc    cJSON   bridge / hiredis   + hub  "
         "target\n");
  begin(&cost_pubsub);
  row("a worker's envelope", 200, NULL, 1.5, batches);
  row("another bridge's", 200, origin, 0, batches);
  row("a worker's, 1 KiB", 1024, NULL, 0, batches);
  played_close(&peer);
  begin(&cost_streams);
  row("an entry of the stream, its data", 200, origin, 0, batches);
  row("an entry of the stream, 1 KiB", 1024, origin, 0, batches);
  played_close(&peer);
  close_readers();
}
