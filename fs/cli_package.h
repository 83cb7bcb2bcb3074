/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A conversation by the admin file in which octets go one way or the other (fs/control.h), for
 * `peerdist export` and `import`.
 */
#ifndef FS_CLI_PACKAGE_H
#define FS_CLI_PACKAGE_H

#include "fs/cli.h"

#define CLI_FIGURES_MAX 512

struct cli_conversation {
	const char *verb; /* for complaints; with what it is done to, perhaps */
	int admin;
	struct cli_progress progress;
	char figures[CLI_FIGURES_MAX]; /* what stood behind "ok": NAME NUMBER ... */
};

/* Sends LINE, which ends as a line. 0, or what the daemon says: cli_conversation_follow() tells. */
int cli_conversation_say(struct cli_conversation *conversation, const char *line);
/* Takes the answer to its end; octets in it go to PUT (NULL: there are none), until that gives
 * anything but 0, which is in ERROR_OUT then and the status CLI_DONE. REFUSAL: what writing to the
 * daemon gave, a negative errno, or 0. */
int cli_conversation_follow(struct cli_conversation *conversation, int refusal,
			    int (*put)(void *owner, const void *data, size_t size), void *owner,
			    int *error_out);
/* Gives the octets of FILE, with a bar, and says that these were all. 0, or what reading it gave;
 * in *REFUSAL_OUT what writing to the daemon gave, or 0. */
int cli_conversation_give(struct cli_conversation *conversation, int file, int *refusal_out);

#endif
