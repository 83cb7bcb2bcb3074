/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a mount tells of itself: `status` (JSON, interface.md), `metrics` (Prometheus text with the
 * same numbers), `config`. Each makes a text of its own: 0 or a negative errno; free with free().
 */
#ifndef FS_STATUS_H
#define FS_STATUS_H

#include <stddef.h>

struct mount;

int status_make(struct mount *mount, char **text_out, size_t *length_out);
int metrics_make(struct mount *mount, char **text_out, size_t *length_out);
int config_make(struct mount *mount, char **text_out, size_t *length_out);

#endif
