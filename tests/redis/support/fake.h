/* A Redis that the test scripts, in the fleet's loop: it answers as Redis does, but for one command, which is answered by whatever bytes
 * the test has. Publishing reaches its subscribers, and its one stream can be read. */
#ifndef HERMES_SSE_TESTS_REDIS_FAKE_H
#define HERMES_SSE_TESTS_REDIS_FAKE_H
#include "fleet.h"

enum { FAKE_CLIENTS = 24, FAKE_CHANNELS = 16, FAKE_ENTRIES = 1024, FAKE_FIELDS = 16 };

typedef struct fake_client {
  int fd; /* -1: none */
  redisReader *reader;
  char channels[FAKE_CHANNELS][96]; /* patterns end with '*' */
  int n_channels;
  int subscribes; /* or did */
  int waits;      /* for entries ... */
  size_t after;   /* ... from this one on */
} fake_client;

typedef struct fake {
  int listener, port;
  fake_client clients[FAKE_CLIENTS];

  const char *target;  /* a command's first word, or a script's name: publish, look, lease; NULL: none */
  const char *payload; /* what is said to it */
  size_t payload_len;
  int then_close; /* and then hangs up */
  int times;      /* so often; then it is good again */
  int hits;

  char *entries[FAKE_ENTRIES]; /* as in an answer: *2, id, fields */
  size_t n_entries;
  char origins[FAKE_CLIENTS][160];
  long long numbers[FAKE_CLIENTS];
  int n_origins;
} fake;

void fake_init(fake *k, fleet *f);
/* `payload` NUL-terminated; `times` 0: none, it is good. */
void fake_answer(fake *k, const char *target, const char *payload, int times);
/* Bytes to every client that has subscribed something. */
void fake_say(fake *k, const char *bytes);
/* The same to those that did and do not any more. */
void fake_say_all(fake *k, const char *bytes);
/* To every client. */
void fake_tell_all(fake *k, const char *bytes);
/* To every client that waits for entries, which then waits no more. */
void fake_say_waiting(fake *k, const char *bytes);
/* Nobody has it any more; nothing is said. */
void fake_unsubscribe(fake *k, const char *channel);
/* Hangs up on all. */
void fake_hang_up(fake *k);
/* Its stream is empty and it knows no one. */
void fake_forget(fake *k);
void fake_clear(fake *k);

#endif
