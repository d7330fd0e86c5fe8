/* A connection to Redis by TLS: who is believed, and that all bytes come through. */
#include "redis_peer.h"
#include "suite.h"

#ifdef HERMES_SSE__HAVE_TLS
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* ---- a server ---- */

typedef struct secured {
  peer p;
  SSL_CTX *context;
  SSL *ssl;
  BIO *in, *out;
  size_t piece; /* sends at most so much at a time */
  char ca_file[64];
} secured;

static EVP_PKEY *key;

static X509 *certificate(const char *names)
{
  X509 *x = X509_new();
  X509_NAME *name = X509_get_subject_name(x);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

  if (!key)
    key = EVP_EC_gen("P-256");
  ck_assert(key && extension);
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_set_pubkey(x, key);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"redis of a test", -1, -1, 0);
  X509_set_issuer_name(x, name);
  X509_add_ext(x, extension, -1);
  X509_EXTENSION_free(extension);
  ck_assert_int_gt(X509_sign(x, key, EVP_sha256()), 0);
  return x;
}

static void write_file(char path[64], X509 *x)
{
  int fd;
  FILE *file;

  strcpy(path, "/tmp/hermes-sse-ca-XXXXXX");
  fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  file = fdopen(fd, "w");
  ck_assert_ptr_nonnull(file);
  PEM_write_X509(file, x);
  fclose(file);
}

/* A server whose certificate is for `names`, and trusted. */
static void serve(secured *s, const char *names)
{
  X509 *x = certificate(names);

  memset(s, 0, sizeof *s);
  peer_init(&s->p);
  s->piece = SIZE_MAX;
  write_file(s->ca_file, x);
  s->p.options.ca_file = s->ca_file;
  s->context = SSL_CTX_new(TLS_server_method());
  ck_assert_int_eq(SSL_CTX_use_certificate(s->context, x), 1);
  ck_assert_int_eq(SSL_CTX_use_PrivateKey(s->context, key), 1);
  X509_free(x);
  ck_assert_int_eq(peer_listen(&s->p, "127.0.0.1"), 1);
}

static void new_session(secured *s)
{
  SSL_free(s->ssl);
  s->ssl = SSL_new(s->context);
  s->in = BIO_new(BIO_s_mem());
  s->out = BIO_new(BIO_s_mem());
  SSL_set_bio(s->ssl, s->in, s->out);
  SSL_set_accept_state(s->ssl);
}

static void stop(secured *s)
{
  SSL_free(s->ssl);
  SSL_CTX_free(s->context);
  peer_clear(&s->p);
  unlink(s->ca_file);
  EVP_PKEY_free(key);
  key = NULL;
}

/* Carries what there is, in both directions. */
static void carry(secured *s)
{
  char buf[16384];
  int n;
  ssize_t got = s->p.fd >= 0 ? recv(s->p.fd, buf, sizeof buf, 0) : 0;

  if (got > 0)
    BIO_write(s->in, buf, (int)got);
  if (!SSL_is_init_finished(s->ssl))
    SSL_do_handshake(s->ssl);
  while (s->p.fd >= 0 && (n = BIO_read(s->out, buf, s->piece < sizeof buf ? (int)s->piece : (int)sizeof buf)) > 0) {
    ssize_t sent = send(s->p.fd, buf, (size_t)n, MSG_NOSIGNAL);

    if (sent < 0)
      return;
    peer_turn(&s->p, s->piece < 100 ? 1 : 0);
  }
  ERR_clear_error();
}

