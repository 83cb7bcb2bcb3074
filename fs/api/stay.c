/* SPDX-License-Identifier: BSD-2-Clause
 *
 * While its thread runs the shared library stays loaded: it has a reference of its own, so that
 * dlclose() without PeerDistShutdown() before it takes no code away under the thread. Contract:
 * client.h. Not in the static library, which does not go, and whose programs need not have
 * dlopen().
 */
#include <dlfcn.h>
#include <link.h>
#include <stddef.h>

#include "fs/api/client.h"

static void *begin(void)
{
	struct link_map *map = NULL;
	Dl_info info;

	/* The program itself has no name. */
	if (!dladdr1(&stay, &info, (void **)&map, RTLD_DL_LINKMAP) || !map || !*map->l_name)
		return NULL;
	return dlopen(map->l_name, RTLD_LAZY | RTLD_NOLOAD);
}

static void end(void *reference)
{
	if (reference)
		dlclose(reference);
}

__attribute__((constructor(LIBRARY_FIRST))) static void on_load(void)
{
	static const struct stay ours = {begin, end};

	stay = &ours;
}
