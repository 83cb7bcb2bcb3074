/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/control_api.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "fs/api/wire.h"

struct control_api {
	struct instance *instance; /* NULL: not open for reading and writing */
	pthread_mutex_t lock;
	struct fuse_pollhandle *poll; /* lock; the kernel's last one */
};

/* ---- beginning and end ---- */

/* Of the instance: there may be something to poll for. A handle serves any number of times. */
static void notify(void *owner)
{
	struct control_api *api = owner;

	pthread_mutex_lock(&api->lock);
	if (api->poll != NULL)
		fuse_lowlevel_notify_poll(api->poll);
	pthread_mutex_unlock(&api->lock);
}

static int open_instance(struct control_api *api, struct service *service, fuse_req_t request)
{
	const struct fuse_ctx *context = fuse_req_ctx(request);
	const struct instance_opener opener = {context->uid, context->gid, context->pid};

	/* Somebody whom the mount's user namespace does not know. */
	if (opener.uid == (uid_t)-1)
		return -EPERM;
	return instance_open(service, &opener, notify, api, &api->instance);
}

int control_api_open(struct service *service, fuse_req_t request, int flags,
		     struct control_api **api_out)
{
	struct control_api *api = calloc(1, sizeof *api);
	int error = 0;

	if (api == NULL)
		return -ENOMEM;
	pthread_mutex_init(&api->lock, NULL);
	if ((flags & O_ACCMODE) == O_RDWR)
		error = open_instance(api, service, request);
	if (error != 0) {
		control_api_close(api);
		return error;
	}
	*api_out = api;
	return 0;
}

void control_api_close(struct control_api *api)
{
	if (api->instance != NULL)
		instance_release(api->instance);
	if (api->poll != NULL)
		fuse_pollhandle_destroy(api->poll);
	pthread_mutex_destroy(&api->lock);
	free(api);
}

/* ---- requests ---- */

void control_api_ioctl(struct control_api *api, fuse_req_t request, unsigned command,
		       const void *message, size_t in_size, size_t out_size)
{
	/* The reply is written over the message, and has its size. */
	_Alignas(struct pdc_hdr) unsigned char memory[PDC_SIZE_MAX + 1];
	int error = 0;

	if (_IOC_TYPE(command) != PDC_TYPE || _IOC_DIR(command) != (_IOC_READ | _IOC_WRITE))
		error = -ENOTTY;
	else if (in_size != out_size || in_size != _IOC_SIZE(command))
		error = -EINVAL;
	else if (api->instance == NULL)
		error = -EBADF;
	if (error == 0) {
		if (in_size > 0) /* else there is no memory either */
			memcpy(memory, message, in_size);
		error = instance_call(api->instance, command, memory, in_size);
	}
	if (error != 0)
		fuse_reply_err(request, -error);
	else
		fuse_reply_ioctl(request, 0, memory, in_size);
}

void control_api_write(struct control_api *api, fuse_req_t request, const char *data, size_t size,
		       off_t offset)
{
	int error = api->instance == NULL ? -EBADF : offset != 0 ? -EINVAL : 0;

	if (error == 0)
		error = instance_frame(api->instance, data, size);
	if (error != 0)
		fuse_reply_err(request, -error);
	else
		fuse_reply_write(request, size);
}

void control_api_read(struct control_api *api, fuse_req_t request, size_t size, off_t offset)
{
	struct operation *operation = NULL;
	const void *output = NULL;

	if (api->instance != NULL)
		output = instance_output(api->instance, (uint64_t)offset, &size, &operation);
	if (output == NULL) {
		fuse_reply_buf(request, NULL, 0);
		return;
	}
	fuse_reply_buf(request, output, size);
	instance_given(operation);
}

static unsigned events_of(const struct control_api *api)
{
	/* A file without anything in it. */
	if (api->instance == NULL)
		return POLLIN | POLLRDNORM;
	unsigned ready = instance_poll(api->instance);
	return (ready & INSTANCE_COMPLETIONS ? POLLIN | POLLRDNORM : 0) |
	       (ready & INSTANCE_CREDIT ? POLLOUT | POLLWRNORM : 0) |
	       (ready & INSTANCE_ENDED ? POLLERR | POLLHUP : 0);
}

void control_api_poll(struct control_api *api, fuse_req_t request, struct fuse_pollhandle *handle)
{
	/* The handle first: what changes after the test must find it. */
	if (handle != NULL) {
		pthread_mutex_lock(&api->lock);
		struct fuse_pollhandle *former = api->poll;
		api->poll = handle;
		pthread_mutex_unlock(&api->lock);
		if (former != NULL)
			fuse_pollhandle_destroy(former);
	}
	fuse_reply_poll(request, events_of(api));
}
