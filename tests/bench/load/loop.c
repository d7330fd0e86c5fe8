#include "load.h"
#include <err.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_us(clockid_t clock)
{
  struct timespec t;

  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

uint64_t now_us(void)
{
  return clock_us(CLOCK_MONOTONIC);
}

uint64_t wall_us(void)
{
  return clock_us(CLOCK_REALTIME);
}

static int watch(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
  load *l = user;
  struct epoll_event e = { .data.fd = fd };

  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
    return 0;
  }
  e.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  if (epoll_ctl(l->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) < 0)
    err(1, "epoll");
  curl_multi_assign(l->multi, fd, l);
  return 0;
}

static int set_timer(CURLM *multi, long ms, void *user)
{
  load *l = user;

  (void)multi;
  l->timer_us = ms < 0 ? UINT64_MAX : now_us() + (uint64_t)ms * 1000u;
  return 0;
}

void loop_init(load *l)
{
  curl_global_init(CURL_GLOBAL_DEFAULT);
  l->epoll = epoll_create1(EPOLL_CLOEXEC);
  l->multi = curl_multi_init();
  if (l->epoll < 0 || !l->multi)
    errx(1, "no event loop");
  l->timer_us = UINT64_MAX;
  curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, watch);
  curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
  curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, set_timer);
  curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
  /* a stream keeps its connection; those that are over must not be kept for others */
  curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, 32L);
}

static void end_transfers(load *l)
{
  CURLMsg *message;
  int left;

  while ((message = curl_multi_info_read(l->multi, &left))) {
    CURL *easy = message->easy_handle;
    CURLcode result = message->data.result;
    transfer *t = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
    curl_multi_remove_handle(l->multi, easy);
    t->done(t, result);
  }
}

void loop_turn(load *l, uint64_t until_us)
{
  struct epoll_event events[256];
  uint64_t now = now_us(), until = until_us < l->timer_us ? until_us : l->timer_us;
  int running, n = epoll_wait(l->epoll, events, 256, until > now ? (int)((until - now + 999) / 1000) : 0);

  for (int i = 0; i < n; i++) {
    uint32_t e = events[i].events;
    int what = (e & EPOLLIN ? CURL_CSELECT_IN : 0) | (e & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (e & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_IN : 0);

    curl_multi_socket_action(l->multi, events[i].data.fd, what, &running);
  }
  if (now_us() >= l->timer_us) {
    l->timer_us = UINT64_MAX;
    curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
  end_transfers(l);
}

void loop_clear(load *l)
{
  curl_multi_cleanup(l->multi);
  close(l->epoll);
  curl_global_cleanup();
}
