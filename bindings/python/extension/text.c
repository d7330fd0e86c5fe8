#include "binding.h"
#include <string.h>

enum { SHORT = 128 };

/* A lone surrogate takes three bytes when it is let pass, as many as U+FFFD does. */
static void replace_surrogates(char *at, const char *end)
{
  for (; end - at >= 3; at++)
    if ((unsigned char)at[0] == 0xed && (unsigned char)at[1] >= 0xa0)
      memcpy(at, "\xef\xbf\xbd", 3);
}

static int borrow(PyObject *bytes, taken_text *t)
{
  Py_ssize_t len;
  char *at;

  if (PyBytes_AsStringAndSize(bytes, &at, &len) < 0)
    return -1;
  t->bytes = (hermes_sse_slice){ .ptr = at, .len = (size_t)len };
  return 0;
}

/* Whether asking the str for its own UTF-8 is cheap: it is there already, or short. Others would keep a second copy of
   themselves for as long as they live. */
static int gives_utf8(const state *s, PyObject *given)
{
  PyObject *is_ascii;
  int yes;

  if (PyUnicode_GetLength(given) < SHORT)
    return 1;
  is_ascii = PyObject_CallFunctionObjArgs(s->isascii, given, NULL);
  yes = is_ascii == Py_True;
  Py_XDECREF(is_ascii);
  return is_ascii ? yes : -1;
}

static int take_str(const state *s, PyObject *given, taken_text *t)
{
  int own = gives_utf8(s, given);
  Py_ssize_t len = 0;

  if (own > 0)
    t->bytes.ptr = PyUnicode_AsUTF8AndSize(given, &len);
  else if (own == 0)
    t->copy = PyUnicode_AsUTF8String(given);
  t->bytes.len = (size_t)len;
  if (t->bytes.ptr)
    return 0;
  if (t->copy)
    return borrow(t->copy, t);
  if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
    return -1;
  PyErr_Clear();
  t->copy = PyUnicode_AsEncodedString(given, "utf-8", "surrogatepass");
  if (!t->copy || borrow(t->copy, t) < 0)
    return -1;
  replace_surrogates(PyBytes_AsString(t->copy), PyBytes_AsString(t->copy) + t->bytes.len);
  return 0;
}

int take_text(const state *s, PyObject *given, const char *name, taken_text *t)
{
  PyObject *type_name;

  t->bytes = (hermes_sse_slice){ .len = 0 };
  t->copy = NULL;
  t->viewed = 0;
  if (!given || given == Py_None)
    return 0;
  if (PyUnicode_Check(given))
    return take_str(s, given, t);
  if (PyBytes_Check(given))
    return borrow(given, t);
  if (PyObject_CheckBuffer(given)) {
    if (PyObject_GetBuffer(given, &t->view, PyBUF_SIMPLE) < 0)
      return -1;
    t->viewed = 1;
    t->bytes = (hermes_sse_slice){ .ptr = t->view.buf, .len = (size_t)t->view.len };
    return 0;
  }
  type_name = PyType_GetName(Py_TYPE(given));
  if (type_name)
    PyErr_Format(PyExc_TypeError, "%s must be str, bytes-like or None, not %U", name, type_name);
  Py_XDECREF(type_name);
  return -1;
}

void release_text(taken_text *t)
{
  Py_XDECREF(t->copy);
  if (t->viewed)
    PyBuffer_Release(&t->view);
}
