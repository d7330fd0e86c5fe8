#include "service/memory_store.h"
#include <string.h>

enum { PURGE = 4, MAX_ITEMS = 100000 };

typedef struct item {
  hermes_sse__node node;
  struct item *older, *newer; /* by the time they were put */
  uint64_t expires_ms;
  size_t len;
  char *value;
  char key[];
} item;

struct hermes_sse__memory_store {
  hermes_sse_environment env;
  hermes_sse__seed seed;
  pthread_mutex_t lock;
  hermes_sse__table table;
  item *oldest, *newest;
};

static item *find(hermes_sse__memory_store *s, const char *key)
{
  hermes_sse__node *node = hermes_sse__table_find(&s->table, hermes_sse__hash(&s->seed, key, strlen(key)));

  while (node) {
    item *i = (item *)(void *)((char *)node - offsetof(item, node));

    if (strcmp(i->key, key) == 0)
      return i;
    node = hermes_sse__table_same(node);
  }
  return NULL;
}

static void drop(hermes_sse__memory_store *s, item *i)
{
  *(i->older ? &i->older->newer : &s->oldest) = i->newer;
  *(i->newer ? &i->newer->older : &s->newest) = i->older;
  hermes_sse__table_remove(&s->env, &s->table, &i->node);
  hermes_sse__release(&s->env, i->value);
  hermes_sse__release(&s->env, i);
}

/* Drops those that are over among the `most` oldest: a few at each put, all of them before a full store refuses. */
static void purge(hermes_sse__memory_store *s, uint64_t now_ms, int most)
{
  item *i = s->oldest, *newer;

  for (int n = 0; i && n < most; n++, i = newer) {
    newer = i->newer;
    if (i->expires_ms <= now_ms)
      drop(s, i);
  }
}

static int memory_get(const char *key, hermes_sse_store_done done, void *context, void *user)
{
  hermes_sse__memory_store *s = user;
  char *value = NULL;
  size_t len = 0;
  int status = HERMES_SSE_ERR_NOT_FOUND;
  item *i;

  pthread_mutex_lock(&s->lock);
  i = find(s, key);
  if (i && i->expires_ms <= s->env.wall_ms(s->env.user)) {
    drop(s, i);
    i = NULL;
  }
  if (i) {
    value = hermes_sse__copy(&s->env, i->value, i->len);
    len = i->len;
    status = value ? HERMES_SSE_OK : HERMES_SSE_ERR_NOMEM;
  }
  pthread_mutex_unlock(&s->lock);
  done(status, value, len, context);
  hermes_sse__release(&s->env, value);
  return HERMES_SSE_OK;
}

static int insert(hermes_sse__memory_store *s, const char *key, const void *value, size_t len, uint64_t expires_ms)
{
  size_t key_len = strlen(key);
  item *i, *old = find(s, key);

  if (!old && s->table.n >= MAX_ITEMS)
    purge(s, s->env.wall_ms(s->env.user), MAX_ITEMS);
  if (!old && s->table.n >= MAX_ITEMS)
    return HERMES_SSE_ERR_FULL;
  i = hermes_sse__alloc(&s->env, 1, sizeof *i + key_len + 1);
  if (!i)
    return HERMES_SSE_ERR_NOMEM;
  i->value = hermes_sse__copy(&s->env, value, len);
  if (!i->value) {
    hermes_sse__release(&s->env, i);
    return HERMES_SSE_ERR_NOMEM;
  }
  if (old)
    drop(s, old);
  memcpy(i->key, key, key_len);
  i->len = len;
  i->expires_ms = expires_ms;
  i->node.hash = hermes_sse__hash(&s->seed, key, key_len);
  i->older = s->newest;
  *(i->older ? &i->older->newer : &s->oldest) = i;
  s->newest = i;
  hermes_sse__table_insert(&s->env, &s->table, &i->node);
  return HERMES_SSE_OK;
}

static int memory_put(const char *key, const void *value, size_t len, uint64_t ttl_s, hermes_sse_store_done done,
                      void *context, void *user)
{
  hermes_sse__memory_store *s = user;
  uint64_t now_ms = s->env.wall_ms(s->env.user);
  int status;

  pthread_mutex_lock(&s->lock);
  purge(s, now_ms, PURGE);
  status = insert(s, key, value, len, now_ms + 1000 * ttl_s);
  pthread_mutex_unlock(&s->lock);
  done(status, NULL, 0, context);
  return HERMES_SSE_OK;
}

static int memory_del(const char *key, hermes_sse_store_done done, void *context, void *user)
{
  hermes_sse__memory_store *s = user;
  item *i;

  pthread_mutex_lock(&s->lock);
  i = find(s, key);
  if (i)
    drop(s, i);
  pthread_mutex_unlock(&s->lock);
  done(i ? HERMES_SSE_OK : HERMES_SSE_ERR_NOT_FOUND, NULL, 0, context);
  return HERMES_SSE_OK;
}

int hermes_sse__memory_store_new(const hermes_sse_environment *env, hermes_sse__memory_store **new,
                                 hermes_sse_store *store)
{
  hermes_sse__memory_store *s = hermes_sse__alloc(env, 1, sizeof *s);

  if (!s)
    return HERMES_SSE_ERR_NOMEM;
  s->env = *env;
  if (env->random(&s->seed, sizeof s->seed, env->user) < 0) {
    hermes_sse__release(env, s);
    return HERMES_SSE_ERR_RANDOM;
  }
  pthread_mutex_init(&s->lock, NULL);
  *new = s;
  *store =
      (hermes_sse_store){ .size = sizeof *store, .user = s, .get = memory_get, .put = memory_put, .del = memory_del };
  return HERMES_SSE_OK;
}

void hermes_sse__memory_store_free(hermes_sse__memory_store *s)
{
  hermes_sse_environment env;

  if (!s)
    return;
  env = s->env;
  while (s->oldest)
    drop(s, s->oldest);
  pthread_mutex_destroy(&s->lock);
  hermes_sse__release(&env, s);
}
