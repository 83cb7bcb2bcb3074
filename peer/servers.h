/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which retrieval servers are known to hold a segment, and of which segments it is known that
 * nobody does (discovery.md section 6). One thread; time is an argument, and does not go back.
 *
 *   no list  --begin-->                   empty    it lives so long, and says "nobody has it"
 *   no list, empty  --add-->              found    each server lives so long since it was last
 * added found    --the last server leaves-->  empty    from that moment on empty    --time is
 * over-->            no list any      --forget, or no room-->      no list
 */
#ifndef PEER_SERVERS_H
#define PEER_SERVERS_H

#include "peer/xaddr.h"

struct servers_limits {
	uint32_t lists;    /* at least 1; the list that was not used for longest goes */
	uint32_t per_list; /* at least 1; the server that was not used for longest goes */
	int64_t empty_ms, found_ms;
};
/* The defaults: Windows' own. The text has 15 s for a found server too. */
#define SERVERS_LISTS 256u
#define SERVERS_PER_LIST 16u
#define SERVERS_EMPTY_MS 15000
#define SERVERS_FOUND_MS 60000
#define SERVERS_LIMITS                                                                             \
	((struct servers_limits){SERVERS_LISTS, SERVERS_PER_LIST, SERVERS_EMPTY_MS,                \
				 SERVERS_FOUND_MS})

struct servers;

/* SEED: random. -ENOMEM. */
int servers_create(const struct servers_limits *limits, uint64_t seed,
		   struct servers **servers_out);
void servers_free(struct servers *servers);

enum servers_answer {
	SERVERS_UNKNOWN, /* no list: ask the others */
	SERVERS_NOBODY,  /* they were asked, and nobody has it: do not ask again now */
	SERVERS_FOUND
};

/* What is known of the segment ID; reading counts as use of its list. Of the servers the ROOM most
 * recently used are given. */
enum servers_answer servers_look(struct servers *servers, const uint8_t *id, size_t id_size,
				 int64_t now_ms, struct xaddr *found_out, unsigned room,
				 unsigned *count_out);

/* A Probe goes out: without a list there is an empty one from now on. */
void servers_begin(struct servers *servers, const uint8_t *id, size_t id_size, int64_t now_ms);
/* An answer that passed every check names a server. *FRESH_OUT: it was not in the list. -ENOMEM. */
int servers_add(struct servers *servers, const uint8_t *id, size_t id_size,
		const struct xaddr *server, int64_t now_ms, bool *fresh_out);
/* A server served; it does not live longer by that. */
void servers_used(struct servers *servers, const uint8_t *id, size_t id_size,
		  const struct xaddr *server, int64_t now_ms);
/* A server is of no use for this segment. */
void servers_drop(struct servers *servers, const uint8_t *id, size_t id_size,
		  const struct xaddr *server, int64_t now_ms);
/* As if nothing had ever been known of it. */
void servers_forget(struct servers *servers, const uint8_t *id, size_t id_size);

#endif
