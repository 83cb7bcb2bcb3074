/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machines on the LAN, all of distributed mode in one object: the interfaces, discovery in both
 * directions, the retrieval server, and seeking blocks of others (peer/seeker.h), checked before
 * they are handed over. Made once; on and off as the mode says.
 */
#ifndef PEER_NEIGHBOURS_H
#define PEER_NEIGHBOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/content.h"
#include "cache/pool.h"
#include "cache/store.h"
#include "origin/loop.h"
#include "peer/responder.h"
#include "peer/retrieval_server.h"
#include "peer/seeker.h"

struct neighbours;

struct neighbours_options {
	struct loop *loop;
	struct pool *pool;
	struct store *store;
	const char *const *interfaces; /* peer/interfaces.h */
	const char *address;           /* peer/retrieval_server.h, as the next four */
	unsigned port_first, port_last;
	unsigned uploads;
	uint64_t upload_rate;
	bool plaintext;
	unsigned discovery_port;
	unsigned thinning; /* threshold, peer/thinning.h; 0: always answer */
};
/* Off at first. Strings stay until it is freed. */
int neighbours_create(const struct neighbours_options *options, struct neighbours **neighbours_out);
/* Everything sought is refused at once, nothing more is begun; any number of times. */
void neighbours_stop(struct neighbours *neighbours);
/* When they are off, and neighbours_off() was called after neighbours_stop(). NULL is fine. */
void neighbours_free(struct neighbours *neighbours);

/* Begins to take part: opens the sockets, listens. 0, or a negative errno with a MESSAGE: what,
 * which, what to do; then it is off. Not from the loop or a pool thread. */
int neighbours_on(struct neighbours *neighbours, char *message, size_t message_size);
/* Closes them all; what is sought is refused. Likewise. */
void neighbours_off(struct neighbours *neighbours);
bool neighbours_are_on(const struct neighbours *neighbours);

/* One block that is sought. Zero at first; its owner's again when it has come, was refused, or was
 * dropped. */
struct neighbours_want {
	/* The owner's, constant meanwhile. */
	struct content *content; /* a reference that stays */
	uint64_t stream;         /* as in peer/seeker.h */
	uint64_t offset;         /* in the content: where the block begins */
	uint32_t length;         /* of the block */
	bool urgent;             /* somebody waits for it */
	size_t head_room;        /* octets before the block in MEMORY below */
	/* It has come: behind HEAD_ROOM octets of MEMORY, which is from malloc() and the callee's
	 * from now on, is the block, checked, from the machine at FROM. Pool thread, no lock held.
	 */
	void (*came)(struct neighbours_want *want, void *memory, const struct xaddr *from);
	/* COUNT neighbouring wants of a stream, ascending, are to come from elsewhere. Any thread,
	 * no lock held; also from inside neighbours_seek(). */
	void (*refused)(struct neighbours_want *const *wants, unsigned count,
			enum seeker_reason reason);
	/* Those of STREAM at OFFSETS, COUNT of them, ascending, may be got elsewhere too, but can
	 * still come; or have just ended. Once at most for each. Any thread, no lock held. */
	void (*late)(void *owner, uint64_t stream, const uint64_t *offsets, unsigned count,
		     enum seeker_reason reason);
	void *owner; /* of late(); outlives the neighbours */
	/* The neighbours'. */
	struct neighbours_sought *sought; /* NULL: not sought */
};

/* Whether it is worth the while; cheap, any thread, also with locks held. */
bool neighbours_worthwhile(struct neighbours *neighbours);
/* COUNT neighbouring wants of one content, ascending. Reads of the content; any thread but the
 * loop's. */
void neighbours_seek(struct neighbours *neighbours, struct neighbours_want *const *wants,
		     unsigned count);
/* WANT is needed at once. Any thread, also with locks held; nothing happens to one that is not
 * sought. */
void neighbours_hurry(struct neighbours *neighbours, struct neighbours_want *want);
/* WANT is not needed any more. True: it is its owner's again. False: it has just ended, and its
 * owner is being told or has been. Likewise. */
bool neighbours_drop(struct neighbours *neighbours, struct neighbours_want *want);
/* What the origin takes lately (seeker_origin). Any thread. */
void neighbours_origin(struct neighbours *neighbours, uint64_t octets_per_second,
		       unsigned first_ms);
/* How many other machines asked here for the segment ID lately and were not given it
 * (peer/unserved.h). Cheap; any thread, also while off. */
unsigned neighbours_unserved(struct neighbours *neighbours, const uint8_t *id, size_t id_size);
/* Forgets all judgements. Any thread but the loop's. */
void neighbours_trust(struct neighbours *neighbours);

#define NEIGHBOURS_ADDRESSES_MAX 32u /* that are looked at, of our own */

struct neighbours_counters {
	struct seeker_counters seeker;
	struct responder_counters responder;
	struct retrieval_served served;
	uint64_t malformed; /* datagrams, and answers of retrieval servers */
	uint64_t strangers; /* datagrams from outside the interfaces' networks */
	uint64_t hash;      /* blocks that were not what content information says */
	bool deaf;          /* another program has the port of discovery for itself */
};
/* Since it was created. Any thread but the loop's. */
void neighbours_counters(struct neighbours *neighbours, struct neighbours_counters *counters_out);
/* "192.0.2.1:1337" and so on, where others find us, the first IPv4 one in front; returns how many
 * there are. Any thread but the loop's. */
unsigned neighbours_addresses(struct neighbours *neighbours, struct xaddr *addresses_out,
			      unsigned room);
/* The most recently used ones. Any thread but the loop's. */
unsigned neighbours_peers(struct neighbours *neighbours, struct seeker_peer *peers_out,
			  unsigned room);

#endif
