/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/allowance.h"

#include <errno.h>
#include <stdlib.h>

#include "cache/bytes.h"
#include "peer/bucket.h"
#include "peer/recent.h"

struct allowance {
	struct bucket all;
	uint32_t each_rate;
	struct recent *askers;
	struct bucket each[]; /* by slot */
};

int allowance_create(uint32_t all, uint32_t each, uint64_t seed, int64_t now_ms,
		     struct allowance **allowance_out)
{
	/* What one second can grant; one more, since no table is empty. */
	uint32_t slots = 2 * (all < UINT32_MAX / 4 ? all : UINT32_MAX / 4) + 1;
	struct allowance *allowance =
		calloc(1, sizeof(*allowance) + (size_t)slots * sizeof(struct bucket));

	if (allowance == NULL)
		return -ENOMEM;
	if (recent_create(slots, seed, &allowance->askers) != 0) {
		free(allowance);
		return -ENOMEM;
	}
	bucket_begin(&allowance->all, all, now_ms);
	allowance->each_rate = each;
	*allowance_out = allowance;
	return 0;
}

void allowance_free(struct allowance *allowance)
{
	if (allowance == NULL)
		return;
	recent_free(allowance->askers);
	free(allowance);
}

bool allowance_grants(struct allowance *allowance, const struct xaddr *source, int64_t now_ms)
{
	uint8_t key[1 + sizeof(source->octets)];
	struct bytes_out out = bytes_out(key, sizeof(key));
	uint32_t slot;
	bool fresh;

	/* Only who is answered gets a slot. */
	if (!bucket_has(&allowance->all, now_ms) || allowance->each_rate == 0)
		return false;
	bytes_put_u8(&out, (uint8_t)source->family);
	bytes_put(&out, source->octets, xaddr_size(source));
	slot = recent_find(allowance->askers, key, sizeof(key) - out.left);
	if (slot != RECENT_NONE && !bucket_has(&allowance->each[slot], now_ms))
		return false;
	slot = recent_use(allowance->askers, key, sizeof(key) - out.left, &fresh);
	if (fresh)
		bucket_begin(&allowance->each[slot], allowance->each_rate, now_ms);
	return bucket_take(&allowance->each[slot], now_ms) && bucket_take(&allowance->all, now_ms);
}
