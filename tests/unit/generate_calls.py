"""Turns the core's table of docs/calls.md into X(name, class) lines for check_calls.c."""
import re
import sys

text = open(sys.argv[1], encoding="utf-8").read().split("## The service's calls")[0]
rows = re.findall(r"^\| `hermes_sse_(\w+)` \| (any|submit|drive|getter) \|$", text, re.M)
if len(rows) < 40 or len(set(rows)) != len(rows):
    sys.exit("docs/calls.md: the table of calls is not understood")
print("\n".join(f"X({name}, {kind})" for name, kind in rows))
