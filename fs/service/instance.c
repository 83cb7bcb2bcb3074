/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An open of the control file: its life, and the calls that come through it.
 */
#include <errno.h>
#include <stdlib.h>

#include "fs/service/message.h"
#include "fs/service/operation.h"

/* ---- memory ---- */

struct instance *instance_get(struct instance *instance)
{
	atomic_fetch_add_explicit(&instance->references, 1, memory_order_relaxed);
	return instance;
}

void instance_put(struct instance *instance)
{
	if (atomic_fetch_sub_explicit(&instance->references, 1, memory_order_acq_rel) != 1)
		return;
	struct service *service = instance->service;
	if (instance->user != NULL)
		service_user_leave(service, instance->user);
	pthread_mutex_destroy(&instance->lock);
	pthread_mutex_destroy(&instance->notify_lock);
	free(instance);
	outputs_give_back(&service->outputs);
	service_forget(service);
}

int instance_open(struct service *service, const struct instance_opener *opener,
		  instance_notify *notify, void *owner, struct instance **instance_out)
{
	struct instance *instance = calloc(1, sizeof *instance);

	if (instance == NULL)
		return -ENOMEM;
	instance->service = service;
	instance->opener = *opener;
	instance->notify = notify;
	instance->notify_owner = owner;
	atomic_init(&instance->references, 1);
	pthread_mutex_init(&instance->lock, NULL);
	pthread_mutex_init(&instance->notify_lock, NULL);
	TAILQ_INIT(&instance->queue);
	service_enter(service, instance);
	*instance_out = instance;
	return 0;
}

void instance_tell(struct instance *instance)
{
	pthread_mutex_lock(&instance->notify_lock);
	if (instance->notify != NULL)
		instance->notify(instance->notify_owner);
	pthread_mutex_unlock(&instance->notify_lock);
	if (instance->user != NULL && atomic_exchange(&instance->user->starved, false))
		service_feed(instance->service, instance->user);
}

/* ---- the end ---- */

static void close_handles(struct instance *instance)
{
	struct handle *handle;
	bool tell = false;

	pthread_mutex_lock(&instance->lock);
	while ((handle = LIST_FIRST(&instance->handles)) != NULL) {
		handle_close_locked(handle, &tell);
		pthread_mutex_unlock(&instance->lock);
		handle_put(handle);
		pthread_mutex_lock(&instance->lock);
	}
	pthread_mutex_unlock(&instance->lock);
}

void instance_end(struct instance *instance)
{
	bool tell = false;

	pthread_mutex_lock(&instance->lock);
	instance->ended = true;
	operations_end_locked(instance, ERROR_OPERATION_ABORTED, NULL, NULL, &tell);
	pthread_mutex_unlock(&instance->lock);
	close_handles(instance);
	publications_remove(instance->service, instance);
	instance_tell(instance);
}

void instance_release(struct instance *instance)
{
	struct operation *operation;

	pthread_mutex_lock(&instance->notify_lock);
	instance->notify = NULL;
	pthread_mutex_unlock(&instance->notify_lock);
	service_leave(instance->service, instance);
	instance_end(instance);
	pthread_mutex_lock(&instance->lock);
	while ((operation = LIST_FIRST(&instance->operations)) != NULL) {
		if (operation->state == OPERATION_COMPLETED)
			TAILQ_REMOVE(&instance->queue, operation, in_queue);
		operation_end_locked(operation);
		pthread_mutex_unlock(&instance->lock);
		operation_put(operation);
		pthread_mutex_lock(&instance->lock);
	}
	pthread_mutex_unlock(&instance->lock);
	instance_put(instance);
}

void instance_change(struct instance *instance, enum service_status status)
{
	struct handle *handle;
	bool tell = false;

	pthread_mutex_lock(&instance->lock);
	status_report_locked(instance, status, &tell);
	if (status != SERVICE_AVAILABLE) {
		LIST_FOREACH (handle, &instance->handles, in_instance)
			handle->invalid = true;
		operations_end_locked(instance, PEERDIST_ERROR_INVALIDATED,
				      operation_is_no_registration, NULL, &tell);
	}
	pthread_mutex_unlock(&instance->lock);
	if (tell)
		instance_tell(instance);
}

unsigned instance_poll(struct instance *instance)
{
	unsigned ready = 0;

	pthread_mutex_lock(&instance->lock);
	if (!TAILQ_EMPTY(&instance->queue))
		ready |= INSTANCE_COMPLETIONS;
	if (!instance->starved)
		ready |= INSTANCE_CREDIT;
	if (instance->ended)
		ready |= INSTANCE_ENDED;
	pthread_mutex_unlock(&instance->lock);
	return ready;
}

/* ---- calls ---- */

/* Version 1.0 and 2.0: low octet the major, next the minor. */
static bool is_supported(uint32_t version)
{
	return version == 0x0001 || version == PEERDIST_VERSION;
}

