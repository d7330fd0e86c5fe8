/* Statuses, slices and constants that every other header uses.
 *
 * Conventions of all headers (each declaration says only what differs):
 *  - Functions return a status: 0 or positive is success, negative one of HERMES_SSE_ERR_. Out-parameters come last and
 *    are untouched on failure; a refused call leaves every object as it was.
 *  - Pointers passed in are borrowed for the call. Pointers handed out live until the next call on that object, unless
 *    their declaration says otherwise.
 *  - Call classes, kept in docs/calls.md, which generates the test:
 *      any     any thread, inside every callback except `wake`, `log`, the allocator and the other environment functions
 *      submit  the hub's thread, also inside the hub's callbacks; changes data, never writes
 *      drive   the hub's thread, outside callbacks (HERMES_SSE_ERR_REENTRANT inside); may write and call back
 *      getter  the hub's thread, anywhere; never fails, changes nothing
 *    "The hub's thread" is one thread at a time: a host may move a hub between threads under its own lock.
 *  - Structs that begin with `size` may grow at the end. Set `size` to sizeof the struct and zero the rest: zero means the
 *    default. A smaller (older) struct is accepted; a larger one only while its unknown tail is zero.
 *  - Times are milliseconds on the host's own monotonic clock unless a name ends in another unit.
 *  - "Since 0.1.0" holds for every declaration that names no other version.
 */
#ifndef HERMES_SSE_STATUS_H
#define HERMES_SSE_STATUS_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#define HERMES_SSE_API __attribute__((visibility("default")))
#else
#define HERMES_SSE_API
#endif

/* Byte counts that may be a negative status. */
typedef ptrdiff_t hermes_sse_ssize;

/* X(name, code, text). -1 to -9: conditions, not failures. -10 to -49: the call was refused and changed nothing.
   -50 and below: fatal, the object takes only its getters and its _free from now on. */
#define HERMES_SSE_STATUS_MAP(X)                                                                                       \
  X(AGAIN, -1, "nothing now; the object will be listed or woken when there is")                                        \
  X(EOF, -2, "the stream is over and all of it was taken")                                                             \
  X(MAX_LINE, -3, "an event was lost: a line of it is longer than max_line_bytes")                                     \
  X(MAX_EVENT, -4, "an event was lost: its data is longer than max_event_bytes")                                       \
  X(MAX_ID, -5, "an event was lost: its id is longer than max_id_bytes")                                               \
  X(NOMEM, -10, "out of memory")                                                                                       \
  X(OPTION, -11, "an option is out of range, unknown, or its struct is newer than this library")                       \
  X(REENTRANT, -12, "this call drives output and was made inside a callback")                                          \
  X(STATE, -13, "the object is not in a state that allows this")                                                       \
  X(SPACE, -14, "the buffer is too small")                                                                             \
  X(BAD_TYPE, -15, "the event type contains CR, LF or NUL")                                                            \
  X(BAD_ID, -16, "the event id contains CR, LF or NUL, or is no id of this library")                                   \
  X(TOO_LARGE, -17, "the event is larger than allowed")                                                                \
  X(FULL, -18, "a bounded buffer is full")                                                                             \
  X(NOT_FOUND, -19, "no such thing")                                                                                   \
  X(DENIED, -20, "refused by a limit; the verdict says which")                                                         \
  X(CLOSED, -21, "the object is shutting down and takes nothing new")                                                  \
  X(SETTING, -22, "a setting has a value that is not accepted; the text says which")                                   \
  X(BAD_TOPIC, -23, "the topic is empty or longer than HERMES_SSE_TOPIC_MAX bytes")                                    \
  X(BAD_KEY, -24, "the key is longer than HERMES_SSE_KEY_MAX bytes")                                                   \
  X(BAD_DATA, -25, "the data is not what this call accepts, such as JSON")                                             \
  X(RANDOM, -26, "the environment gave no random bytes")                                                               \
  X(FORKED, -27, "the object was made before fork(); only the process that made it may use it")                        \
  X(PEER, -50, "the host's write failed: the client is gone")                                                          \
  X(CALLBACK, -51, "a host callback broke its contract")

enum {
  HERMES_SSE_OK = 0,
#define HERMES_SSE_STATUS_ENUM(name, code, text) HERMES_SSE_ERR_##name = code,
  HERMES_SSE_STATUS_MAP(HERMES_SSE_STATUS_ENUM)
#undef HERMES_SSE_STATUS_ENUM
};

/* The text of a status for people; "unknown status" for any other int. Static, never allocates. Class: any. */
HERMES_SSE_API const char *hermes_sse_strerror(int status);

/* The name of a status for logs and bindings, such as "HERMES_SSE_ERR_NOMEM". Static. Class: any. */
HERMES_SSE_API const char *hermes_sse_status_name(int status);

/* 1 if the object that returned `status` takes only getters and _free from now on, else 0. Class: any. */
HERMES_SSE_API int hermes_sse_is_fatal(int status);

/* The release, such as "0.1.0"; equal to the Version of hermes-sse.pc. Static. Class: any. */
HERMES_SSE_API const char *hermes_sse_version(void);

/* Bytes that are borrowed; they need no NUL at the end. `ptr` may be NULL while `len` is 0.
   `const void *` so that neither char nor uint8_t needs a cast. A plain value: it never grows. */
typedef struct hermes_sse_slice {
  const void *ptr;
  size_t len;
} hermes_sse_slice;

/* The slice of a NUL-terminated string; NULL gives the empty slice. Class: any. */
HERMES_SSE_API hermes_sse_slice hermes_sse_str(const char *text);

/* A deadline that does not come, a period that is off, a count without a bound. */
#define HERMES_SSE_NEVER UINT64_MAX

#ifdef __cplusplus
}
#endif
#endif
