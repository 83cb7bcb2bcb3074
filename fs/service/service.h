/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The service behind the control file: the 28 functions of the PeerDist API over the engine that
 * the mount reads with (peerdist-api.md 11.5 to 11.8). Knows nothing of FUSE: whoever has the file
 * hands over messages, frames and places of output, and is told when there is something to poll
 * for.
 *
 * An *instance* is one open of the control file. It has *handles* (streams, contents, content
 * information), *operations* and a queue of completions. The identity that opened it is the
 * publisher and the owner of tags, whoever calls.
 *
 * Threads: any may call; no call waits for the network, for another program or for a pool thread.
 */
#ifndef FS_SERVICE_SERVICE_H
#define FS_SERVICE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "cache/pool.h"
#include "cache/secret.h"
#include "cache/store.h"
#include "fs/fetch.h"

struct service;
struct instance;

/* As PEERDIST_STATUS. */
enum service_status { SERVICE_DISABLED, SERVICE_UNAVAILABLE, SERVICE_AVAILABLE };

struct service_options {
	struct store *store;
	struct pool *pool;
	struct fetch *fetch;
	struct neighbours *neighbours;
	/* The server secret, for the first that publishes; NULL: it cannot be had, and nothing can
	 * be published. Pool thread. */
	const struct secret *(*secret)(void *owner);
	void *owner;
	unsigned versions; /* bits: 1, 2; of content information, enabled here */
};

/* UNAVAILABLE at first. */
int service_create(const struct service_options *options, struct service **service_out);
/* Everything ends as with service_set_status(UNAVAILABLE), nothing new begins. */
void service_stop(struct service *service);
/* No instance is open any more: nothing of the service runs or will. */
bool service_idle(struct service *service);
/* When it is idle. NULL is fine. */
void service_destroy(struct service *service);

/* Registrations complete; DISABLED and UNAVAILABLE invalidate handles and remove publications. */
void service_set_status(struct service *service, enum service_status status);
enum service_status service_get_status(struct service *service);
/* VERSIONS: bits. */
void service_set_versions(struct service *service, unsigned versions);
unsigned service_versions(struct service *service);
/* What PEERDIST_READ_TIMEOUT_DEFAULT is; 5000 at first. */
void service_set_read_timeout(struct service *service, uint32_t milliseconds);
uint32_t service_read_timeout(struct service *service);
/* Ends reads whose time is over. Called about twenty times a second; NOW: loop_clock_ms(). */
void service_tick(struct service *service, int64_t now_ms);

/* Instances */

struct instance_opener {
	uid_t uid;
	gid_t gid;
	pid_t pid;
};
/* Called when one of the answers of instance_poll() may have changed; any thread, no lock held. */
typedef void instance_notify(void *owner);

/* -ENOMEM. */
int instance_open(struct service *service, const struct instance_opener *opener,
		  instance_notify *notify, void *owner, struct instance **instance_out);
/* As PeerDistShutdown(), and what is queued is dropped; NOTIFY is not called after it. */
void instance_release(struct instance *instance);

/* One ioctl: COMMAND and its MESSAGE of SIZE octets, which becomes the reply. 0, or -ENOTTY,
 * -EINVAL, -E2BIG. */
int instance_call(struct instance *instance, uint32_t command, void *message, size_t size);
/* One write of a frame. 0; -EAGAIN: no credit; -ENOENT, -EMSGSIZE, -EINVAL. */
int instance_frame(struct instance *instance, const void *frame, size_t size);

struct operation;
/* Octets of output at the OFFSET of a read, at most *SIZE of them, which tells how many on return.
 * NULL: none. Else instance_given() must follow when they were handed on: they stay until then.
 * With its last octet the output is fetched, and the operation's number may be used anew, at once:
 * before the reader can know. */
const void *instance_output(struct instance *instance, uint64_t offset, size_t *size,
			    struct operation **operation_out);
void instance_given(struct operation *operation);

enum instance_ready {
	INSTANCE_COMPLETIONS = 1,
	INSTANCE_CREDIT = 2,
	INSTANCE_ENDED = 4 /* shut down */
};
unsigned instance_poll(struct instance *instance);

/* What the administrator sees and does */

struct service_counters {
	uint64_t instances, handles, operations, publications;
	uint64_t input, output; /* octets held */
	uint64_t unkept;        /* blocks that programs added and the cache could not keep */
};
void service_counters(struct service *service, struct service_counters *counters_out);
/* A line each, of UID's or of all: "ID uid UID pid PID handles N operations N", and
 * "UID HEX length N versions 1,2"; of publications 16 MiB at most, the newest first, and then a
 * line
 * "# N more are not shown". 0; -ENOMEM. */
int service_list_instances(struct service *service, bool all, uid_t uid, FILE *file);
int service_list_publications(struct service *service, bool all, uid_t uid, FILE *file);
/* Shuts an instance down. -ENOENT. */
int service_kick(struct service *service, uint64_t id);
/* -ENOENT. */
int service_unpublish(struct service *service, uid_t uid, const void *id, size_t id_size);

#endif
