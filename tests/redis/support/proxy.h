/* A proxy between the servers under test and Redis, in the fleet's loop, which can cut a connection at a chosen place or fall silent. */
#ifndef HERMES_SSE_TESTS_REDIS_PROXY_H
#define HERMES_SSE_TESTS_REDIS_PROXY_H
#include "fleet.h"

enum { PROXY_PAIRS = 16 };

enum {
  PROXY_PASS,
  PROXY_BEFORE, /* what matches never reaches Redis: cut at once */
  PROXY_AFTER   /* it does, and the answer is what is lost */
};

typedef struct proxy_pair {
  int client, server; /* -1: none */
  int is_doomed;      /* cut when the server says the next thing */
  int subscribes;     /* it has said so */
  int is_mute;        /* nothing of the server's comes through any more */
} proxy_pair;

typedef struct proxy {
  int listener, port, to;
  int is_silent;     /* nothing passes either way, and nothing is closed */
  int how;           /* PROXY_ */
  const char *match; /* in what a client sends */
  int cuts;
  proxy_pair pairs[PROXY_PAIRS];
} proxy;

void proxy_init(proxy *p, fleet *f, int to);
void proxy_cut_all(proxy *p);
/* Connections that have subscribed something look alive and say nothing. */
void proxy_mute_subscribers(proxy *p);
/* Takes no more connections, or takes them again. */
void proxy_close(proxy *p);
void proxy_open(proxy *p);
void proxy_clear(proxy *p);

#endif
