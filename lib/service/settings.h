/* The settings of the contract: one table of variables, and the values in force. */
#ifndef HERMES_SSE_SERVICE_SETTINGS_H
#define HERMES_SSE_SERVICE_SETTINGS_H
#include "core/environment.h"
#include <hermes_sse/service.h>

/* X(name, variable, kind, default, min, max) */
#define HERMES_SSE__SETTINGS_MAP(X)                                                                                    \
  X(ENABLE, "HERMES_ENABLE_SSE", SWITCH, "false", 0, 0)                                                                \
  X(HEARTBEAT, "HERMES_SSE_HEARTBEAT_INTERVAL", NUMBER, "30", 1, 86400)                                                \
  X(MAX_CONNECTIONS, "HERMES_SSE_MAX_CONNECTIONS", NUMBER, "1000", 1, 1 << 30)                                         \
  X(TIMEOUT, "HERMES_SSE_CONNECTION_TIMEOUT", NUMBER, "300", 1, 86400)                                                 \
  X(LIFETIME, "HERMES_SSE_MAX_LIFETIME", NUMBER, "3600", 0, 1000000)                                                   \
  X(PER_CLIENT, "HERMES_SSE_MAX_PER_CLIENT", NUMBER, "0", 0, 1 << 30)                                                  \
  X(PROXIES, "HERMES_TRUSTED_PROXIES", NETWORKS, "", 0, 0)                                                             \
  X(DEBUG, "HERMES_DEBUG", SWITCH, "false", 0, 0)                                                                      \
  X(ORIGINS, "HERMES_ALLOWED_ORIGINS", ORIGIN_LIST, "", 0, 0)                                                          \
  X(CREDENTIALS, "HERMES_ALLOW_CREDENTIALS", SWITCH, "true", 0, 0)                                                     \
  X(REDIS_URL, "HERMES_REDIS_URL", REDIS, "", 0, 0)                                                                    \
  X(REDIS_MODE, "HERMES_REDIS_MODE", MODE, "pubsub", 0, 0)                                                             \
  X(API_KEYS, "HERMES_API_KEYS", KEYS, "", 0, 0)                                                                       \
  X(ALLOW_OPEN, "HERMES_ALLOW_OPEN", SWITCH, "false", 0, 0)                                                            \
  X(HOST, "API_HOST", TEXT, "127.0.0.1", 0, 0)                                                                         \
  X(PORT, "API_PORT", NUMBER, "8000", 0, 65535)                                                                        \
  X(DOWNLOAD_DIR, "HERMES_DOWNLOAD_DIR", TEXT, "downloads", 0, 0)                                                      \
  X(DOWNLOAD_MAX_BYTES, "HERMES_DOWNLOAD_MAX_BYTES", NUMBER, "10737418240", 1, INT64_MAX)                              \
  X(SHUTDOWN_GRACE, "HERMES_SHUTDOWN_GRACE", NUMBER, "1", 0, 3600)

enum {
#define HERMES_SSE__SETTING_ENUM(name, variable, kind, fallback, min, max) HERMES_SSE__SETTING_##name,
  HERMES_SSE__SETTINGS_MAP(HERMES_SSE__SETTING_ENUM)
#undef HERMES_SSE__SETTING_ENUM
      HERMES_SSE__N_SETTINGS
};

struct hermes_sse_settings {
  hermes_sse_environment env;
  char *text[HERMES_SSE__N_SETTINGS];      /* in force, in one form: "true", "30"; lists with commas */
  uint64_t number[HERMES_SSE__N_SETTINGS]; /* of switches (0, 1) and numbers */
};

/* A deep copy; NULL: no memory. */
hermes_sse_settings *hermes_sse__settings_copy(const hermes_sse_settings *settings);

hermes_sse_slice hermes_sse__setting_list(const hermes_sse_settings *settings, int setting);

#endif
