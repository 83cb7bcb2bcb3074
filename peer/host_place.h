/* SPDX-License-Identifier: BSD-2-Clause
 *
 * "HOST", "HOST:PORT", "ADDRESS", "ADDRESS:PORT", "[IPV6]" and "[IPV6]:PORT", as people write where
 * a server is. Pure.
 */
#ifndef PEER_HOST_PLACE_H
#define PEER_HOST_PLACE_H

#include <stdbool.h>
#include <stdint.h>

/* A name of DNS, or an address with a zone, and NUL. */
#define HOST_PLACE_NAME_SIZE 256u
/* With scheme, brackets, an escaped zone, and port. */
#define HOST_PLACE_URL_SIZE (HOST_PLACE_NAME_SIZE + 32u)

struct host_place {
	char name[HOST_PLACE_NAME_SIZE]; /* without brackets */
	bool literal;                    /* the name is an IPv6 address */
	uint16_t port;
};

/* PORT: what is meant without one. -EINVAL: not of this form; a name has letters, digits, ".", "-"
 * and "_" only, so that it can be part of a URL. */
int host_place_read(const char *text, uint16_t port, struct host_place *place_out);
/* "SCHEME://HOST:PORT", at another port than the place's. */
void host_place_url(const struct host_place *place, const char *scheme, uint16_t port,
		    char url_out[HOST_PLACE_URL_SIZE]);

#endif
