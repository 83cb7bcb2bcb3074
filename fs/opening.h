/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opening: which version of a path an open gets, and whether it is still the one that the kernel
 * has a node for. The validator is asked for when it is due; a small file comes along with it. The
 * contents are
 *
 *   - of a validator: the object of that validator, pieced together from ranges;
 *   - without one: what one answer brought, a version of its own, begun anew after `revalidate`;
 *   - without a length: read whole first, so that there is a size to show.
 */
#ifndef FS_OPENING_H
#define FS_OPENING_H

#include "fs/mount.h"

/* ERROR 0: FILE is open in the node, to be given back by opening_close(). -ESTALE: the content is
 * of another version than the node; looking the name up again gives the right one. -EIO, -EACCES,
 * -ENOENT, -ENOMEM. */
typedef void opening_done(void *context, int error, struct fetch_file *file);
/* NODE, a file, must stay until DONE, which may be called before this returns. */
void opening_start(struct mount *mount, struct node *node, opening_done *done, void *context);
void opening_close(struct mount *mount, struct node *node);

#endif
