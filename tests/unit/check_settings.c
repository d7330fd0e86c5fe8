#include "memory.h"
#include "suite.h"
#include <hermes_sse/service.h>
#include <string.h>

static char why[512];

static int load(const char *variable, const char *dotenv, const char *preset, hermes_sse_settings **settings)
{
  const char *const environ[] = { variable, NULL }, *const presets[] = { preset, NULL };

  why[0] = 0;
  return hermes_sse_settings_load(NULL, environ, dotenv, presets, why, sizeof why, settings);
}

static void expect(const char *variable, const char *dotenv, const char *preset, const char *name, const char *value)
{
  hermes_sse_settings *s = NULL;

  ck_assert_msg(load(variable, dotenv, preset, &s) == HERMES_SSE_OK, "%s", why);
  ck_assert_str_eq(hermes_sse_settings_get(s, name), value);
  hermes_sse_settings_free(s);
}

START_TEST(defaults_are_the_contracts)
{
  static const char *const defaults[][2] = {
    { "HERMES_ENABLE_SSE", "false" },
    { "HERMES_SSE_HEARTBEAT_INTERVAL", "30" },
    { "HERMES_SSE_MAX_CONNECTIONS", "1000" },
    { "HERMES_SSE_CONNECTION_TIMEOUT", "300" },
    { "HERMES_SSE_MAX_LIFETIME", "3600" },
    { "HERMES_SSE_MAX_PER_CLIENT", "0" },
    { "HERMES_TRUSTED_PROXIES", "" },
    { "HERMES_DEBUG", "false" },
    { "HERMES_ALLOWED_ORIGINS", "" },
    { "HERMES_ALLOW_CREDENTIALS", "true" },
    { "HERMES_REDIS_URL", "" },
    { "HERMES_REDIS_MODE", "pubsub" },
    { "HERMES_API_KEYS", "" },
    { "API_HOST", "127.0.0.1" },
    { "API_PORT", "8000" },
    { "HERMES_DOWNLOAD_DIR", "downloads" },
    { "HERMES_DOWNLOAD_MAX_BYTES", "10737418240" },
    { "HERMES_SHUTDOWN_GRACE", "1" },
  };

  for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
    expect(NULL, NULL, NULL, defaults[i][0], defaults[i][1]);
}
END_TEST

START_TEST(environment_then_dotenv_then_preset)
{
  expect("HERMES_ENABLE_SSE=off", "HERMES_ENABLE_SSE=yes\n", "HERMES_ENABLE_SSE=1", "HERMES_ENABLE_SSE", "false");
  expect("HERMES_ENABLE_SSE=", "HERMES_ENABLE_SSE=YES\n", "HERMES_ENABLE_SSE=0", "HERMES_ENABLE_SSE", "true");
  expect(NULL, "HERMES_ENABLE_SSE=\n", "HERMES_ENABLE_SSE=On", "HERMES_ENABLE_SSE", "true");
  expect("OTHER=1", "OTHER=2\n", "OTHER=3", "HERMES_ENABLE_SSE", "false");
}
END_TEST

START_TEST(dotenv_files_load_as_people_write_them)
{
  expect(NULL, "API_PORT=1", NULL, "API_PORT", "1");
  expect(NULL, "# API_PORT=1\r\n\r\nAPI_PORT=2\r\n", NULL, "API_PORT", "2");
  expect(NULL, "export API_PORT=3\n", NULL, "API_PORT", "3");
  expect(NULL, "  API_PORT = 4   # comment\n", NULL, "API_PORT", "4");
  expect(NULL, "API_PORT=\"5\" # comment\n", NULL, "API_PORT", "5");
  expect(NULL, "API_PORT='6'\n", NULL, "API_PORT", "6");
  expect(NULL, "API_PORT=7\nAPI_PORT=8\n", NULL, "API_PORT", "8");
  expect(NULL, "HERMES_DOWNLOAD_DIR=a#b\n", NULL, "HERMES_DOWNLOAD_DIR", "a#b");
  expect(NULL, "HERMES_DOWNLOAD_DIR=\"a # b\"\n", NULL, "HERMES_DOWNLOAD_DIR", "a # b");
  expect(NULL,
         "\xef\xbb\xbf"
         "API_PORT=9\n",
         NULL, "API_PORT", "9");
  expect(NULL, "XAPI_PORT=9\nAPI_PORTX=9\nnonsense\n=\n", NULL, "API_PORT", "8000");
}
END_TEST

