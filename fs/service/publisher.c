/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a publisher asks for by identifier: unpublishing, and cancelling (peerdist-api.md 7.5,
 * 7.10).
 */
#include "fs/service/publication.h"

static uint32_t check_id(const struct request *request)
{
	const struct pdc_id *id = (const struct pdc_id *)request->header;

	return id->id_len > 0 && id->id_len <= PDC_ID_MAX ? ERROR_SUCCESS : ERROR_INVALID_PARAMETER;
}

static uint32_t unpublish(struct request *request)
{
	const struct pdc_id *id = (const struct pdc_id *)request->header;
	struct instance *instance = request->instance;
	struct publication *publication =
		publication_find(instance->service, instance->opener.uid, id->id, id->id_len);
	bool there =
		publication != NULL && publication_remove(instance->service, publication, instance);

	publication_put(publication);
	return there ? ERROR_SUCCESS : ERROR_NOT_FOUND;
}

const struct request_call call_unpublish = {check_id, unpublish};

static uint32_t check_cancel(const struct request *request)
{
	return request->header->op != 0 ? check_id(request) : ERROR_INVALID_PARAMETER;
}

static bool is_meant(const struct operation *operation, const void *context)
{
	const struct pdc_id *id = context;
	const struct handle *handle = operation->handle;

	if (operation->number != id->hdr.op || handle == NULL ||
	    (handle->kind->kind != HANDLE_STREAM && handle->kind->kind != HANDLE_INFORMATION))
		return false;
	return publication_is(((const struct published *)handle)->publication, id->id, id->id_len);
}

static uint32_t server_cancel(struct request *request)
{
	unsigned ended = operations_end(request->instance, ERROR_OPERATION_ABORTED, is_meant,
					request->header);

	return ended > 0 ? ERROR_SUCCESS : PEERDIST_ERROR_OPERATION_NOTFOUND;
}

const struct request_call call_server_cancel = {check_cancel, server_cancel};
