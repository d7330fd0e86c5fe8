/* JSON for the tools, by cJSON: the members of an object with the text of their values as it was written, and strings of any
 * bytes. cJSON alone loses how a number was written, ends strings at NUL, and takes some text that is no JSON. */
#ifndef TOOLS_JSON_H
#define TOOLS_JSON_H
#include <hermes_sse/status.h>
#include <stdio.h>

/* One object in a text. `text` is changed in reading, and must have a NUL at `end`. */
typedef struct json_object {
  char *text, *at, *end;
  int opened;
  const char *wrong; /* what the fault at `at` is, and what would be accepted */
} json_object;

typedef enum json_kind { JSON_STRING, JSON_NUMBER, JSON_OTHER } json_kind;

typedef struct json_member {
  hermes_sse_slice name;
  json_kind kind;
  hermes_sse_slice value; /* what a string says; of any other value the JSON text, byte for byte */
} json_member;

/* Before anything else: memory that is refused to cJSON ends the tool, so that it fails for the text's faults alone. */
void json_start(void);

/* The next member: 1; 0 at the object's end, -1 at a fault. Slices lie in the text. */
int json_next(json_object *object, json_member *member);

/* Prints a string of JSON. What is no UTF-8 becomes U+FFFD as the WHATWG Encoding standard says. */
void json_print(hermes_sse_slice bytes, FILE *to);

#endif
