/* What is said before all else: who it is, which database, what it is called. All at once, so that it costs one round trip. */
#include "redis/attempt.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { AUTH, SELECT, NAME };
enum { NAME_ROOM = 128, TEXT_ROOM = 160, SHOW_ROOM = 300 };

static int say(hermes_sse__connection *c, int step, const char *const *argv)
{
  size_t lens[4];
  int argc = 0;

  for (; argv[argc]; argc++)
    lens[argc] = strlen(argv[argc]);
  c->greeting[c->n_greeting++] = step;
  return hermes_sse__output_command(&c->commands, UINT64_MAX, argc, argv, lens);
}

static int say_all(hermes_sse__connection *c)
{
  const hermes_sse__url *url = c->o.url;
  char db[16], name[NAME_ROOM];
  int rv = HERMES_SSE_OK;

  if (url->user)
    rv = say(c, AUTH, (const char *[]){ "AUTH", url->user, url->password ? url->password : "", NULL });
  else if (url->password)
    rv = say(c, AUTH, (const char *[]){ "AUTH", url->password, NULL });
  snprintf(db, sizeof db, "%" PRIu32, url->db);
  if (rv == HERMES_SSE_OK && url->db > 0)
    rv = say(c, SELECT, (const char *[]){ "SELECT", db, NULL });
  if (rv == HERMES_SSE_OK && c->o.client_name) {
    snprintf(name, sizeof name, "%s-%s", c->o.client_name, c->o.role);
    rv = say(c, NAME, (const char *[]){ "CLIENT", "SETNAME", name, NULL });
  }
  return rv;
}

static void is_up(hermes_sse__connection *c, uint64_t now_ms)
{
  char show[SHOW_ROOM];

  hermes_sse__output_wipe(&c->commands);
  c->state = HERMES_SSE__UP;
  c->up_ms = now_ms;
  c->deadline_ms = HERMES_SSE_NEVER;
  hermes_sse__url_show(c->o.url, show, sizeof show);
  if (!c->quiet)
    hermes_sse__log_line(c->o.env, HERMES_SSE_LOG_INFO, "redis %s: connected to %s", c->o.role, show);
  c->o.up(c, c->o.user);
}

void hermes_sse__greeting_begin(hermes_sse__connection *c, uint64_t now_ms)
{
  c->state = HERMES_SSE__GREETING;
  c->n_greeting = c->greeted = 0;
  if (say_all(c) < 0)
    hermes_sse__attempt_fail(c, "no memory for the greeting");
  else if (c->n_greeting == 0)
    is_up(c, now_ms);
}

/* The server's text on one line, without the password if it says that. */
static void clean(const hermes_sse__connection *c, const hermes_sse__reply *reply, char to[TEXT_ROOM])
{
  const char *password = c->o.url->password;
  size_t n = 0;

  if (password && *password && memmem(reply->text, reply->len, password, strlen(password))) {
    snprintf(to, TEXT_ROOM, "(its text contains the password)");
    return;
  }
  for (; n < reply->len && n < TEXT_ROOM - 1; n++)
    to[n] = (char)((unsigned char)reply->text[n] < ' ' || reply->text[n] == 0x7f ? '?' : reply->text[n]);
  to[n] = 0;
}

static int begins(const hermes_sse__reply *reply, const char *words)
{
  return strncmp(reply->text, words, strlen(words)) == 0;
}

/* An ACL without CLIENT, or a proxy that does not know it: the connection does without a name. */
static int may_be_refused(int step, const hermes_sse__reply *reply)
{
  return step == NAME && (begins(reply, "NOPERM") || begins(reply, "ERR unknown"));
}

void hermes_sse__greeting_answer(hermes_sse__connection *c, const hermes_sse__reply *reply, uint64_t now_ms)
{
  static const char *const names[] = { [AUTH] = "AUTH", [SELECT] = "SELECT", [NAME] = "CLIENT SETNAME" };
  int step = c->greeting[c->greeted];
  char text[TEXT_ROOM];

  if (reply->kind == HERMES_SSE__REPLY_ERROR && !may_be_refused(step, reply)) {
    clean(c, reply, text);
    hermes_sse__attempt_fail(c, "%s refused: %s", names[step], text);
    return;
  }
  if (reply->kind != HERMES_SSE__REPLY_ERROR && !hermes_sse__reply_is(reply, "OK")) {
    hermes_sse__attempt_fail(c, "what answers there is no Redis: %s is not answered by OK or an error", names[step]);
    return;
  }
  if (++c->greeted == c->n_greeting)
    is_up(c, now_ms);
}
