/* Settings: whatever stands in the environment, .env and presets is taken or refused with one line that names it. What was taken
 * is in one form: loaded again from its own values it is the same. Line ends of .env do not matter.
 * Input: allocations, room for the explanation; the text of .env up to a NUL; then variables that end with NUL, and presets
 * behind an empty one. */
#include "fuzz.h"
#include <hermes_sse/service.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VARIABLES = 24 };

/* Every one of the contract (docs/hermes-server.md). */
static const char *const names[] = { "HERMES_ENABLE_SSE",
                                     "HERMES_SSE_HEARTBEAT_INTERVAL",
                                     "HERMES_SSE_MAX_CONNECTIONS",
                                     "HERMES_SSE_CONNECTION_TIMEOUT",
                                     "HERMES_SSE_MAX_LIFETIME",
                                     "HERMES_SSE_MAX_PER_CLIENT",
                                     "HERMES_TRUSTED_PROXIES",
                                     "HERMES_DEBUG",
                                     "HERMES_ALLOWED_ORIGINS",
                                     "HERMES_ALLOW_CREDENTIALS",
                                     "HERMES_REDIS_URL",
                                     "HERMES_REDIS_MODE",
                                     "HERMES_API_KEYS",
                                     "HERMES_ALLOW_OPEN",
                                     "API_HOST",
                                     "API_PORT",
                                     "HERMES_DOWNLOAD_DIR",
                                     "HERMES_DOWNLOAD_MAX_BYTES",
                                     "HERMES_SHUTDOWN_GRACE" };
enum { N_NAMES = sizeof names / sizeof *names };

typedef struct variables {
  const char *at[MAX_VARIABLES + 1];
  size_t n;
} variables;

static void take_variables(fuzz_input *in, variables *v)
{
  while (v->n < MAX_VARIABLES) {
    hermes_sse_slice text = fuzz_until(in, 0);

    if (text.len == 0)
      return;
    v->at[v->n++] = fuzz_string(text);
  }
}

static void drop_variables(variables *v)
{
  while (v->n > 0)
    free((char *)(uintptr_t)v->at[--v->n]);
}

/* One line that begins with a known variable and ends with what is accepted, and no secret in it. */
static void check_why(const char *why, size_t cap)
{
  size_t len = strnlen(why, cap), known = N_NAMES, name_len = strcspn(why, ":");
  int secret;

  FUZZ_CHECK(len < cap);
  if (len + 1 < cap && cap >= 256) {
    for (size_t i = 0; i < N_NAMES; i++)
      if (strlen(names[i]) == name_len && strncmp(why, names[i], name_len) == 0)
        known = i;
    FUZZ_CHECK(known < N_NAMES);
    FUZZ_CHECK(strstr(why, "accepted") != NULL);
    secret = strcmp(names[known], "HERMES_API_KEYS") == 0 || strcmp(names[known], "HERMES_REDIS_URL") == 0;
    FUZZ_CHECK(!secret || strncmp(why + name_len, ": \"(hidden)\" is not accepted", 28) == 0);
  }
}

static void same_values(const hermes_sse_settings *a, const hermes_sse_settings *b)
{
  for (size_t i = 0; i < N_NAMES; i++) {
    const char *text = hermes_sse_settings_get(a, names[i]);
    uint64_t x = 1, y = 2;

    FUZZ_CHECK(text && strcmp(text, hermes_sse_settings_get(b, names[i])) == 0);
    if (hermes_sse_settings_number(a, names[i], &x) == HERMES_SSE_OK) {
      FUZZ_CHECK(hermes_sse_settings_number(b, names[i], &y) == HERMES_SSE_OK);
      FUZZ_CHECK(x == y);
    }
  }
}

static void check_loaded(const hermes_sse_settings *s)
{
  hermes_sse_hub_options hub = { .size = sizeof hub };
  hermes_sse_settings *again = NULL;
  const char *own[N_NAMES + 1] = { NULL };
  char why[512];

  FUZZ_CHECK(hermes_sse_settings_hub(s, &hub) == HERMES_SSE_OK);
  FUZZ_CHECK(hub.heartbeat_ms >= 1000 && hub.heartbeat != NULL);
  for (size_t i = 0; i < N_NAMES; i++) {
    fuzz_text line = { .at = NULL };

    fuzz_add(&line, names[i], strlen(names[i]));
    fuzz_add(&line, "=", 1);
    fuzz_add(&line, hermes_sse_settings_get(s, names[i]), strlen(hermes_sse_settings_get(s, names[i])) + 1);
    own[i] = line.at;
  }
  FUZZ_CHECK(hermes_sse_settings_load(NULL, own, NULL, NULL, why, sizeof why, &again) == HERMES_SSE_OK);
  same_values(s, again);
  hermes_sse_settings_free(again);
  for (size_t i = 0; i < N_NAMES; i++)
    free((char *)(uintptr_t)own[i]);
}

/* The same .env with CRLF, and a comment first (after the byte order mark, if there is one): loads the same. */
static void check_line_ends(const variables *environ, const char *dotenv, const variables *presets,
                            const hermes_sse_settings *expected)
{
  fuzz_text text = { .at = NULL };
  hermes_sse_settings *again = NULL;
  char why[512];
  int rv;

  if (strncmp(dotenv, "\xef\xbb\xbf", 3) == 0) {
    fuzz_add(&text, dotenv, 3);
    dotenv += 3;
  }
  fuzz_add(&text, "# HERMES_DEBUG=maybe\r\n", 22);
  for (; *dotenv; dotenv++)
    fuzz_add(&text, *dotenv == '\n' ? "\r\n" : dotenv, *dotenv == '\n' ? 2 : 1);
  fuzz_add(&text, "", 1);
  rv = hermes_sse_settings_load(NULL, environ->at, text.at, presets->at, why, sizeof why, &again);
  FUZZ_CHECK((rv == HERMES_SSE_OK) == (expected != NULL));
  if (expected)
    same_values(expected, again);
  hermes_sse_settings_free(again);
  fuzz_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
  fuzz_input in = { .at = bytes, .end = bytes + len };
  variables environ = { .n = 0 }, presets = { .n = 0 };
  fuzz_memory memory = { .period = fuzz_period(fuzz_byte(&in)) };
  hermes_sse_environment environment = fuzz_environment(&memory);
  size_t cap = 2u * fuzz_byte(&in) + 1;
  char *dotenv = fuzz_string(fuzz_until(&in, 0)), *why = calloc(1, cap);
  hermes_sse_settings *s = NULL;
  int rv;

  take_variables(&in, &environ);
  take_variables(&in, &presets);
  rv = hermes_sse_settings_load(&environment, environ.at, dotenv, presets.at, why, cap, &s);
  FUZZ_CHECK(rv == HERMES_SSE_OK || rv == HERMES_SSE_ERR_SETTING || (rv == HERMES_SSE_ERR_NOMEM && memory.failed > 0));
  FUZZ_CHECK((s != NULL) == (rv == HERMES_SSE_OK));
  if (rv == HERMES_SSE_ERR_SETTING)
    check_why(why, cap);
  if (s)
    check_loaded(s);
  if (rv != HERMES_SSE_ERR_NOMEM)
    check_line_ends(&environ, dotenv, &presets, s);
  hermes_sse_settings_free(s);
  FUZZ_CHECK(memory.live_blocks == 0);
  drop_variables(&environ);
  drop_variables(&presets);
  free(dotenv);
  free(why);
  return 0;
}
