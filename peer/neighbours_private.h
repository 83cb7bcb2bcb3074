/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of the neighbours share: neighbours.c (on and off), neighbours_told.c (what is
 * told of them), neighbours_discovery.c (datagrams), neighbours_blocks.c (blocks that are sought),
 * neighbours_exchanges.c (and asked for), neighbours_hosted.c (hosted caches that are asked),
 * neighbours_offers.c (and offered to).
 */
#ifndef PEER_NEIGHBOURS_PRIVATE_H
#define PEER_NEIGHBOURS_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "cache/digest.h"
#include "peer/interfaces.h"
#include "peer/multicast.h"
#include "peer/neighbours.h"
#include "peer/pace.h"
#include "peer/retrieval_client.h"
#include "peer/unserved.h"

struct event;
struct neighbours_offers;

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
	struct neighbours_offers *offers; /* likewise; always there */
	pthread_mutex_t switching;        /* one switches at a time */
	pthread_mutex_t lock;             /* a leaf: what follows, and who owns what is sought */
	pthread_cond_t told;
	bool seeking; /* wants are taken */
	bool stopped; /* and never will be again */
	struct loop_task stopping;
	atomic_bool on;
	atomic_uint sides; /* while on, and while that begins or ends */
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
/* Something has begun that must end before what it uses is taken apart: counted in `running`. */
void neighbours_running(struct neighbours *neighbours);
/* One of what is counted there has ended. */
void neighbours_ran(struct neighbours *neighbours);
uint32_t neighbours_random(void *neighbours);

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

/* neighbours_told.c */
/* Adds what the responder and the retrieval server, or the seeker and the offering, have counted
 * while on; each may be gone. */
void told_of_answers(struct neighbours *neighbours, struct neighbours_counters *counters);
void told_of_seeking(struct neighbours *neighbours, struct neighbours_counters *counters);
/* Our addresses may be others. Loop thread. */
void told_self(struct neighbours *neighbours);

/* neighbours_offers.c: what is offered to hosted caches, which have numbers in the order in which
 * they were given; where they are. */
int neighbours_offers_create(struct neighbours *neighbours, struct neighbours_offers **offers_out);
/* NULL is fine. */
void neighbours_offers_free(struct neighbours_offers *offers);
/* For NEIGHBOURS_HOSTED: reads what HOSTED says, and the files it names; any thread. Then, on the
 * loop thread, makes what is needed; -ENOMEM. neighbours_offers_end() undoes both. */
int neighbours_offers_prepare(struct neighbours_offers *offers,
			      const struct neighbours_hosted *hosted, char *message,
			      size_t message_size);
int neighbours_offers_begin(struct neighbours_offers *offers, int64_t now_ms);
/* Whether what was prepared last is just that. */
bool neighbours_offers_are_to(const struct neighbours_offers *offers,
			      const struct neighbours_hosted *hosted);
/* Others find us at PORT now: names are looked up, and offers go out. Loop thread. */
void neighbours_offers_open(struct neighbours_offers *offers, uint16_t port);
/* Waits until each name was looked up once, a moment at most. Not on the loop thread. */
void neighbours_offers_await(struct neighbours_offers *offers);
/* Nothing more goes out, and what is under way is given up. Loop thread. */
void neighbours_offers_stop(struct neighbours_offers *offers, int64_t now_ms);
/* After that, when nothing of ours is running. Loop thread. Nothing happens if it has not begun. */
void neighbours_offers_end(struct neighbours_offers *offers);
/* As offering_tick(). Loop thread. */
int64_t neighbours_offers_tick(struct neighbours_offers *offers, int64_t now_ms);
/* offering_serves(): a hosted cache may be asking for it. Any thread. */
bool neighbours_offers_serve(struct neighbours_offers *offers, const uint8_t *id, size_t id_size);
/* Whether a hosted cache has that address. Any thread. */
bool neighbours_offers_welcome(struct neighbours_offers *offers, const struct xaddr *source);
/* All addresses of SERVER fail: its name is to be looked up again soon. Loop thread. */
void neighbours_offers_look_up(struct neighbours *neighbours, unsigned server);
/* A hosted cache gave what is not a block of the segment ID: it is offered again as soon as the
 * origin has given any of it. Any thread. */
