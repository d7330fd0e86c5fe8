/* The downloads: what there is, in which state, and what is told of it. */
#ifndef HERMES_SERVER_DOWNLOADS_H
#define HERMES_SERVER_DOWNLOADS_H
#include "server.h"

enum { DOWNLOAD_ID_ROOM = 20, ERROR_ROOM = 256 };

typedef struct download {
  struct download *next; /* newest first */
  struct downloads *all;
  char id[DOWNLOAD_ID_ROOM];
  char *url;
  const char *status; /* of the contract */
  char error[ERROR_ROOM];
  char *file;                  /* name in the directory; NULL until it is known */
  uint64_t total, done, speed; /* HERMES_SSE_UNKNOWN: not known */
  uint64_t told_ms, started_ms;
  int cancelled;
  struct transfer *transfer; /* NULL unless it runs */
} download;

typedef struct downloads downloads;

downloads *downloads_new(server *s);
void downloads_free(downloads *d);

/* NULL: out of memory. Starts it as soon as there is a place. */
download *downloads_add(downloads *d, const char *url);
download *downloads_find(downloads *d, const char *id);
/* 0, or -1 if it has ended already. */
int downloads_cancel(download *one);

/* JSON text; the length, or negative. */
hermes_sse_ssize downloads_format(const download *one, char *buf, size_t cap);
/* The first that is not over, oldest last; NULL at the end. */
download *downloads_active(downloads *d, download *after);
void downloads_counts(const downloads *d, uint64_t *active, uint64_t *queued, uint64_t *completed, uint64_t *failed,
                      uint64_t *bytes);

/* For transfer.c: */
void downloads_progress(download *one, uint64_t done, uint64_t total);
void downloads_finished(download *one, const char *status, const char *error);
server *downloads_server(const downloads *d);

#endif
