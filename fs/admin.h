/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The administrator's commands for a mount. PATH arguments are relative to its root.
 */
#ifndef FS_ADMIN_H
#define FS_ADMIN_H

#include "fs/command.h"

/* Of a control whose owner is a struct mount. */
extern const struct command admin_commands[];

#endif
