/* A thread per connection that blocks in send(), by pull: blocking [PORT]; curl -N http://127.0.0.1:PORT/ */
#include <hermes_sse/hermes_sse.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* whoever has it is the hub's thread */
static hermes_sse_hub *hub;
static const hermes_sse_subscription topic = { .topic = { "clock", 5 } };

static void *serve(void *arg)
{
  pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
  hermes_sse_stream_options o = { .size = sizeof o, .user = &ready, .flags = HERMES_SSE_STREAM_PULL, .http = 11 };
  hermes_sse_stream *stream = NULL;
  char buf[16384] = "", *id;
  int fd = (int)(intptr_t)arg;
  ssize_t n = recv(fd, buf, sizeof buf - 1, 0); /* the request, in one piece */
  o.topics = &topic, o.n_topics = 1;
  if ((id = strcasestr(buf, "\nLast-Event-ID: ")))
    o.last_event_id = (hermes_sse_slice){ .ptr = id + 16, .len = strcspn(id + 16, "\r\n") };
  pthread_mutex_lock(&lock);
  if (n <= 0 || hermes_sse_stream_open(hub, &o, &stream) != HERMES_SSE_OK)
    n = -1;
  while (n >= 0 && (n = hermes_sse_stream_read(stream, buf, sizeof buf)) >= 0)
    if (n == 0) {
      pthread_cond_wait(&ready, &lock);
    } else {
      pthread_mutex_unlock(&lock);
      n = send(fd, buf, (size_t)n, MSG_NOSIGNAL); /* a slow client holds this thread, and nothing else */
      pthread_mutex_lock(&lock);
    }
  hermes_sse_stream_free(stream);
  pthread_mutex_unlock(&lock);
  return close(fd), NULL;
}

int main(int argc, char **argv)
{
  struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  struct pollfd server = { .fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN };
  hermes_sse_message tick = { .size = sizeof tick, .topic = topic.topic, .data = hermes_sse_str("tick") };
  struct timespec now;
  hermes_sse_bus *bus = NULL;
  pthread_t thread;
  here.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 8000));
  if (bind(server.fd, (struct sockaddr *)&here, sizeof here) || listen(server.fd, 128) ||
      hermes_sse_bus_new(NULL, &bus) || hermes_sse_hub_new(bus, NULL, &hub))
    return 1;
  for (time_t last = 0;; poll(&server, 1, 50)) { /* any thread may publish: the hub runs 20 times a second */
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec != last && (last = now.tv_sec))
      hermes_sse_bus_publish(bus, &tick);
    pthread_mutex_lock(&lock);
    hermes_sse_hub_run(hub, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, 0, NULL);
    for (hermes_sse_stream *s; (s = hermes_sse_hub_next(hub));)
      pthread_cond_signal(hermes_sse_stream_user(s));
    pthread_mutex_unlock(&lock);
    if (server.revents && !pthread_create(&thread, NULL, serve, (void *)(intptr_t)accept(server.fd, NULL, NULL)))
      pthread_detach(thread);
  }
}
