/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/hashes_place.h"

#include <stdio.h>
#include <stdlib.h>

#include "fs/config_private.h"

char *hashes_place(void)
{
	char *home = config_home("XDG_CACHE_HOME", ".cache", "/var/cache");
	char *path = NULL;

	if (home != NULL && asprintf(&path, "%s/peerdistfs/hashes", home) < 0)
		path = NULL;
	free(home);
	return path;
}
