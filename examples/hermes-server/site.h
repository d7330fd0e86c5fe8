/* What is served at "/" and below: the front end's build where --app names one, else the page that is built in. */
#ifndef HERMES_SERVER_SITE_H
#define HERMES_SERVER_SITE_H
#include <stddef.h>

typedef struct site_file {
  const char *type; /* static */
  const char *cache_control;
  void *bytes;
  size_t len;
  int is_owned; /* `bytes` are the caller's to free */
} site_file;

/* Files come from this directory from now on, as they are when they are asked for. -1: it cannot be read, or has no index.html. */
int site_open(const char *directory);

/* 1 if there is a file for this path. */
int site_has(const char *path);

/* 0, or -1: there is none (any more). */
int site_read(const char *path, site_file *file);

#endif
