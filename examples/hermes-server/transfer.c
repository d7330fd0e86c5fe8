#include "transfer.h"
#include "file.h"
#include "target.h"
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONNECT_TIMEOUT_S = 20, STALL_S = 60, MAX_REDIRECTS = 5 };

typedef struct transfer {
  download *one;
  CURL *easy;
  file out;
  uint64_t done;
  const char *error; /* of ours, in place of curl's */
  char curl_error[CURL_ERROR_SIZE];
} transfer;

static CURLM *multi;
static struct event *timer;
static server *owner;

static void free_transfer(transfer *t)
{
  curl_multi_remove_handle(multi, t->easy);
  curl_easy_cleanup(t->easy);
  t->one->transfer = NULL;
  free(t);
}

static void finish(transfer *t, CURLcode code)
{
  download *one = t->one;
  char error[ERROR_ROOM] = "";
  long status = 0;

  curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
  if (t->error)
    snprintf(error, sizeof error, "%s", t->error);
  else if (code == CURLE_HTTP_RETURNED_ERROR)
    snprintf(error, sizeof error, "the server answered %ld", status);
  else if (code != CURLE_OK)
    snprintf(error, sizeof error, "%s", *t->curl_error ? t->curl_error : curl_easy_strerror(code));
  else if (file_keep(&t->out, &one->file) < 0)
    snprintf(error, sizeof error, "could not keep the file: %s", strerror(errno));
  if (*error)
    file_discard(&t->out);
  one->done = t->done;
  free_transfer(t);
  downloads_finished(one, *error ? "failed" : "completed", *error ? error : NULL);
}

static void reap(void)
{
  CURLMsg *message;
  int left;

  while ((message = curl_multi_info_read(multi, &left)))
    if (message->msg == CURLMSG_DONE) {
      transfer *t = NULL;
      CURLcode code = message->data.result;

      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
      finish(t, code);
    }
}

/* ---- libcurl on libevent ---- */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
  int running;

  (void)fd, (void)what, (void)arg;
  curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
  reap();
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
  int running, action = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

  (void)arg;
  curl_multi_socket_action(multi, fd, action, &running);
  reap();
}

static int want_timer(CURLM *m, long ms, void *user)
{
  struct timeval wait = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

  (void)m, (void)user;
  if (ms < 0)
    event_del(timer);
  else
    event_add(timer, &wait);
  return 0;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
  struct event *watch = known;
  short wanted = (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST);

  (void)easy, (void)user;
  if (watch)
    event_free(watch);
  watch = what == CURL_POLL_REMOVE ? NULL : event_new(owner->base, fd, wanted, on_socket, NULL);
  if (watch)
    event_add(watch, NULL);
  curl_multi_assign(multi, fd, watch);
  return 0;
}

int transfers_start(server *s)
{
  owner = s;
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(multi = curl_multi_init()))
    return -1;
  timer = event_new(s->base, -1, 0, on_timer, NULL);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, want_socket);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, want_timer);
  return timer ? 0 : -1;
}

void transfers_stop(void)
{
  if (multi)
    curl_multi_cleanup(multi);
  if (timer)
    event_free(timer);
  curl_global_cleanup();
}

/* ---- one transfer ---- */

static size_t on_data(char *bytes, size_t size, size_t n, void *user)
{
  transfer *t = user;
  curl_off_t total = -1;

  size *= n;
  if (t->done + size > setting(owner, "HERMES_DOWNLOAD_MAX_BYTES")) {
    t->error = "larger than HERMES_DOWNLOAD_MAX_BYTES";
    return CURL_WRITEFUNC_ERROR;
  }
  if (file_write(&t->out, bytes, size) < 0) {
    t->error = errno == ENOSPC ? "the disk is full" : "could not write the file";
    return CURL_WRITEFUNC_ERROR;
  }
  t->done += size;
  curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &total);
  downloads_progress(t->one, t->done, total > 0 ? (uint64_t)total : 0);
  return size;
}

/* Every connection, redirects included, is judged by the address it really goes to. */
static curl_socket_t on_open(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
  transfer *t = user;

  (void)purpose;
  if (!target_allowed(owner, &address->addr)) {
    t->error = "the address is in a private network, which this server does not fetch from";
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int set_options(transfer *t)
{
  CURL *e = t->easy;

  return curl_easy_setopt(e, CURLOPT_URL, t->one->url) || curl_easy_setopt(e, CURLOPT_PRIVATE, t) ||
         curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") ||
         curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") ||
         curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 1L) ||
         curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS) || curl_easy_setopt(e, CURLOPT_FAILONERROR, 1L) ||
         curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) || curl_easy_setopt(e, CURLOPT_PROXY, "") ||
         curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->curl_error) ||
         curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S) ||
         curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L) ||
         curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)STALL_S) ||
         curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data) || curl_easy_setopt(e, CURLOPT_WRITEDATA, t) ||
         curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open) || curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t) ||
         curl_multi_add_handle(multi, e) != CURLM_OK;
}

void transfer_start(download *one)
{
  transfer *t = calloc(1, sizeof *t);

  if (!t || !(t->easy = curl_easy_init())) {
    free(t);
    downloads_finished(one, "failed", "out of memory");
    return;
  }
  t->one = one;
  one->transfer = t;
  if (file_open(&t->out, hermes_sse_settings_get(owner->settings, "HERMES_DOWNLOAD_DIR"), one->url, one->id) < 0) {
    char error[ERROR_ROOM];

    snprintf(error, sizeof error, "could not create a file: %s", strerror(errno));
    free_transfer(t);
    downloads_finished(one, "failed", error);
  } else if (set_options(t)) {
    file_discard(&t->out);
    free_transfer(t);
    downloads_finished(one, "failed", "out of memory");
  }
}

void transfer_abort(download *one)
{
  file_discard(&one->transfer->out);
  free_transfer(one->transfer);
}
