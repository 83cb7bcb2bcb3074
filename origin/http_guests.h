/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who is connected to a server: how many in all and from each address, and who of them is idle, the
 * longest first. Where limits are reached the one longest idle may have to make room for a new one.
 * All threads of a server share one; its lock is never held across anything but loop_post().
 */
#ifndef ORIGIN_HTTP_GUESTS_H
#define ORIGIN_HTTP_GUESTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

#define HTTP_GUEST_ADDRESS 16u /* octets; IPv4 mapped into IPv6 */

LIST_HEAD(http_guest_list, http_guest);
TAILQ_HEAD(http_guest_queue, http_guest);

/* A connection. Guarded by the lock of its struct http_guests. */
struct http_guest {
	LIST_ENTRY(http_guest) siblings; /* of its address's bucket; displaced: of its home */
	TAILQ_ENTRY(http_guest) idlers;
	/* Where it is put when it has to go; who it belongs to is told by `wake`. */
	struct http_guest_list *home;
	uint8_t address[HTTP_GUEST_ADDRESS];
	bool here, idle, displaced;
};

#define HTTP_GUEST_BUCKETS 256u

struct http_guests {
	unsigned most, most_each; /* 0: no limit */
	bool displace;            /* idle ones make room */
	/* VICTIM was put into its home; with the lock held. */
	void (*wake)(struct http_guest *victim);

	pthread_mutex_t lock;
	unsigned count;
	struct http_guest_list buckets[HTTP_GUEST_BUCKETS];
	struct http_guest_queue idlers;
};

/* The fields before the lock have been set. */
void http_guests_begin(struct http_guests *guests);
void http_guests_end(struct http_guests *guests);

/* GUEST, zeros but for its home, comes from SOURCE, and is idle. False: there is no room. */
bool http_guests_come(struct http_guests *guests, struct http_guest *guest,
		      const struct sockaddr *source);
/* The last one to become idle is the last to be displaced. */
void http_guests_set_idle(struct http_guests *guests, struct http_guest *guest, bool idle);
/* It goes, or never came. */
void http_guests_leave(struct http_guests *guests, struct http_guest *guest);
/* The first of those put into HOME, which is then in no list; NULL: none. */
struct http_guest *http_guests_displaced(struct http_guests *guests, struct http_guest_list *home);

#endif
