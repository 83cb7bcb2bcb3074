/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names of hosts to addresses, now and again. The C library's resolver takes as long as it likes
 * and cannot be given up, so each look-up has a thread that nobody waits for, and which finds out
 * at its end that nobody wants to know any more. One at a time for each name. All functions and the
 * callback: loop thread.
 */
#ifndef PEER_NAME_LOOKUP_H
#define PEER_NAME_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "origin/loop.h"
#include "peer/xaddr.h"

/* Of one name; more are passed over. Our choice. */
#define NAME_LOOKUP_ADDRESSES_MAX 8u
/* Our choices: between two look-ups of a name at least, and at most while it has addresses. One
 * that has none is tried after the former, and twice as long each time up to the latter. */
#define NAME_LOOKUP_PAUSE_MS 10000u
#define NAME_LOOKUP_EVERY_MS 300000u

struct name_lookup;

struct name_lookup_options {
	struct loop *loop;
	const char *const *names; /* or numeric addresses; copied */
	unsigned count;
	bool ipv4, ipv6; /* families that are of use */
	/* Name NUMBER has these addresses, COUNT of them, without ports; as often as it was looked
	 * up. 0: none could be found, and what was said last may be as good as it was. */
	void (*found)(void *context, unsigned number, const struct xaddr *addresses,
		      unsigned count);
	void *context;
	unsigned pause_ms, every_ms; /* 0: see above */
};
/* All names are looked up at once; of what is an address, found() is told from inside. -ENOMEM. */
int name_lookup_create(const struct name_lookup_options *options, struct name_lookup **lookup_out);
/* Calls nobody any more, and does not wait either. NULL is fine. */
void name_lookup_free(struct name_lookup *lookup);
/* The addresses of name NUMBER are no good: it is looked up again, as soon as may be. */
void name_lookup_again(struct name_lookup *lookup, unsigned number);

#endif
