/* A connection to Redis against a scripted peer: the greeting, all the ways in which it fails, back-off, and what waits. */
#include "redis/output.h"
#include "redis_peer.h"
#include "suite.h"

#define NAME "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$9\r\napp-tests\r\n"

/* ---- the greeting ---- */

START_TEST(the_greeting_goes_out_at_once)
{
  static const char answers[] = "+OK\r\n+OK\r\n+OK\r\n:5\r\n";
  peer p;

  peer_open_named(&p, "app", "redis://us%%65r:p%%20w@127.0.0.1:%d/3");
  PEER_UNTIL(&p, peer_accept(&p));
  peer_expect(&p, "*3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$3\r\np w\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n" NAME);
  for (size_t i = 0; i < sizeof answers - 1; i++) {
    ck_assert_int_eq(p.ups, i >= 15);
    peer_send(&p, answers + i, 1);
    peer_settle(&p);
  }
  ck_assert_str_eq(p.replies, "5 ");
  ck_assert_uint_eq(p.next, HERMES_SSE_NEVER);
  ck_assert_int_eq(p.downs, 0);
  ck_assert_ptr_nonnull(strstr(p.memory.last_log, "redis tests: connected to redis://127.0.0.1:"));
  ck_assert_int_eq(hermes_sse__connection_ready(p.connection, p.now, 12345, HERMES_SSE_READ), 0);
  peer_clear(&p);
}
END_TEST

START_TEST(a_password_alone_and_nothing_at_all)
{
  peer p;

  peer_open(&p, "redis://:secret@127.0.0.1:%d");
  PEER_UNTIL(&p, peer_accept(&p));
  peer_expect(&p, "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n");
  peer_say(&p, "+OK\r\n");
  PEER_UNTIL(&p, p.ups == 1);
  peer_clear(&p);

  peer_open(&p, "redis://user:@127.0.0.1:%d");
  PEER_UNTIL(&p, peer_accept(&p));
  peer_expect(&p, "*3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$0\r\n\r\n");
  peer_clear(&p);

  peer_open(&p, "redis://127.0.0.1:%d");
  PEER_UNTIL(&p, p.ups == 1);
  peer_clear(&p);
}
END_TEST

typedef struct answer {
  const char *url, *text;
  const char *why; /* NULL: it is up */
} answer;

static const answer answers[] = {
  { "redis://:secret@127.0.0.1:%d", "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
    "AUTH refused: WRONGPASS invalid username-password pair or user is disabled." },
  { "redis://:secret@127.0.0.1:%d", "-ERR your password secret is\x01 bad\r\n",
    "AUTH refused: (its text contains the password)" },
  { "redis://:secret@127.0.0.1:%d", "-LOADING Redis is loading\tthe dataset in memory\r\n",
    "AUTH refused: LOADING Redis is loading?the dataset in memory" },
  { "redis://:secret@127.0.0.1:%d", "+OK\r\n+PONG\r\n",
    "what answers there is no Redis: CLIENT SETNAME is not answered by OK or an error" },
  { "redis://127.0.0.1:%d/9", "-ERR DB index is out of range\r\n", "SELECT refused: ERR DB index is out of range" },
  { "redis://127.0.0.1:%d/9", ":1\r\n", "what answers there is no Redis: SELECT is not answered by OK or an error" },
  { "redis://127.0.0.1:%d/9", "*0\r\n", "what answers there is no Redis: SELECT is not answered by OK or an error" },
  { "redis://127.0.0.1:%d", "-NOPERM this user has no permissions to run the 'client|setname' command\r\n", NULL },
  { "redis://127.0.0.1:%d", "-ERR unknown command 'CLIENT', with args beginning with: 'SETNAME'\r\n", NULL },
  { "redis://127.0.0.1:%d/9", "+OK\r\n-NOPERM no\r\n", NULL },
  { "redis://127.0.0.1:%d/9", "-NOPERM no\r\n", "SELECT refused: NOPERM no" },
  { "redis://127.0.0.1:%d", "-NOAUTH Authentication required.\r\n",
    "CLIENT SETNAME refused: NOAUTH Authentication required." },
  { "redis://127.0.0.1:%d", "-ERR max number of clients reached\r\n",
    "CLIENT SETNAME refused: ERR max number of clients reached" },
  { "redis://127.0.0.1:%d", "HTTP/1.1 400 Bad Request\r\n\r\n",
    "what answers there is no Redis: Protocol error, got \"H\" as reply type byte" },
  { "redis://127.0.0.1:%d", "\x15\x03\x03",
    "what answers there is no Redis: Protocol error, got \"\\x15\" as reply type byte" },
  { "redis://127.0.0.1:%d", "*2000000000\r\n", "a reply is larger than 1048576 bytes" },
  { "redis://127.0.0.1:%d", NULL, "closed by the server" },
};

