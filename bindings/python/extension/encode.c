#include "binding.h"

const char encode_doc[] =
    "encode($module, /, data, event=None, id=None, retry=None, comment=None)\n"
    "--\n"
    "\n"
    "One event as the bytes of an event stream.\n"
    "\n"
    "Texts are str (sent as UTF-8, a lone surrogate as U+FFFD) or bytes-like (sent as they are).\n"
    "  data     any text; CR, LF and CRLF in it each arrive as LF. None: no data line, and clients dispatch nothing\n"
    "  event    the type, without CR, LF and NUL. None or empty: none, which clients take as \"message\"\n"
    "  id       without CR, LF and NUL. Empty: the client forgets its last event id. None: it keeps it\n"
    "  retry    the reconnection time in milliseconds, 0 to 2**63 - 1\n"
    "  comment  any text, one comment for each line. None or empty: none\n"
    "\n"
    "An event with nothing in it is b''. FieldError names the field that cannot be sent.";

const char *const argument_names[N_ARGUMENTS] = { "data", "event", "id", "retry", "comment" };

/* Between the calls for bytes of a few hundred, which most events are, and one allocation of the right size. */
enum { SMALL = 1024 };

static int take_retry(const state *s, PyObject *given, hermes_sse_event *e)
{
  PyObject *type_name;
  long long ms;
  int overflow;

  if (!given || given == Py_None)
    return 0;
  if (!PyIndex_Check(given)) {
    type_name = PyType_GetName(Py_TYPE(given));
    if (type_name)
      PyErr_Format(PyExc_TypeError, "retry must be int or None, not %U", type_name);
    Py_XDECREF(type_name);
    return -1;
  }
  ms = PyLong_AsLongLongAndOverflow(given, &overflow);
  if (ms == -1 && !overflow && PyErr_Occurred())
    return -1;
  if (overflow || ms < 0) {
    raise_field_error(s, "retry", "retry must be 0 to 2**63 - 1 milliseconds");
    return -1;
  }
  e->flags |= HERMES_SSE_EVENT_RETRY;
  e->retry_ms = (uint64_t)ms;
  return 0;
}

static PyObject *refuse(const state *s, hermes_sse_ssize status)
{
  if (status == HERMES_SSE_ERR_BAD_TYPE)
    return raise_field_error(s, "event", "event must not contain CR, LF or NUL");
  if (status == HERMES_SSE_ERR_BAD_ID)
    return raise_field_error(s, "id", "id must not contain CR, LF or NUL");
  if (status == HERMES_SSE_ERR_TOO_LARGE)
    return PyErr_NoMemory();
  PyErr_SetString(PyExc_SystemError, hermes_sse_strerror((int)status));
  return NULL;
}

static PyObject *encode_large(const state *s, const hermes_sse_event *e)
{
  hermes_sse_ssize size = hermes_sse_event_measure(e);
  PyObject *encoded;

  if (size < 0)
    return refuse(s, size);
  encoded = PyBytes_FromStringAndSize(NULL, size);
  if (encoded && hermes_sse_event_encode(e, PyBytes_AsString(encoded), (size_t)size) != size) {
    Py_CLEAR(encoded); /* memory that others write to, such as a mapped file */
    PyErr_SetString(PyExc_RuntimeError, "the event changed while it was encoded");
  }
  return encoded;
}

static PyObject *encode_event(const state *s, const hermes_sse_event *e)
{
  char small[SMALL];
  hermes_sse_ssize size = HERMES_SSE_ERR_SPACE;

  if (e->data.len < SMALL)
    size = hermes_sse_event_encode(e, small, sizeof small);
  if (size == HERMES_SSE_ERR_SPACE)
    return encode_large(s, e);
  return size >= 0 ? PyBytes_FromStringAndSize(small, size) : refuse(s, size);
}

/* Its place among the arguments, or -1 and an exception. Names in calls are interned, so most are found by their address. */
static int find_argument(const state *s, PyObject *name)
{
  for (int i = 0; i < N_ARGUMENTS; i++)
    if (name == s->names[i])
      return i;
  for (int i = 0; i < N_ARGUMENTS; i++)
    if (PyUnicode_CompareWithASCIIString(name, argument_names[i]) == 0)
      return i;
  PyErr_Format(PyExc_TypeError, "encode() got an unexpected keyword argument '%U'", name);
  return -1;
}

/* Into `given` by place; NULL where nothing was given. */
static int sort_arguments(const state *s, PyObject *const *args, Py_ssize_t n_positional, PyObject *keywords,
                          PyObject **given)
{
  Py_ssize_t n_keywords = keywords ? PyTuple_Size(keywords) : 0;

  if (n_positional > N_ARGUMENTS) {
    PyErr_Format(PyExc_TypeError, "encode() takes at most %d arguments (%zd given)", N_ARGUMENTS, n_positional);
    return -1;
  }
  for (Py_ssize_t i = 0; i < n_positional; i++)
    given[i] = args[i];
  for (Py_ssize_t i = 0; i < n_keywords; i++) {
    int argument = find_argument(s, PyTuple_GetItem(keywords, i));

    if (argument < 0)
      return -1;
    if (given[argument]) {
      PyErr_Format(PyExc_TypeError, "encode() got multiple values for argument '%s'", argument_names[argument]);
      return -1;
    }
    given[argument] = args[n_positional + i];
  }
  if (given[DATA])
    return 0;
  PyErr_SetString(PyExc_TypeError, "encode() needs an argument 'data', which may be None");
  return -1;
}

PyObject *encode(PyObject *module, PyObject *const *args, Py_ssize_t n_positional, PyObject *keywords)
{
  static const int texts[] = { DATA, EVENT, ID, COMMENT };
  enum { N_TEXTS = sizeof texts / sizeof *texts };
  const state *s = PyModule_GetState(module);
  PyObject *given[N_ARGUMENTS] = { NULL }, *encoded = NULL;
  hermes_sse_event e = { .size = sizeof e };
  taken_text taken[N_ARGUMENTS];
  int n = 0;

  if (sort_arguments(s, args, n_positional, keywords, given) < 0)
    return NULL;
  while (n < N_TEXTS && take_text(s, given[texts[n]], argument_names[texts[n]], &taken[texts[n]]) == 0)
    n++;
  if (n == N_TEXTS && take_retry(s, given[RETRY], &e) == 0) {
    e.data = taken[DATA].bytes;
    e.type = taken[EVENT].bytes;
    e.id = taken[ID].bytes;
    e.comment = taken[COMMENT].bytes;
    if (given[DATA] == Py_None)
      e.flags |= HERMES_SSE_EVENT_NO_DATA;
    if (given[ID] && given[ID] != Py_None && e.id.len == 0)
      e.flags |= HERMES_SSE_EVENT_RESET_ID;
    encoded = encode_event(s, &e);
  }
  while (n-- > 0)
    release_text(&taken[texts[n]]);
  return encoded;
}
