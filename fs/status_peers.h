/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What `status` says of other machines beside numbers: where they find us, who they are, and a
 * plain verdict on discovery. For who has no peers as well.
 */
#ifndef FS_STATUS_PEERS_H
#define FS_STATUS_PEERS_H

#include <jansson.h>
#include <stdbool.h>

#include "peer/neighbours.h"

/* Adds to STATUS, of a mount; NEIGHBOURS NULL: it cannot have any. PORT of discovery. */
void status_peers_put(json_t *status, struct neighbours *neighbours,
		      const struct neighbours_counters *counters, unsigned port);
/* What an administrator should know of discovery, else "ok". FOUND: others have an address to find
 * us at. Pure. */
void status_peers_verdict(const struct neighbours_counters *counters, bool found, unsigned port,
			  char *text_out, size_t size);

#endif
