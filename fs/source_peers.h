/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machines on the LAN as who is nearby, for the fetch engine.
 */
#ifndef FS_SOURCE_PEERS_H
#define FS_SOURCE_PEERS_H

#include "fs/source.h"

/* NEIGHBOURS must outlive it. For free(). */
int source_peers_create(struct neighbours *neighbours, struct nearby **nearby_out);

#endif
