/* The asynchronous store of extend.h on Redis: GET, SET with an expiry, DEL. */
#include "core/options.h"
#include "redis/bridge.h"
#include <stdio.h>
#include <string.h>

enum { GET, PUT, DEL };

struct hermes_sse__query {
  struct hermes_sse__query *next;
  const hermes_sse_environment *env;
  int what;
  hermes_sse_store_done done;
  void *context;
  uint64_t ttl_s;
  size_t key_len, value_len;
  char bytes[]; /* key with its NUL, value */
};

/* Any thread. */
static int put_query(hermes_sse_redis *r, int what, const char *key, const void *value, size_t len, uint64_t ttl_s,
                     hermes_sse_store_done done, void *context)
{
  size_t key_len = strlen(key);
  hermes_sse__query *q = hermes_sse__alloc_raw(&r->env, 1, sizeof *q + key_len + 1 + len);
  int rv = HERMES_SSE_OK;

  if (!q)
    return HERMES_SSE_ERR_NOMEM;
  *q = (hermes_sse__query){ .env = &r->env, .what = what, .done = done, .context = context, .ttl_s = ttl_s };
  q->key_len = key_len;
  q->value_len = len;
  memcpy(q->bytes, key, key_len + 1);
  if (len > 0)
    memcpy(q->bytes + key_len + 1, value, len);
  pthread_mutex_lock(&r->lock);
  if (r->hub) {
    *r->queries_end = q;
    r->queries_end = &q->next;
    hermes_sse_hub_wake(r->hub);
  } else {
    rv = HERMES_SSE_ERR_CLOSED;
  }
  pthread_mutex_unlock(&r->lock);
  if (rv < 0)
    hermes_sse__release(&r->env, q);
  return rv;
}

static int store_get(const char *key, hermes_sse_store_done done, void *context, void *user)
{
  return put_query(user, GET, key, NULL, 0, 0, done, context);
}

static int store_put(const char *key, const void *value, size_t len, uint64_t ttl_s, hermes_sse_store_done done,
                     void *context, void *user)
{
  return put_query(user, PUT, key, value, len, ttl_s, done, context);
}

static int store_del(const char *key, hermes_sse_store_done done, void *context, void *user)
{
  return put_query(user, DEL, key, NULL, 0, 0, done, context);
}

int hermes_sse_redis_store(hermes_sse_redis *r, hermes_sse_store *store)
{
  hermes_sse_store s = { .user = r, .get = store_get, .put = store_put, .del = store_del };

  return hermes_sse__options_write(store, &s, sizeof s);
}

static void answer(hermes_sse__query *q, int status, const void *value, size_t len)
{
  if (q->done)
    q->done(status, value, len, q->context);
  hermes_sse__release(q->env, q);
}

void hermes_sse__store_fail(hermes_sse__query *q)
{
  answer(q, HERMES_SSE_ERR_AGAIN, NULL, 0);
}

void hermes_sse__store_answered(hermes_sse__query *q, const hermes_sse__reply *reply)
{
  if (reply->kind == HERMES_SSE__REPLY_ERROR)
    hermes_sse__store_fail(q);
  else if (q->what == GET && reply->kind == HERMES_SSE__REPLY_STRING)
    answer(q, HERMES_SSE_OK, reply->text, reply->len);
  else
    answer(q, q->what == GET ? HERMES_SSE_ERR_NOT_FOUND : HERMES_SSE_OK, NULL, 0);
}

static int say(hermes_sse_redis *r, hermes_sse__query *q)
{
  static const char *const words[] = { "GET", "SET", "DEL" };
  char ttl[24];
  const char *const argv[] = { words[q->what], q->bytes, q->bytes + q->key_len + 1, "EX", ttl };
  const size_t lens[] = { 3, q->key_len, q->value_len, 2,
                          (size_t)snprintf(ttl, sizeof ttl, "%llu", (unsigned long long)q->ttl_s) };
  hermes_sse__answer owed = { .kind = HERMES_SSE__ASKED_STORE, .about = q };

  return r->is_ready ? hermes_sse__commands_ask(r, owed, q->what == PUT ? 5 : 2, argv, lens) : HERMES_SSE_ERR_STATE;
}

static hermes_sse__query *take_all(hermes_sse_redis *r)
{
  hermes_sse__query *all;

  pthread_mutex_lock(&r->lock);
  all = r->queries;
  r->queries = NULL;
  r->queries_end = &r->queries;
  pthread_mutex_unlock(&r->lock);
  return all;
}

void hermes_sse__store_run(hermes_sse_redis *r)
{
  hermes_sse__query *q = take_all(r), *next;

  for (; q; q = next) {
    next = q->next;
    if (say(r, q) < 0)
      hermes_sse__store_fail(q);
  }
}

void hermes_sse__store_clear(hermes_sse_redis *r)
{
  hermes_sse__query *q = take_all(r), *next;
  hermes_sse__answer owed;

  for (; q; q = next) {
    next = q->next;
    hermes_sse__store_fail(q);
  }
  while (hermes_sse__expected_pop(&r->owed, &owed))
    if (owed.kind == HERMES_SSE__ASKED_STORE)
      hermes_sse__store_fail(owed.about);
}
