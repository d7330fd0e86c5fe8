#include "redis/bridge.h"
#include "redis/scripts.h"
#include <stdlib.h>
#include <string.h>

enum { INFO_MS = 10000, COMMAND_BYTES = 64 << 10 };

int hermes_sse__commands_ask(hermes_sse_redis *r, hermes_sse__answer answer, int argc, const char *const *argv,
                             const size_t *lens)
{
  int rv = hermes_sse__expected_reserve(&r->env, &r->owed);

  if (rv == HERMES_SSE_OK)
    rv = hermes_sse__connection_command(r->commands, argc, argv, lens);
  if (rv < 0)
    return rv;
  answer.asked_ms = r->now_ms;
  hermes_sse__expected_push(&r->owed, answer);
  return HERMES_SSE_OK;
}

int hermes_sse__commands_say(hermes_sse_redis *r, hermes_sse__answer answer, const char *const *argv)
{
  size_t lens[16];
  int argc = 0;

  for (; argv[argc]; argc++)
    lens[argc] = strlen(argv[argc]);
  return hermes_sse__commands_ask(r, answer, argc, argv, lens);
}

static void ask_info(hermes_sse_redis *r)
{
  static const char *const info[] = { "INFO", NULL };

  if (hermes_sse__commands_say(r, (hermes_sse__answer){ .kind = HERMES_SSE__ASKED_INFO }, info) == HERMES_SSE_OK)
    r->info_ms = r->now_ms + INFO_MS;
}

static int load(hermes_sse_redis *r, int which, const char *text)
{
  const char *const argv[] = { "SCRIPT", "LOAD", text, NULL };

  return hermes_sse__commands_say(
      r, (hermes_sse__answer){ .kind = HERMES_SSE__ASKED_SCRIPT, .number = (uint64_t)which }, argv);
}

/* What was sent on the connection of before is sent again, as nobody knows whether it came. */
static void on_up(hermes_sse__connection *connection, void *user)
{
  hermes_sse_redis *r = user;
  int rv = HERMES_SSE_OK;

  hermes_sse__bridge_count(&r->figures.connected, 1);
  pthread_mutex_lock(&r->lock);
  hermes_sse__outbox_rewind(&r->outbox);
  pthread_mutex_unlock(&r->lock);
  ask_info(r);
  if (r->is_streams) {
    rv = load(r, HERMES_SSE__SCRIPT_PUBLISH, hermes_sse__script_publish);
    rv = rv == HERMES_SSE_OK ? load(r, HERMES_SSE__SCRIPT_LEASE, hermes_sse__script_lease) : rv;
  }
  if (rv < 0)
    hermes_sse__connection_drop(connection, hermes_sse_strerror(rv));
}

/* ---- answers ---- */

