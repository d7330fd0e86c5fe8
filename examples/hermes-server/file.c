#include "file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIES = 10000 };

static int harmless(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("._-+ ", c));
}

void file_name_of(const char *url, char name[FILE_NAME_MAX + 1])
{
  const char *path = strstr(url, "://"), *end, *start;
  size_t n = 0;

  path = path ? path + 3 : url;
  path += strcspn(path, "/?#");
  end = path + strcspn(path, "?#");
  for (start = end; start > path && start[-1] != '/';)
    start--;
  for (; start < end && n < FILE_NAME_MAX; start++)
    name[n++] = harmless(*start) ? *start : '_';
  while (n > 0 && (name[n - 1] == '.' || name[n - 1] == ' '))
    n--;
  name[n] = 0;
  if (n == 0)
    strcpy(name, "download");
  else if (name[0] == '.')
    name[0] = '_';
}

int file_open(file *f, const char *directory, const char *url, const char *id)
{
  f->fd = -1;
  f->directory = strdup(directory);
  file_name_of(url, f->name);
  if (!f->directory || asprintf(&f->part, "%s/.%s.part", directory, id) < 0)
    f->part = NULL;
  if (f->part)
    f->fd = open(f->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (f->fd < 0) {
    int saved = f->part ? errno : ENOMEM;

    file_discard(f);
    errno = saved;
    return -1;
  }
  return 0;
}

int file_write(file *f, const char *bytes, size_t n)
{
  while (n > 0) {
    ssize_t w = write(f->fd, bytes, n);

    if (w < 0 && errno == EINTR)
      continue;
    if (w <= 0)
      return -1;
    bytes += w;
    n -= (size_t)w;
  }
  return 0;
}

/* "name.ext", then "name (2).ext" and so on; new memory, NULL if there is none. */
static char *numbered(const char *name, int i)
{
  const char *dot = strrchr(name, '.');
  int stem = dot && dot > name ? (int)(dot - name) : (int)strlen(name);
  char *text = NULL;

  if (i == 1)
    return strdup(name);
  return asprintf(&text, "%.*s (%d)%s", stem, name, i, name + stem) < 0 ? NULL : text;
}

int file_keep(file *f, char **name)
{
  for (int i = 1; i < TRIES; i++) {
    char *kept = numbered(f->name, i), *path = NULL;
    int rv = -1;

    if (kept && asprintf(&path, "%s/%s", f->directory, kept) >= 0) {
      rv = link(f->part, path); /* fails if the name is taken, whoever took it */
      free(path);
    } else {
      errno = ENOMEM;
    }
    if (rv == 0) {
      *name = kept;
      file_discard(f);
      return 0;
    }
    free(kept);
    if (errno != EEXIST)
      return -1;
  }
  return -1;
}

void file_discard(file *f)
{
  if (f->fd >= 0) {
    close(f->fd);
    unlink(f->part);
  }
  f->fd = -1;
  free(f->part);
  free(f->directory);
  f->part = f->directory = NULL;
}
