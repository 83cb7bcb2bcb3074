/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machines nearby, in one object: the interfaces, discovery in both directions, the retrieval
 * server, and seeking blocks of others (peer/seeker.h), checked before they are handed over; and
 * hosted caches, which are asked like neighbours that always answer (MSG_GETSEGLIST in place of a
 * Probe), and are offered what came from the origin (peer/offering.h). Made once; each *side* on
 * and off as the mode says (system.md section 2):
 *
 *                        Probes, answers   hosted caches asked and offered to   our server gives
 *   NEIGHBOURS_LAN       yes               no                                   all that is held
 *   NEIGHBOURS_HOSTED    no                yes                                  what is on offer
 *   both                 yes               yes                                  all that is held
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
#include "peer/offering.h"
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

/* Sides, or'ed. */
enum { NEIGHBOURS_LAN = 1, NEIGHBOURS_HOSTED = 2 };

/* Where hosted caches are. */
struct neighbours_hosted {
	/* "HOST", "HOST:PORT", "[IPV6]:PORT", at most OFFERING_SERVERS_MAX, NULL-terminated; port
	 * 80 is meant without one. Names are looked up when needed, and again when all addresses
	 * fail. */
	const char *const *hosts;
	/* The port at which each of them takes offers of version 1.0 by HTTPS, which then are made
	 * instead of those of version 2.0; 0: version 2.0, at the same port as blocks. */
	unsigned tls_port;
	const char *cacert; /* PEM file of who is trusted for that; NULL: the system's */
};

/* Off at first. Strings stay until it is freed. */
int neighbours_create(const struct neighbours_options *options, struct neighbours **neighbours_out);
/* Everything sought is refused at once, nothing more is begun; any number of times. */
void neighbours_stop(struct neighbours *neighbours);
/* When they are off, and neighbours_off() was called after neighbours_stop(). NULL is fine. */
void neighbours_free(struct neighbours *neighbours);

/* Begins to take part on SIDES: opens the sockets, listens. HOSTED: copied; NULL without
 * NEIGHBOURS_HOSTED. What is on already, with other sides or servers, is switched to these: the
 * port may change. 0, or a negative errno with a MESSAGE: what, which, what to do; then it is off.
 * Not from the loop or a pool thread. */
int neighbours_on(struct neighbours *neighbours, unsigned sides,
		  const struct neighbours_hosted *hosted, char *message, size_t message_size);
/* Closes them all; what is sought is refused. Likewise. */
void neighbours_off(struct neighbours *neighbours);
bool neighbours_are_on(const struct neighbours *neighbours);
/* Which sides; 0: off. */
unsigned neighbours_sides(const struct neighbours *neighbours);

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
	 * from now on, is the block, checked, from the machine at FROM, which is a hosted cache or
	 * not. Pool thread, no lock held. */
	void (*came)(struct neighbours_want *want, void *memory, const struct xaddr *from,
		     bool hosted);
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
/* The block at OFFSET of CONTENT came from the origin, is checked and kept in the store: it is to
 * be offered to hosted caches, if there are any. Reads of the content; any thread but the loop's.
 */
void neighbours_fetched(struct neighbours *neighbours, const struct content *content,
			uint64_t offset);
/* What the origin takes lately (seeker_origin). Any thread. */
void neighbours_origin(struct neighbours *neighbours, uint64_t octets_per_second,
		       unsigned first_ms);
/* How many other machines asked here for the segment ID lately and were not given it
 * (peer/unserved.h). Cheap; any thread, also while off. */
unsigned neighbours_unserved(struct neighbours *neighbours, const uint8_t *id, size_t id_size);
/* Forgets all judgements. Any thread but the loop's. */
void neighbours_trust(struct neighbours *neighbours);

#define NEIGHBOURS_HOST_SIZE 272u    /* a name, and a port */
#define NEIGHBOURS_ADDRESSES_MAX 32u /* that are looked at, of our own */

struct neighbours_counters {
	struct seeker_counters seeker;
	struct responder_counters responder;
	struct retrieval_served served;
	uint64_t malformed; /* datagrams, and answers of retrieval servers */
	uint64_t strangers; /* datagrams from outside the interfaces' networks */
	uint64_t hash;      /* blocks that were not what content information says */
	bool deaf;          /* another program has the port of discovery for itself */
	struct offering_counters offering;
	uint64_t lists; /* MSG_GETSEGLIST exchanges */
};
/* Since it was created. Any thread but the loop's. */
void neighbours_counters(struct neighbours *neighbours, struct neighbours_counters *counters_out);
/* "192.0.2.1:1337" and so on, where others find us, the first IPv4 one in front; returns how many
 * there are. Any thread but the loop's. */
unsigned neighbours_addresses(struct neighbours *neighbours, struct xaddr *addresses_out,
			      unsigned room);
/* A hosted cache, for status. */
struct neighbours_server {
	char host[NEIGHBOURS_HOST_SIZE]; /* as it was given */
	struct seeker_peer peer;         /* address family 0: its name could not be looked up yet */
	bool lists;                      /* understands MSG_GETSEGLIST, for all that is known */
	struct offering_server_state offering;
};
/* In the order in which they were given; returns how many. Any thread but the loop's. */
unsigned neighbours_servers(struct neighbours *neighbours,
			    struct neighbours_server servers_out[OFFERING_SERVERS_MAX]);
/* The most recently used ones, hosted caches not among them. Any thread but the loop's. */
unsigned neighbours_peers(struct neighbours *neighbours, struct seeker_peer *peers_out,
			  unsigned room);

#endif
