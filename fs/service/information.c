/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information being handed out (peerdist-api.md 5.3, 7.6 to 7.9). Each handle has its own
 * range, version and position; what it needs to go on reading is found with the first read, and
 * stays with it.
 */
#include <errno.h>
#include <stdlib.h>

#include "fs/service/publication.h"

struct information {
	struct published published;
	struct lane lane;
	struct encoding *encoding; /* the publication's */
	uint64_t start, length;    /* of the content */
	/* Whoever steps. */
	struct excerpt *excerpt; /* NULL: nothing was read */
	uint64_t position;       /* in its encoded form */
};

static void information_free(struct handle *handle)
{
	struct information *information = (struct information *)handle;

	excerpt_close(information->excerpt);
	published_detach(&information->published);
	publication_put(information->published.publication);
	free(information);
}

static const struct handle_kind information_kind = {
	.kind = HANDLE_INFORMATION,
	.free = information_free,
};

/* ---- OpenContentInformation[Ex] ---- */

static uint32_t check_range(const struct request *request)
{
	const struct pdc_open_ci *open = (const struct pdc_open_ci *)request->header;

	if (open->id_len == 0 || open->id_len > PDC_ID_MAX ||
	    (open->length == 0 && open->offset != 0) || open->length > UINT64_MAX - open->offset)
		return ERROR_INVALID_PARAMETER;
	return ERROR_SUCCESS;
}

static uint32_t check_open(const struct request *request)
{
	const struct pdc_open_ci *open = (const struct pdc_open_ci *)request->header;

	return open->ci_min == 0 && open->ci_max == 0 ? check_range(request)
						      : ERROR_INVALID_PARAMETER;
}

static uint32_t check_open_ex(const struct request *request)
{
	const struct pdc_open_ci *open = (const struct pdc_open_ci *)request->header;

	if (open->ci_min < 1 || open->ci_min > open->ci_max || open->ci_max > PUBLICATION_VERSIONS)
		return ERROR_INVALID_PARAMETER;
	return check_range(request);
}

/* The version to hand out; 0: none. */
static unsigned choose_version(const struct request *request)
{
	const struct pdc_open_ci *open = (const struct pdc_open_ci *)request->header;
	unsigned enabled = service_versions(request->instance->service);

	/* The one that every consumer understands, 7.6. */
	if (request->opcode == OPERATION_open_information)
		return enabled & 1 ? 1 : enabled & 2 ? 2 : 0;
	for (unsigned version = open->ci_max; version >= open->ci_min; version--)
		if (enabled & 1u << (version - 1))
			return version;
	return 0;
}

static uint32_t set_range(const struct request *request, struct information *information,
			  uint64_t size)
{
	const struct pdc_open_ci *open = (const struct pdc_open_ci *)request->header;

	if (open->offset >= size)
		return PEERDIST_ERROR_OUT_OF_BOUNDS;
	information->start = open->offset;
	information->length = open->length;
	if (open->length == 0 || open->length > size - open->offset)
		information->length = size - open->offset;
	return ERROR_SUCCESS;
}

/* What is constant once it is complete. */
static uint32_t look(struct request *request, struct publication *publication,
		     struct information *information)
{
	struct service *service = request->instance->service;

	pthread_mutex_lock(&service->lock);
	bool complete = publication->complete;
	uint64_t size = publication->length;
	pthread_mutex_unlock(&service->lock);
	if (!complete)
		return ERROR_NOT_FOUND;
	uint32_t status = set_range(request, information, size);
	unsigned version = choose_version(request);
	if (status == ERROR_SUCCESS && version == 0)
		status = PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED;
	if (status == ERROR_SUCCESS)
		information->encoding = publication->encodings[version - 1];
	return status;
}

static uint32_t enter(struct request *request, struct publication *publication)
{
	struct information *information = calloc(1, sizeof *information);
	uint32_t status;

	if (information == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	information->published.handle.kind = &information_kind;
	lane_init(&information->lane);
	information->published.publication = publication_get(publication);
	status = look(request, publication, information);
	if (status == ERROR_SUCCESS)
		status = handle_enter(request, &information->published.handle);
	if (status == ERROR_SUCCESS) {
		published_attach(request, publication, HANDLE_INFORMATION);
		return status;
	}
	publication_put(publication);
	free(information);
	return status;
}

static uint32_t open_information(struct request *request)
{
	const struct pdc_open_ci *open = (const struct pdc_open_ci *)request->header;
	struct publication *publication = publication_find(
		request->instance->service, request->instance->opener.uid, open->id, open->id_len);
	uint32_t status;

	if (publication == NULL)
		return ERROR_NOT_FOUND;
	status = enter(request, publication);
	publication_put(publication);
	return status;
}

const struct request_call call_open_information = {check_open, open_information};
const struct request_call call_open_information_ex = {check_open_ex, open_information};

/* ---- RetrieveContentInformation ---- */

static uint32_t check_retrieve(const struct request *request)
{
	const struct pdc_read *read = (const struct pdc_read *)request->header;

	/* The caller's pair is ignored by the library (7.8); the message has no use for it. */
	return read->max_bytes > 0 && read->offset == 0 && read->timeout_ms == 0
		       ? ERROR_SUCCESS
		       : ERROR_INVALID_PARAMETER;
}

static int prepare(struct information *information)
{
	return information->excerpt != NULL
		       ? 0
		       : excerpt_open(information->encoding, information->start,
				      information->length, &information->excerpt);
}

static int read_next(struct information *information, uint32_t wanted, void **data_out,
		     uint32_t *length_out)
{
	uint64_t left = excerpt_size(information->excerpt) - information->position;
	uint32_t length = left < wanted ? (uint32_t)left : wanted;
	void *data = malloc(length);
	int error = data != NULL ? excerpt_read(information->excerpt, information->position, data,
						length)
				 : -ENOMEM;

	if (error != 0) {
		free(data);
		return error;
	}
	*data_out = data;
	*length_out = length;
	return 0;
}

static void fail(struct operation *operation, int error)
{
	operation_complete(operation,
			   error == -ENOMEM ? ERROR_NOT_ENOUGH_MEMORY
					    : PEERDIST_ERROR_SERVICE_UNAVAILABLE,
			   0, 0);
}

static void retrieve_step(struct operation *operation)
{
	struct information *information = (struct information *)operation->handle;
	uint32_t length;
	void *data;
	int error = prepare(information);

	if (error != 0) {
		fail(operation, error);
	} else if (information->position == excerpt_size(information->excerpt)) {
		operation_complete(operation, PEERDIST_ERROR_NO_MORE, 0, 0);
	} else {
		error = read_next(information, operation->length, &data, &length);
		if (error != 0)
			fail(operation, error);
		else if (operation_give(operation, information->position, data, length))
			information->position += length;
	}
}

static uint32_t retrieve_information(struct request *request)
{
	const struct pdc_read *read = (const struct pdc_read *)request->header;
	struct information *information = (struct information *)request->handle;
	uint32_t length = read->max_bytes < PDC_READ_MAX ? read->max_bytes : PDC_READ_MAX;

	return operation_submit(request, &(struct operation_wish){.lane = &information->lane,
								  .step = retrieve_step,
								  .length = length,
								  .reserved = length});
}

const struct request_call call_retrieve_information = {check_retrieve, retrieve_information};

/* ---- CloseContentInformation ---- */

static uint32_t close_information(struct request *request)
{
	handle_close(request->handle);
	return ERROR_SUCCESS;
}

const struct request_call call_close_information = {.act = close_information};