START_TEST(answers_to_the_greeting)
{
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    peer p;

    peer_open_named(&p, "app", answers[i].url);
    PEER_UNTIL(&p, peer_accept(&p));
    if (answers[i].text)
      peer_say(&p, answers[i].text);
    else
      shutdown(p.fd, SHUT_WR);
    PEER_UNTIL(&p, p.ups + p.downs > 0);
    ck_assert_int_eq(p.ups, answers[i].why == NULL);
    if (answers[i].why)
      ck_assert_str_eq(p.why, answers[i].why);
    ck_assert_int_eq(p.was_up, 0);
    ck_assert_ptr_null(strstr(p.memory.last_log, "secret"));
    ck_assert_int_eq(answers[i].why == NULL || strstr(p.memory.last_log, answers[i].why) != NULL, 1);
    peer_clear(&p);
  }
}
END_TEST

START_TEST(last_words_are_heard_when_writing_fails)
{
  peer p;

  peer_open_named(&p, "app", "redis://127.0.0.1:%d");
  peer_run(&p);
  for (int i = 0; i < PEER_TURNS && !peer_accept(&p); i++)
    poll(NULL, 0, 5);
  ck_assert_int_ge(p.fd, 0);
  ck_assert_int_gt(send(p.fd, "-DENIED protected mode\r\n", 24, MSG_NOSIGNAL), 0);
  peer_hang_up(&p);
  PEER_UNTIL(&p, p.downs == 1);
  ck_assert_str_eq(p.why, "CLIENT SETNAME refused: DENIED protected mode");
  peer_clear(&p);
}
END_TEST

START_TEST(last_words_are_heard_without_readiness)
{
  peer p;

  peer_open(&p, "redis://127.0.0.1:%d");
  peer_greet(&p);
  ck_assert_int_gt(send(p.fd, "-ERR last\r\n", 11, MSG_NOSIGNAL), 0);
  peer_hang_up(&p);
  for (int i = 0; i < 2; i++) { /* the first is answered by a reset */
    ck_assert_int_eq(hermes_sse__connection_say(p.connection, (const char *[]){ "PING", NULL }), HERMES_SSE_OK);
    hermes_sse__connection_flush(p.connection, p.now);
    poll(NULL, 0, 20);
  }
  hermes_sse__connection_flush(p.connection, p.now); /* has failed already */
  ck_assert_int_eq(p.downs, 0);
  peer_run(&p);
  ck_assert_int_eq(p.downs, 1);
  ck_assert_str_eq(p.replies, "ERR last ");
  ck_assert_ptr_nonnull(strstr(p.why, "writing: "));
  peer_clear(&p);
}
END_TEST

/* ---- commands and replies ---- */

START_TEST(what_waits_is_one_buffer)
{
  char model[20000], piece[257];
  size_t begin = 0, end = 0, most = 0;
  uint64_t random = 1;
  memory m;
  hermes_sse_environment env;
  hermes_sse__output o;

  memory_init(&m);
  env = memory_environment(&m);
  o = (hermes_sse__output){ .env = &env };
  for (int i = 0; i < 5000; i++) {
    size_t len;

    env.random(&random, sizeof random, env.user);
    len = random % sizeof piece;
    if (random >> 40 & 1 && end + len <= sizeof model) {
      memset(piece, i % 127, len);
      ck_assert_int_eq(hermes_sse__output_add(&o, piece, len), HERMES_SSE_OK);
      memcpy(model + end, piece, len);
      end += len;
    } else {
      len = len < end - begin ? len : end - begin;
      hermes_sse__output_take(&o, len);
      begin += len;
    }
    if (end + sizeof piece > sizeof model) {
      memmove(model, model + begin, end - begin);
      end -= begin;
      begin = 0;
    }
    ck_assert_uint_eq(hermes_sse__output_pending(&o), end - begin);
    ck_assert(end == begin || memcmp(o.bytes + o.begin, model + begin, end - begin) == 0);
    most = end - begin > most ? end - begin : most;
  }
  ck_assert_uint_le(m.peak_bytes, 8 * most + 2048);
  ck_assert_int_eq(hermes_sse__output_add(&o, piece, SIZE_MAX / 2), HERMES_SSE_ERR_NOMEM);
  ck_assert_int_eq(hermes_sse__output_add(&o, piece, sizeof piece), HERMES_SSE_OK);
  hermes_sse__output_take(&o, 1);
  hermes_sse__output_wipe(&o);
  for (size_t i = 0; i < o.room; i++)
    ck_assert((i >= o.begin && i < o.end) || o.bytes[i] == 0);
  hermes_sse__output_clear(&o);
  ck_assert_uint_eq(m.live_blocks, 0);
}
END_TEST

