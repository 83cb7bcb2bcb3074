/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/peer_address.h"

#include <stdio.h>
#include <string.h>

const char *peer_address_text(const struct xaddr *address, char text_out[PEER_ADDRESS_MAX])
{
	char sent[XADDR_TEXT_MAX], name[IF_NAMESIZE];
	const char *bracket;

	xaddr_write(address, sent);
	bracket = strchr(sent, ']');
	if (address->zone == 0 || bracket == NULL) {
		snprintf(text_out, PEER_ADDRESS_MAX, "%s", sent);
		return text_out;
	}
	/* The interface may have gone meanwhile. */
	if (if_indextoname(address->zone, name) == NULL)
		snprintf(name, sizeof name, "%u", address->zone);
	snprintf(text_out, PEER_ADDRESS_MAX, "%.*s%%%s%s", (int)(bracket - sent), sent, name,
		 bracket);
	return text_out;
}
