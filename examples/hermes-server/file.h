/* A download's file: written as a part, kept under a sanitised name, nothing overwritten. */
#ifndef HERMES_SERVER_FILE_H
#define HERMES_SERVER_FILE_H
#include <stddef.h>

enum { FILE_NAME_MAX = 120 };

typedef struct file {
  int fd;
  char *part; /* path */
  char *directory;
  char name[FILE_NAME_MAX + 1];
} file;

/* The last segment of the URL's path, of harmless characters alone, never empty, hidden or special. */
void file_name_of(const char *url, char name[FILE_NAME_MAX + 1]);

/* -1 and errno on failure, here and below. */
int file_open(file *f, const char *directory, const char *url, const char *id);
int file_write(file *f, const char *bytes, size_t n);
/* Gives it its name, "name (2).ext" if that is taken; `*name` is new memory. */
int file_keep(file *f, char **name);
void file_discard(file *f);

#endif
