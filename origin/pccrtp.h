/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The header lines of Peer Distribution over HTTP, both sides (MS-PCCRTP; http-extension.md
 * sections 2 to 7). Pure: strings to structs and back.
 *
 * A header may be spread over several lines: FIELDS are its values in order, NULL-terminated; NULL
 * when there is none.
 */
#ifndef ORIGIN_PCCRTP_H
#define ORIGIN_PCCRTP_H

#include <stdbool.h>
#include <stdint.h>

/* Bits: versions of content information. */
enum { PCCRTP_CONTENT_1 = 1, PCCRTP_CONTENT_2 = 2 };

#define PCCRTP_ENCODING "peerdist"

/* ---- server ---- */

struct pccrtp_fields {
	const char *const *accept_encoding;
	const char *const *peerdist;    /* X-P2P-PeerDist */
	const char *const *peerdist_ex; /* X-P2P-PeerDistEx */
};

/* What a request's headers ask for, steps 3 to 7 of section 3. The rest of the decision is of the
 * method, the content and the connection. */
struct pccrtp_request {
	bool welcome;             /* false: answer as to a client that never mentioned it */
	bool later;               /* version 1.1: may be told MakeHashRequest */
	bool hash_request;        /* it has the content and wants only the hashes */
	unsigned content_version; /* the highest of OFFERED that it takes: 1 or 2 */
	unsigned protocol_minor;  /* 0 or 1: "Version=1.0" or "1.1", for the answer */
};
/* OFFERED: PCCRTP_CONTENT_ bits. */
void pccrtp_request_read(const struct pccrtp_fields *fields, unsigned offered,
			 struct pccrtp_request *request_out);

/* The value of X-P2P-PeerDist of an answer with content information of LENGTH octets of content. */
#define PCCRTP_FIELD_MAX 96
void pccrtp_answer_write(const struct pccrtp_request *request, uint64_t length,
			 char field_out[PCCRTP_FIELD_MAX]);
/* The values of a plain answer that tells to ask again (section 3, step 11). */
#define PCCRTP_LATER "Version=1.1"
#define PCCRTP_LATER_EX "MakeHashRequest=true"

/* ---- client ---- */

/* Header lines of the question for content information, as they must be sent. ACCEPTED:
 * PCCRTP_CONTENT_ bits, not 0. LINE_OUT: of X-P2P-PeerDistEx. */
#define PCCRTP_ACCEPT_LINE "Accept-Encoding: peerdist"
#define PCCRTP_VERSION_LINE "X-P2P-PeerDist: Version=1.1"
#define PCCRTP_MISSING_LINE "X-P2P-PeerDist: Version=1.1, MissingDataRequest=true"
#define PCCRTP_EX_LINE_MAX 128
void pccrtp_question_write(unsigned accepted, bool hash_request, char line_out[PCCRTP_EX_LINE_MAX]);

struct pccrtp_answer {
	bool spoke;     /* some X-P2P header is there, readable or not */
	bool encoded;   /* Content-Encoding is exactly "peerdist" */
	bool stacked;   /* it names peerdist, but not alone: unusable */
	bool make;      /* MakeHashRequest=true */
	int64_t length; /* ContentLength; -1: not given, repeated or malformed */
};
struct pccrtp_answer_fields {
	const char *const *content_encoding;
	const char *const *peerdist;
	const char *const *peerdist_ex;
};
void pccrtp_answer_read(const struct pccrtp_answer_fields *fields,
			struct pccrtp_answer *answer_out);

/* Largest encoded form that is read for CONTENT_LENGTH octets of content (section 7). */
uint64_t pccrtp_limit(uint64_t content_length, uint64_t limit);

#endif
