/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where a retrieval server listens, as discovery messages say it: an item of XAddrs (discovery.md
 * sections 5 and 8). Pure. A zone is no part of the text: it is that of the interface the message
 * came by, which whoever has received the message puts in.
 */
#ifndef PEER_XADDR_H
#define PEER_XADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum xaddr_family { XADDR_IPV4 = 4, XADDR_IPV6 = 6 };

#define XADDR_PORT_DEFAULT 80u
#define XADDR_TEXT_MAX 54u /* "[", 45 characters at most, "]:65535" and NUL */

struct xaddr {
	enum xaddr_family family;
	uint16_t port;
	uint8_t octets[16]; /* of IPv4 the first four, then zeros */
	/* Index of the interface; of IPv6 link-local addresses only, else 0, as also in what was
	 * read. Two such addresses are one host only if these are the same. */
	uint32_t zone;
};

/* "192.0.2.1:80", "[2001:db8::1]:80"; also without port, with "http://" before and a path behind,
 * with a zone, or an IPv6 address alone without brackets. -EBADMSG: anything else, host names among
 * it, port 0, and addresses at which no single host is: see xaddr_is_host. */
int xaddr_read(const char *text, size_t length, struct xaddr *address_out);
/* The form that is sent. */
void xaddr_write(const struct xaddr *address, char text_out[XADDR_TEXT_MAX]);

/* Octets that count. */
size_t xaddr_size(const struct xaddr *address);
/* The ports may differ. */
bool xaddr_same_host(const struct xaddr *one, const struct xaddr *other);
bool xaddr_same(const struct xaddr *one, const struct xaddr *other);
/* Neither unspecified nor multicast nor IPv4's broadcast, nor (our choice, since it would pass for
 * another family) an IPv4 address inside an IPv6 one. */
bool xaddr_is_host(const struct xaddr *address);
bool xaddr_is_loopback(const struct xaddr *address);
/* fe80::/10 and 169.254.0.0/16. */
bool xaddr_is_link_local(const struct xaddr *address);

#endif
