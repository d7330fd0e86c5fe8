/* The size line of an HTTP/1.1 chunk (RFC 9112, 7.1). */
#ifndef HERMES_SSE_CORE_CHUNK_H
#define HERMES_SSE_CORE_CHUNK_H
#include <stddef.h>

/* 16 hexadecimal digits, CR, LF. */
#define HERMES_SSE__CHUNK_ROOM 18

/* Writes "<len in hexadecimal>" CR LF so that it ends just before `end`, and returns its length. */
unsigned hermes_sse__chunk_line(char *end, size_t len);

#endif
