/* The service: the Hermes API without HTTP. The host parses a request, the service decides: the host's own, a reply to
 * send, a stream to open, or an answer that comes later. Library hermes-sse-service; needs cJSON inside, none of its types
 * are here. Call classes as in status.h. */
#ifndef HERMES_SSE_SERVICE_H
#define HERMES_SSE_SERVICE_H
#include <hermes_sse/extend.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct hermes_sse_settings hermes_sse_settings;
typedef struct hermes_sse_service hermes_sse_service;
typedef struct hermes_sse_request hermes_sse_request;

/* ---- Settings ---- */

/* Reads every variable of the contract: first from `environ` ("NAME=value" strings, NULL at the end), then from
   `dotenv` (the text of a .env file, NUL-terminated, or NULL), then from `presets` (as `environ`, or NULL), then its
   default. An empty value counts as unset; unknown names are ignored. HERMES_SSE_ERR_SETTING: `why` holds one line that
   names variable, value (never a password or key) and what is accepted; HERMES_SSE_ERR_NOMEM. `environment` may be NULL.
   Class: any. */
HERMES_SSE_API int hermes_sse_settings_load(const hermes_sse_environment *environment, const char *const *environ,
                                            const char *dotenv, const char *const *presets, char *why, size_t cap,
                                            hermes_sse_settings **settings);

/* NULL is nothing. What was made from them has copied what it needs. Class: any. */
HERMES_SSE_API void hermes_sse_settings_free(hermes_sse_settings *settings);

/* The value in force as text ("true", "30", "127.0.0.1"); NULL for an unknown variable. Lives with the settings.
   Class: any. */
HERMES_SSE_API const char *hermes_sse_settings_get(const hermes_sse_settings *settings, const char *variable);

/* The value of a number or boolean in force; HERMES_SSE_ERR_NOT_FOUND for others. Class: any. */
HERMES_SSE_API int hermes_sse_settings_number(const hermes_sse_settings *settings, const char *variable,
                                              uint64_t *value);

/* Fills heartbeat_ms, timeout_ms, lifetime_ms and the contract's heartbeat event (its `user` must stay the hub's own). Class: any. */
HERMES_SSE_API int hermes_sse_settings_hub(const hermes_sse_settings *settings, hermes_sse_hub_options *options);

/* ---- Service ---- */

typedef struct hermes_sse_service_options {
  size_t size;
  const hermes_sse_environment *environment; /* copied; NULL: all defaults */
  const hermes_sse_settings *settings;       /* copied; required */
  const hermes_sse_store *store;             /* tokens; copied; NULL: in memory */
  uint64_t store_timeout_ms;                 /* an answer that has not come by then is a 503; default 2000 */
} hermes_sse_service_options;

/* One for all hubs of the bus; the bus must outlive it. It counts admissions in limits of its own, made from the settings.
   HERMES_SSE_ERR_NOMEM, _OPTION, _RANDOM. Class: any. */
HERMES_SSE_API int hermes_sse_service_new(hermes_sse_bus *bus, const hermes_sse_service_options *options,
                                          hermes_sse_service **service);

/* Frees it when its last request is freed and the hubs of its requests have run once more, or are freed; the store may not
   call `done` from now on. NULL is nothing. Class: any. */
HERMES_SSE_API void hermes_sse_service_free(hermes_sse_service *service);

/* Revokes every ephemeral token of `scope` that this service gave, and closes the streams opened with such a token after what has a
   place in the order. A download that ends (a download_progress with the status completed, failed or cancelled) does so for its own
   scope, "download:<id>", on every server that hears of it. Class: any. */
HERMES_SSE_API int hermes_sse_service_revoke(hermes_sse_service *service, const char *scope);

/* Has a part (a Redis bridge) speak in metrics, health and readiness. The part must outlive the service's last request.
   HERMES_SSE_ERR_OPTION (size; name, state or figures missing), _FULL (4 do). Class: any. */
HERMES_SSE_API int hermes_sse_service_report(hermes_sse_service *service, const hermes_sse_report *report);

/* ---- Requests ---- */

enum {
  /* The path is none of the service's, or the host's own (`allow` was set) and passed every check. The request may hold
     headers (CORS) that the host adds to its own answer. */
  HERMES_SSE_REQUEST_PASS = 1,
  HERMES_SSE_REQUEST_REPLY,  /* send status, headers, body; for HEAD the host leaves the body out */
  HERMES_SSE_REQUEST_STREAM, /* hermes_sse_request_open() it */
  HERMES_SSE_REQUEST_PENDING /* hermes_sse_request_next() will list it */
};

typedef struct hermes_sse_request_input {
  size_t size;
  hermes_sse_slice method;
  hermes_sse_slice target; /* path and query as on the request line, still encoded */
  hermes_sse_slice body;
  uint64_t http;               /* 10, 11, 20, 30 */
  const struct sockaddr *peer; /* NULL: unknown, counts as one client */
  hermes_sse_slice principal;  /* set: the host has authenticated, keys and tokens are not looked at */
  /* Looks a header up by its lower-case name: 1 and the value, or 0. Several fields of one name: joined by ", ". */
  int (*header)(const char *name, hermes_sse_slice *value, void *user);
  /* Set: the path is the host's own and takes these methods ("GET, DELETE"). The service then answers 405, CORS preflight,
     HEAD like GET, a wrong Host or Content-Type, 401 and 403 itself and passes the rest. */
  const char *allow;
  uint64_t open_to_all; /* with `allow`: 1: no key is asked for */
  void *user;           /* for `header`; kept as the request's, see hermes_sse_request_user() */
} hermes_sse_request_input;

