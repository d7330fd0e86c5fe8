/* A server of Redis's protocol that the input plays: it knows what it was asked, and answers well when it is told to; all else that it
 * says are the input's bytes. In the fuzzer's process, on a Unix socket, without blocking. */
#ifndef HERMES_SSE_TESTS_FUZZ_REDIS_SERVER_H
#define HERMES_SSE_TESTS_FUZZ_REDIS_SERVER_H
#include "fuzz.h"

/* Where it listens, "unix://..."; the same for the life of the process. */
const char *redis_server_url(void);

/* Takes who has come, and reads what they ask. */
void redis_server_turn(void);
/* Answers all that connection `which` has asked, as Redis does: what it published comes where it was subscribed to. With 64: a stream
   looks trimmed. */
void redis_server_answer(unsigned which);
void redis_server_say(unsigned which, hermes_sse_slice bytes);
void redis_server_hang_up(unsigned which);
/* Everything is closed, for the next input. */
void redis_server_reset(void);

#endif
