#include "core/version.h"
#include <hermes_sse/stream.h>
#include <string.h>

const char *hermes_sse_strerror(int status)
{
  switch (status) {
  case HERMES_SSE_OK:
    return "success";
#define TEXT(name, code, text)                                                                                         \
  case HERMES_SSE_ERR_##name:                                                                                          \
    return text;
    HERMES_SSE_STATUS_MAP(TEXT)
#undef TEXT
  default:
    return "unknown status";
  }
}

const char *hermes_sse_status_name(int status)
{
  switch (status) {
  case HERMES_SSE_OK:
    return "HERMES_SSE_OK";
#define NAME(name, code, text)                                                                                         \
  case HERMES_SSE_ERR_##name:                                                                                          \
    return "HERMES_SSE_ERR_" #name;
    HERMES_SSE_STATUS_MAP(NAME)
#undef NAME
  default:
    return "unknown status";
  }
}

int hermes_sse_is_fatal(int status)
{
  return status <= HERMES_SSE_ERR_PEER;
}

const char *hermes_sse_close_name(int reason)
{
  switch (reason) {
  case 0:
    return "open";
#define LABEL(name, number, label)                                                                                     \
  case HERMES_SSE_CLOSE_##name:                                                                                        \
    return label;
    HERMES_SSE_CLOSE_MAP(LABEL)
#undef LABEL
  default:
    return "unknown";
  }
}

const char *hermes_sse_version(void)
{
  return HERMES_SSE_VERSION;
}

hermes_sse_slice hermes_sse_str(const char *text)
{
  return (hermes_sse_slice){ .ptr = text, .len = text ? strlen(text) : 0 };
}
