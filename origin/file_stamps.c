/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/file_stamps.h"

#include <stdbool.h>

int64_t file_stamps_unsettled_ns(const struct stat *status, const struct timespec *now)
{
	const struct timespec *stamp = &status->st_ctim;
	bool whole_seconds = stamp->tv_nsec == 0 && status->st_mtim.tv_nsec == 0;
	int64_t least = whole_seconds ? FILE_STAMPS_WHOLE_SECONDS_NS : FILE_STAMPS_TICK_NS;
	int64_t age;

	if (__builtin_sub_overflow((int64_t)now->tv_sec, stamp->tv_sec, &age) ||
	    __builtin_mul_overflow(age, 1000000000ll, &age))
		return 0;
	age += now->tv_nsec - stamp->tv_nsec;
	return age >= 0 && age < least ? least - age : 0;
}
