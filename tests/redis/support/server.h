/* A redis-server of the test's own: on a free loopback port, without persistence unless asked for, gone when the test is. Its commands
 * are spoken blocking, as whoever stands beside the servers under test would. */
#ifndef HERMES_SSE_TESTS_REDIS_SERVER_H
#define HERMES_SSE_TESTS_REDIS_SERVER_H
#include <hiredis/hiredis.h>
#include <sys/types.h>

enum { SERVER_ARGS = 32 };

typedef struct server {
  pid_t pid; /* 0: not running */
  int port;
  char dir[64];
  const char *args[SERVER_ARGS];
  redisContext *context; /* the test's own connection; NULL: none yet */
} server;

/* `args`: further "--option", "value" ... for redis-server, ended by NULL; static. Returns when it answers. */
void server_start(server *s, const char *const *args);
/* The same on a port given. */
void server_start_at(server *s, int port, const char *const *args);
/* kill -9. */
void server_kill(server *s);
/* After a kill: on the same port, with what it had written. */
void server_again(server *s);
/* The same without waiting for it. */
void server_again_at_once(server *s);
/* SIGSTOP and SIGCONT. */
void server_freeze(server *s);
void server_thaw(server *s);
/* Ends it and forgets what it had written. */
void server_stop(server *s);

/* A command as redisCommand() formats it; NULL is no answer. The caller frees. */
redisReply *server_ask(server *s, const char *format, ...);
/* The same, which must not fail. */
void server_do(server *s, const char *format, ...);
long long server_integer(server *s, const char *format, ...);
/* The second of a pair's list, as PUBSUB NUMSUB says it. */
long long server_ask_count(server *s, const char *format);
/* Of a text; living until the next call. */
const char *server_text(server *s, const char *format, ...);
/* The envelope of a plain worker, {"type":"x","data":<data>}; who got it. */
long long server_publish(server *s, const char *channel, const char *data);
/* How many clients have a name that contains this. */
int server_clients(server *s, const char *name);

#endif
