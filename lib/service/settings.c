#include "service/settings.h"
#include "service/dotenv.h"
#include "service/network.h"
#include "service/setting_value.h"
#include <stdio.h>
#include <string.h>

static const hermes_sse__setting_rule rules[HERMES_SSE__N_SETTINGS] = {
#define RULE(name, variable, kind, fallback, min, max) { variable, HERMES_SSE__##kind, fallback, min, max },
  HERMES_SSE__SETTINGS_MAP(RULE)
#undef RULE
};

static hermes_sse_slice from_environ(const char *const *environ, const char *name)
{
  size_t len = strlen(name);

  for (; environ && *environ; environ++)
    if (strncmp(*environ, name, len) == 0 && (*environ)[len] == '=')
      return hermes_sse_str(*environ + len + 1);
  return hermes_sse_str(NULL);
}

static int explain(char *why, size_t cap, const hermes_sse__setting_rule *rule, hermes_sse_slice value)
{
  char accepts[160];
  int secret = rule->kind == HERMES_SSE__KEYS || rule->kind == HERMES_SSE__REDIS;

  hermes_sse__setting_accepts(rule, accepts, sizeof accepts);
  if (why && cap > 0)
    snprintf(why, cap, "%s: \"%.*s\" is not accepted; accepted: %s", rule->variable,
             secret ? 8 : (int)(value.len < 80 ? value.len : 80), secret ? "(hidden)" : (const char *)value.ptr,
             accepts);
  return HERMES_SSE_ERR_SETTING;
}

static int explain_pair(char *why, size_t cap, const char *text)
{
  if (why && cap > 0)
    snprintf(why, cap, "%s", text);
  return HERMES_SSE_ERR_SETTING;
}

/* What no variable shows alone. */
static int check_together(const hermes_sse_settings *s, char *why, size_t cap)
{
  hermes_sse_slice list = hermes_sse__setting_list(s, HERMES_SSE__SETTING_ORIGINS), item;

  while (hermes_sse__next_item(&list, &item))
    if (item.len == 1 && *(const char *)item.ptr == '*' && s->number[HERMES_SSE__SETTING_CREDENTIALS])
      return explain_pair(why, cap,
                          "HERMES_ALLOWED_ORIGINS: \"*\" is not accepted together with HERMES_ALLOW_CREDENTIALS=true; "
                          "accepted: name the origins, or set HERMES_ALLOW_CREDENTIALS=false");
  if (!*s->text[HERMES_SSE__SETTING_API_KEYS] && !s->number[HERMES_SSE__SETTING_ALLOW_OPEN] &&
      !hermes_sse__is_loopback(hermes_sse__setting_list(s, HERMES_SSE__SETTING_HOST))) {
    if (why && cap > 0)
      snprintf(why, cap,
               "API_HOST: \"%s\" is beyond loopback while HERMES_API_KEYS is empty; accepted: set HERMES_API_KEYS, a "
               "loopback "
               "address, or HERMES_ALLOW_OPEN=true",
               s->text[HERMES_SSE__SETTING_HOST]);
    return HERMES_SSE_ERR_SETTING;
  }
  return HERMES_SSE_OK;
}

int hermes_sse_settings_load(const hermes_sse_environment *environment, const char *const *environ, const char *dotenv,
                             const char *const *presets, char *why, size_t cap, hermes_sse_settings **settings)
{
  hermes_sse_environment env;
  hermes_sse_settings *s;
  int rv = hermes_sse__environment_read(&env, environment);

  if (rv < 0)
    return rv;
  s = hermes_sse__alloc(&env, 1, sizeof *s);
  if (!s)
    return HERMES_SSE_ERR_NOMEM;
  s->env = env;
  for (int i = 0; i < HERMES_SSE__N_SETTINGS && rv == HERMES_SSE_OK; i++) {
    hermes_sse_slice value = from_environ(environ, rules[i].variable);

    if (value.len == 0)
      value = hermes_sse__dotenv_get(dotenv, rules[i].variable);
    if (value.len == 0)
      value = from_environ(presets, rules[i].variable);
    if (value.len == 0)
      value = hermes_sse_str(rules[i].fallback);
    rv = hermes_sse__setting_read(&env, &rules[i], value, &s->text[i], &s->number[i]);
    if (rv == HERMES_SSE_ERR_SETTING)
      explain(why, cap, &rules[i], value);
  }
  if (rv == HERMES_SSE_OK)
    rv = check_together(s, why, cap);
  if (rv < 0)
    hermes_sse_settings_free(s);
  else
    *settings = s;
  return rv;
}

void hermes_sse_settings_free(hermes_sse_settings *settings)
{
  if (!settings)
    return;
  for (int i = 0; i < HERMES_SSE__N_SETTINGS; i++)
    hermes_sse__release(&settings->env, settings->text[i]);
  hermes_sse__release(&settings->env, settings);
}

hermes_sse_settings *hermes_sse__settings_copy(const hermes_sse_settings *settings)
{
  hermes_sse_settings *copy = hermes_sse__alloc(&settings->env, 1, sizeof *copy);
  int failed = 0;

  if (!copy)
    return NULL;
  *copy = *settings;
  for (int i = 0; i < HERMES_SSE__N_SETTINGS; i++) {
    copy->text[i] = hermes_sse__copy(&settings->env, settings->text[i], strlen(settings->text[i]));
    failed |= !copy->text[i];
  }
  if (!failed)
    return copy;
  hermes_sse_settings_free(copy);
  return NULL;
}

hermes_sse_slice hermes_sse__setting_list(const hermes_sse_settings *settings, int setting)
{
  return hermes_sse_str(settings->text[setting]);
}

static int find(const char *variable)
{
  for (int i = 0; variable && i < HERMES_SSE__N_SETTINGS; i++)
    if (strcmp(rules[i].variable, variable) == 0)
      return i;
  return -1;
}

const char *hermes_sse_settings_get(const hermes_sse_settings *settings, const char *variable)
{
  int i = find(variable);

  return i < 0 ? NULL : settings->text[i];
}

int hermes_sse_settings_number(const hermes_sse_settings *settings, const char *variable, uint64_t *value)
{
  int i = find(variable);

  if (i < 0 || (rules[i].kind != HERMES_SSE__SWITCH && rules[i].kind != HERMES_SSE__NUMBER))
    return HERMES_SSE_ERR_NOT_FOUND;
  *value = settings->number[i];
  return HERMES_SSE_OK;
}
