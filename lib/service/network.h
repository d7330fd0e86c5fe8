/* Addresses and networks: "192.0.2.0/24", "::1", for trusted proxies and for loopback. */
#ifndef HERMES_SSE_SERVICE_NETWORK_H
#define HERMES_SSE_SERVICE_NETWORK_H
#include <hermes_sse/status.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct hermes_sse__network {
  uint8_t bytes[16]; /* IPv4 as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2) */
  unsigned bits;     /* of the 128 */
} hermes_sse__network;

/* HERMES_SSE_ERR_OPTION unless it is an address or a network in numbers. */
int hermes_sse__network_parse(hermes_sse_slice text, hermes_sse__network *network);

/* The address of a socket as a network of one; HERMES_SSE_ERR_OPTION for other families. */
int hermes_sse__network_of(const struct sockaddr *address, hermes_sse__network *network);

/* 1 if `address` lies in `network`. */
int hermes_sse__network_has(const hermes_sse__network *network, const hermes_sse__network *address);

/* 1 for "localhost", 127.0.0.0/8 and ::1, with or without brackets. */
int hermes_sse__is_loopback(hermes_sse_slice host);

/* 1 for an address in numbers, with or without brackets: no name that somebody could point elsewhere. */
int hermes_sse__is_address(hermes_sse_slice host);

/* The next of the comma-separated items of `*list`, without blanks; 0 at the end. Empty items are passed over. */
int hermes_sse__next_item(hermes_sse_slice *list, hermes_sse_slice *item);

#endif
