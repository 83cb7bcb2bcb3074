/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Handles of an instance: numbers that are never given twice, found by kind, closed, invalidated.
 */
#include "fs/service/operation.h"

uint32_t handle_enter(struct request *request, struct handle *handle)
{
	struct instance *instance = request->instance;
	uint32_t status = ERROR_SUCCESS;

	handle->instance = instance_get(instance);
	atomic_init(&handle->references, 1);
	pthread_mutex_lock(&instance->lock);
	int service = atomic_load(&instance->service->status);
	if (instance->ended)
		status = PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS;
	else if (service == SERVICE_DISABLED)
		status = ERROR_ACCESS_DISABLED_BY_POLICY;
	else if (service == SERVICE_UNAVAILABLE)
		status = PEERDIST_ERROR_SERVICE_UNAVAILABLE;
	else if (instance->handle_count >= PDC_HANDLES_MAX)
		status = ERROR_NO_SYSTEM_RESOURCES;
	if (status == ERROR_SUCCESS) {
		handle->number = ++instance->next_handle;
		instance->handle_count++;
		LIST_INSERT_HEAD(&instance->handles, handle, in_instance);
		request->header->handle = handle->number;
	}
	pthread_mutex_unlock(&instance->lock);
	if (status != ERROR_SUCCESS)
		instance_put(instance);
	return status;
}

struct handle *handle_get(struct handle *handle)
{
	atomic_fetch_add_explicit(&handle->references, 1, memory_order_relaxed);
	return handle;
}

static void free_job(struct pool_job *job)
{
	struct handle *handle = (struct handle *)((char *)job - offsetof(struct handle, job));
	struct instance *instance = handle->instance;

	handle->kind->free(handle);
	instance_put(instance);
}

void handle_put(struct handle *handle)
{
	if (atomic_fetch_sub_explicit(&handle->references, 1, memory_order_acq_rel) != 1)
		return;
	handle->job.run = free_job;
	pool_submit(handle->instance->service->options.pool, POOL_READER, &handle->job);
}

struct handle *handle_find_locked(struct instance *instance, uint64_t number,
				  enum operation_handle kind)
{
	struct handle *handle;

	LIST_FOREACH (handle, &instance->handles, in_instance)
		if (handle->number == number && handle->kind->kind == kind)
			return handle_get(handle);
	return NULL;
}

static bool is_of(const struct operation *operation, const void *context)
{
	return operation->handle == context;
}

void handle_close_locked(struct handle *handle, bool *tell)
{
	struct instance *instance = handle->instance;

	handle->closed = true;
	LIST_REMOVE(handle, in_instance);
	instance->handle_count--;
	operations_end_locked(instance, ERROR_OPERATION_ABORTED, is_of, handle, tell);
}

void handle_close(struct handle *handle)
{
	struct instance *instance = handle->instance;
	bool tell = false;

	pthread_mutex_lock(&instance->lock);
	bool closes = !handle->closed;
	if (closes)
		handle_close_locked(handle, &tell);
	pthread_mutex_unlock(&instance->lock);
	if (tell)
		instance_tell(instance);
	if (closes)
		handle_put(handle);
}

void handle_invalidate(struct handle *handle, uint32_t status)
{
	struct instance *instance = handle->instance;
	bool tell = false;

	pthread_mutex_lock(&instance->lock);
	handle->invalid = true;
	operations_end_locked(instance, status, is_of, handle, &tell);
	pthread_mutex_unlock(&instance->lock);
	if (tell)
		instance_tell(instance);
}