START_TEST(commands_from_callbacks)
{
  peer p;

  peer_open(&p, "redis://127.0.0.1:%d");
  p.say_when_up = "FIRST";
  peer_greet(&p);
  peer_expect(&p, "*1\r\n$5\r\nFIRST\r\n");
  p.say_back = "MORE";
  peer_say(&p, "+a\r\n*2\r\n+x\r\n+y\r\n-ERR b\r\n");
  peer_expect(&p, "*1\r\n$4\r\nMORE\r\n*1\r\n$4\r\nMORE\r\n*1\r\n$4\r\nMORE\r\n");
  ck_assert_str_eq(p.replies, "a 0 ERR b ");
  ck_assert_uint_eq(hermes_sse__connection_pending_bytes(p.connection), 0);
  peer_clear(&p);
}
END_TEST

START_TEST(commands_are_binary_and_bounded)
{
  const char *const many[] = {
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", NULL
  };
  const char *const argv[] = { "SET", "a\0\r\n", "" };
  const size_t lens[] = { 3, 4, 0 };
  static char large[1 << 20];
  const char *const too_large[] = { "ECHO", large };
  size_t large_lens[] = { 4, sizeof large };
  peer p;
  char got[64] = "";

  peer_open(&p, "redis://127.0.0.1:%d");
  ck_assert_int_eq(hermes_sse__connection_command(p.connection, 3, argv, lens), HERMES_SSE_ERR_STATE);
  peer_greet(&p);
  ck_assert_int_eq(hermes_sse__connection_say(p.connection, many), HERMES_SSE_ERR_OPTION);
  ck_assert_int_eq(hermes_sse__connection_command(p.connection, 2, too_large, large_lens), HERMES_SSE_ERR_FULL);
  large_lens[1] -= 10; /* the rest of the protocol does not fit */
  ck_assert_int_eq(hermes_sse__connection_command(p.connection, 2, too_large, large_lens), HERMES_SSE_ERR_FULL);
  ck_assert_int_eq(hermes_sse__connection_command(p.connection, 3, argv, lens), HERMES_SSE_OK);
  ck_assert_uint_eq(hermes_sse__connection_pending_bytes(p.connection), 29);
  hermes_sse__connection_flush(p.connection, p.now);
  ck_assert_uint_eq(hermes_sse__connection_pending_bytes(p.connection), 0);
  poll(NULL, 0, 20);
  ck_assert_int_eq(recv(p.fd, got, sizeof got, 0), 29);
  ck_assert_int_eq(memcmp(got, "*3\r\n$3\r\nSET\r\n$4\r\na\0\r\n\r\n$0\r\n\r\n", 29), 0);
  peer_clear(&p);
}
END_TEST

static size_t drain(peer *p, char *to, size_t cap)
{
  ssize_t n = recv(p->fd, to, cap, 0);

  return n > 0 ? (size_t)n : 0;
}

