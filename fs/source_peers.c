/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/source_peers.h"

#include <errno.h>
#include <stdlib.h>

#include "fs/ledger.h"

struct source_peers {
	struct nearby nearby;
	struct neighbours *neighbours;
};

static struct neighbours *neighbours_of(struct nearby *nearby)
{
	return ((struct source_peers *)nearby)->neighbours;
}

static unsigned why_not(struct nearby *nearby)
{
	struct neighbours *neighbours = neighbours_of(nearby);

	if (!neighbours_are_on(neighbours))
		return LEDGER_MODE;
	return neighbours_worthwhile(neighbours) ? 0 : LEDGER_SEEKER + SEEKER_ALONE;
}

static void seek(struct nearby *nearby, struct neighbours_want *const *wants, unsigned count)
{
	neighbours_seek(neighbours_of(nearby), wants, count);
}

static void hurry(struct nearby *nearby, struct neighbours_want *want)
{
	neighbours_hurry(neighbours_of(nearby), want);
}

static bool drop(struct nearby *nearby, struct neighbours_want *want)
{
	return neighbours_drop(neighbours_of(nearby), want);
}

static void fetched(struct nearby *nearby, const struct content *content, uint64_t offset)
{
	neighbours_fetched(neighbours_of(nearby), content, offset);
}

static void origin(struct nearby *nearby, uint64_t octets_per_second, unsigned first_ms)
{
	neighbours_origin(neighbours_of(nearby), octets_per_second, first_ms);
}

int source_peers_create(struct neighbours *neighbours, struct nearby **nearby_out)
{
	struct source_peers *made = calloc(1, sizeof *made);

	if (made == NULL)
		return -ENOMEM;
	made->nearby = (struct nearby){why_not, seek, hurry, drop, fetched, origin};
	made->neighbours = neighbours;
	*nearby_out = &made->nearby;
	return 0;
}
