/* What the files of the extension share. Everything lives in the module's state: nothing static changes, so each interpreter
   has its own. */
#ifndef BINDING_H
#define BINDING_H
#include <Python.h>
#include <hermes_sse/event.h>

/* The arguments of encode(), in the order of its signature. */
enum { DATA, EVENT, ID, RETRY, COMMENT, N_ARGUMENTS };

typedef struct state {
  PyObject *names[N_ARGUMENTS]; /* of the arguments, interned */
  PyObject *message;            /* "message", the type of most events */
  PyObject *isascii;            /* str.isascii */
  PyObject *field_error, *limit_error;
  PyTypeObject *event, *comment, *parser;
} state;

/* text.c: an argument's bytes, and what they are borrowed from. */
typedef struct taken_text {
  hermes_sse_slice bytes;
  PyObject *copy; /* or NULL */
  int viewed;     /* `view` is to be released */
  Py_buffer view;
} taken_text;

/* A str or bytes-like; None and NULL are the empty text. 0, or -1 and a TypeError that has `name`. */
int take_text(const state *s, PyObject *given, const char *name, taken_text *t);
void release_text(taken_text *t);

/* encode.c: METH_FASTCALL | METH_KEYWORDS */
PyObject *encode(PyObject *module, PyObject *const *args, Py_ssize_t n_positional, PyObject *keywords);
extern const char encode_doc[];
extern const char *const argument_names[N_ARGUMENTS];

/* found.c: what a parser finds. */
extern PyType_Spec event_spec, comment_spec;
PyObject *event_from(const state *s, const hermes_sse_event *found);
PyObject *comment_from(const state *s, const hermes_sse_event *found);

/* parser.c */
extern PyType_Spec parser_spec;

/* module.c: sets the exception and returns NULL. */
void *raise_field_error(const state *s, const char *field, const char *message);
void *raise_limit_error(const state *s, const char *limit, const char *message);

#endif
