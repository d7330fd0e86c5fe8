#include "binding.h"
#include <stddef.h>
#include <string.h>
#include <structmember.h>

/* What a parser finds: a few texts that do not change. They are exactly str, which refers to nothing, and the types can be
   neither changed nor derived from: no cycle goes through one, and the collector need not know them. */
enum { MAX_TEXTS = 3 };
typedef struct found {
  PyObject base;
  PyObject *texts[MAX_TEXTS]; /* NULL after the last */
} found;

static PyObject *const *texts_of(PyObject *self)
{
  return ((found *)self)->texts;
}

/* Takes the `n` texts over, also when it fails; fails too if one of them is NULL. */
static PyObject *make(PyTypeObject *type, PyObject *const *texts, int n)
{
  found *f = NULL;
  int whole = 1;

  for (int i = 0; i < n; i++)
    whole = whole && texts[i];
  if (whole)
    f = PyObject_New(found, type);
  for (int i = 0; i < MAX_TEXTS; i++)
    if (f)
      f->texts[i] = i < n ? texts[i] : NULL;
    else if (i < n)
      Py_XDECREF(texts[i]);
  return (PyObject *)f;
}

static PyObject *decode(hermes_sse_slice bytes)
{
  return PyUnicode_DecodeUTF8(bytes.ptr ? bytes.ptr : "", (Py_ssize_t)bytes.len, "replace");
}

static PyObject *decode_type(const state *s, hermes_sse_slice type)
{
  return type.len == 7 && memcmp(type.ptr, "message", 7) == 0 ? Py_NewRef(s->message) : decode(type);
}

PyObject *event_from(const state *s, const hermes_sse_event *e)
{
  PyObject *texts[] = { decode_type(s, e->type), decode(e->data), decode(e->id) };

  return make(s->event, texts, 3);
}

PyObject *comment_from(const state *s, const hermes_sse_event *e)
{
  PyObject *text = decode(e->comment);

  return make(s->comment, &text, 1);
}

static PyObject *event_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
  static char *names[] = { "type", "data", "id", NULL };
  PyObject *texts[3] = { NULL };

  if (!PyArg_ParseTupleAndKeywords(args, keywords, "UU|U:Event", names, &texts[0], &texts[1], &texts[2]))
    return NULL;
  for (int i = 0; i < 3; i++)
    texts[i] = texts[i] ? PyUnicode_FromObject(texts[i]) : PyUnicode_FromStringAndSize(NULL, 0);
  return make(type, texts, 3);
}

static PyObject *comment_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
  static char *names[] = { "text", NULL };
  PyObject *text;

  if (!PyArg_ParseTupleAndKeywords(args, keywords, "U:Comment", names, &text))
    return NULL;
  text = PyUnicode_FromObject(text);
  return make(type, &text, 1);
}

static void found_dealloc(PyObject *self)
{
  PyTypeObject *type = Py_TYPE(self);

  for (int i = 0; i < MAX_TEXTS; i++)
    Py_XDECREF(texts_of(self)[i]);
  PyObject_Free(self);
  Py_DECREF(type);
}

static PyObject *as_tuple(PyObject *self)
{
  PyObject *const *texts = texts_of(self), *tuple;
  int n = 0;

  while (n < MAX_TEXTS && texts[n])
    n++;
  tuple = PyTuple_New(n);
  for (int i = 0; tuple && i < n; i++)
    if (PyTuple_SetItem(tuple, i, Py_NewRef(texts[i])) < 0)
      Py_CLEAR(tuple);
  return tuple;
}

static PyObject *found_compare(PyObject *self, PyObject *other, int operation)
{
  int same = Py_TYPE(self) == Py_TYPE(other);

  if (!same || (operation != Py_EQ && operation != Py_NE))
    Py_RETURN_NOTIMPLEMENTED;
  for (int i = 0; same && i < MAX_TEXTS && texts_of(self)[i]; i++)
    same = PyUnicode_Compare(texts_of(self)[i], texts_of(other)[i]) == 0;
  return PyBool_FromLong(same == (operation == Py_EQ));
}

static Py_hash_t found_hash(PyObject *self)
{
  PyObject *tuple = as_tuple(self);
  Py_hash_t hash = tuple ? PyObject_Hash(tuple) : -1;

  Py_XDECREF(tuple);
  return hash;
}

static PyObject *event_repr(PyObject *self)
{
  PyObject *const *texts = texts_of(self);

  return PyUnicode_FromFormat("Event(type=%R, data=%R, id=%R)", texts[0], texts[1], texts[2]);
}

static PyObject *comment_repr(PyObject *self)
{
  PyObject *const *texts = texts_of(self);

  return PyUnicode_FromFormat("Comment(text=%R)", texts[0]);
}

static PyObject *found_reduce(PyObject *self, PyObject *unused)
{
  PyObject *tuple = as_tuple(self);

  (void)unused;
  return tuple ? Py_BuildValue("ON", (PyObject *)Py_TYPE(self), tuple) : NULL;
}

static PyMethodDef methods[] = {
  { "__reduce__", found_reduce, METH_NOARGS, NULL },
  { .ml_name = NULL },
};

#define TEXT(name, place, doc)                                                                                         \
  {                                                                                                                    \
    name, T_OBJECT_EX, (Py_ssize_t)(offsetof(found, texts) + (place) * sizeof(PyObject *)), READONLY, doc              \
  }

static PyMemberDef event_members[] = {
  TEXT("type", 0, "\"message\" if the stream named none"),
  TEXT("data", 1, "lines joined by LF"),
  TEXT("id", 2, "the last event id at that moment, also from an event before; empty: none"),
  { .name = NULL },
};

static PyMemberDef comment_members[] = {
  TEXT("text", 0, "the line without its colon and one space"),
  { .name = NULL },
};

#define SHARED_SLOTS                                                                                                   \
  { Py_tp_dealloc, (void *)found_dealloc }, { Py_tp_richcompare, (void *)found_compare },                              \
      { Py_tp_hash, (void *)found_hash },                                                                              \
  {                                                                                                                    \
    Py_tp_methods, methods                                                                                             \
  }

static PyType_Slot event_slots[] = {
  { Py_tp_doc, (void *)"Event(type, data, id='')\n--\n\nAn event as a client dispatches it. Does not change." },
  { Py_tp_new, (void *)event_new },
  { Py_tp_repr, (void *)event_repr },
  { Py_tp_members, event_members },
  SHARED_SLOTS,
  { 0, NULL },
};

static PyType_Slot comment_slots[] = {
  { Py_tp_doc, (void *)"Comment(text)\n--\n\nA comment line, from a parser that was asked for them. Does not change." },
  { Py_tp_new, (void *)comment_new },
  { Py_tp_repr, (void *)comment_repr },
  { Py_tp_members, comment_members },
  SHARED_SLOTS,
  { 0, NULL },
};

PyType_Spec event_spec = {
  .name = "hermes_sse.Event",
  .basicsize = sizeof(found),
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
  .slots = event_slots,
};

PyType_Spec comment_spec = {
  .name = "hermes_sse.Comment",
  .basicsize = sizeof(found),
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
  .slots = comment_slots,
};
