/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the service says of itself, asked or when it changes (peerdist-api.md 5.5, 6.3 to 6.8).
 */
#include "fs/service/operation.h"

static void versions_of(struct service *service, uint32_t *min_out, uint32_t *max_out)
{
	unsigned versions = service_versions(service);

	*min_out = versions & 1 ? 1 : 2;
	*max_out = versions & 2 ? 2 : 1;
}

static uint32_t get_status(struct request *request)
{
	struct pdc_status *status = (struct pdc_status *)request->header;

	status->status = service_get_status(request->instance->service);
	return ERROR_SUCCESS;
}

static uint32_t get_status_ex(struct request *request)
{
	struct pdc_status *status = (struct pdc_status *)request->header;

	versions_of(request->instance->service, &status->min_ver, &status->max_ver);
	return get_status(request);
}

void status_report_locked(struct instance *instance, enum service_status status, bool *tell)
{
	struct operation *operation = instance->registration;
	uint32_t min, max;

	if (operation == NULL || status == instance->reported)
		return;
	versions_of(instance->service, &min, &max);
	const struct pdc_completion completion = {.flags = PDC_SERVICE,
						  .svc_status = (uint8_t)status,
						  .svc_min = (uint8_t)min,
						  .svc_max = (uint8_t)max};
	if (operation_complete_locked(operation, &completion, tell))
		instance->reported = status;
}

/* May be the wrong one at once; later changes report themselves. */
static void compare(struct operation *operation)
{
	struct instance *instance = operation->instance;
	bool tell = false;

	pthread_mutex_lock(&instance->lock);
	status_report_locked(instance, service_get_status(instance->service), &tell);
	pthread_mutex_unlock(&instance->lock);
	if (tell)
		instance_tell(instance);
}

static bool is_registration(const struct operation *operation, const void *context)
{
	(void)context;
	return operation == operation->instance->registration;
}

static uint32_t do_register(struct request *request)
{
	const struct operation_wish wish = {.step = compare, .registers = true};

	return operation_submit(request, &wish);
}

static uint32_t do_unregister(struct request *request)
{
	operations_end(request->instance, ERROR_OPERATION_ABORTED, is_registration, NULL);
	return ERROR_SUCCESS;
}

const struct request_call call_get_status = {.act = get_status};
const struct request_call call_get_status_ex = {.act = get_status_ex};
const struct request_call call_register = {.act = do_register};
const struct request_call call_register_ex = {.act = do_register};
const struct request_call call_unregister = {.act = do_unregister};
