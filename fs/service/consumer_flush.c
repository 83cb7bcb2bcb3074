/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Flushing what was added under a tag (peerdist-api.md 8.8). Long, and nobody's read should wait
 * for it, so the step only sends it to the pool's idle lane.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/service/consumer.h"

struct flushing {
	struct pool_job job;
	struct operation *operation; /* a reference while the job is under way */
	struct parts_owner owner;
	bool begun;
};

static void flush(struct pool_job *job)
{
	struct flushing *flushing =
		(struct flushing *)((char *)job - offsetof(struct flushing, job));
	struct operation *operation = flushing->operation;
	const struct service_options *options = &operation->instance->service->options;
	int error = 0;

	if (!operation_is_over(operation)) {
		/* First: it may be on its way into the store. */
		loose_forget_tag(operation->instance->user, flushing->owner.tag);
		error = parts_flush(options->fetch, options->store, &flushing->owner);
	}
	operation_complete(operation,
			   error == 0         ? ERROR_SUCCESS
			   : error == -ENOMEM ? ERROR_NOT_ENOUGH_MEMORY
					      : ERROR_NO_SYSTEM_RESOURCES,
			   0, 0);
	operation_put(operation);
}

static void step(struct operation *operation)
{
	struct flushing *flushing = operation->context;

	if (flushing->begun)
		return;
	flushing->begun = true;
	flushing->operation = operation_get(operation);
	flushing->job.run = flush;
	pool_submit(operation->instance->service->options.pool, POOL_IDLE, &flushing->job);
}

static uint32_t flush_content(struct request *request)
{
	const struct pdc_tag *message = (const struct pdc_tag *)request->header;
	struct flushing *flushing = calloc(1, sizeof *flushing);

	if (flushing == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	flushing->owner.uid = request->instance->opener.uid;
	memcpy(flushing->owner.tag, message->tag, sizeof flushing->owner.tag);
	const struct operation_wish wish = {.step = step, .context = flushing};
	return operation_submit(request, &wish);
}

const struct request_call call_flush_content = {.act = flush_content};
