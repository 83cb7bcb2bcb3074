/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The control directory (interface.md): what its files are and how they are opened, read and
 * written. Who answers is an answerer: a mount, which has it as .peerdist, found by name and not
 * listed in the root; or a server without a mount (fs/control_mount.h), where it is the root, and
 * .peerdist in it too.
 *
 * `status`, `metrics` and `config` are texts, made at open; so are, where there is an API,
 * `instances` and `publications`, of which root and the owner see all and others their own. `admin`
 * takes one command line by write and gives its answer to reads on the same descriptor, in the
 * order of reading, whatever the offset; reading from offset 0 again starts over. Octets, as of
 * `export`, stand in an answer behind a line "octets SIZE" and can be read once; a command that
 * takes octets, as `import`, gets them by writes of such a line with so many octets behind it, each
 * at most CONTROL_COMMAND_MAX in all, and "end". `control` is the
 * API (fs/control_api.h). All files are direct I/O.
 *
 * The kernel lets in one writer of an inode at a time, and holds that lock while it faults in the
 * writer's memory. So that nobody can keep others from writing to `control`, each LOOKUP of it
 * answers with a node of its own.
 */
#ifndef FS_CONTROL_H
#define FS_CONTROL_H

#include "fs/call.h"
#include "fs/command.h"
#include "fs/control_api.h"

#define CONTROL_DIRECTORY ".peerdist"
/* Longest command line. */
#define CONTROL_COMMAND_MAX 65536u

enum control_file {
	CONTROL_ADMIN,
	CONTROL_STATUS,
	CONTROL_METRICS,
	CONTROL_CONFIG,
	/* Where there is an API. */
	CONTROL_API,
	CONTROL_INSTANCES,
	CONTROL_PUBLICATIONS,
	CONTROL_FILES
};

/* A text of OWNER's, for free(). 0 or a negative errno. */
typedef int control_text(void *owner, char **text_out, size_t *length_out);

struct control_answerer {
	control_text *text[CONTROL_API];         /* CONTROL_ADMIN has none */
	struct service *(*service)(void *owner); /* NULL: there is no API */
	const struct command *commands;          /* besides those that all have */
};

struct control {
	const struct control_answerer *answerer;
	void *owner;
	struct jobs *jobs;
	struct calls *calls;
	uid_t uid;
	gid_t gid, admin_gid, api_gid;
	mode_t admin_mode, api_mode;
	atomic_ullong api_nodes; /* given to `control` so far */
	pthread_mutex_t lock;    /* guards what follows */
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
void control_lookup(struct control *control, fuse_req_t request, fuse_ino_t parent,
		    const char *name);
void control_getattr(const struct control *control, fuse_req_t request, fuse_ino_t number);
void control_readdir(const struct control *control, fuse_req_t request, fuse_ino_t number,
		     size_t size, off_t offset, bool plus);
void control_open(struct control *control, fuse_req_t request, fuse_ino_t number,
		  struct fuse_file_info *info);

/* control_session.c: a file that is open. */

void control_read(fuse_req_t request, size_t size, off_t offset, struct fuse_file_info *info);
void control_write(fuse_req_t request, const char *data, size_t size, off_t offset,
		   struct fuse_file_info *info);
void control_ioctl(fuse_req_t request, unsigned command, struct fuse_file_info *info,
		   const void *message, size_t in_size, size_t out_size);
void control_poll(fuse_req_t request, struct fuse_file_info *info, struct fuse_pollhandle *handle);
void control_release(fuse_req_t request, struct fuse_file_info *info);

struct control_session;
/* Which of its kinds an open file is. */
struct control_content {
	char *text; /* NULL: none, as API; both: it is `admin` */
	size_t length;
	struct control_api *api;
};
/* CONTENT becomes its own. NULL: no memory, and CONTENT is gone. */
struct control_session *control_session_begin(struct control *control,
					      const struct control_content *content);
void control_session_end(struct control_session *session);

#endif
