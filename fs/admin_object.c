/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/admin_object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/mount.h"

int admin_entry_find(struct mount *mount, const char *path, struct entry *entry_out)
{
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
	char *dir = strndup(path, slash != NULL ? (size_t)(slash - path) : 0);
	struct entry entry;

	if (dir == NULL)
		return -ENOMEM;
	int error = catalog_find(mount->catalog, dir, name, &entry);
	free(dir);
	if (error == 0 && entry.kind == ENTRY_ABSENT)
		error = -ENOENT;
	if (error == 0)
		*entry_out = entry;
	return error;
}

int admin_object_find(struct mount *mount, const char *path, struct entry *entry_out,
		      struct object **object_out)
{
	struct entry entry;
	int error = admin_entry_find(mount, path, &entry);

	if (error == 0 &&
	    (entry.kind != ENTRY_FILE || entry.validator[0] == '\0' || entry.size < 0))
		error = -ENOENT;
	if (error == 0)
		error = store_find(mount->store, path, entry.validator, (uint64_t)entry.size,
				   object_out);
	if (error == 0)
		*entry_out = entry;
	return error;
}
