/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a content server tells by its control directory, and the administrator's commands for it.
 */
#ifndef FS_SERVE_CONTROL_H
#define FS_SERVE_CONTROL_H

#include <stdbool.h>

#include "origin/content_server.h"

struct serve_control;

struct serve_control_options {
	const char *directory;
	bool others;        /* may see it */
	const char *source; /* a directory, or a URL without secrets */
	const char *config; /* lines "key=value" without secrets */
	struct content_server *server;
	struct publish *publish;
};

/* 0, or a negative errno with a MESSAGE. Texts are copied. */
int serve_control_start(const struct serve_control_options *options,
			struct serve_control **control_out, char *message, size_t message_size);
/* Before content_server_stop(). NULL is fine. */
void serve_control_end(struct serve_control *control);

#endif
