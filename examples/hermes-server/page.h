/* The page's files, built into the program. */
#ifndef HERMES_SERVER_PAGE_H
#define HERMES_SERVER_PAGE_H
#include <stddef.h>

typedef struct page_file {
  const char *path, *type;
  const unsigned char *bytes;
  size_t len;
} page_file;

/* NULL: none of them. */
const page_file *page_find(const char *path);

#endif
