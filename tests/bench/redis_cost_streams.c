/* Streams: a batch is one XREAD's entries, with the answer about the stream's first entry before it, which the bridge asks for together
 * with them; asking again is its own cost. The stream has entries waiting whenever it asks. */
#include "redis.h"

enum { IN_ONE_MS = 8, ID_ROOM = 48 };

static const char key[] = "hermes:events"; /* the bridge's default */
static uint64_t number;                    /* of the last entry */
static char last_id[ID_ROOM];

static const char *id_of(uint64_t n, char id[ID_ROOM])
{
  snprintf(id, ID_ROOM, "%llu-%llu", 1767322984000 + (unsigned long long)n / IN_ONE_MS,
           (unsigned long long)n % IN_ONE_MS);
  return id;
}

/* A bulk string, at the end of the batch. */
static void add(cost_batch *batch, const char *text, size_t len)
{
  batch->len += (size_t)sprintf(batch->bytes + batch->len, "$%zu\r\n", len);
  memcpy(batch->bytes + batch->len, text, len);
  batch->len += len;
  batch->len += (size_t)sprintf(batch->bytes + batch->len, "\r\n");
}

static void add_text(cost_batch *batch, const char *text)
{
  add(batch, text, strlen(text));
}

static void add_entry(cost_batch *batch, const char *data, size_t len, const char *origin)
{
  const char *const fields[] = { "t", "bench", "e", "download_progress", "d", NULL, "o", origin };
  enum { N = sizeof fields / sizeof *fields };

  batch->len += (size_t)sprintf(batch->bytes + batch->len, "*2\r\n");
  add_text(batch, id_of(++number, last_id));
  batch->len += (size_t)sprintf(batch->bytes + batch->len, "*%d\r\n", N);
  for (int i = 0; i < N; i++)
    add(batch, fields[i] ? fields[i] : data, fields[i] ? strlen(fields[i]) : len);
}

static void fill(cost_batch *batch, size_t size, const char *origin)
{
  char data[ENVELOPE_ROOM], first[ID_ROOM];

  batch->len = 0;
  batch->replies = 2;
  batch->size = data_write(data, size);
  add_text(batch, id_of(0, first));
  batch->len += (size_t)sprintf(batch->bytes + batch->len, "*1\r\n*2\r\n");
  add_text(batch, key);
  batch->len += (size_t)sprintf(batch->bytes + batch->len, "*%d\r\n", BATCH);
  for (int i = 0; i < BATCH; i++)
    add_entry(batch, data, batch->size, origin);
}

/* Two scripts are loaded; then the tail looks at a stream that has one entry, reads on until there is no more, and waits. */
static void answer(played *p, int fd, const char *asked)
{
  char first[ID_ROOM];
  int len = (int)strlen(id_of(0, first));

  for (const char *at = asked; (at = strstr(at, "\r\nLOAD\r\n")); at++)
    dprintf(fd, "$40\r\n0123456789abcdef0123456789abcdef01234567\r\n");
  if (strstr(asked, "\r\nBLOCK\r\n"))
    p->fd = fd;
  else if (strstr(asked, "\r\nXREAD\r\n"))
    dprintf(fd, "$%d\r\n%s\r\n*-1\r\n", len, first);
  else if (strstr(asked, "\r\nEVAL\r\n"))
    dprintf(fd, "*3\r\n$%d\r\n%s\r\n:1\r\n$-1\r\n", len, first);
}

static void open_bridge(played *p)
{
  played_open(p, NULL, 0, answer);
}

/* As for real: about the first entry, and for what follows the last. */
static void check_asked(const played *p)
{
  char asked[4096], after[ID_ROOM + 4];
  ssize_t n = recv(p->fd, asked, sizeof asked - 1, MSG_DONTWAIT);

  asked[n > 0 ? n : 0] = 0;
  snprintf(after, sizeof after, "\r\n%s\r\n", last_id);
  if (!strstr(asked, "\r\nEVAL\r\n") || !strstr(asked, "\r\nXREAD\r\n") || !strstr(asked, after))
    fail("the bridge does not ask for more");
}

const cost_way cost_streams = { .open = open_bridge, .fill = fill, .check_asked = check_asked };
