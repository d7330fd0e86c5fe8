/* Transfers by libcurl's multi interface on the server's own loop. */
#ifndef HERMES_SERVER_TRANSFER_H
#define HERMES_SERVER_TRANSFER_H
#include "downloads.h"

int transfers_start(server *s);
void transfers_stop(void);

/* Ends in downloads_finished(), perhaps at once. */
void transfer_start(download *one);
/* Stops it and removes what was written; downloads_finished() is the caller's. */
void transfer_abort(download *one);

#endif
