/* The response head, and its headers for hosts that write it. */
#ifndef HERMES_SSE_CORE_HEAD_H
#define HERMES_SSE_CORE_HEAD_H
#include "core/environment.h"
#include <hermes_sse/status.h>

/* Header i of a stream that starts with `gap`; HERMES_SSE_ERR_NOT_FOUND past the last. */
int hermes_sse__head_header(int gap, size_t i, const char **name, const char **value);

/* HERMES_SSE_ERR_OPTION unless every line is "name: value" CR LF: printable, not empty, no other CR or LF, no NUL. */
int hermes_sse__head_check(hermes_sse_slice extra);

/* Writes the head for HTTP 10 or 11 and returns its length; with buf NULL only measures. */
size_t hermes_sse__head_write(const hermes_sse_environment *env, int http, int gap, hermes_sse_slice extra, char *buf);

#endif
