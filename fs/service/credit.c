/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Input that is not worked through yet is held in memory, and bounded: per instance, and per user
 * so that many instances are no way around it. Who is refused is told when there is room again.
 */
#include "fs/service/operation.h"

static bool take_of_user(struct user *user, uint32_t octets)
{
	if (atomic_fetch_add(&user->input, octets) + octets <= USER_INPUT_MAX)
		return true;
	atomic_fetch_sub(&user->input, octets);
	return false;
}

bool credit_take_locked(struct instance *instance, uint32_t octets)
{
	struct user *user = instance->user;

	if (instance->input + octets > INSTANCE_INPUT_MAX) {
		instance->starved = true;
		return false;
	}
	if (!take_of_user(user, octets)) {
		/* Whoever returns some from now on tells us; so what was returned just before it
		 * could know is looked for once more. */
		instance->starved = true;
		atomic_store(&user->starved, true);
		if (!take_of_user(user, octets))
			return false;
		instance->starved = false;
	}
	instance->input += octets;
	return true;
}

bool credit_return_locked(struct instance *instance, uint64_t octets)
{
	bool tell = instance->starved;

	instance->input -= octets;
	instance->starved = false;
	atomic_fetch_sub(&instance->user->input, octets);
	return tell || atomic_load(&instance->user->starved);
}
