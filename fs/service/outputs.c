/* SPDX-License-Identifier: BSD-2-Clause
 */
#include "fs/service/outputs.h"

#include <malloc.h>

/* What may be left of the most that was held. Our choice. */
enum { PART_LEFT = 8 };

void outputs_hold(struct outputs *outputs, uint32_t octets)
{
	unsigned long long held = atomic_fetch_add(&outputs->held, octets) + octets;
	unsigned long long most = atomic_load(&outputs->most);

	while (most < held && !atomic_compare_exchange_weak(&outputs->most, &most, held))
		;
}

void outputs_free(struct outputs *outputs, uint32_t octets)
{
	atomic_fetch_sub(&outputs->held, octets);
}

void outputs_give_back(struct outputs *outputs)
{
	unsigned long long held = atomic_load(&outputs->held), most = atomic_load(&outputs->most);

	if (most < OUTPUTS_LARGE || held > most / PART_LEFT)
		return;
	/* Of several that end at once, one. */
	if (atomic_compare_exchange_strong(&outputs->most, &most, held))
		malloc_trim(0);
}
