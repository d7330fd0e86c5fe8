#include "site.h"
#include "page.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 256, MOST_BYTES = 16 << 20 };

static int root = -1; /* of the front end's build */

/* Names as builds have them; nothing encoded, nothing hidden, nothing that leads up. */
static int is_plain(const char *path)
{
  return path[0] == '/' && strlen(path) < PATH_ROOM && !strstr(path, "/.") && !strstr(path, "//") &&
         strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/") == strlen(path);
}

/* Goes down a directory at a time, so that no link leads out. -1: there is none. */
static int open_file(const char *path)
{
  char name[PATH_ROOM];
  int at = dup(root), next;

  for (path++; at >= 0; path += strlen(name) + 1) {
    size_t len = strcspn(path, "/");
    int is_last = path[len] == 0;

    memcpy(name, path, len);
    name[len] = 0;
    next = openat(at, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (is_last ? 0 : O_DIRECTORY));
    close(at);
    at = next;
    if (is_last)
      break;
  }
  return at;
}

/* Of a regular file that is not too large; else -1. */
static int open_regular(const char *path, size_t *len)
{
  int fd = is_plain(path) ? open_file(strcmp(path, "/") == 0 ? "/index.html" : path) : -1;
  struct stat status;

  if (fd >= 0 && (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size > MOST_BYTES)) {
    close(fd);
    return -1;
  }
  if (fd >= 0)
    *len = (size_t)status.st_size;
  return fd;
}

static const char *type_of(const char *path)
{
  static const char *const types[][2] = { { ".html", "text/html; charset=utf-8" },
                                          { ".js", "text/javascript; charset=utf-8" },
                                          { ".css", "text/css; charset=utf-8" },
                                          { ".svg", "image/svg+xml" },
                                          { ".json", "application/json" },
                                          { ".png", "image/png" },
                                          { ".ico", "image/vnd.microsoft.icon" },
                                          { ".webmanifest", "application/manifest+json" },
                                          { ".woff2", "font/woff2" },
                                          { ".txt", "text/plain; charset=utf-8" } };
  const char *end = strrchr(path, '.');

  if (strcmp(path, "/") == 0)
    return types[0][1];
  for (size_t i = 0; end && i < sizeof types / sizeof *types; i++)
    if (strcmp(end, types[i][0]) == 0)
      return types[i][1];
  return "application/octet-stream";
}

int site_open(const char *directory)
{
  root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return root >= 0 && site_has("/") ? 0 : -1;
}

int site_has(const char *path)
{
  size_t len;
  int fd;

  if (root < 0)
    return page_find(path) != NULL;
  fd = open_regular(path, &len);
  if (fd >= 0)
    close(fd);
  return fd >= 0;
}

static int read_whole(int fd, char *bytes, size_t len)
{
  size_t n = 0;

  while (n < len) {
    ssize_t more = read(fd, bytes + n, len - n);

    if (more <= 0)
      return -1;
    n += (size_t)more;
  }
  return 0;
}

/* Builds name what is in assets/ by its content. */
static const char *cache_control_of(const char *path)
{
  return strncmp(path, "/assets/", 8) == 0 ? "public, max-age=31536000, immutable" : "no-cache";
}

int site_read(const char *path, site_file *file)
{
  const page_file *built_in = root < 0 ? page_find(path) : NULL;
  site_file f = { .type = type_of(path), .cache_control = cache_control_of(path), .is_owned = 1 };
  int fd, rv;

  if (root < 0) {
    if (!built_in)
      return -1;
    *file = (site_file){ .type = built_in->type, .cache_control = "no-cache" };
    file->bytes = (void *)(size_t)built_in->bytes;
    file->len = built_in->len;
    return 0;
  }
  fd = open_regular(path, &f.len);
  if (fd < 0)
    return -1;
  f.bytes = malloc(f.len + 1);
  rv = f.bytes ? read_whole(fd, f.bytes, f.len) : -1;
  close(fd);
  if (rv < 0)
    free(f.bytes);
  else
    *file = f;
  return rv;
}
