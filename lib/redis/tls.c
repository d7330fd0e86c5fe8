#include "redis/tls.h"

#ifdef HERMES_SSE__HAVE_TLS
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 4 << 10 };

struct hermes_sse__tls_context {
  const hermes_sse_environment *env;
  SSL_CTX *ssl;
};

struct hermes_sse__tls {
  const hermes_sse_environment *env;
  SSL *ssl;
  BIO *in, *out; /* owned by `ssl` */
  char why[160];
};

static const char *reason(void)
{
  const char *text = ERR_reason_error_string(ERR_peek_last_error());

  return text ? text : "no reason given";
}

/* 0: what the options ask for cannot be had. */
static int configure(const hermes_sse_environment *env, SSL_CTX *ssl, const char *ca_file, int insecure)
{
  if (SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1)
    return 0;
  SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  /* what waits may have moved and grown before it is tried again */
  SSL_CTX_set_mode(ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE);
  if (insecure) {
    SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
    return 1;
  }
  SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
  if (ca_file ? SSL_CTX_load_verify_file(ssl, ca_file) == 1 : SSL_CTX_set_default_verify_paths(ssl) == 1)
    return 1;
  hermes_sse__log_line(env, HERMES_SSE_LOG_ERROR, "ca_file %s refused (%s); accepted: a file of PEM certificates",
                       ca_file ? ca_file : "of the system", reason());
  return 0;
}

int hermes_sse__tls_context_new(const hermes_sse_environment *env, const char *ca_file, int insecure,
                                hermes_sse__tls_context **new)
{
  hermes_sse__tls_context *context = hermes_sse__alloc(env, 1, sizeof *context);
  int rv = HERMES_SSE_ERR_NOMEM;

  if (!context)
    return rv;
  ERR_clear_error();
  context->env = env;
  context->ssl = SSL_CTX_new(TLS_client_method());
  if (context->ssl)
    rv = configure(env, context->ssl, ca_file, insecure) ? HERMES_SSE_OK : HERMES_SSE_ERR_OPTION;
  ERR_clear_error();
  if (rv < 0)
    hermes_sse__tls_context_free(context);
  else
    *new = context;
  return rv;
}

void hermes_sse__tls_context_free(hermes_sse__tls_context *context)
{
  if (!context)
    return;
  SSL_CTX_free(context->ssl);
  hermes_sse__release(context->env, context);
}

