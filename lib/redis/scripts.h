/* What the servers do inside Redis in one step. Each script takes its keys as KEYS, so that Redis can tell where they are. */
#ifndef HERMES_SSE_REDIS_SCRIPTS_H
#define HERMES_SSE_REDIS_SCRIPTS_H

/* Those that are loaded on each connection of commands, and then called by their names. */
enum { HERMES_SSE__SCRIPT_PUBLISH, HERMES_SSE__SCRIPT_LEASE, HERMES_SSE__N_SCRIPTS };

/* KEYS: stream, numbers of this origin, lease. ARGV: number, the first number that is not confirmed, entries to keep, seconds to remember
 * the number, origin if this is an import else "", channel or "" if it was heard there, envelope, then the entry's fields. Returns the
 * id; false: it is in already, or the importer has lost its lease.
 *
 * Safe to send again: numbers count up by one, and one that is not next is refused, so that a message never overtakes one that failed.
 * Ids whose count nears 21 bits (place.h) go on in the next millisecond. */
extern const char hermes_sse__script_publish[];

/* KEYS: stream. ARGV: last id taken, or "" for the start; entries to read back. Returns {last id generated, 1 if the id taken is there, id
 * or false}: at the start of the first to read back, else of the first after the id taken. Of a stream that is not there the last id is that
 * of now, as ids that somebody has are of one that was wiped. A stream that ends before the id taken was wiped or
 * is an older copy: a mark is added that lifts its ids beyond it and tells everyone. */
extern const char hermes_sse__script_look[];

/* KEYS: stream. Returns the id of its first entry; false: it has none. */
extern const char hermes_sse__script_first[];

/* KEYS: lease, stream. ARGV: "take", "keep", "mark" or "leave"; origin; milliseconds; entries to keep. Returns 1: the lease is this
 * origin's; 2: and was not before; 0: it is not. */
extern const char hermes_sse__script_lease[];

#endif
