/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Everything that belongs to one mount, for the files that answer the kernel.
 *
 * Threads: FUSE threads (libfuse's) call the operations and never wait for the network; one loop
 * thread (origin/loop.h) owns the sockets and timers; pool threads (cache/pool.h) do disk work and
 * answer parked requests; a thread for each administrator's job.
 */
#ifndef FS_MOUNT_H
#define FS_MOUNT_H

#include "fs/call.h"

#include "cache/catalog.h"
#include "cache/pool.h"
#include "cache/store.h"
#include "fs/config.h"
#include "fs/control.h"
#include "fs/expiry.h"
#include "fs/fetch.h"
#include "fs/inform.h"
#include "fs/job.h"
#include "fs/ledger.h"
#include "fs/listen_place.h"
#include "fs/names.h"
#include "fs/node.h"
#include "fs/open_file.h"
#include "fs/service/service.h"
#include "origin/origin.h"
#include "peer/neighbours.h"

struct mount {
	struct config *config;
	pthread_mutex_t config_lock; /* what a reload or `resize` changes in config */
	struct fuse_session *session;
	struct store *store;
	struct catalog *catalog;
	struct pool *pool;
	struct loop *loop;
	struct origin *origin; /* NULL: none */
	struct source *source;
	pthread_mutex_t secret_lock;
	bool secret_sought; /* secret_lock */
	/* Of this machine as a publisher; NULL: not needed yet, or not to be had. Set once, with
	 * secret_lock. */
	struct secret *secret;
	struct compute *compute;
	struct inform *inform;
	struct fetch *fetch;
	struct service *service;
	pthread_mutex_t service_lock; /* one change of its status at a time; guards the two */
	bool service_begun, service_ended;
	struct listen_place listen;
	struct neighbours *neighbours; /* on as long as the mode has peers */
	struct nearby *nearby;         /* the same for the fetch engine */
	struct ledger *ledger;
	pthread_mutex_t mode_lock; /* one change of the mode at a time; before config_lock */
	struct names *names;
	struct nodes *nodes;
	struct calls calls;
	struct open_files open_files;
	struct jobs *jobs;
	struct control control;
	char *base; /* URL of the directory that is shown; NULL: none */
	char *only; /* the one name in it; NULL: all */
	struct expiry expiry;
	bool finished;
	atomic_ullong window_max; /* read-ahead, octets; what the cache's limit allows */
	/* Held while an answer that comes but once is begun or joined, so that one begins it. */
	pthread_mutex_t once_lock;
	pthread_mutex_t measuring_lock;
	LIST_HEAD(, opening) measuring; /* measuring_lock; contents without a length, being read */
	atomic_ullong reads;            /* READ requests that the kernel sent */
	atomic_ullong xattr_requests;
};

extern const struct fuse_lowlevel_ops mount_operations;
/* Answers by the control directory: status, metrics, config, and the administrator's commands. */
extern const struct control_answerer mount_answerer;
/* The extended attributes user.peerdist.* (fs/xattr.c). */
void xattr_get(fuse_req_t request, fuse_ino_t number, const char *name, size_t size);
void xattr_list(fuse_req_t request, fuse_ino_t number, size_t size);

/* Opens the store and the origin and starts the threads; does not mount. 0, or a negative errno
 * with a MESSAGE for the user. CONFIG stays the caller's, who must not be about to fork. */
int mount_create(struct config *config, struct mount **mount_out, char *message,
		 size_t message_size);
/* What waits for the origin is answered with an error, what runs is ended. To be called while the
 * kernel is still answered: an administrator's job may be waiting for it to drop a page that it
 * waits for us to fill. Any number of times, from any thread. */
void mount_stop(struct mount *mount);
/* Returns when nothing will be said to the kernel any more. No operation may be running or come;
 * the connection must still be open. */
void mount_finish(struct mount *mount);
/* After the FUSE session has ended. */
void mount_destroy(struct mount *mount);
/* Makes neighbours, nearby and ledger; and has the machine take part, if the mode says so. The
 * second fails only when what was named in the configuration cannot be had (fs/mount_peers.c). */
int mount_create_peers(struct mount *mount);
int mount_join_peers(struct mount *mount, char *message, size_t message_size);
/* Has the machine take part, or not, as MODE says; when that fails the mode is what it was. HOSTS:
 * the hosted caches from now on; NULL: those of before. Takes as long as opening and closing
 * sockets does. Not from the loop or a pool thread. */
int mount_change_mode(struct mount *mount, enum config_mode mode, char *const *hosts, char *message,
		      size_t message_size);
/* The same for who has mode_lock. */
int mount_change_mode_locked(struct mount *mount, enum config_mode mode, char *const *hosts,
			     char *message, size_t message_size);
/* fs/mount_service.c: the secret if it must be had at the start already; who computes with it
 * (NULL: nobody). */
const struct secret *mount_secret_at_start(struct mount *mount);
int mount_create_service(struct mount *mount);
/* The mount answers; its mode may have changed; it is to end. Any thread. */
void mount_service_begin(struct mount *mount);
void mount_service_changed(struct mount *mount);
void mount_service_end(struct mount *mount);
/* Whether no program has anything to take from it any more. */
bool mount_service_heard(struct mount *mount);
/* The origin at mount->base, with the options of the configuration. */
int mount_open_origin(struct mount *mount, struct origin **origin_out, char *message, size_t size);
/* Sets base and only: whether ORIGIN is a directory or one file (fs/place.c). */
int mount_place_origin(struct mount *mount, char *message, size_t message_size);

/* After the store's limit has changed. */
void mount_limit_changed(struct mount *mount);
/* Reads the configuration file again. 0 with a MESSAGE of what needs a new mount ("": nothing), or
 * a negative errno with the reason. */
int mount_reload(struct mount *mount, char *message, size_t message_size);
/* Has the kernel forget the pages, attributes and names of PATH and below ("": everything); those
 * of an open file go when it is closed. Must not be called from a FUSE operation. */
void mount_forget_kernel(struct mount *mount, const char *path);

#endif
