/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Records of a package, one after the other, each to whom it concerns.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache/bytes.h"
#include "cache/package_private.h"

static int go_on(struct package_importing *importing)
{
	const struct package_options *options = importing->options;
	const struct package_progress progress = {importing->done, importing->total};

	if (options->continue_ != NULL && !options->continue_(options->context, &progress))
		return -ECANCELED;
	return 0;
}

/* A record that is right and says that this is the end, but not of so many, is of no package that
 * anybody wrote. */
static int check_end(const struct package_reader *reader)
{
	struct bytes_in in = bytes_in(reader->body, reader->size);
	uint64_t count = bytes_le64(&in);

	return reader->holds && bytes_complete(&in) && count == reader->number - 1 ? 0 : -EBADMSG;
}

/* Two packages in one file, or something else that was not meant to be there: of no package is only
 * the beginning taken in as if it were all. */
static int check_nothing_follows(struct package_reader *reader)
{
	uint8_t octet;
	long taken = reader->take(reader->owner, &octet, sizeof(octet));

	return taken > 0 ? -E2BIG : (int)taken;
}

static int take_record(struct package_importing *importing)
{
	struct package_reader *reader = &importing->reader;

	if (!reader->holds) {
		importing->figures->bad++;
		return 0;
	}
	switch (reader->kind) {
	case PACKAGE_CONTENT:
		return package_content_begin(importing);
	case PACKAGE_INFORMATION:
		return package_content_information(importing);
	case PACKAGE_BLOCK:
		return package_content_block(importing);
	case PACKAGE_OPAQUE:
		return package_import_opaque(importing);
	default:
		importing->figures->bad++;
		return 0;
	}
}

static int take_all(struct package_importing *importing)
{
	struct package_reader *reader = &importing->reader;
	int error = package_read_header(reader, &importing->total);

	while (error == 0) {
		error = package_read_record(reader);
		if (error == 0 && reader->kind == PACKAGE_END) {
			error = check_end(reader);
			return error != 0 ? error : check_nothing_follows(reader);
		}
		if (error == 0)
			error = take_record(importing);
		if (error == 0)
			error = go_on(importing);
	}
	return error;
}

int package_import(struct store *store, package_take *take, void *owner,
		   const struct package_options *options, struct package_figures *figures_out)
{
	struct package_importing *importing = calloc(1, sizeof(*importing));
	int error, flushed;

	*figures_out = (struct package_figures){0};
	if (importing == NULL)
		return -ENOMEM;
	importing->store = store;
	importing->options = options;
	importing->figures = figures_out;
	importing->reader.take = take;
	importing->reader.owner = owner;
	error = take_all(importing);
	package_content_free(importing->content);
	free(importing);
	flushed = store_flush(store);
	return error != 0 ? error : flushed;
}