#define SECURED_UNTIL(s, condition)                                                                                    \
  do {                                                                                                                 \
    int turns_ = 0, done_;                                                                                             \
    while (!(done_ = (condition)) && turns_++ < PEER_TURNS) {                                                          \
      if (peer_accept(&(s)->p)) {                                                                                      \
        if (!(s)->ssl)                                                                                                 \
          new_session(s);                                                                                              \
        carry(s);                                                                                                      \
      }                                                                                                                \
      peer_turn(&(s)->p, 2);                                                                                           \
    }                                                                                                                  \
    ck_assert_msg(done_, "%s; why: %s", #condition, (s)->p.why);                                                       \
  } while (0)

/* ---- who is believed ---- */

START_TEST(a_trusted_server)
{
  static const char *const urls[] = { "rediss://localhost:%d", "rediss://127.0.0.1:%d" };

  for (int i = 0; i < 4; i++) {
    secured s;
    char got[64] = "";

    serve(&s, "DNS:localhost,IP:127.0.0.1");
    s.piece = i < 2 ? SIZE_MAX : 1;
    s.p.options.client_name = "app";
    peer_connection(&s.p, urls[i % 2]);
    SECURED_UNTIL(&s, s.ssl && SSL_read(s.ssl, got, sizeof got) > 0);
    ck_assert_int_eq(strncmp(got, "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$9\r\napp-tests\r\n", 50), 0);
    if (i % 2)
      ck_assert_ptr_null(SSL_get_servername(s.ssl, TLSEXT_NAMETYPE_host_name));
    else
      ck_assert_str_eq(SSL_get_servername(s.ssl, TLSEXT_NAMETYPE_host_name), "localhost");
    ck_assert_int_eq(s.p.ups, 0);
    ck_assert_int_gt(SSL_write(s.ssl, "+OK\r\n+hello\r\n", 13), 0);
    SECURED_UNTIL(&s, s.p.n_replies > 0);
    ck_assert_str_eq(s.p.replies, "hello ");
    ck_assert_ptr_nonnull(strstr(s.p.memory.last_log, "connected to rediss://"));
    SSL_shutdown(s.ssl);
    SECURED_UNTIL(&s, s.p.downs == 1);
    ck_assert_str_eq(s.p.why, "closed by the server");
    stop(&s);
  }
}
END_TEST

static int resolve(peer *p)
{
  struct sockaddr_in ipv4 = { .sin_family = AF_INET };
  socklen_t len = sizeof ipv4;

  inet_pton(AF_INET, "127.0.0.1", &ipv4.sin_addr);
  hermes_sse__connection_resolved(p->connection, (const struct sockaddr *[]){ (struct sockaddr *)&ipv4 }, &len, 1);
  return 0;
}

static void expect_refused(const char *names, const char *url, const char *why)
{
  secured s;

  serve(&s, names);
  s.p.options.resolve = peer_resolve;
  s.p.resolve = resolve;
  s.p.options.client_name = "app";
  peer_connection(&s.p, url);
  SECURED_UNTIL(&s, s.p.downs == 1);
  ck_assert_str_eq(s.p.why, why);
  ck_assert_int_eq(s.p.ups, 0);
  SECURED_UNTIL(&s, SSL_do_handshake(s.ssl) <= 0 || s.p.downs); /* and not a word of the greeting */
  ck_assert_int_le(SSL_read(s.ssl, s.p.replies, 1), 0);
  stop(&s);
}

START_TEST(a_wrong_name)
{
  expect_refused("DNS:localhost", "rediss://redis.example:%d", "TLS: the certificate is refused: hostname mismatch");
  expect_refused("DNS:localhost,IP:127.0.0.2", "rediss://127.0.0.1:%d",
                 "TLS: the certificate is refused: IP address mismatch");
  expect_refused("DNS:r*s.example", "rediss://redis.example:%d", "TLS: the certificate is refused: hostname mismatch");
}
END_TEST

START_TEST(an_unknown_certificate)
{
  for (int insecure = 0; insecure < 2; insecure++) {
    secured s;
    char other[64];
    X509 *x;

    key = NULL;
    x = certificate("DNS:localhost");
    write_file(other, x);
    X509_free(x);
    EVP_PKEY_free(key);
    key = NULL;
    serve(&s, "DNS:elsewhere");
    s.p.options.ca_file = other;
    s.p.options.tls_insecure = insecure;
    peer_connection(&s.p, "rediss://localhost:%d");
    SECURED_UNTIL(&s, s.p.ups + s.p.downs > 0);
    ck_assert_int_eq(s.p.ups, insecure);
    ck_assert_str_eq(s.p.why, insecure ? "" : "TLS: the certificate is refused: self-signed certificate");
    stop(&s);
    unlink(other);
  }
}
END_TEST

START_TEST(the_system_s_certificates_do_not_know_it)
{
  secured s;

  serve(&s, "DNS:localhost");
  s.p.options.ca_file = NULL;
  peer_connection(&s.p, "rediss://localhost:%d");
  SECURED_UNTIL(&s, s.p.downs == 1);
  ck_assert_ptr_nonnull(strstr(s.p.why, "TLS: the certificate is refused: "));
  stop(&s);
}
END_TEST

START_TEST(a_ca_file_of_no_use)
{
  static const char *const files[] = { "/nonexistent.pem", "/dev/null" };
  hermes_sse__connection *c = NULL;

  for (int i = 0; i < 2; i++) {
    peer p;

    peer_init(&p);
    p.options.ca_file = files[i];
    ck_assert_int_eq(hermes_sse__url_parse(&p.env, "rediss://localhost", &p.url), HERMES_SSE_OK);
    ck_assert_int_eq(hermes_sse__connection_new(&p.options, &c), HERMES_SSE_ERR_OPTION);
    ck_assert_ptr_null(c);
    ck_assert_ptr_nonnull(strstr(p.memory.last_log, files[i]));
    ck_assert_ptr_nonnull(strstr(p.memory.last_log, "accepted: a file of PEM certificates"));
    peer_clear(&p);
  }
}
END_TEST

START_TEST(an_old_version)
{
  secured s;

  serve(&s, "DNS:localhost");
  SSL_CTX_set_security_level(s.context, 0);
  SSL_CTX_set_min_proto_version(s.context, TLS1_1_VERSION);
  SSL_CTX_set_max_proto_version(s.context, TLS1_1_VERSION);
  peer_connection(&s.p, "rediss://localhost:%d");
  SECURED_UNTIL(&s, s.p.downs == 1);
  ck_assert_int_eq(s.p.ups, 0);
  ck_assert_ptr_nonnull(strstr(s.p.why, "TLS: "));
  stop(&s);
}
END_TEST

/* ---- what goes wrong ---- */

START_TEST(no_tls_there)
{
  static const char *const texts[] = { "-ERR unknown command\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "" };

  for (int i = 0; i < 3; i++) {
    peer p;

    peer_init(&p);
    ck_assert_int_eq(peer_listen(&p, "127.0.0.1"), 1);
    peer_connection(&p, "rediss://localhost:%d");
    PEER_UNTIL(&p, peer_accept(&p));
    peer_say(&p, texts[i]);
    peer_settle(&p);
    if (i == 2)
      peer_hang_up(&p);
    PEER_UNTIL(&p, p.downs == 1);
    ck_assert_str_eq(p.why, i < 2 ? "TLS: wrong version number" : p.why);
    ck_assert_int_eq(p.was_up, 0);
    peer_clear(&p);
  }
}
END_TEST

START_TEST(silence_in_the_handshake)
{
  peer p;

  peer_init(&p);
  ck_assert_int_eq(peer_listen(&p, "127.0.0.1"), 1);
  peer_connection(&p, "rediss://localhost:%d");
  peer_settle(&p);
  ck_assert_uint_eq(p.next, 6000);
  p.now = 6000;
  peer_run(&p);
  ck_assert_str_eq(p.why, "the TLS handshake took longer than 5000 ms");
  peer_clear(&p);
}
END_TEST

START_TEST(a_broken_record)
{
  secured s;

  serve(&s, "DNS:localhost");
  peer_connection(&s.p, "rediss://localhost:%d");
  SECURED_UNTIL(&s, s.p.ups == 1);
  peer_say(&s.p, "\x17\x03\x03\x01\x10"
                 "0123456789012345678901234567890123456789012345678901234567890123456789"
                 "0123456789012345678901234567890123456789012345678901234567890123456789"
                 "0123456789012345678901234567890123456789012345678901234567890123456789"
                 "0123456789012345678901234567890123456789012345678901234567890123456789");
  PEER_UNTIL(&s.p, s.p.downs == 1);
  ck_assert_ptr_nonnull(strstr(s.p.why, "TLS: "));
  ck_assert_int_eq(s.p.was_up, 1);
  stop(&s);
}
END_TEST

/* ---- bytes ---- */

START_TEST(much_in_both_directions)
{
  enum { SIZE = 3 << 20 };
  char *text = malloc(SIZE), *got = malloc(SIZE + 64);
  const char *const argv[] = { "ECHO", text };
  const size_t lens[] = { 4, SIZE };
  size_t n = 0;
  secured s;

  ck_assert(text && got);
  for (size_t i = 0; i < SIZE; i++)
    text[i] = (char)(i * 7 + i / 251);
  serve(&s, "DNS:localhost");
  s.p.options.max_pending_bytes = s.p.options.max_reply_bytes = SIZE + 64;
  peer_connection(&s.p, "rediss://localhost:%d");
  SECURED_UNTIL(&s, s.p.ups == 1);
  ck_assert_int_eq(hermes_sse__connection_command(s.p.connection, 2, argv, lens), HERMES_SSE_OK);
  for (int i = 0; i < 20000 && n < SIZE + 26; i++) {
    int rv = SSL_read(s.ssl, got + n, (int)(SIZE + 64 - n));

    n += rv > 0 ? (size_t)rv : 0;
    if (rv <= 0) {
      carry(&s);
      peer_turn(&s.p, 0);
    }
  }
  ck_assert_uint_eq(n, SIZE + 26);
  ck_assert_int_eq(memcmp(got + 24, text, SIZE), 0);
  ck_assert_uint_eq(hermes_sse__connection_pending_bytes(s.p.connection), 0);
  ck_assert_int_eq(s.p.watched[0].events, HERMES_SSE_READ);
  ck_assert_uint_lt(s.p.memory.live_bytes, 1 << 17);
  /* and back: three replies, the middle one large */
  ck_assert_int_gt(SSL_write(s.ssl, "+a\r\n$2097152\r\n", 14), 0);
  for (size_t at = 0; at < 2097152; at += 4096) {
    ck_assert_int_eq(SSL_write(s.ssl, "0123456789abcdef", 16), 16);
    ck_assert_int_eq(SSL_write(s.ssl, text, 4080), 4080);
    carry(&s);
  }
  ck_assert_int_eq(SSL_write(s.ssl, "\r\n+b\r\n", 6), 6);
  SECURED_UNTIL(&s, strstr(s.p.replies, "b ") != NULL && s.p.n_replies > 20);
  ck_assert_int_eq(strncmp(s.p.replies, "a 0123456789abcdef", 18), 0);
  ck_assert_int_eq(s.p.downs, 0);
  free(text);
  free(got);
  stop(&s);
}
END_TEST

/* ---- memory ---- */

static void scenario(const hermes_sse_environment *env, memory *m, void *user)
{
  secured s;
  int sent = 0;

  (void)user;
  serve(&s, "DNS:localhost");
  s.p.options.env = env;
  s.p.options.client_name = "app";
  s.p.url =
      (hermes_sse__url){ .kind = HERMES_SSE__URL_TLS, .host = (char[]){ "localhost" }, .port = (uint16_t)s.p.port };
  if (hermes_sse__connection_new(&s.p.options, &s.p.connection) == HERMES_SSE_OK) {
    for (int i = 0; i < 300 && s.p.n_replies == 0 && s.p.downs == 0; i++) {
      if (peer_accept(&s.p)) {
        if (!s.ssl)
          new_session(&s);
        carry(&s);
        if (SSL_is_init_finished(s.ssl) && !sent++)
          SSL_write(s.ssl, "+OK\r\n+hello\r\n", 13);
      }
      peer_turn(&s.p, 1);
    }
    ck_assert(m->failed > 0 || s.p.n_replies > 0);
    ck_assert_int_eq(s.p.n_replies > 0 || s.p.downs == 1, 1);
  } else {
    ck_assert_uint_gt(m->failed, 0);
  }
  hermes_sse__connection_free(s.p.connection);
  s.p.connection = NULL;
  s.p.url = (hermes_sse__url){ .kind = 0 };
  stop(&s);
}

START_TEST(memory_may_fail)
{
  ck_assert_uint_ge(memory_sweep(scenario, NULL), 6);
}
END_TEST

SUITE_MAIN("redis tls", a_trusted_server, a_wrong_name, an_unknown_certificate,
           the_system_s_certificates_do_not_know_it, a_ca_file_of_no_use, an_old_version, no_tls_there,
           silence_in_the_handshake, a_broken_record, much_in_both_directions, memory_may_fail)

#else

START_TEST(it_is_refused_where_it_is_not_built_in)
{
  hermes_sse__connection *c = NULL;
  peer p;

  peer_init(&p);
  ck_assert_int_eq(hermes_sse__url_parse(&p.env, "rediss://localhost", &p.url), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse__connection_new(&p.options, &c), HERMES_SSE_ERR_OPTION);
  ck_assert_ptr_null(c);
  ck_assert_ptr_nonnull(strstr(p.memory.last_log, "built without it; accepted: redis:// and unix://"));
  peer_clear(&p);
}
END_TEST

SUITE_MAIN("redis tls", it_is_refused_where_it_is_not_built_in)

#endif
