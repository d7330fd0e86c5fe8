"""Turns files into C arrays and the table that page.h declares: embed.py PATH=FILE..."""
import sys

TYPES = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}

print('#include "page.h"\n#include <string.h>\n')
rows = []
for number, argument in enumerate(sys.argv[1:]):
    path, name = argument.split("=", 1)
    data = open(name, "rb").read()
    print(f"static const unsigned char file_{number}[] = {{ {','.join(map(str, data))} }};")
    rows.append(f'  {{ "{path}", "{TYPES[name.rsplit(".", 1)[1]]}", file_{number}, sizeof file_{number} }},')
print("\nstatic const page_file files[] = {\n" + "\n".join(rows) + "\n};\n")
print("""const page_file *page_find(const char *path)
{
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    if (strcmp(files[i].path, path) == 0)
      return &files[i];
  return NULL;
}""")
