#include "common.h"
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <hermes_sse/status.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t size_argument(const char *option, const char *text)
{
  static const char units[] = "KMG";
  uint64_t value, unit = 1;
  const char *letter;
  char *end;

  value = strtoull(text, &end, 10); /* UINT64_MAX for more than it can hold */
  if (*end && (letter = strchr(units, *end)) != NULL) {
    unit = UINT64_C(1) << (10 * (letter - units + 1));
    end++;
  }
  if (strspn(text, "0123456789") == 0 || *end || value == 0 || value > INT64_MAX / unit)
    errx(MISUSED,
         "--%s: \"%s\"; accepted: a count of bytes from 1 to %" PRId64 ", also with K, M or G for powers of 1024",
         option, text, INT64_MAX);
  return value * unit;
}

void print_and_end(const char *text)
{
  fputs(text, stdout);
  flush_output();
  exit(0);
}

void print_version_and_end(const char *tool)
{
  printf("%s %s\n", tool, hermes_sse_version());
  flush_output();
  exit(0);
}

void end_misused(void)
{
  fprintf(stderr, "%s: --help tells what is accepted\n", program_invocation_short_name);
  exit(MISUSED);
}

void refuse_operands(int argc, char **argv)
{
  if (optind < argc)
    errx(MISUSED, "\"%s\" is no option; accepted: input on standard input, and the options of --help", argv[optind]);
}

void flush_output(void)
{
  if (fflush(stdout) == 0 && !ferror(stdout))
    return;
  if (errno == EPIPE) /* SIGPIPE is ignored, else it had ended the tool before */
    exit(FAILED);
  err(FAILED, "standard output");
}
