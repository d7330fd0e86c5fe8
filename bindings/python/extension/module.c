#include "binding.h"

static void *raise_naming(PyObject *type, const char *attribute, const char *value, const char *message)
{
  PyObject *error = PyObject_CallFunction(type, "s", message);
  PyObject *name = error ? PyUnicode_InternFromString(value) : NULL;

  if (name && PyObject_SetAttrString(error, attribute, name) == 0)
    PyErr_SetObject(type, error);
  Py_XDECREF(name);
  Py_XDECREF(error);
  return NULL;
}

void *raise_field_error(const state *s, const char *field, const char *message)
{
  return raise_naming(s->field_error, "field", field, message);
}

void *raise_limit_error(const state *s, const char *limit, const char *message)
{
  return raise_naming(s->limit_error, "limit", limit, message);
}

/* An exception with the attribute, which each raised one has its own value of. */
static PyObject *new_error(PyObject *module, const char *name, const char *doc, PyObject *base, const char *attribute)
{
  PyObject *attributes = Py_BuildValue("{ss}", attribute, "");
  PyObject *error = attributes ? PyErr_NewExceptionWithDoc(name, doc, base, attributes) : NULL;

  Py_XDECREF(attributes);
  if (error && PyModule_AddType(module, (PyTypeObject *)error) < 0)
    Py_CLEAR(error);
  return error;
}

static PyTypeObject *new_type(PyObject *module, PyType_Spec *spec)
{
  PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);

  if (type && PyModule_AddType(module, (PyTypeObject *)type) < 0)
    Py_CLEAR(type);
  return (PyTypeObject *)type;
}

static int add_constants(PyObject *module)
{
  PyObject *unlimited = PyLong_FromUnsignedLongLong(HERMES_SSE_NEVER);
  int rv = unlimited ? PyModule_AddObjectRef(module, "UNLIMITED", unlimited) : -1;

  Py_XDECREF(unlimited);
  return rv < 0 ? rv : PyModule_AddStringConstant(module, "__version__", hermes_sse_version());
}

static int execute(PyObject *module)
{
  state *s = PyModule_GetState(module);

  for (int i = 0; i < N_ARGUMENTS; i++)
    if (!(s->names[i] = PyUnicode_InternFromString(argument_names[i])))
      return -1;
  if (!(s->message = PyUnicode_InternFromString("message")) ||
      !(s->isascii = PyObject_GetAttrString((PyObject *)&PyUnicode_Type, "isascii")) ||
      !(s->field_error = new_error(module, "hermes_sse.FieldError",
                                   "An argument cannot be sent or is out of range: `field` is its name.",
                                   PyExc_ValueError, "field")) ||
      !(s->limit_error =
            new_error(module, "hermes_sse.LimitError",
                      "A parser lost one event, which is beyond a limit: `limit` is \"line\", \"event\" or "
                      "\"id\".\nThe parser goes on: iterate it again for the events that follow.",
                      PyExc_Exception, "limit")) ||
      !(s->event = new_type(module, &event_spec)) || !(s->comment = new_type(module, &comment_spec)) ||
      !(s->parser = new_type(module, &parser_spec)))
    return -1;
  return add_constants(module);
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
  state *s = PyModule_GetState(module);

  Py_VISIT(s->isascii);
  Py_VISIT(s->field_error);
  Py_VISIT(s->limit_error);
  Py_VISIT(s->event);
  Py_VISIT(s->comment);
  Py_VISIT(s->parser);
  return 0;
}

static int clear(PyObject *module)
{
  state *s = PyModule_GetState(module);

  for (int i = 0; i < N_ARGUMENTS; i++)
    Py_CLEAR(s->names[i]);
  Py_CLEAR(s->message);
  Py_CLEAR(s->isascii);
  Py_CLEAR(s->field_error);
  Py_CLEAR(s->limit_error);
  Py_CLEAR(s->event);
  Py_CLEAR(s->comment);
  Py_CLEAR(s->parser);
  return 0;
}

static void release(void *module)
{
  clear(module);
}

static PyMethodDef functions[] = {
  { "encode", (PyCFunction)(void (*)(void))encode, METH_FASTCALL | METH_KEYWORDS, encode_doc },
  { .ml_name = NULL },
};

/* That the module needs no lock shared between interpreters is said by a slot of 3.12, which 3.11 refuses and whose names its
   headers lack: Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED. */
static PyModuleDef_Slot slots[] = { { Py_mod_exec, (void *)execute }, { 0, NULL } };
static PyModuleDef_Slot slots_of_3_12[] = { { Py_mod_exec, (void *)execute }, { 3, (void *)2 }, { 0, NULL } };

#define DEFINITION(its_slots)                                                                                          \
  {                                                                                                                    \
    PyModuleDef_HEAD_INIT, .m_name = "hermes_sse._core", .m_size = sizeof(state), .m_methods = functions,              \
                           .m_slots = its_slots, .m_traverse = traverse, .m_clear = clear, .m_free = release,          \
  }

static PyModuleDef definition = DEFINITION(slots), definition_of_3_12 = DEFINITION(slots_of_3_12);

PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void)
{
  return PyModuleDef_Init(Py_Version < 0x030c0000 ? &definition : &definition_of_3_12);
}
