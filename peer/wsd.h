/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The messages of discovery, Probe and ProbeMatches, in both forms (MS-PCCRD over WS-Discovery;
 * discovery.md sections 3 to 5, 8). Pure: datagrams to structs and back.
 *
 * What is written has exactly the customary prefixes, no attribute on an element inside a
 * ProbeMatch, no white space and no self-closing element: iPXE looks for literal octets. What is
 * read may have any prefixes, white space, comments and a byte order mark; limits and refusals are
 * those of section 8. No message but these two is ever answered, and no fault is sent.
 */
#ifndef PEER_WSD_H
#define PEER_WSD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/digest.h"
#include "peer/xaddr.h"

#define WSD_DATAGRAM_MAX 65507u
#define WSD_MESSAGE_ID_MAX 256u
#define WSD_SEGMENTS_MAX 255u
#define WSD_BLOCKS_MAX 512u
/* Segments that we ask for at once, so that a Probe travels in one frame: our choice. */
#define WSD_BATCH_1 10u
#define WSD_BATCH_2 16u
/* What is looked at in an answer: our choice. */
#define WSD_MATCHES_MAX 32u
#define WSD_ADDRESSES_MAX 8u

enum wsd_form { WSD_FORM_1 = 1, WSD_FORM_2 = 2 };

/* A segment's id, HoHoDk. */
struct wsd_id {
	uint8_t size; /* octets: 32, 48 or 64; in form 2 only 32 */
	uint8_t octets[DIGEST_SIZE_MAX];
	const char *spelled; /* 2 * SIZE digits, as the asker wrote them; NULL: in capitals */
};

struct wsd_probe {
	enum wsd_form form;
	const char *message_id;
	unsigned count; /* 1 to WSD_SEGMENTS_MAX */
	const struct wsd_id *ids;
};

/* What an answer says of a segment: some of it is there. */
struct wsd_claim {
	uint8_t segment; /* index in the Probe */
	bool whole;      /* form 2 only */
	bool aged;       /* form 2 only: AGE_MS is known */
	uint16_t blocks; /* form 1 only: how many are there, 1 to WSD_BLOCKS_MAX */
	uint64_t age_ms; /* since the segment was first created in its cache */
};

/* ---- writing ---- */

#define WSD_UUID_MAX 46u /* "urn:uuid:", 36 characters and NUL */
/* A fresh name for a message or a service start, out of random octets. */
void wsd_uuid(const uint8_t random[16], char uuid_out[WSD_UUID_MAX]);

struct wsd_answer {
	const struct wsd_probe *probe;  /* as it was read */
	const char *message_id;         /* fresh */
	const char *endpoint;           /* a name that is new at each service start */
	uint32_t instance;              /* grows at each service start: seconds since 1970 */
	uint32_t number;                /* 1 for the first message since then */
	const struct wsd_claim *claims; /* segments ascending; at least one */
	unsigned claim_count;
	const struct xaddr *addresses; /* the one that iPXE is to use first */
	unsigned address_count;        /* 1 to WSD_ADDRESSES_MAX */
};

/* -EMSGSIZE: more than ROOM octets; -EINVAL: against what is said above. */
int wsd_write_probe(const struct wsd_probe *probe, void *datagram, size_t room, size_t *size_out);
int wsd_write_answer(const struct wsd_answer *answer, void *datagram, size_t room,
		     size_t *size_out);

/* ---- reading ---- */

enum wsd_kind { WSD_PROBE, WSD_ANSWER };

/* All that hangs in it is freed with it. Texts are UTF-8 without white space round them. */
struct wsd_message {
	enum wsd_kind kind;
	const char *message_id; /* 1 to WSD_MESSAGE_ID_MAX octets; NULL if an answer has none */
	const char *relates_to; /* of an answer: compare it without regard to case */
	const struct wsd_probe *probe; /* of a Probe */
	bool sequenced;                /* of an answer: the next two are known */
	uint32_t instance, number;
};

/* -EBADMSG: malformed; -ENOMSG: something else of WS-Discovery, with which the air is full, not
 * worth a word in a log; -ENOMEM. An answer is judged only as far as it can be without its Probe.
 */
int wsd_read(const void *datagram, size_t size, struct wsd_message **message_out);
void wsd_free(struct wsd_message *message);

struct wsd_match {
	const char *endpoint; /* anybody's word */
	unsigned address_count;
	struct xaddr addresses[WSD_ADDRESSES_MAX]; /* anybody's word: see peer/nearby.h */
	unsigned claim_count;
	const struct wsd_claim *claims; /* segments ascending */
};

struct wsd_matches {
	unsigned count; /* those that claim something; may be 0 */
	struct wsd_match matches[WSD_MATCHES_MAX];
};

/* What an answer says to the Probe that its RelatesTo names. Points into MESSAGE, and is itself
 * freed by free(). -EBADMSG: malformed; -ENOMEM. A ProbeMatch of other types, or without an address
 * that can be used, is passed over; one with wrong counts or bits spoils the answer. */
int wsd_read_matches(const struct wsd_message *message, const struct wsd_probe *probe,
		     struct wsd_matches **matches_out);

#endif