void neighbours_offers_spoilt(struct neighbours *neighbours, struct pccrr_id id);
/* Forgets failures. Any thread. */
void neighbours_offers_trust(struct neighbours_offers *offers);
/* Zeros while there is no NEIGHBOURS_HOSTED. Any thread. */
void neighbours_offers_counters(struct neighbours_offers *offers,
				struct offering_counters *counters_out);
/* How many hosted caches there are; fills in HOST and OFFERING of each. Any thread. */
unsigned neighbours_offers_servers(struct neighbours_offers *offers,
				   struct neighbours_server servers_out[OFFERING_SERVERS_MAX]);

/* neighbours_hosted.c: asking hosted caches for segments. Loop thread. */
/* The addresses that the name of SERVER, a number in the order in which they were given, has now,
 * each with its port, the first that works being used; COUNT 0: none is known. At any time while
 * the seeker is there, also before anything is sought. neighbours_offers_look_up() is called when
 * none works, neighbours_offers_spoilt() when it gave what is not the block; status has
 * seeker_hosted_state(), and seeker_counters.lists. */
void hosted_server(struct neighbours *neighbours, unsigned server, const struct xaddr *addresses,
		   unsigned count);

/* Of the seeker's outlet. */
void hosted_unreachable(void *neighbours, unsigned server);
/* What is asked for, of PCCRR_ASK_SEGMENTS: REQUEST_OUT leads into *IDS_OUT, from malloc().
 * -ENOMEM.
 */
int hosted_describe(const struct seeker_exchange *exchange, struct pccrr_request *request_out,
		    uint8_t **ids_out);

/* neighbours_blocks.c: what is sought. Loop thread, but for blocks_take_owner(). */
struct neighbours_sought {
	struct seeker_want want; /* first, so that one pointer is the other */
	struct neighbours *neighbours;
	struct neighbours_want *owner; /* the lock's; NULL: he knows what became of it */
	void (*late)(void *owner, uint64_t stream, const uint64_t *offsets, unsigned count,
		     enum seeker_reason reason);
	void *late_owner;
	size_t head_room;
	uint8_t secret[DIGEST_SIZE_MAX], hash[DIGEST_SIZE_MAX];
	enum digest_algorithm algorithm;
	bool sought; /* the seeker has it */
	/* By the seeker, exchanges, and tasks under way; the loop's, and the lock's. */
	unsigned in_use;
	struct loop_task hurry, drop;
	bool hurried; /* the lock's */
};
static inline struct neighbours_sought *blocks_sought(struct seeker_want *want)
{
	return (struct neighbours_sought *)want;
}
void blocks_use(struct neighbours_sought *sought);
void blocks_let_go(struct neighbours_sought *sought);
/* Whose it is, if he is to be told: by the caller then. */
struct neighbours_want *blocks_take_owner(struct neighbours_sought *sought);
/* The seeker knows it no more. */
void blocks_given_back(struct neighbours_sought *sought);
/* Of the seeker's outlet. */
void blocks_refuse(void *neighbours, struct seeker_want *const *wants, unsigned count,
		   enum seeker_reason reason);
void blocks_late(void *neighbours, struct seeker_want *const *wants, unsigned count,
		 enum seeker_reason reason);

/* neighbours_exchanges.c: exchanges. Loop thread. */
/* Of the seeker's outlet. */
void exchanges_begin(void *neighbours, struct seeker_exchange *exchange);
/* Ends the exchanges that could not be begun. */
void exchanges_give_up(struct neighbours *neighbours);
/* Ends those, and the ones that wait for an answer. */
void exchanges_end(struct neighbours *neighbours);

#endif
