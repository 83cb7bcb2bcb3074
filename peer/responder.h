/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Answers Probes (discovery.md section 7): repeats are passed over, strangers and floods too; each
 * id is looked up; if something is held the answer goes out after a wait drawn by lot, thinned out
 * when many others have it all. A machine without sockets, threads or a clock: time is an argument,
 * and what is to be done goes out by the outlet; so it runs under a virtual clock as well. One
 * thread.
 *
 * A flood costs little, whatever it asks for: look-ups, which take time of the pool, have buckets
 * of their own, wider than those of answers, so that who asks for what is not here does not silence
 * us about what is; and what is looked up or waits to be sent is bounded in number and in octets.
 * What goes beyond is refused: silence, which the asker takes for "nobody has it".
 */
#ifndef PEER_RESPONDER_H
#define PEER_RESPONDER_H

#include <stdbool.h>
#include <stdint.h>

#include "peer/interfaces.h"
#include "peer/multicast.h"
#include "peer/nearby.h"
#include "peer/thinning.h"
#include "peer/wsd.h"

/* Our choices. At once: */
#define RESPONDER_LOOKUPS_MAX 64u /* look-ups under way: what a pool does in some 10 ms */
/* A whole burst of ALLOWANCE_ALL; so many Probes that wait to be looked up, which takes less than
 * an asker's patience, and so many answers that wait to be sent. */
#define RESPONDER_WAITING_MAX 1024u
/* Memory of all: a usual one takes 2 to 5 KiB, the largest, 255 ids of 128 digits, 57. */
#define RESPONDER_OCTETS_MAX (8u << 20)
/* Look-ups for each answer that the buckets allow, and ids that count as one. */
#define RESPONDER_LOOKUPS_PER_ANSWER 4u
#define RESPONDER_LOOKUP_IDS WSD_BATCH_2

struct responder;

/* What is held of a segment, HELD of its BLOCKS; either 0: nothing. */
struct responder_holding {
	uint32_t held, blocks;
	uint64_t age_ms;
};

struct responder_lookup; /* a Probe that waits for what is held */

/* Calls nothing of the responder from inside, but responder_found() from `look_up`. */
struct responder_outlet {
	/* Find out what is held of PROBE's ids, and say so by responder_found(), from inside or
	 * later; PROBE stays until then. */
	void (*look_up)(void *owner, struct responder_lookup *lookup,
			const struct wsd_probe *probe);
	/* An answer is due. Where it says that the retrieval server is, `announce` was asked just
	 * before. */
	void (*send)(void *owner, const struct multicast_arrival *arrival, const struct xaddr *own,
		     const void *datagram, size_t size);
	/* Where the retrieval server is to be asked by who is at ARRIVAL (nearby_announce);
	 * returns how many, 0: nowhere, so stay silent. *OWN_OUT: our address that the answer is
	 * to be sent from. */
	unsigned (*announce)(void *owner, enum wsd_form form,
			     const struct multicast_arrival *arrival, struct xaddr *own_out,
			     struct xaddr announced_out[NEARBY_ANNOUNCED_MAX]);
	/* How many answers came when we fetched the segment first (peer/thinning.h); zeros: not
	 * known. */
	struct thinning (*thinning)(void *owner, const struct wsd_id *id);
	/* Nothing is held of ID, for which who is at ARRIVAL has asked. */
	void (*unserved)(void *owner, const struct multicast_arrival *arrival,
			 const struct wsd_id *id);
	uint32_t (*random)(void *owner); /* 32 random bits */
	void *owner;
};

struct responder_options {
	struct responder_outlet outlet;
	uint32_t instance;    /* seconds since 1970 at the start of the service */
	const char *endpoint; /* a name that is new at each start (wsd_uuid); copied */
	uint64_t seed;        /* random */
	unsigned backoff_ms;  /* the longest wait; 0: BACKOFF_ANSWER_MAX_MS */
	unsigned thinning;    /* threshold, at most THINNING_MAX; 0: always answer */
	/* Answers a second; 0: those of peer/allowance.h. At least 4, so that a Probe of 255 ids
	 * finds room in the look-ups. */
	unsigned all, each;
};
/* -ENOMEM. */
int responder_create(const struct responder_options *options, int64_t now_ms,
		     struct responder **responder_out);
/* Waiting answers are not sent any more. Look-ups that are under way end by responder_found(), at
 * which the last of it is freed. NULL is fine. */
void responder_free(struct responder *responder);

/* MESSAGE, a Probe from a neighbour (nearby_is_neighbour, or this machine itself), becomes the
 * responder's: it is freed. The wait for its answer is counted from now on. */
void responder_hears(struct responder *responder, const struct multicast_arrival *arrival,
		     struct wsd_message *message, int64_t now_ms);
/* HOLDINGS: one for each id of the Probe; NULL: nothing, or it cannot be known. Also after
 * responder_free(). */
void responder_found(struct responder_lookup *lookup, const struct responder_holding *holdings,
		     int64_t now_ms);
/* Sends what is due. Returns when it wants to be called next; INT64_MAX: nothing waits. To be asked
 * again after responder_hears() and responder_found(). */
int64_t responder_tick(struct responder *responder, int64_t now_ms);

/* Of those received that are in none of the others, nothing was held, or the retrieval server was
 * nowhere to be asked. */
struct responder_counters {
	uint64_t received; /* Probes, repeats not among them */
	uint64_t answered; /* datagrams sent */
	uint64_t repeats;
	uint64_t refused; /* by the buckets, or for want of room */
	uint64_t thinned; /* silent because all that is held was thinned out */
};
void responder_counters(const struct responder *responder, struct responder_counters *counters_out);

#endif