START_TEST(every_env_block_of_the_quick_reference_loads)
{
  expect(NULL,
         "# SSE Master Switch\nHERMES_ENABLE_SSE=true\n\n# SSE Behavior Settings\n"
         "HERMES_SSE_HEARTBEAT_INTERVAL=30       # Heartbeat interval in seconds\n"
         "HERMES_SSE_MAX_CONNECTIONS=1000        # Maximum concurrent SSE connections\n"
         "HERMES_SSE_CONNECTION_TIMEOUT=300      # Connection timeout in seconds\n",
         NULL, "HERMES_SSE_CONNECTION_TIMEOUT", "300");
  expect(NULL,
         "# SSE Master Switch\nVITE_SSE_ENABLED=true\n\n# API Base URL (if different from default)\n"
         "VITE_API_BASE_URL=http://localhost:8000\n",
         NULL, "HERMES_ENABLE_SSE", "false");
  expect(NULL, "HERMES_ENABLE_SSE=true\nHERMES_DEBUG=true\n", NULL, "HERMES_DEBUG", "true");
  expect(NULL, "HERMES_ENABLE_SSE=false\n# Or simply omit the variable\n", NULL, "HERMES_ENABLE_SSE", "false");
  expect(NULL,
         "HERMES_ENABLE_SSE=true\nHERMES_DEBUG=false\nHERMES_SSE_HEARTBEAT_INTERVAL=30\n"
         "HERMES_SSE_MAX_CONNECTIONS=5000\n",
         NULL, "HERMES_SSE_MAX_CONNECTIONS", "5000");
}
END_TEST

START_TEST(bad_values_are_named)
{
  static const char *const bad[] = {
    "HERMES_ENABLE_SSE=maybe",
    "HERMES_DEBUG=2",
    "HERMES_SSE_HEARTBEAT_INTERVAL=0",
    "HERMES_SSE_HEARTBEAT_INTERVAL=86401",
    "HERMES_SSE_HEARTBEAT_INTERVAL=-1",
    "HERMES_SSE_HEARTBEAT_INTERVAL=30s",
    "HERMES_SSE_HEARTBEAT_INTERVAL=1.5",
    "HERMES_SSE_MAX_CONNECTIONS=0",
    "HERMES_SSE_MAX_CONNECTIONS=99999999999999999999999",
    "HERMES_SSE_CONNECTION_TIMEOUT=x",
    "HERMES_SSE_MAX_LIFETIME=1000001",
    "HERMES_SSE_MAX_PER_CLIENT=+3",
    "HERMES_TRUSTED_PROXIES=10.0.0.0/33",
    "HERMES_TRUSTED_PROXIES=10.0.0.0/8,proxy",
    "HERMES_TRUSTED_PROXIES=::1/129",
    "HERMES_ALLOWED_ORIGINS=example.org",
    "HERMES_ALLOWED_ORIGINS=https://example.org/path",
    "HERMES_ALLOWED_ORIGINS=[\"[https://example.org\"]",
    "HERMES_ALLOWED_ORIGINS=[\"https://example.org\", 3]",
    "HERMES_ALLOWED_ORIGINS=[\"https://example.org\"",
    "HERMES_ALLOWED_ORIGINS=*", /* with credentials */
    "HERMES_ALLOW_CREDENTIALS=x",
    "HERMES_REDIS_URL=http://x",
    "HERMES_REDIS_URL=redis://",
    "HERMES_REDIS_URL=redis://host:port",
    "HERMES_REDIS_URL=redis://host:6379/x",
    "HERMES_REDIS_URL=unix://relative",
    "HERMES_REDIS_MODE=cluster",
    "HERMES_API_KEYS=short",
    "HERMES_API_KEYS=,",
    "HERMES_TRUSTED_PROXIES= , ",
    "HERMES_API_KEYS=has space in it",
    "API_HOST=0.0.0.0", /* without keys */
    "API_PORT=65536",
    "HERMES_DOWNLOAD_MAX_BYTES=0",
    "HERMES_SHUTDOWN_GRACE=3601",
  };

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    hermes_sse_settings *s = NULL;
    char name[64];

    ck_assert_msg(load(bad[i], NULL, NULL, &s) == HERMES_SSE_ERR_SETTING, "%s", bad[i]);
    ck_assert_ptr_null(s);
    memcpy(name, bad[i], strcspn(bad[i], "="));
    name[strcspn(bad[i], "=")] = 0;
    ck_assert_msg(strncmp(why, name, strlen(name)) == 0 && strstr(why, "accepted"), "%s: %s", bad[i], why);
    ck_assert_msg(strstr(why, "API_KEYS: \"") == NULL || strstr(why, "hidden"), "%s", why);
  }
}
END_TEST