/* Decides. A HERMES_SSE_REQUEST_ state and a request that the host frees, or a negative status and none
   (HERMES_SSE_ERR_NOMEM, _OPTION). The input is borrowed for the call. Class: submit, on the thread of `hub`. */
HERMES_SSE_API int hermes_sse_service_handle(hermes_sse_service *service, hermes_sse_hub *hub, uint64_t now_ms,
                                             const hermes_sse_request_input *input, hermes_sse_request **request);

/* Legal in every state: cancels what is pending and gives the place back. NULL is nothing. Class: submit. */
HERMES_SSE_API void hermes_sse_request_free(hermes_sse_request *request);

/* The next request of this hub that was pending and is decided now, or NULL. After each run. Class: submit. */
HERMES_SSE_API hermes_sse_request *hermes_sse_request_next(hermes_sse_service *service, hermes_sse_hub *hub);

/* HERMES_SSE_REQUEST_, of now. Class: getter. */
HERMES_SSE_API int hermes_sse_request_state(const hermes_sse_request *request);

/* The `user` of its input. Class: getter. */
HERMES_SSE_API void *hermes_sse_request_user(const hermes_sse_request *request);

/* The HTTP status to answer with; 0 while it is pending or passed on. Class: getter. */
HERMES_SSE_API int hermes_sse_request_status(const hermes_sse_request *request);

/* Header i of the answer: names in lower case, both NUL-terminated, living with the request. HERMES_SSE_ERR_NOT_FOUND past
   the last. Class: getter. */
HERMES_SSE_API int hermes_sse_request_header(const hermes_sse_request *request, size_t i, const char **name,
                                             const char **value);

/* The body of a REPLY, living with the request; empty: none. Class: getter. */
HERMES_SSE_API hermes_sse_slice hermes_sse_request_body(const hermes_sse_request *request);

/* Opens the stream that was decided: adds topics, cursor, greeting, ticket, lifetime and headers to the host's options (size,
   user, flags, http are the host's). On failure the request becomes a REPLY (503 or 500). HERMES_SSE_ERR_STATE: not a STREAM, or
   opened already.
   Otherwise as hermes_sse_stream_open(). Class: submit. */
HERMES_SSE_API int hermes_sse_request_open(hermes_sse_request *request, const hermes_sse_stream_options *options,
                                           hermes_sse_stream **stream);

/* ---- Publishing, by Hermes's names ---- */

/* A number that is not known: sent as null. */
#define HERMES_SSE_UNKNOWN UINT64_MAX

typedef struct hermes_sse_download_progress {
  size_t size;
  const char *status; /* "queued", "downloading", "processing", "completed", "failed", "cancelled"; required */
  double progress;    /* 0 to 100 */
  uint64_t downloaded_bytes, total_bytes, download_speed, eta; /* bytes, bytes, bytes/s, s; HERMES_SSE_UNKNOWN: null */
  const char *error_message;                                   /* NULL: null */
  hermes_sse_slice more;                                       /* further members as a JSON object, or empty */
} hermes_sse_download_progress;

/* On channel download:updates, type download_progress, key `download_id`. HERMES_SSE_ERR_BAD_DATA (status, progress, id
   or `more`), and as hermes_sse_bus_publish(). Does nothing and returns 0 while SSE is off and no Redis is set. Class: any. */
HERMES_SSE_API int hermes_sse_publish_download_progress(hermes_sse_service *service, const char *download_id,
                                                        const hermes_sse_download_progress *progress);

/* The same object as JSON text into `buf`, for hosts that answer polls with what streams carry. Length without NUL,
   HERMES_SSE_ERR_SPACE, _BAD_DATA, _NOMEM. Class: any. */
HERMES_SSE_API hermes_sse_ssize hermes_sse_format_download_progress(const char *download_id,
                                                                    const hermes_sse_download_progress *progress,
                                                                    char *buf, size_t cap);

/* On queue:updates, type queue_update, key `download_id`; action "added", "removed", "status_changed". Errors as
   for hermes_sse_publish_download_progress(). Class: any. */
HERMES_SSE_API int hermes_sse_publish_queue_update(hermes_sse_service *service, const char *action,
                                                   const char *download_id, const char *status);

/* On system:notifications, type system_notification; "info", "warning", "error". Errors as for
   hermes_sse_publish_download_progress(). Class: any. */
HERMES_SSE_API int hermes_sse_publish_system_notification(hermes_sse_service *service, const char *notification_type,
                                                          const char *message);

/* Any event of the contract: `channel` is one of the four, `type` as the contract allows, `data` one JSON value, which
   travels as it is written here but for line breaks between tokens. The key is data.download_id when that is a string.
   HERMES_SSE_ERR_NOT_FOUND (channel), _BAD_TYPE, _BAD_DATA. Class: any. */
HERMES_SSE_API int hermes_sse_service_publish(hermes_sse_service *service, const char *channel, const char *type,
                                              hermes_sse_slice data);

#ifdef __cplusplus
}
#endif
#endif