static uint32_t startup(struct request *request)
{
	struct pdc_startup *startup = (struct pdc_startup *)request->header;
	struct instance *instance = request->instance;
	uint32_t status = ERROR_SUCCESS;

	startup->version_supported = PEERDIST_VERSION;
	startup->abi_min = startup->abi_max = PDC_ABI;
	startup->max_ops = PDC_OPERATIONS_MAX;
	startup->max_handles = PDC_HANDLES_MAX;
	startup->max_id = PDC_ID_MAX;
	startup->max_frame = PDC_FRAME_MAX;
	startup->max_read = PDC_READ_MAX;
	if (startup->abi != PDC_ABI || !is_supported(startup->version_requested))
		return PEERDIST_ERROR_VERSION_UNSUPPORTED;
	struct user *user = service_user(instance->service, instance->opener.uid);
	if (user == NULL)
		return ERROR_NO_SYSTEM_RESOURCES;
	pthread_mutex_lock(&instance->lock);
	if (instance->started)
		status = PEERDIST_ERROR_ALREADY_INITIALIZED;
	else
		instance->user = user;
	instance->started = true;
	pthread_mutex_unlock(&instance->lock);
	if (status != ERROR_SUCCESS)
		service_user_leave(instance->service, user);
	return status;
}

static uint32_t shut_down(struct request *request)
{
	instance_end(request->instance);
	return ERROR_SUCCESS;
}

const struct request_call call_startup = {.act = startup};
const struct request_call call_shutdown = {.act = shut_down};

static uint32_t check_instance(struct request *request)
{
	struct instance *instance = request->instance;

	pthread_mutex_lock(&instance->lock);
	bool started = instance->started, ended = instance->ended;
	pthread_mutex_unlock(&instance->lock);
	if (started && request->opcode == OPERATION_startup)
		return PEERDIST_ERROR_ALREADY_INITIALIZED;
	if (!started && !(request->rules & RULE_UNSTARTED))
		return PEERDIST_ERROR_NOT_INITIALIZED;
	if (ended && !(request->rules & RULE_AFTERWARDS))
		return ERROR_INVALID_HANDLE;
	return ERROR_SUCCESS;
}

static uint32_t check_arguments(struct request *request)
{
	struct instance *instance = request->instance;
	uint32_t number = request->header->op;

	if (request->call->check != NULL) {
		uint32_t status = request->call->check(request);
		if (status != ERROR_SUCCESS)
			return status;
	}
	if (!(request->rules & RULE_NUMBERED))
		return ERROR_SUCCESS;
	if (number == 0 || number > INT32_MAX)
		return ERROR_INVALID_PARAMETER;
	pthread_mutex_lock(&instance->lock);
	bool in_use = operation_find_locked(instance, number) != NULL;
	pthread_mutex_unlock(&instance->lock);
	return in_use ? ERROR_INVALID_PARAMETER : ERROR_SUCCESS;
}

static uint32_t check_handle(struct request *request, enum operation_handle kind)
{
	struct instance *instance = request->instance;

	if (kind == HANDLE_NONE)
		return ERROR_SUCCESS;
	pthread_mutex_lock(&instance->lock);
	request->handle = handle_find_locked(instance, request->header->handle, kind);
	bool invalid = request->handle != NULL && request->handle->invalid;
	pthread_mutex_unlock(&instance->lock);
	if (request->handle == NULL)
		return ERROR_INVALID_HANDLE;
	return invalid && !(request->rules & RULE_CLOSES) ? PEERDIST_ERROR_INVALIDATED
							  : ERROR_SUCCESS;
}

static uint32_t check_service(const struct request *request)
{
	enum service_status status = service_get_status(request->instance->service);

	if (!(request->rules & RULE_AVAILABLE) || status == SERVICE_AVAILABLE)
		return ERROR_SUCCESS;
	return status == SERVICE_DISABLED ? ERROR_ACCESS_DISABLED_BY_POLICY
					  : PEERDIST_ERROR_SERVICE_UNAVAILABLE;
}

/* The order is that of peerdist-api.md 3.3. */
static uint32_t perform(struct request *request, enum operation_handle kind)
{
	uint32_t status;

	if ((status = check_instance(request)) != ERROR_SUCCESS ||
	    (status = check_arguments(request)) != ERROR_SUCCESS ||
	    (status = check_handle(request, kind)) != ERROR_SUCCESS ||
	    (status = check_service(request)) != ERROR_SUCCESS)
		return status;
	return request->call->act(request);
}

int instance_call(struct instance *instance, uint32_t command, void *message, size_t size)
{
	struct message decoded;
	int error = message_decode(command, message, size, &decoded);

	if (error != 0)
		return error;
	struct request request = {.instance = instance,
				  .opcode = decoded.opcode,
				  .rules = decoded.rules,
				  .call = decoded.call,
				  .header = message,
				  .tail = decoded.tail};
	uint32_t status = perform(&request, decoded.handle);
	if (request.handle != NULL)
		handle_put(request.handle);
	if (request.error != 0)
		return request.error;
	request.header->status = status;
	return 0;
}
