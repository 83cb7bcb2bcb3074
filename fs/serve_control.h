/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a content server tells by its control directory, and the administrator's commands for it.
 */
#ifndef FS_SERVE_CONTROL_H
#define FS_SERVE_CONTROL_H

#include "fs/control.h"
#include "origin/content_server.h"

/* What is answered from: the answerer's owner. All of it stays until control_mount_end(). */
struct serve_control {
	const char *source; /* a directory, or a URL without secrets */
	const char *config; /* lines "key=value" without secrets */
	struct content_server *server;
	struct publish *publish;
};

extern const struct control_answerer serve_control_answerer;

#endif
