#include "binding.h"
#include <hermes_sse/parser.h>

/* Between a call of the core and the next one nothing runs Python code while slices are in use: decoding replaces without
   calling a handler, and what is made of them is no matter of the collector. So threads that share a parser, against the
   documentation, take each other's events but never see freed memory. */
typedef struct parser {
  PyObject base;
  hermes_sse_parser *core;
  PyObject *chunk;   /* bytes that the core has borrowed, or NULL */
  PyObject *waiting; /* a list of what was fed before `chunk` was used up, or NULL */
} parser;

static const char parser_doc[] =
    "Parser(*, max_event_bytes=None, max_line_bytes=None, max_id_bytes=None, last_event_id=None, comments=False)\n"
    "--\n"
    "\n"
    "The events of a stream, from its bytes cut anywhere. Is its own iterator.\n"
    "\n"
    "Limits are bytes, each the largest that is taken; UNLIMITED is none. Beyond one, iterating raises LimitError.\n"
    "  max_event_bytes  the data of an event; by default 1 MiB\n"
    "  max_line_bytes   a line of any kind; by default max_event_bytes + 64\n"
    "  max_id_bytes     an id; by default 1024\n"
    "  last_event_id    known from a connection before\n"
    "  comments         find Comment objects too";

/* A limit into `value`, where 0 is the core's default. */
static int read_limit(const state *s, PyObject *given, const char *name, uint64_t *value)
{
  const char *accepted = "%s must be an int from 1, UNLIMITED or None";
  unsigned long long n = 0;
  PyObject *number;
  char message[96];

  *value = 0;
  if (!given || given == Py_None)
    return 0;
  if (!PyIndex_Check(given)) {
    PyErr_Format(PyExc_TypeError, accepted, name);
    return -1;
  }
  number = PyNumber_Index(given);
  if (number)
    n = PyLong_AsUnsignedLongLong(number);
  Py_XDECREF(number);
  if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_OverflowError))
    return -1;
  if (PyErr_Occurred() || n == 0) {
    PyErr_Clear();
    PyOS_snprintf(message, sizeof message, accepted, name);
    raise_field_error(s, name, message);
    return -1;
  }
  *value = n;
  return 0;
}

/* A parser of the core, or NULL and an exception. */
static hermes_sse_parser *new_core(const state *s, hermes_sse_parser_options *options, PyObject *last_event_id)
{
  hermes_sse_parser *core = NULL;
  taken_text id;
  int rv;

  if (take_text(s, last_event_id, "last_event_id", &id) < 0)
    return NULL;
  options->last_event_id = id.bytes;
  rv = hermes_sse_parser_new(options, &core);
  release_text(&id);
  if (rv == HERMES_SSE_ERR_BAD_ID)
    return raise_field_error(s, "last_event_id", "last_event_id must be at most max_id_bytes, without CR, LF and NUL");
  if (rv < 0)
    PyErr_NoMemory();
  return core;
}

static PyObject *parser_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
  static char *names[] = { "max_event_bytes", "max_line_bytes", "max_id_bytes", "last_event_id", "comments", NULL };
  const state *s = PyType_GetModuleState(type);
  hermes_sse_parser_options options = { .size = sizeof options };
  PyObject *max_event = NULL, *max_line = NULL, *max_id = NULL, *last_event_id = NULL;
  hermes_sse_parser *core;
  parser *self;
  int comments = 0;

  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$OOOOp:Parser", names, &max_event, &max_line, &max_id,
                                   &last_event_id, &comments) ||
      read_limit(s, max_event, names[0], &options.max_event_bytes) < 0 ||
      read_limit(s, max_line, names[1], &options.max_line_bytes) < 0 ||
      read_limit(s, max_id, names[2], &options.max_id_bytes) < 0)
    return NULL;
  options.flags = comments ? HERMES_SSE_PARSER_COMMENTS : 0;
  core = new_core(s, &options, last_event_id);
  if (!core)
    return NULL;
  self = PyObject_GC_New(parser, type);
  if (!self) {
    hermes_sse_parser_free(core);
    return NULL;
  }
  self->core = core;
  self->chunk = self->waiting = NULL;
  PyObject_GC_Track((PyObject *)self);
  return (PyObject *)self;
}

static int parser_traverse(PyObject *object, visitproc visit, void *arg)
{
  parser *self = (parser *)object;

  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->waiting);
  return 0;
}

static int parser_clear(PyObject *object)
{
  parser *self = (parser *)object;

  Py_CLEAR(self->waiting);
  return 0;
}