START_TEST(what_the_socket_does_not_take_waits)
{
  enum { SIZE = 12 << 20 };
  char *text = malloc(SIZE), *got = malloc(SIZE + 64);
  const char *const argv[] = { "ECHO", text };
  const size_t lens[] = { 4, SIZE };
  size_t n = 0;
  peer p;

  ck_assert(text && got);
  for (size_t i = 0; i < SIZE; i++)
    text[i] = (char)(i * 7 + i / 251);
  peer_init(&p);
  p.options.max_pending_bytes = SIZE + 64;
  ck_assert_int_eq(peer_listen(&p, "127.0.0.1"), 1);
  peer_connection(&p, "redis://127.0.0.1:%d");
  peer_greet(&p);
  ck_assert_int_eq(p.watched[0].events, HERMES_SSE_READ);
  ck_assert_int_eq(hermes_sse__connection_command(p.connection, 2, argv, lens), HERMES_SSE_OK);
  peer_run(&p);
  ck_assert_uint_gt(hermes_sse__connection_pending_bytes(p.connection), 0);
  ck_assert_int_eq(p.watched[0].events, HERMES_SSE_READ | HERMES_SSE_WRITE);
  ck_assert_int_eq(hermes_sse__connection_command(p.connection, 2, argv, lens), HERMES_SSE_ERR_FULL);
  for (int i = 0; i < 20000 && n < SIZE + 27; i++) {
    n += drain(&p, got + n, SIZE + 64 - n);
    peer_turn(&p, 1);
  }
  ck_assert_uint_eq(n, SIZE + 27);
  ck_assert_int_eq(memcmp(got, "*2\r\n$4\r\nECHO\r\n$12582912\r\n", 25), 0);
  ck_assert_int_eq(memcmp(got + 25, text, SIZE), 0);
  ck_assert_int_eq(p.watched[0].events, HERMES_SSE_READ);
  ck_assert_uint_lt(p.memory.live_bytes, 1 << 16); /* and the buffer is gone */
  free(text);
  free(got);
  peer_clear(&p);
}
END_TEST

START_TEST(others_have_their_turn)
{
  enum { REPLY = 64, MOST = (256 << 10) / REPLY };
  static char block[16 << 10];
  peer p;
  size_t sent = 0;

  for (size_t i = 0; i < sizeof block; i += REPLY) {
    memset(block + i, 'x', REPLY);
    block[i] = '+';
    memcpy(block + i + REPLY - 2, "\r\n", 2);
  }
  peer_open(&p, "redis://127.0.0.1:%d");
  peer_greet(&p);
  for (int i = 0; i < 200; i++) {
    ssize_t n = send(p.fd, block + sent % REPLY, sizeof block - sent % REPLY, MSG_NOSIGNAL);

    sent += n > 0 ? (size_t)n : 0;
  }
  p.n_replies = 0;
  p.drop_at_reply = MOST + 1; /* is not reached in one turn */
  ck_assert_int_eq(hermes_sse__connection_ready(p.connection, p.now, p.watched[0].fd, HERMES_SSE_READ), 1);
  ck_assert_int_eq(p.downs, 0);
  ck_assert_int_le(p.drop_at_reply, MOST);
  peer_clear(&p);
}
END_TEST

START_TEST(replies_are_bounded)
{
  peer p;

  peer_init(&p);
  p.options.max_reply_bytes = 100;
  ck_assert_int_eq(peer_listen(&p, "127.0.0.1"), 1);
  peer_connection(&p, "redis://127.0.0.1:%d");
  peer_greet(&p);
  peer_say(&p, "+fits\r\n$999999999999\r\n0123456789012345678901234567890123456789");
  peer_settle(&p);
  ck_assert_int_eq(p.downs, 0);
  peer_say(&p, "0123456789012345678901234567890123456789012345678901234567890123456789");
  PEER_UNTIL(&p, p.downs == 1);
  ck_assert_str_eq(p.why, "a reply is larger than 100 bytes");
  ck_assert_str_eq(p.replies, "fits ");
  ck_assert_int_eq(p.was_up, 1);
  peer_clear(&p);
}
END_TEST

/* ---- dropping ---- */

START_TEST(dropped_inside_a_reply)
{
  peer p;

  peer_open(&p, "redis://127.0.0.1:%d");
  peer_greet(&p);
  p.drop_at_reply = 2;
  ck_assert_int_eq(hermes_sse__connection_say(p.connection, (const char *[]){ "NEVER", NULL }), HERMES_SSE_OK);
  ck_assert_int_gt(send(p.fd, "+a\r\n+b\r\n+c\r\n", 12, MSG_NOSIGNAL), 0);
  poll(NULL, 0, 20);
  ck_assert_int_eq(hermes_sse__connection_ready(p.connection, p.now, p.watched[0].fd, HERMES_SSE_READ), 1);
  ck_assert_int_eq(p.downs, 1);
  ck_assert_int_eq(p.was_up, 1);
  ck_assert_str_eq(p.why, "dropped at a reply");
  ck_assert_str_eq(p.replies, "a b ");
  peer_clear(&p);
}
END_TEST