static uint64_t number_after(const char *text, const char *name)
{
  const char *at = strstr(text, name);

  return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void be_ready(hermes_sse_redis *r)
{
  r->is_ready = 1;
  if (!r->is_streams)
    hermes_sse__connection_settled(r->commands);
}

static void on_info(hermes_sse_redis *r, const hermes_sse__reply *reply)
{
  if (reply->kind != HERMES_SSE__REPLY_STRING) { /* an ACL may forbid it: then we do not know */
    if (!r->is_streams)
      be_ready(r);
    return;
  }
  hermes_sse__bridge_set(&r->figures.used_bytes, number_after(reply->text, "\nused_memory:"));
  hermes_sse__bridge_set(&r->figures.max_bytes, number_after(reply->text, "\nmaxmemory:"));
  if (strstr(reply->text, "\nrole:slave") && !strstr(reply->text, "\nslave_read_only:0"))
    hermes_sse__connection_drop(r->commands, "it is a read-only replica, what is published there reaches nobody else");
  else if (number_after(reply->text, "\nloading:"))
    hermes_sse__connection_drop(r->commands, "it is still loading its data");
  else if (!r->is_streams)
    be_ready(r);
}

static void on_script(hermes_sse_redis *r, uint64_t which, const hermes_sse__reply *reply)
{
  char *name = NULL;

  if (reply->kind == HERMES_SSE__REPLY_STRING)
    name = hermes_sse__copy(&r->env, reply->text, reply->len);
  else
    hermes_sse__connection_drop(
        r->commands, reply->kind == HERMES_SSE__REPLY_ERROR ? reply->text : "SCRIPT LOAD is not answered by a name");
  if (!name) {
    hermes_sse__connection_drop(r->commands, "no memory for a script's name"); /* the first reason counts */
    return;
  }
  hermes_sse__release(&r->env, r->scripts[which]);
  r->scripts[which] = name;
  if (which == HERMES_SSE__N_SCRIPTS - 1)
    be_ready(r);
}

static void on_reply(hermes_sse__connection *connection, const hermes_sse__reply *reply, void *user)
{
  hermes_sse_redis *r = user;
  hermes_sse__answer answer;

  if (!hermes_sse__expected_pop(&r->owed, &answer)) {
    hermes_sse__connection_drop(connection, "an answer that nobody asked for");
    return;
  }
  switch (answer.kind) {
  case HERMES_SSE__ASKED_PUBLISH:
    hermes_sse__outgoing_answered(r, answer.number, reply);
    break;
  case HERMES_SSE__ASKED_SCRIPT:
    on_script(r, answer.number, reply);
    break;
  case HERMES_SSE__ASKED_INFO:
    on_info(r, reply);
    break;
  case HERMES_SSE__ASKED_STORE:
    hermes_sse__store_answered(answer.about, reply);
    break;
  case HERMES_SSE__ASKED_LEASE:
    hermes_sse__lease_answered(r, answer.number, reply);
    break;
  default:
    if (reply->kind == HERMES_SSE__REPLY_ERROR && strncmp(reply->text, "NOPERM", 6) == 0)
      hermes_sse__probe_refused(r, reply);
    else if (reply->kind == HERMES_SSE__REPLY_ERROR)
      hermes_sse__connection_drop(connection, reply->text);
  }
}

static void on_down(hermes_sse__connection *connection, int was_up, const char *why, void *user)
{
  hermes_sse_redis *r = user;
  hermes_sse__answer answer;

  (void)connection, (void)why;
  hermes_sse__bridge_count(&r->figures.lost, was_up ? 1 : 0);
  r->is_ready = 0;
  hermes_sse__lease_reset(r);
  hermes_sse__probe_reset(r);
  while (hermes_sse__expected_pop(&r->owed, &answer))
    if (answer.kind == HERMES_SSE__ASKED_STORE)
      hermes_sse__store_fail(answer.about);
  hermes_sse__bridge_judge(r);
}

static int watch(int fd, int was, int want, void *user)
{
  hermes_sse_redis *r = user;

  return r->options.watch(r, fd, was, want, r->options.user);
}

static int resolve(hermes_sse__connection *connection, const char *host, uint16_t port, void *user)
{
  hermes_sse_redis *r = user;

  (void)connection;
  return r->options.resolve(r, host, port, r->options.user);
}

/* A message is said with its data twice in streams mode, and with names, numbers and the protocol around it: whatever the outbox may hold
 * can also leave. */
static uint64_t pending_room(uint64_t max_pending_bytes)
{
  return max_pending_bytes < UINT64_MAX / 4 ? 2 * max_pending_bytes + COMMAND_BYTES : UINT64_MAX;
}

hermes_sse__connection_options hermes_sse__bridge_connection(hermes_sse_redis *r, const char *role)
{
  hermes_sse__connection_options o = { .env = &r->env, .url = &r->url, .role = role, .user = r, .watch = watch };

  o.client_name = r->client_name;
  o.ca_file = r->ca_file;
  o.tls_insecure = (r->options.flags & HERMES_SSE_REDIS_TLS_INSECURE) != 0;
  o.max_reply_bytes = r->options.max_reply_bytes;
  o.max_pending_bytes = pending_room(r->options.max_pending_bytes);
  o.connect_ms = r->options.timeout_ms;
  o.retry_min_ms = HERMES_SSE__RETRY_MIN_MS;
  o.retry_max_ms = HERMES_SSE__RETRY_MAX_MS;
  r->env.random(&o.random, sizeof o.random, r->env.user);
  if (r->options.resolve)
    o.resolve = resolve;
  return o;
}

int hermes_sse__commands_start(hermes_sse_redis *r)
{
  hermes_sse__connection_options o = hermes_sse__bridge_connection(r, "commands");

  o.up = on_up;
  o.reply = on_reply;
  o.down = on_down;
  return hermes_sse__connection_new(&o, &r->commands);
}

uint64_t hermes_sse__commands_run(hermes_sse_redis *r)
{
  const hermes_sse__answer *first = hermes_sse__expected_first(&r->owed);
  uint64_t next = HERMES_SSE_NEVER;

  if (first && r->now_ms - first->asked_ms >= r->options.timeout_ms)
    hermes_sse__connection_drop(r->commands, "no answer in time");
  if (r->is_ready && r->now_ms >= r->info_ms)
    ask_info(r);
  hermes_sse__store_run(r);
  next = hermes_sse__outgoing_run(r);
  next = hermes_sse__sooner(next, hermes_sse__connection_run(r->commands, r->now_ms));
  first = hermes_sse__expected_first(&r->owed);
  if (first)
    next = hermes_sse__sooner(next, first->asked_ms + r->options.timeout_ms);
  if (r->is_ready)
    next = hermes_sse__sooner(next, r->info_ms);
  return next;
}
