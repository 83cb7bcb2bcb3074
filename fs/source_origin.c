/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/source_origin.h"

#include <errno.h>
#include <stdlib.h>

struct source_origin {
	struct source source;
	struct origin *origin;
};

static int begin(void *context, const struct entry *entry, uint64_t start, int64_t length)
{
	return transfer_begin(context, entry, start, length);
}

static int bytes(void *context, const void *data, size_t length)
{
	return transfer_bytes(context, data, length);
}

static void done(void *context, int error)
{
	transfer_end(context, error);
}

static bool wanted(void *context)
{
	return transfer_is_wanted(context);
}

static const struct origin_reader reader = {begin, bytes, done, wanted};

static void *start(struct source *source, struct transfer *transfer)
{
	struct origin *origin = ((struct source_origin *)source)->origin;
	struct transfer_wish wish;

	if (origin == NULL) {
		transfer_end(transfer, -EHOSTUNREACH);
		return NULL;
	}
	transfer_wish(transfer, &wish);
	void *request = origin_read(origin, wish.path, wish.validator, wish.offset, wish.length,
				    wish.missing ? ORIGIN_MISSING_DATA : ORIGIN_ORDINARY,
				    wish.urgent   ? ORIGIN_READER
				    : wish.shared ? ORIGIN_SHARED
						  : ORIGIN_AHEAD,
				    &reader, transfer);
	if (request == NULL)
		transfer_end(transfer, -ENOMEM);
	return request;
}

static void resume(struct source *source, void *handle)
{
	origin_resume(((struct source_origin *)source)->origin, handle);
}

static void hurry(struct source *source, void *handle)
{
	origin_hurry(((struct source_origin *)source)->origin, handle);
}

int source_origin_create(struct origin *origin, struct source **source_out)
{
	struct source_origin *made = calloc(1, sizeof *made);

	if (made == NULL)
		return -ENOMEM;
	made->source = (struct source){GIVEN_ORIGIN, start, resume, hurry};
	made->origin = origin;
	*source_out = &made->source;
	return 0;
}
