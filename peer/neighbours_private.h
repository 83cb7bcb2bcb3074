/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of the neighbours share: neighbours.c (on and off, what is told of them),
 * neighbours_discovery.c (datagrams), neighbours_blocks.c (blocks that are sought).
 */
#ifndef PEER_NEIGHBOURS_PRIVATE_H
#define PEER_NEIGHBOURS_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "peer/interfaces.h"
#include "peer/multicast.h"
#include "peer/neighbours.h"
#include "peer/pace.h"
#include "peer/retrieval_client.h"
#include "peer/unserved.h"

struct event;

/* Octets of datagrams a second that are read at all, and of one source: reading hostile ones takes
 * a while. Our choice, several times what the liveliest LAN says. */
#define NEIGHBOURS_OCTETS (4u << 20)
#define NEIGHBOURS_OCTETS_EACH (1u << 20)
#define NEIGHBOURS_SOURCES 256u
#define NEIGHBOURS_BURST_MS 1000u /* of the rate at once */

/* Machines are known by the name that their answers bear, which anybody may copy: it decides only
 * which of the answers to one Probe is used. So many at a time, our choice. */
#define NEIGHBOURS_MACHINES 256u

/* What answered a Probe by each family. */
struct neighbours_machine {
	uint64_t name;           /* its hash, with that of the Probe; 0: nobody */
	struct xaddr ipv4, ipv6; /* family 0: not yet */
};

struct neighbours {
	struct neighbours_options options;
	struct xaddr address;      /* options.address; family 0: none, or any of the family */
	bool ipv4, ipv6;           /* families that are listened on */
	struct unserved *unserved; /* has a lock of its own */
	pthread_mutex_t switching; /* one switches at a time */
	pthread_mutex_t lock;      /* a leaf: what follows, and who owns what is sought */
	pthread_cond_t told;
	bool seeking; /* wants are taken */
	bool stopped; /* and never will be again */
	struct loop_task stopping;
	atomic_bool on;
	/* Constant while on; the loop's but where their headers say otherwise. */
	struct interfaces *interfaces;
	struct multicast *multicast;
	struct responder *responder;
	struct seeker *seeker;
	struct retrieval_client *client;
	struct retrieval_server *server;
	/* The loop's. */
	struct event *timer;
	bool live; /* all parts are there, and listening */
	bool touched;
	unsigned running; /* exchanges and look-ups under way */
	LIST_HEAD(, neighbours_asking) asking;
	struct seeker_exchange *unasked; /* for want of memory; chained by their owner */
	LIST_HEAD(, neighbours_copy) copies;
	char endpoint[WSD_UUID_MAX];
	uint32_t instance; /* grows each time */
	struct neighbours_machine machines[NEIGHBOURS_MACHINES];
	struct pace pace, paces[NEIGHBOURS_SOURCES];
	uint64_t seed;
	unsigned char datagram[WSD_DATAGRAM_MAX];
	/* Of times that are over. */
	struct neighbours_counters before;
	atomic_ullong malformed, strangers, hash;
};

/* neighbours.c */
/* Something was told to the seeker or responder: what is due is done soon. */
void neighbours_touch(struct neighbours *neighbours);
/* One of what is counted in `running` has ended. */
void neighbours_ran(struct neighbours *neighbours);
uint32_t neighbours_random(void *neighbours);
/* As neighbours_addresses(), while on. */
unsigned neighbours_listening(struct neighbours *neighbours, struct xaddr *addresses_out,
			      unsigned room);

/* neighbours_discovery.c: loop thread. */
void discovery_heard(void *neighbours, bool answer, const struct multicast_arrival *arrival,
		     const void *datagram, size_t size);
void discovery_probe(void *neighbours, const struct wsd_probe *probe);
/* Copies that have not been sent are not. */
void discovery_end(struct neighbours *neighbours);
struct responder_outlet discovery_outlet(struct neighbours *neighbours);
/* Under which of our addresses, with the retrieval port, INTERFACE can be asked; returns how many.
 */
unsigned discovery_listening(const struct neighbours *neighbours, const struct interface *interface,
			     struct xaddr listening_out[INTERFACES_PREFIXES_MAX]);

/* neighbours_blocks.c: loop thread. */
void blocks_ask(void *neighbours, struct seeker_exchange *exchange);
void blocks_refuse(void *neighbours, struct seeker_want *const *wants, unsigned count,
		   enum seeker_reason reason);
void blocks_late(void *neighbours, struct seeker_want *const *wants, unsigned count,
		 enum seeker_reason reason);
/* Ends the exchanges that could not be begun. */
void blocks_give_up(struct neighbours *neighbours);
/* Ends those, and the ones that wait for an answer. */
void blocks_end(struct neighbours *neighbours);

#endif
