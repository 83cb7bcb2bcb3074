/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file `control` (peerdist-api.md 11.5 to 11.8; peerdist_control(4)): requests of the kernel to
 * one open of it, handed on to the instance behind it (fs/service/service.h).
 *
 * Only an open for reading and writing has an instance; others read nothing and may do nothing.
 * Nothing here waits: each request is answered before the call returns.
 */
#ifndef FS_CONTROL_API_H
#define FS_CONTROL_API_H

#include "fs/call.h"
#include "fs/service/service.h"

struct control_api;

/* FLAGS: of the open. Who asks by REQUEST is its identity from now on, whoever has the descriptor.
 * 0, or a negative errno: -EPERM, it has none. */
int control_api_open(struct service *service, fuse_req_t request, int flags,
		     struct control_api **api_out);
/* Drops all that was begun. No request is running, but for the way back from its reply, or will
 * come. */
void control_api_close(struct control_api *api);

/* Each answers REQUEST, and has nothing to do with API any more once it has. */
void control_api_ioctl(struct control_api *api, fuse_req_t request, unsigned command,
		       const void *message, size_t in_size, size_t out_size);
void control_api_write(struct control_api *api, fuse_req_t request, const char *data, size_t size,
		       off_t offset);
void control_api_read(struct control_api *api, fuse_req_t request, size_t size, off_t offset);
void control_api_poll(struct control_api *api, fuse_req_t request, struct fuse_pollhandle *handle);

#endif