START_TEST(dropped_from_outside_and_when_up)
{
  peer p;

  peer_open(&p, "redis://127.0.0.1:%d");
  hermes_sse__connection_drop(p.connection, "nothing yet");
  peer_greet(&p);
  ck_assert_int_eq(hermes_sse__connection_say(p.connection, (const char *[]){ "NEVER", NULL }), HERMES_SSE_OK);
  hermes_sse__connection_drop(p.connection, "enough");
  hermes_sse__connection_flush(p.connection, p.now);
  ck_assert_int_eq(p.downs, 0);
  ck_assert_int_eq(hermes_sse__connection_is_up(p.connection), 0);
  peer_run(&p);
  ck_assert_int_eq(p.downs, 1);
  ck_assert_str_eq(p.why, "enough");
  poll(NULL, 0, 20);
  ck_assert_int_eq(recv(p.fd, p.replies, 1, 0), 0); /* what was given up was not sent */
  peer_hang_up(&p);
  p.drop_when_up = 1;
  p.say_when_up = "NEVER";
  p.now = p.next;
  peer_greet(&p);
  PEER_UNTIL(&p, p.downs == 2);
  ck_assert_str_eq(p.why, "dropped when up");
  ck_assert_int_eq(p.was_up, 1);
  peer_clear(&p);
}
END_TEST

/* ---- memory ---- */

/* Connect, greet, a command, replies, lose it, again: whatever fails, the next attempt may do. */
static void scenario(const hermes_sse_environment *env, memory *m, void *user)
{
  peer p;

  (void)user;
  peer_init(&p);
  p.options.env = env;
  p.options.client_name = "app";
  ck_assert_int_eq(peer_listen(&p, "127.0.0.1"), 1);
  p.url = (hermes_sse__url){ .host = (char[]){ "127.0.0.1" }, .password = (char[]){ "pw" }, .port = (uint16_t)p.port };
  if (hermes_sse__connection_new(&p.options, &p.connection) < 0) {
    ck_assert_uint_gt(m->failed, 0);
    peer_stop_listening(&p);
    return;
  }
  for (int round = 0; round < 2; round++) {
    int downs = p.downs, ups = p.ups, greeted = 0, rv;

    for (int i = 0; i < 300 && p.ups == ups && p.downs == downs; i++) {
      if (peer_accept(&p) && !greeted++)
        ck_assert_int_gt(send(p.fd, "+OK\r\n+OK\r\n", 10, MSG_NOSIGNAL), 0);
      peer_turn(&p, 1);
    }
    rv = hermes_sse__connection_say(p.connection, (const char *[]){ "PING", NULL });
    ck_assert(rv == HERMES_SSE_OK || m->failed > 0);
    if (p.fd >= 0)
      (void)send(p.fd, "+PONG\r\n*2\r\n:1\r\n$2\r\nab\r\n", 24, MSG_NOSIGNAL);
    peer_settle(&p);
    peer_hang_up(&p);
    for (int i = 0; i < 300 && p.downs == downs; i++)
      peer_turn(&p, 1);
    ck_assert_int_eq(p.downs, downs + 1);
    ck_assert(m->failed > 0 || strstr(p.replies, "PONG"));
    p.now = p.next;
  }
  hermes_sse__connection_free(p.connection);
  ck_assert_int_eq(p.n_watched, 0);
  peer_stop_listening(&p);
}

START_TEST(memory_may_fail)
{
  ck_assert_uint_ge(memory_sweep(scenario, NULL), 6);
}
END_TEST

SUITE_MAIN("redis connection", the_greeting_goes_out_at_once, a_password_alone_and_nothing_at_all,
           answers_to_the_greeting, last_words_are_heard_when_writing_fails, last_words_are_heard_without_readiness,
           what_waits_is_one_buffer, commands_from_callbacks, commands_are_binary_and_bounded,
           what_the_socket_does_not_take_waits, others_have_their_turn, replies_are_bounded, dropped_inside_a_reply,
           dropped_from_outside_and_when_up, memory_may_fail)
