#include "redis/attempt.h"
#include "redis/socket.h"
#include <errno.h>
#include <string.h>

enum {
  READ_BYTES =
      16 << 10, /* hiredis moves the rest of its buffer for every kilobyte read of it: more at once costs more */
  READ_MOST = 256 << 10,
  SEAL_BYTES = 16 << 10 /* one record of TLS */
};

/* ---- in ---- */

static void take_reply(hermes_sse__connection *c, const hermes_sse__reply *reply, uint64_t now_ms)
{
  if (c->state == HERMES_SSE__UP)
    c->o.reply(c, reply, c->o.user);
  else
    hermes_sse__greeting_answer(c, reply, now_ms);
}

static void take(hermes_sse__connection *c, const char *bytes, size_t len, uint64_t now_ms)
{
  const hermes_sse__reply *reply;
  int rv = hermes_sse__reader_feed(c->reader, bytes, len);

  while (rv >= 0 && !c->dropped) {
    rv = hermes_sse__reader_next(c->reader, &reply);
    if (rv == 0)
      return;
    if (rv > 0)
      take_reply(c, reply, now_ms);
  }
  c->was_too_large = rv == HERMES_SSE_ERR_TOO_LARGE;
  if (rv == HERMES_SSE_ERR_BAD_DATA)
    hermes_sse__attempt_fail(c, "what answers there is no Redis: %s", hermes_sse__reader_why(c->reader));
  else if (rv < 0)
    hermes_sse__attempt_fail(c, "%s", hermes_sse__reader_why(c->reader));
}

static void tls_failed(hermes_sse__connection *c, int rv)
{
  if (rv == HERMES_SSE_ERR_EOF)
    hermes_sse__attempt_fail(c, "closed by the server");
  else if (rv == HERMES_SSE_ERR_NOMEM)
    hermes_sse__attempt_fail(c, "no memory for TLS");
  else
    hermes_sse__attempt_fail(c, "TLS: %s", hermes_sse__tls_why(c->tls));
}

void hermes_sse__transfer_secure(hermes_sse__connection *c, uint64_t now_ms)
{
  int rv = hermes_sse__tls_handshake(c->tls, &c->sealed);

  if (rv < 0)
    tls_failed(c, rv);
  if (rv > 0)
    hermes_sse__greeting_begin(c, now_ms);
}

/* `bytes` is used again for what they contain. */
static void take_sealed(hermes_sse__connection *c, char *bytes, size_t len, uint64_t now_ms)
{
  hermes_sse_ssize n = hermes_sse__tls_receive(c->tls, bytes, len);

  if (n >= 0 && c->state == HERMES_SSE__SECURING)
    hermes_sse__transfer_secure(c, now_ms);
  while (n >= 0 && !c->dropped && c->state != HERMES_SSE__SECURING) {
    n = hermes_sse__tls_read(c->tls, bytes, READ_BYTES, &c->sealed);
    if (n == 0)
      return;
    if (n > 0)
      take(c, bytes, (size_t)n, now_ms);
  }
  if (n < 0)
    tls_failed(c, (int)n);
}

void hermes_sse__transfer_read(hermes_sse__connection *c, uint64_t now_ms)
{
  char bytes[READ_BYTES];
  hermes_sse_ssize n = READ_BYTES;

  for (int i = 0; i < READ_MOST / READ_BYTES && n == READ_BYTES && !c->dropped; i++) {
    n = hermes_sse__socket_read(c->fd, bytes, sizeof bytes);
    if (n == HERMES_SSE_ERR_AGAIN)
      return;
    if (n == HERMES_SSE_ERR_EOF)
      hermes_sse__attempt_fail(c, "closed by the server");
    else if (n < 0)
      hermes_sse__attempt_fail(c, "reading: %s", strerror(errno));
    else if (c->tls)
      take_sealed(c, bytes, (size_t)n, now_ms);
    else
      take(c, bytes, (size_t)n, now_ms);
  }
}

/* ---- out ---- */

/* One record at a time, so that what is sealed stays small. */
static void seal(hermes_sse__connection *c)
{
  size_t len = hermes_sse__output_pending(&c->commands);
  hermes_sse_ssize n;

  if (len == 0 || hermes_sse__output_pending(&c->sealed) > 0 || c->state < HERMES_SSE__GREETING)
    return;
  n = hermes_sse__tls_write(c->tls, c->commands.bytes + c->commands.begin, len < SEAL_BYTES ? len : SEAL_BYTES,
                            &c->sealed);
  if (n < 0)
    tls_failed(c, (int)n);
  else
    hermes_sse__output_take(&c->commands, (size_t)n);
}

void hermes_sse__transfer_write(hermes_sse__connection *c)
{
  hermes_sse__output *out = c->tls ? &c->sealed : &c->commands;

  /* of what is given up nothing leaves, but for the alert of a handshake that failed */
  if (c->state < HERMES_SSE__SECURING || c->write_errno || (c->dropped && c->state > HERMES_SSE__SECURING))
    return;
  for (;;) {
    hermes_sse_ssize n;

    if (c->tls && !c->dropped)
      seal(c);
    if (hermes_sse__output_pending(out) == 0)
      break;
    n = hermes_sse__socket_write(c->fd, out->bytes + out->begin, hermes_sse__output_pending(out));
    if (n == HERMES_SSE_ERR_AGAIN)
      break;
    if (n < 0) {
      c->write_errno = errno;
      return;
    }
    hermes_sse__output_take(out, (size_t)n);
  }
  if (!c->dropped)
    hermes_sse__attempt_watch(c, HERMES_SSE_READ | (hermes_sse__output_pending(out) > 0 ? HERMES_SSE_WRITE : 0));
}
