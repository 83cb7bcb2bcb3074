/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The control directory (interface.md): what its files are and how they are opened, read and
 * written. Who answers is an answerer: a mount, which has it as .peerdist, found by name and not
 * listed in the root; or a server without a mount (fs/control_mount.h), where it is the root, and
 * .peerdist in it too.
 *
 * `status`, `metrics` and `config` are texts, made at open. `admin` takes one command line by write
 * and gives its answer to reads on the same descriptor, in the order of reading, whatever the
 * offset; reading from offset 0 again starts over. All files are direct I/O.
 */
#ifndef FS_CONTROL_H
#define FS_CONTROL_H

#include "fs/call.h"
#include "fs/command.h"

#define CONTROL_DIRECTORY ".peerdist"
/* Longest command line. */
#define CONTROL_COMMAND_MAX 65536u

enum control_file { CONTROL_ADMIN, CONTROL_STATUS, CONTROL_METRICS, CONTROL_CONFIG, CONTROL_FILES };

/* A text of OWNER's, for free(). 0 or a negative errno. */
typedef int control_text(void *owner, char **text_out, size_t *length_out);

struct control_answerer {
	control_text *text[CONTROL_FILES]; /* CONTROL_ADMIN has none */
	const struct command *commands;    /* besides those that all have */
};

struct control {
	const struct control_answerer *answerer;
	void *owner;
	struct jobs *jobs;
	struct calls *calls;
	uid_t uid;
	gid_t gid, admin_gid;
	mode_t admin_mode;
	pthread_mutex_t lock; /* guards what follows */
	LIST_HEAD(, control_session) sessions;
};

/* The fields before the lock are set already. */
void control_init(struct control *control);
/* Lets go of the files that are still open. The jobs have ended, and no operation is running or
 * will come. */
void control_end(struct control *control);

/* NAME NULL: whether NUMBER is of the control directory or a file in it; else whether NAME in
 * NUMBER, of a mount, is to be looked up here. */
bool control_owns(fuse_ino_t number, const char *name);

/* PARENT the root: of .peerdist, and of the files where the root is a control directory. */
void control_lookup(const struct control *control, fuse_req_t request, fuse_ino_t parent,
		    const char *name);
void control_getattr(const struct control *control, fuse_req_t request, fuse_ino_t number);
void control_readdir(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, bool plus);
void control_open(struct control *control, fuse_req_t request, fuse_ino_t number,
		  struct fuse_file_info *info);

/* control_session.c: a file that is open. */

void control_read(fuse_req_t request, size_t size, off_t offset, struct fuse_file_info *info);
void control_write(fuse_req_t request, const char *data, size_t size, struct fuse_file_info *info);
void control_poll(fuse_req_t request, struct fuse_file_info *info, struct fuse_pollhandle *handle);
void control_release(fuse_req_t request, struct fuse_file_info *info);

struct control_session;
/* TEXT becomes its own; NULL: it is `admin`. NULL: no memory, and TEXT is freed. */
struct control_session *control_session_begin(struct control *control, char *text, size_t length);
void control_session_end(struct control_session *session);

#endif
