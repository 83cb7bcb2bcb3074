/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who has offered something to a hosted cache lately, and what came of it: for people, nothing is
 * decided by it. The most recent ones are known. One thread.
 */
#ifndef PEER_HOSTED_CLIENTS_H
#define PEER_HOSTED_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "peer/xaddr.h"

#define HOSTED_CLIENTS 4096u /* our choice: as many as connections; 400 KiB */

struct hosted_clients;

/* SEED: random. -ENOMEM. */
int hosted_clients_create(uint64_t seed, struct hosted_clients **clients_out);
/* NULL is fine. */
void hosted_clients_free(struct hosted_clients *clients);

/* Ports do not count. */
void hosted_clients_offered(struct hosted_clients *clients, const struct xaddr *client);
/* A block of it is kept, OCTETS; or it was no good (BAD). Who is not known is passed over. */
void hosted_clients_pulled(struct hosted_clients *clients, const struct xaddr *client,
			   uint32_t octets, bool bad);

struct hosted_client {
	struct xaddr address; /* without a port */
	uint64_t blocks, octets, bad;
	uint64_t turn; /* grows with every offer of anybody; 0: nobody */
};
/* The most recent first. Returns how many. */
unsigned hosted_clients_list(const struct hosted_clients *clients,
			     struct hosted_client *clients_out, unsigned room);

#endif