START_TEST(good_values_load)
{
  expect("HERMES_ALLOWED_ORIGINS=https://a.example, http://b.example:3000", NULL, NULL, "HERMES_ALLOWED_ORIGINS",
         "https://a.example,http://b.example:3000");
  expect("HERMES_ALLOWED_ORIGINS=[\"https://a.example\"]", NULL, NULL, "HERMES_ALLOWED_ORIGINS", "https://a.example");
  expect("HERMES_ALLOWED_ORIGINS=*", "HERMES_ALLOW_CREDENTIALS=false", NULL, "HERMES_ALLOWED_ORIGINS", "*");
  expect("HERMES_TRUSTED_PROXIES=10.0.0.0/8, ::1,fe80::/10", NULL, NULL, "HERMES_TRUSTED_PROXIES",
         "10.0.0.0/8,::1,fe80::/10");
  expect("HERMES_REDIS_URL=redis://user:p@ss@host:6379/3", NULL, NULL, "HERMES_REDIS_URL",
         "redis://user:p@ss@host:6379/3");
  expect("HERMES_REDIS_URL=rediss://[::1]/0", NULL, NULL, "HERMES_REDIS_URL", "rediss://[::1]/0");
  expect("HERMES_REDIS_URL=unix:///run/redis.sock", NULL, NULL, "HERMES_REDIS_URL", "unix:///run/redis.sock");
  expect("API_HOST=0.0.0.0", "HERMES_API_KEYS=secret-key-1", NULL, "API_HOST", "0.0.0.0");
  expect("API_HOST=0.0.0.0", "HERMES_ALLOW_OPEN=true", NULL, "API_HOST", "0.0.0.0");
  expect("API_HOST=::1", NULL, NULL, "API_HOST", "::1");
  expect("HERMES_SSE_MAX_LIFETIME=0", NULL, NULL, "HERMES_SSE_MAX_LIFETIME", "0");
}
END_TEST

START_TEST(numbers_and_hub_options_follow)
{
  hermes_sse_settings *s = NULL;
  hermes_sse_hub_options o = { .size = sizeof o }, small = { .size = 8 };
  uint64_t n = 7;

  ck_assert_int_eq(load("HERMES_SSE_HEARTBEAT_INTERVAL=15", "HERMES_SSE_MAX_LIFETIME=0", NULL, &s), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_settings_number(s, "HERMES_SSE_HEARTBEAT_INTERVAL", &n), HERMES_SSE_OK);
  ck_assert_uint_eq(n, 15);
  ck_assert_int_eq(hermes_sse_settings_number(s, "API_HOST", &n), HERMES_SSE_ERR_NOT_FOUND);
  ck_assert_int_eq(hermes_sse_settings_number(s, "NONE", &n), HERMES_SSE_ERR_NOT_FOUND);
  ck_assert_ptr_null(hermes_sse_settings_get(s, "NONE"));
  ck_assert_int_eq(hermes_sse_settings_hub(s, &o), HERMES_SSE_OK);
  ck_assert(o.heartbeat_ms == 15000 && o.timeout_ms == 300000 && o.lifetime_ms == HERMES_SSE_NEVER);
  ck_assert_ptr_nonnull(o.heartbeat(NULL, NULL));
  ck_assert_int_eq(hermes_sse_settings_hub(s, &small), HERMES_SSE_ERR_OPTION);
  hermes_sse_settings_free(s);
  hermes_sse_settings_free(NULL);
}
END_TEST

static void scenario(const hermes_sse_environment *environment, memory *m, void *user)
{
  const char *const environ[] = { "HERMES_ALLOWED_ORIGINS=https://a.example,https://b.example", NULL };
  hermes_sse_settings *s = NULL;
  int rv = hermes_sse_settings_load(environment, environ, user, NULL, why, sizeof why, &s);

  ck_assert(rv == HERMES_SSE_OK || (rv == HERMES_SSE_ERR_NOMEM && m->failed > 0 && !s));
  hermes_sse_settings_free(s);
}

START_TEST(every_allocation_may_fail)
{
  ck_assert_uint_gt(memory_sweep(scenario, "API_PORT=1\nHERMES_API_KEYS=12345678,abcdefgh\n"), 15);
}
END_TEST

SUITE_MAIN("settings", defaults_are_the_contracts, environment_then_dotenv_then_preset,
           dotenv_files_load_as_people_write_them, every_env_block_of_the_quick_reference_loads, bad_values_are_named,
           good_values_load, numbers_and_hub_options_follow, every_allocation_may_fail)
