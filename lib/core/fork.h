/* fork(): locks and streams belong to the process that made them; in a child they are refused with a status. */
#ifndef HERMES_SSE_CORE_FORK_H
#define HERMES_SSE_CORE_FORK_H

/* How many forks lie between the first process that asked and this one: it differs in a child. */
unsigned hermes_sse__forks(void);

#endif