static void parser_dealloc(PyObject *object)
{
  parser *self = (parser *)object;
  PyTypeObject *type = Py_TYPE(object);

  PyObject_GC_UnTrack(object);
  parser_clear(object);
  hermes_sse_parser_free(self->core);
  Py_XDECREF(self->chunk);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

/* Exactly bytes, which nobody changes while they are read: itself, or a copy. */
static PyObject *to_bytes(PyObject *given)
{
  PyObject *bytes;
  Py_buffer view;

  if (PyBytes_CheckExact(given))
    return Py_NewRef(given);
  if (PyObject_GetBuffer(given, &view, PyBUF_SIMPLE) < 0)
    return NULL;
  bytes = PyBytes_FromStringAndSize(view.buf, view.len);
  PyBuffer_Release(&view);
  return bytes;
}

/* Takes `bytes` over. */
static int read_chunk(parser *self, PyObject *bytes)
{
  int rv = hermes_sse_parser_feed(self->core, PyBytes_AsString(bytes), (size_t)PyBytes_Size(bytes));

  if (rv < 0) {
    Py_DECREF(bytes);
    PyErr_SetString(PyExc_SystemError, hermes_sse_strerror(rv));
    return -1;
  }
  self->chunk = bytes;
  return 0;
}

static int wait_with(parser *self, PyObject *bytes)
{
  int rv;

  if (!self->waiting)
    self->waiting = PyList_New(0);
  rv = self->waiting ? PyList_Append(self->waiting, bytes) : -1;
  Py_DECREF(bytes);
  return rv;
}

static PyObject *parser_feed(PyObject *object, PyObject *given)
{
  parser *self = (parser *)object;
  PyObject *bytes = to_bytes(given);

  if (!bytes || (self->chunk ? wait_with(self, bytes) : read_chunk(self, bytes)) < 0)
    return NULL;
  return Py_NewRef(object);
}

/* To what was fed after `chunk`; 0 if nothing was. */
static int read_on(parser *self)
{
  PyObject *next = NULL;

  Py_CLEAR(self->chunk);
  if (!self->waiting)
    return 0;
  next = Py_NewRef(PyList_GetItem(self->waiting, 0));
  if (PyList_Size(self->waiting) == 1)
    Py_CLEAR(self->waiting);
  else if (PyList_SetSlice(self->waiting, 0, 1, NULL) < 0) {
    Py_DECREF(next);
    return -1;
  }
  return read_chunk(self, next) < 0 ? -1 : 1;
}

static PyObject *raise_status(const state *s, int status)
{
  if (status == HERMES_SSE_ERR_NOMEM)
    return PyErr_NoMemory();
  return raise_limit_error(s,
                           status == HERMES_SSE_ERR_MAX_LINE    ? "line"
                           : status == HERMES_SSE_ERR_MAX_EVENT ? "event"
                                                                : "id",
                           hermes_sse_strerror(status));
}

static PyObject *parser_next(PyObject *object)
{
  parser *self = (parser *)object;
  const state *s = PyType_GetModuleState(Py_TYPE(object));
  hermes_sse_event found = { .size = sizeof found };
  int kind = 0;

  while (self->chunk && (kind = hermes_sse_parser_next(self->core, &found)) == 0)
    if (read_on(self) < 0)
      return NULL;
  if (kind == HERMES_SSE_PARSED_EVENT)
    return event_from(s, &found);
  if (kind == HERMES_SSE_PARSED_COMMENT)
    return comment_from(s, &found);
  return kind < 0 ? raise_status(s, kind) : NULL;
}

static PyObject *parser_reset(PyObject *object, PyObject *unused)
{
  parser *self = (parser *)object;

  (void)unused;
  hermes_sse_parser_reset(self->core);
  Py_CLEAR(self->chunk);
  Py_CLEAR(self->waiting);
  Py_RETURN_NONE;
}

static PyObject *get_last_event_id(PyObject *object, void *unused)
{
  parser *self = (parser *)object;
  hermes_sse_slice id = hermes_sse_parser_last_event_id(self->core);

  (void)unused;
  return PyUnicode_DecodeUTF8(id.ptr ? id.ptr : "", (Py_ssize_t)id.len, "replace");
}

static PyObject *get_retry(PyObject *object, void *unused)
{
  parser *self = (parser *)object;
  uint64_t ms = hermes_sse_parser_retry_ms(self->core);

  (void)unused;
  if (ms == HERMES_SSE_NEVER)
    Py_RETURN_NONE;
  return PyLong_FromUnsignedLongLong(ms);
}

static PyMethodDef methods[] = {
  { "feed", parser_feed, METH_O,
    "feed($self, chunk, /)\n--\n\nHands over the next bytes of the stream; returns the parser, to be iterated.\n"
    "Bytes that are left of what was fed before are read first." },
  { "reset", parser_reset, METH_NOARGS,
    "reset($self, /)\n--\n\nThe stream ended, another one will follow: drops the event under way and bytes not yet "
    "read,\n"
    "keeps last_event_id and retry." },
  { "__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "Parser[Event], or Parser[Event | Comment]" },
  { .ml_name = NULL },
};

static PyGetSetDef attributes[] = {
  { "last_event_id", get_last_event_id, NULL,
    "What a client sends as Last-Event-ID when it connects again; empty: none.", NULL },
  { "retry", get_retry, NULL, "The reconnection time in milliseconds that the stream set last; None: none so far.",
    NULL },
  { .name = NULL },
};

static PyType_Slot slots[] = {
  { Py_tp_doc, (void *)parser_doc },
  { Py_tp_new, (void *)parser_new },
  { Py_tp_dealloc, (void *)parser_dealloc },
  { Py_tp_traverse, (void *)parser_traverse },
  { Py_tp_clear, (void *)parser_clear },
  { Py_tp_iter, (void *)PyObject_SelfIter },
  { Py_tp_iternext, (void *)parser_next },
  { Py_tp_methods, methods },
  { Py_tp_getset, attributes },
  { 0, NULL },
};

PyType_Spec parser_spec = {
  .name = "hermes_sse.Parser",
  .basicsize = sizeof(parser),
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
  .slots = slots,
};