static int expect_host(SSL *ssl, const char *host)
{
  unsigned char number[sizeof(struct in6_addr)];

  if (inet_pton(AF_INET, host, number) == 1 || inet_pton(AF_INET6, host, number) == 1)
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static int open_client(hermes_sse__tls *tls, SSL_CTX *context, const char *host)
{
  tls->ssl = SSL_new(context);
  tls->in = BIO_new(BIO_s_mem());
  tls->out = BIO_new(BIO_s_mem());
  if (!tls->ssl || !tls->in || !tls->out) {
    BIO_free(tls->in);
    BIO_free(tls->out);
    return 0;
  }
  SSL_set_bio(tls->ssl, tls->in, tls->out);
  SSL_set_connect_state(tls->ssl);
  return expect_host(tls->ssl, host);
}

hermes_sse__tls *hermes_sse__tls_new(const hermes_sse__tls_context *context, const char *host)
{
  hermes_sse__tls *tls = hermes_sse__alloc(context->env, 1, sizeof *tls);

  if (!tls)
    return NULL;
  tls->env = context->env;
  if (open_client(tls, context->ssl, host))
    return tls;
  ERR_clear_error();
  hermes_sse__tls_free(tls);
  return NULL;
}

void hermes_sse__tls_free(hermes_sse__tls *tls)
{
  if (!tls)
    return;
  SSL_free(tls->ssl);
  hermes_sse__release(tls->env, tls);
}

int hermes_sse__tls_receive(hermes_sse__tls *tls, const void *bytes, size_t len)
{
  return BIO_write(tls->in, bytes, (int)len) == (int)len ? HERMES_SSE_OK : HERMES_SSE_ERR_NOMEM;
}

/* What OpenSSL has to say to the server. */
static int drain(const hermes_sse__tls *tls, hermes_sse__output *wire)
{
  char piece[PIECE];
  int n;

  while ((n = BIO_read(tls->out, piece, sizeof piece)) > 0)
    if (hermes_sse__output_add(wire, piece, (size_t)n) < 0)
      return HERMES_SSE_ERR_NOMEM;
  return HERMES_SSE_OK;
}

/* After a call that gave `rv`: that, 0 if it was not its time, or a status. */
static hermes_sse_ssize outcome(hermes_sse__tls *tls, int rv, hermes_sse__output *wire)
{
  int error = rv > 0 ? SSL_ERROR_NONE : SSL_get_error(tls->ssl, rv);
  long verified = SSL_get_verify_result(tls->ssl);

  if (drain(tls, wire) < 0)
    return HERMES_SSE_ERR_NOMEM;
  if (rv > 0)
    return rv;
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
    return 0;
  if (error == SSL_ERROR_ZERO_RETURN)
    return HERMES_SSE_ERR_EOF;
  if (!SSL_is_init_finished(tls->ssl) && SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE && verified != X509_V_OK)
    snprintf(tls->why, sizeof tls->why, "the certificate is refused: %s", X509_verify_cert_error_string(verified));
  else
    snprintf(tls->why, sizeof tls->why, "%s", reason());
  ERR_clear_error();
  return HERMES_SSE_ERR_PEER;
}

int hermes_sse__tls_handshake(hermes_sse__tls *tls, hermes_sse__output *wire)
{
  ERR_clear_error();
  return (int)outcome(tls, SSL_do_handshake(tls->ssl), wire);
}

hermes_sse_ssize hermes_sse__tls_read(hermes_sse__tls *tls, void *buf, size_t cap, hermes_sse__output *wire)
{
  ERR_clear_error();
  return outcome(tls, SSL_read(tls->ssl, buf, (int)cap), wire);
}

hermes_sse_ssize hermes_sse__tls_write(hermes_sse__tls *tls, const void *bytes, size_t len, hermes_sse__output *wire)
{
  ERR_clear_error();
  return outcome(tls, SSL_write(tls->ssl, bytes, (int)len), wire);
}

const char *hermes_sse__tls_why(const hermes_sse__tls *tls)
{
  return tls->why;
}

#else

int hermes_sse__tls_context_new(const hermes_sse_environment *env, const char *ca_file, int insecure,
                                hermes_sse__tls_context **new)
{
  (void)ca_file, (void)insecure, (void)new;
  hermes_sse__log_line(env, HERMES_SSE_LOG_ERROR,
                       "url refused: rediss:// needs TLS, and this library was built without it; accepted: redis:// "
                       "and unix://");
  return HERMES_SSE_ERR_OPTION;
}

void hermes_sse__tls_context_free(hermes_sse__tls_context *context)
{
  (void)context;
}

hermes_sse__tls *hermes_sse__tls_new(const hermes_sse__tls_context *context, const char *host)
{
  (void)context, (void)host;
  return NULL;
}

void hermes_sse__tls_free(hermes_sse__tls *tls)
{
  (void)tls;
}

int hermes_sse__tls_receive(hermes_sse__tls *tls, const void *bytes, size_t len)
{
  (void)tls, (void)bytes, (void)len;
  return HERMES_SSE_ERR_STATE;
}

int hermes_sse__tls_handshake(hermes_sse__tls *tls, hermes_sse__output *wire)
{
  (void)tls, (void)wire;
  return HERMES_SSE_ERR_STATE;
}

hermes_sse_ssize hermes_sse__tls_read(hermes_sse__tls *tls, void *buf, size_t cap, hermes_sse__output *wire)
{
  (void)tls, (void)buf, (void)cap, (void)wire;
  return HERMES_SSE_ERR_STATE;
}

hermes_sse_ssize hermes_sse__tls_write(hermes_sse__tls *tls, const void *bytes, size_t len, hermes_sse__output *wire)
{
  (void)tls, (void)bytes, (void)len, (void)wire;
  return HERMES_SSE_ERR_STATE;
}

const char *hermes_sse__tls_why(const hermes_sse__tls *tls)
{
  (void)tls;
  return "";
}

#endif
