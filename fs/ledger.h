/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where each block came from, and why not from nearer: what `explain` tells. In memory only, and
 * bounded: our choice, LEDGER_OCTETS_MAX for all; what was noted longest ago is forgotten first, by
 * some hundred neighbouring blocks at a time. Blocks of which nothing is known any more are simply
 * cached.
 */
#ifndef FS_LEDGER_H
#define FS_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/cutting.h"
#include "fs/source.h"
#include "peer/seeker.h"

#define LEDGER_OCTETS_MAX (8u << 20)

struct ledger;

/* Why a block came from no peer. */
enum ledger_why {
	LEDGER_NOT_TOLD,       /* nobody had to decide: it came with others */
	LEDGER_MODE,           /* the mode has no peers */
	LEDGER_NO_INFORMATION, /* there was no content information */
	LEDGER_SEEKER,         /* and SEEKER_..., added to it, is why */
	LEDGER_WHYS = LEDGER_SEEKER + SEEKER_REASONS
};
/* "no content information", "no answer", ... */
const char *ledger_why_name(unsigned why);

struct ledger_entry {
	bool known;
	enum given given;
	unsigned why;      /* enum ledger_why; of GIVEN_ORIGIN */
	struct xaddr from; /* of GIVEN_PEER and GIVEN_HOSTED */
};

int ledger_create(struct ledger **ledger_out);
/* NULL is fine. */
void ledger_free(struct ledger *ledger);

/* Notes UNIT of CUTTING, of this version of PATH. FROM may be NULL, or without a family. What is
 * known of other units is kept if CUTTING has the same units as before. Any thread; never blocks
 * for long, never fails. */
void ledger_note(struct ledger *ledger, const char *path, const char *validator,
		 const struct cutting *cutting, uint32_t unit, enum given given, unsigned why,
		 const struct xaddr *from);
/* Any thread. */
void ledger_look(struct ledger *ledger, const char *path, const char *validator,
		 const struct cutting *cutting, uint32_t unit, struct ledger_entry *entry_out);
/* Of PATH and below ("": all). */
void ledger_forget(struct ledger *ledger, const char *path);

#endif
