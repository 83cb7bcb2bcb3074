/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hosted cache that misbehaves as a test wants it: it stands before a real retrieval server, on
 * loopback, passes requests on, and spoils what comes back, or answers itself. A connection for
 * each request, one at a time.
 */
#ifndef TESTS_UNIT_HOSTED_SCRIPT_H
#define TESTS_UNIT_HOSTED_SCRIPT_H

#include <stdatomic.h>

#include <pthread.h>

enum script_manner {
	SCRIPT_HONEST,
	SCRIPT_POISONS, /* octets of blocks are others */
	SCRIPT_STALLS,  /* takes connections, and says nothing */
	/* These of MSG_GETSEGLIST only: */
	SCRIPT_REFUSES_LISTS,  /* 400 */
	SCRIPT_OLD,            /* MSG_NEGO_RESP, version 1.0 */
	SCRIPT_CLOSES,         /* without an answer */
	SCRIPT_LISTS_NONSENSE, /* an answer to another question */
};

struct script {
	enum script_manner manner;
	unsigned port, behind; /* its own, the real server's */
	int listener;
	pthread_t thread;
	atomic_bool over;
	atomic_uint lists, block_lists, blocks; /* requests, by type */
};

void script_begin(struct script *script, enum script_manner manner, unsigned behind);
void script_end(struct script *script);

#endif
