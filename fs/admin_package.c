/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/admin_package.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "cache/package.h"

/* Octets that are given to the reader at a time; our choice. */
#define PORTION (256u << 10)

struct work {
	const struct admin_package *package;
	struct job *job;
	size_t filled;
	char portion[PORTION];
};

static bool go_on(void *context, const struct package_progress *progress)
{
	const struct work *work = context;

	if (progress->done > 0)
		job_progress(work->job, progress->done, progress->total);
	return !job_cancelled(work->job);
}

static int describe(void *context, struct object *object, const char *path, const char *validator,
		    struct content *content)
{
	const struct admin_package *package = ((const struct work *)context)->package;

	return package->describe(package->owner, object, path, validator, content);
}

static void undescribed(void *context, struct object *object, const char *path,
			const char *validator)
{
	const struct admin_package *package = ((const struct work *)context)->package;

	package->undescribed(package->owner, object, path, validator);
}

static void kept(void *context, const char *path, const char *validator, uint64_t size)
{
	const struct admin_package *package = ((const struct work *)context)->package;

	package->kept(package->owner, path, validator, size);
}

static struct package_options options_of(struct work *work)
{
	const struct admin_package *package = work->package;

	return (struct package_options){
		.continue_ = go_on,
		.context = work,
		.opaque = package->opaque,
		.places = package->places,
		.undescribed = package->undescribed != NULL ? undescribed : NULL,
		.describe = package->describe != NULL ? describe : NULL,
		.kept = package->kept != NULL ? kept : NULL,
	};
}

static struct work *work_create(const struct admin_package *package, struct job *job)
{
	struct work *work = calloc(1, sizeof *work);

	if (work == NULL)
		return NULL;
	work->package = package;
	work->job = job;
	return work;
}

/* ---- export ---- */

static int put_portion(struct work *work)
{
	int error = work->filled > 0 ? job_octets(work->job, work->portion, work->filled) : 0;

	work->filled = 0;
	return error;
}

static int put(void *owner, const void *data, size_t size)
{
	struct work *work = owner;
	const char *at = data;
	int error = 0;

	while (size > 0 && error == 0) {
		size_t room = PORTION - work->filled, length = size < room ? size : room;

		memcpy(work->portion + work->filled, at, length);
		work->filled += length;
		at += length;
		size -= length;
		if (work->filled == PORTION)
			error = put_portion(work);
	}
	return error;
}

static void explain_export(struct job *job, int error, const char *path)
{
	char name[LOG_NAME_MAX];

	if (error == -ENOENT)
		job_explain(job,
			    "/%s: nothing of it is cached with content information; read it, or "
			    "have it fetched by warm",
			    log_escape(name, sizeof name, path));
	else if (error == -ECANCELED)
		job_explain(job, "it was cancelled, or nobody reads the package any more");
}

static int export(struct work *work, char **paths, unsigned count)
{
	const struct package_options options = options_of(work);
	struct package_figures figures;
	unsigned failed = 0;
	int error = package_export(work->package->store, (const char *const *)paths, count, put,
				   work, &options, &figures, &failed);

	if (error == 0)
		error = put_portion(work);
	if (error == 0)
		job_print(work->job,
			  "ok contents %" PRIu64 " blocks %" PRIu64 " opaque %" PRIu64
			  " octets %" PRIu64 " lacking %" PRIu64 " undescribed %" PRIu64 "\n",
			  figures.contents, figures.blocks, figures.opaque, figures.octets,
			  figures.lacking, figures.undescribed);
	else
		explain_export(work->job, error, paths[failed]);
	return error;
}

int admin_package_check_export(const struct control *control, struct job *job, const char *argument)
{
	unsigned count;
	char **words;
	int error = command_words(argument, &words, &count);

	(void)control;
	if (error == -EINVAL)
		job_explain(job, "a backslash is written \\x5c, a blank \\x20, other octets \\xNN");
	if (error != 0)
		return error;
	free(words);
	job_stream(job);
	return 0;
}

int admin_package_export(const struct admin_package *package, struct job *job, const char *argument)
{
	struct work *work = work_create(package, job);
	unsigned count;
	char **words;
	int error = work != NULL ? command_words(argument, &words, &count) : -ENOMEM;

	if (error == 0) {
		error = export(work, words, count);
		free(words);
	}
	free(work);
	return error;
}

/* ---- import ---- */

static long take(void *owner, void *data, size_t size)
{
	const struct work *work = owner;

	return feed_take(job_feed(work->job), data, size);
}

static void explain_import(struct job *job, int error, const struct package_figures *figures)
{
	const char *what = NULL;

	if (error == -EPROTO)
		what = "it is no package of peerdist export";
	else if (error == -EBADMSG)
		what = "the package is cut short or damaged";
	else if (error == -E2BIG)
		what = "octets follow the end of the package, perhaps another one: import each "
		       "from a file of its own";
	else if (error == -ENOSPC)
		what = "the cache has no room for more; see resize";
	else if (error == -ECANCELED)
		what = "it was cancelled, or nobody gives the package any more";
	if (what != NULL)
		job_explain(job, "%s; %" PRIu64 " contents and %" PRIu64 " blocks of it were kept",
			    what, figures->contents, figures->blocks + figures->opaque);
}

int admin_package_check_import(const struct control *control, struct job *job, const char *argument)
{
	(void)control;
	(void)argument;
	return job_accept(job);
}

int admin_package_import(const struct admin_package *package, struct job *job)
{
	struct work *work = work_create(package, job);
	struct package_figures figures;

	if (work == NULL)
		return -ENOMEM;
	const struct package_options options = options_of(work);
	int error = package_import(package->store, take, work, &options, &figures);
	if (error == 0)
		job_print(job,
			  "ok contents %" PRIu64 " blocks %" PRIu64 " opaque %" PRIu64
			  " octets %" PRIu64 " present %" PRIu64 " unfit %" PRIu64 " bad %" PRIu64
			  "\n",
			  figures.contents, figures.blocks, figures.opaque, figures.octets,
			  figures.present, figures.unfit, figures.bad);
	else
		explain_import(job, error, &figures);
	free(work);
	return error;
}
