/* Pub/sub: each message an envelope of its own. */
#include "redis.h"
#include <cJSON.h>

static char envelope[BATCH][ENVELOPE_ROOM];
static size_t envelope_len[BATCH];

static void fill(cost_batch *batch, size_t size, const char *origin)
{
  static uint64_t number;
  static const char *const argv[] = { "message", "bench" };

  batch->len = 0;
  for (int i = 0; i < BATCH; i++) {
    const char *const all[] = { argv[0], argv[1], envelope[i] };
    size_t lens[] = { 7, 5, 0 };

    lens[2] = envelope_len[i] = envelope_write(envelope[i], size, origin, ++number);
    batch->len = command_add(batch->bytes, batch->len, all, lens, 3);
  }
  batch->replies = BATCH;
  batch->size = envelope_len[0];
}

static size_t parse(double *took_ns)
{
  double from = cpu_ns();
  size_t n = 0;

  for (int i = 0; i < BATCH; i++) {
    cJSON *json = cJSON_ParseWithLength(envelope[i], envelope_len[i]);

    n += json != NULL;
    cJSON_Delete(json);
  }
  *took_ns += cpu_ns() - from;
  return n;
}

static void answer(played *p, int fd, const char *asked)
{
  if (!strstr(asked, "\r\nSUBSCRIBE\r\n"))
    return;
  dprintf(fd, "*3\r\n$9\r\nsubscribe\r\n$5\r\nbench\r\n:1\r\n");
  p->fd = fd;
}

static void open_bridge(played *p)
{
  static const char *const channels[] = { "bench" };

  played_open(p, channels, 1, answer);
}

const cost_way cost_pubsub = { .open = open_bridge, .fill = fill, .parse = parse };
