/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who takes offers: a hosted cache at an address of this machine, by HTTP or TLS, which answers as
 * the test says and keeps what it was told. And certificates for it.
 */
#ifndef TESTS_UNIT_TAKER_SCENE_H
#define TESTS_UNIT_TAKER_SCENE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/pchc.h"

#define TAKEN_MAX 256u
#define TAKER_PATIENCE 60 /* seconds after which a test that waits in vain fails */

enum taker_manner {
	TAKER_OK,         /* PCHC_OK to all */
	TAKER_INTERESTED, /* to PCHC_INITIAL_OFFER */
	TAKER_WRONG,      /* a body that is of no protocol */
	TAKER_SHORT,
	TAKER_ENDLESS,   /* a body of many octets */
	TAKER_DENIES,    /* 401 */
	TAKER_ELSEWHERE, /* 307, to itself */
	TAKER_SILENT,    /* nothing, and the connection stays */
	TAKER_CUTS,      /* the connection is closed */
};

/* A message, which was a valid one for where it came, or VERSION is 0. */
struct taken {
	unsigned version;
	bool tls, credentials;
	char peer[64];
	struct pchc_request request; /* leads into OCTETS */
	size_t size;
	uint8_t octets[PCHC_REQUEST_MAX];
};

struct taker {
	struct http_server *server;
	unsigned port;
	pthread_mutex_t lock;
	pthread_cond_t more;
	/* Guarded by lock. */
	enum taker_manner manner;
	bool ending;
	unsigned count, silent;
	struct taken *taken[TAKEN_MAX];
	struct http_served *kept[TAKEN_MAX]; /* TAKER_SILENT */
};

/* ADDRESS: "127.0.0.1:0". With certificate and key: TLS. */
struct taker *taker_begin(const char *address, const char *cert, const char *key);
void taker_end(struct taker *taker);
void taker_behave(struct taker *taker, enum taker_manner manner);
unsigned taker_count(struct taker *taker);
/* Message INDEX, which is waited for. Stays until the end. */
const struct taken *taker_wait(struct taker *taker, unsigned index);
/* Waits until so many segments were offered by version 2.0. */
unsigned taker_segments(struct taker *taker);

/* ---- certificates ---- */

enum taker_certificate {
	TAKER_GOOD,    /* for NAME, by the authority */
	TAKER_EXPIRED, /* likewise, a day ago */
	TAKER_UNKNOWN, /* by another authority of the same name */
};
/* In DIRECTORY: authority.pem, NAME-OF-FILE.pem and .key. */
void taker_authority(const char *directory);
void taker_certify(const char *directory, const char *file, enum taker_certificate which,
		   const char *alternative_name);

#endif
