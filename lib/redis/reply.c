#include "redis/reply.h"
#include "redis/build.h"
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { READ_BUFFER = 64 << 10 }; /* hiredis's buffer, which it allocates anew whenever an empty one is larger */

struct hermes_sse__reader {
  const hermes_sse_environment *env;
  redisReader *wire;
  redisReplyObjectFunctions functions;
  hermes_sse__build build;
  uint64_t max_bytes;
  uint64_t fed;   /* bytes so far */
  uint64_t begin; /* of them before the reply that is being read */
  int within;     /* a reply is being read */
  int status;     /* of the failure that ended it */
  char why[160];
};

/* What hiredis takes for the value: anything but NULL, as the reply is built beside its tasks. */
static void *taken(hermes_sse__reader *reader, int status)
{
  return status < 0 ? NULL : reader;
}

static void *create_string(const redisReadTask *task, char *text, size_t len)
{
  hermes_sse__reader *reader = task->privdata;
  int kind = HERMES_SSE__REPLY_STRING;

  if (task->type == REDIS_REPLY_STATUS)
    kind = HERMES_SSE__REPLY_STATUS;
  else if (task->type == REDIS_REPLY_ERROR)
    kind = HERMES_SSE__REPLY_ERROR;
#if HIREDIS_MAJOR >= 1
  if (task->type == REDIS_REPLY_VERB && len >= 4) { /* "txt:" */
    text += 4;
    len -= 4;
  }
#endif
  return taken(reader, hermes_sse__build_text(&reader->build, kind, text, len));
}

static void *create_integer(const redisReadTask *task, long long number)
{
  hermes_sse__reader *reader = task->privdata;

  return taken(reader, hermes_sse__build_number(&reader->build, HERMES_SSE__REPLY_INTEGER, number));
}

static void *create_nil(const redisReadTask *task)
{
  hermes_sse__reader *reader = task->privdata;

  return taken(reader, hermes_sse__build_number(&reader->build, HERMES_SSE__REPLY_NIL, 0));
}

#if HIREDIS_MAJOR >= 1
static void *create_array(const redisReadTask *task, size_t n)
{
  hermes_sse__reader *reader = task->privdata;

  return taken(reader, hermes_sse__build_array(&reader->build, n));
}

static void *create_double(const redisReadTask *task, double value, char *text, size_t len)
{
  hermes_sse__reader *reader = task->privdata;

  (void)value;
  return taken(reader, hermes_sse__build_text(&reader->build, HERMES_SSE__REPLY_STRING, text, len));
}

static void *create_bool(const redisReadTask *task, int value)
{
  return create_integer(task, value);
}
#else
static void *create_array(const redisReadTask *task, int n)
{
  hermes_sse__reader *reader = task->privdata;

  return taken(reader, hermes_sse__build_array(&reader->build, n > 0 ? (size_t)n : 0));
}
#endif

hermes_sse__reader *hermes_sse__reader_new(const hermes_sse_environment *env, uint64_t max_bytes)
{
  hermes_sse__reader *reader = hermes_sse__alloc(env, 1, sizeof *reader);

  if (!reader)
    return NULL;
  reader->functions.createString = create_string;
  reader->functions.createArray = create_array;
  reader->functions.createInteger = create_integer;
  reader->functions.createNil = create_nil;
#if HIREDIS_MAJOR >= 1
  reader->functions.createDouble = create_double;
  reader->functions.createBool = create_bool;
#endif
  reader->wire = redisReaderCreateWithFunctions(&reader->functions);
  if (!reader->wire) {
    hermes_sse__release(env, reader);
    return NULL;
  }
  /* Its own limits on elements and depth, which not every version has, stay above those of the build. */
  reader->wire->maxbuf = READ_BUFFER;
  reader->wire->privdata = reader;
  reader->env = env;
  reader->max_bytes = max_bytes;
  hermes_sse__build_init(&reader->build, env, max_bytes);
  return reader;
}

void hermes_sse__reader_free(hermes_sse__reader *reader)
{
  if (!reader)
    return;
  redisReaderFree(reader->wire);
  hermes_sse__build_clear(&reader->build);
  hermes_sse__release(reader->env, reader);
}

static int fail(hermes_sse__reader *reader, int status)
{
  reader->status = status;
  if (status == HERMES_SSE_ERR_TOO_LARGE)
    snprintf(reader->why, sizeof reader->why, "a reply is larger than %llu bytes",
             (unsigned long long)reader->max_bytes);
  else if (status == HERMES_SSE_ERR_NOMEM)
    snprintf(reader->why, sizeof reader->why, "no memory for a reply");
  else if (reader->build.status < 0)
    snprintf(reader->why, sizeof reader->why, "arrays within arrays, more than %d", HERMES_SSE__BUILD_DEPTH);
  else
    snprintf(reader->why, sizeof reader->why, "%s", reader->wire->err ? reader->wire->errstr : "no whole reply");
  return status;
}

int hermes_sse__reader_feed(hermes_sse__reader *reader, const void *bytes, size_t len)
{
  if (reader->status < 0)
    return HERMES_SSE_ERR_BAD_DATA;
  if (redisReaderFeed(reader->wire, bytes, len) != REDIS_OK)
    return fail(reader, HERMES_SSE_ERR_NOMEM);
  reader->fed += len;
  return HERMES_SSE_OK;
}

/* hiredis stopped: through one of the functions above, or by itself. */
static int wire_failed(hermes_sse__reader *reader)
{
  if (reader->build.status < 0)
    return fail(reader, reader->build.status);
  return fail(reader, reader->wire->err == REDIS_ERR_PROTOCOL ? HERMES_SSE_ERR_BAD_DATA : HERMES_SSE_ERR_NOMEM);
}

int hermes_sse__reader_next(hermes_sse__reader *reader, const hermes_sse__reply **reply)
{
  const hermes_sse__reply *whole;
  void *root = NULL;
  uint64_t end;

  if (reader->status < 0)
    return reader->status;
  if (!reader->within)
    hermes_sse__build_begin(&reader->build);
  reader->within = 1;
  if (redisReaderGetReply(reader->wire, &root) != REDIS_OK)
    return wire_failed(reader);
  end = root ? reader->fed - (reader->wire->len - reader->wire->pos) : reader->fed;
  if (end - reader->begin > reader->max_bytes)
    return fail(reader, HERMES_SSE_ERR_TOO_LARGE);
  if (!root)
    return 0;
  reader->within = 0;
  reader->begin = end;
  whole = hermes_sse__build_end(&reader->build);
  if (!whole)
    return fail(reader, HERMES_SSE_ERR_BAD_DATA);
  *reply = whole;
  return 1;
}

const char *hermes_sse__reader_why(const hermes_sse__reader *reader)
{
  return reader->why;
}

int hermes_sse__reply_is(const hermes_sse__reply *reply, const char *word)
{
  return reply->text && reply->len == strlen(word) && strncasecmp(reply->text, word, reply->len) == 0;
}
