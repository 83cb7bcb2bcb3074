/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the administrator's commands say of one file: what is known of its name, and what is cached
 * of the version that the origin had when it was last asked.
 */
#ifndef FS_ADMIN_OBJECT_H
#define FS_ADMIN_OBJECT_H

#include "cache/catalog.h"

struct mount;

/* What is known of the name PATH. -ENOENT: nothing, or that it is not there. */
int admin_entry_find(struct mount *mount, const char *path, struct entry *entry_out);
/* What is cached of PATH, with a reference; ENTRY_OUT as above. -ENOENT: nothing, or it is no file.
 */
int admin_object_find(struct mount *mount, const char *path, struct entry *entry_out,
		      struct object **object_out);

#endif
