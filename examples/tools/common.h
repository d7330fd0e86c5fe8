/* What both tools need of a command line and of standard output. Messages come from err(3): the tool's name is in front. */
#ifndef TOOLS_COMMON_H
#define TOOLS_COMMON_H
#include <stdint.h>

enum { FAILED = 1, MISUSED = 2 };

/* The value of an option that counts bytes: 1 or more, also with K, M or G. Any other ends the tool. */
uint64_t size_argument(const char *option, const char *text);

/* Prints --help or --version and ends the tool. */
_Noreturn void print_and_end(const char *text);
_Noreturn void print_version_and_end(const char *tool);

/* After getopt_long() found a fault, or no more options. */
_Noreturn void end_misused(void);
void refuse_operands(int argc, char **argv);

/* What was printed leaves, or the tool ends: quietly if nobody reads any more. */
void flush_output(void);

#endif
