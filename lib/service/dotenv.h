/* .env files: KEY=value lines, `#` comments on a line of their own or after white space, optional quotes and `export`, CRLF. */
#ifndef HERMES_SSE_SERVICE_DOTENV_H
#define HERMES_SSE_SERVICE_DOTENV_H
#include <hermes_sse/status.h>

/* The value of `name`, the last if there are several; an empty slice if there is none. It points into `text`. */
hermes_sse_slice hermes_sse__dotenv_get(const char *text, const char *name);

#endif
