/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Input that is not worked through yet is held in memory, and bounded: per instance, and per user
 * so that many instances are no way around it. Who is refused is told when there is room again.
 */
#include "fs/service/operation.h"

bool credit_take_locked(struct instance *instance, uint32_t octets)
{
	struct user *user = instance->user;

	if (instance->input + octets > INSTANCE_INPUT_MAX) {
		instance->starved = true;
		return false;
	}
	if (atomic_fetch_add(&user->input, octets) + octets > USER_INPUT_MAX) {
		atomic_fetch_sub(&user->input, octets);
		/* With nothing of its own in the way it is told by another instance's return, or at
		 * the next tick of those (service_tick). */
		instance->starved = true;
		atomic_store(&user->starved, true);
		return false;
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
