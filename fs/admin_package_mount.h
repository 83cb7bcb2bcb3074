/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Packages in and out of a mount's cache (fs/admin_package.h).
 */
#ifndef FS_ADMIN_PACKAGE_MOUNT_H
#define FS_ADMIN_PACKAGE_MOUNT_H

#include "fs/command.h"

struct mount;

/* "export PATH..." and "import", of a control whose owner is a struct mount. */
int admin_mount_export(const struct control *control, struct job *job, const char *argument);
int admin_mount_import(const struct control *control, struct job *job, const char *argument);

#endif
