/* SPDX-License-Identifier: BSD-2-Clause
 *
 * glibc reads the list and undoes its escapes.
 */
#include "fs/mounts.h"

#include <errno.h>
#include <stdio.h>

/* A line holds a source, a path and options; the kernel limits each to a page. */
#define LINE_MAX_OCTETS (4 * 4096)

int mounts_each(int (*each)(void *context, const struct mntent *mount), void *context)
{
	char line[LINE_MAX_OCTETS];
	struct mntent mount;
	int result = 0;
	FILE *stream = setmntent("/proc/self/mounts", "re");

	if (!stream)
		return -EIO;
	while (result == 0 && getmntent_r(stream, &mount, line, sizeof(line)))
		result = each(context, &mount);
	endmntent(stream);
	return result;
}
