/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is behind a message. Private to wsd*.c.
 */
#ifndef PEER_WSD_MESSAGE_H
#define PEER_WSD_MESSAGE_H

#include "peer/wsd.h"
#include "peer/wsd_tree.h"

struct message {
	struct wsd_message public; /* first, so that one pointer is the other */
	struct wsd_tree *tree;
	int body;               /* in the tree */
	int matches;            /* likewise, of an answer */
	struct wsd_probe probe; /* of a Probe */
	struct wsd_id *ids;
};

/* LENGTH hexadecimal digits of either case. -EBADMSG: others, or an odd number. */
int wsd_hex(const char *digits, size_t length, uint8_t *octets_out);
/* A word of a list of form 1. -EBADMSG: no segment id. */
int wsd_id_read(const char *word, size_t length, struct wsd_id *id_out);

#endif
