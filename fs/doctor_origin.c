/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an origin can do: is it there, does it list, and of one file: has it a validator, ranges,
 * content information. A few requests, no more than a mount makes.
 */
#include "fs/doctor.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache/log.h"
#include "fs/config.h"
#include "origin/origin.h"

/* Smaller files are not asked for content information (fs/inform.h). */
#define SAMPLE_LEAST 65536
#define DAY 86400
/* How often the hashes that the origin has begun to make are asked for, a second apart. */
#define HASHES_TRIES 3

/* What callbacks, on the loop thread, bring to the one that looks. */
struct look {
	struct doctor *doctor;
	struct loop *loop;
	struct pool *pool;
	struct origin *origin;
	const struct config *config;
	pthread_mutex_t lock;
	pthread_cond_t come;
	bool here;
	int error;
	bool begun;
	struct entry entry;
	uint64_t start;
	struct origin_answer answer;
	struct directory *directory;
};

static void expect(struct look *look)
{
	look->here = false;
	look->begun = false;
}

static void arrive(struct look *look, int error)
{
	pthread_mutex_lock(&look->lock);
	look->error = error;
	look->here = true;
	pthread_cond_signal(&look->come);
	pthread_mutex_unlock(&look->lock);
}

/* REQUEST: what the operation returned. */
static int await(struct look *look, const struct origin_request *request)
{
	if (!request)
		return -ENOMEM;
	pthread_mutex_lock(&look->lock);
	while (!look->here)
		pthread_cond_wait(&look->come, &look->lock);
	pthread_mutex_unlock(&look->lock);
	return look->error;
}

static void told(void *context, int error, const struct entry *entry)
{
	struct look *look = context;

	if (!error)
		look->entry = *entry;
	arrive(look, error);
}

static int stat_path(struct look *look, const char *path)
{
	expect(look);
	return await(look, origin_stat(look->origin, path, ORIGIN_READER, told, look));
}

static void listed(void *context, int error, struct directory *directory)
{
	struct look *look = context;

	look->directory = directory;
	arrive(look, error);
}

/* ---- opening ---- */

static int open_at(struct look *look, const char *url)
{
	const struct origin_options options = config_origin_options(look->config, url);
	char message[512] = "";
	int error;

	origin_close(look->origin);
	look->origin = NULL;
	error = origin_open(&options, look->loop, look->pool, &look->origin, message,
			    sizeof(message));
	if (error)
		doctor_find(look->doctor, DOCTOR_WRONG, "origin", "%s", message);
	return error;
}

static const char *reason_of(int error)
{
	switch (error) {
	case -ENOENT:
		return "it has no such file or directory";
	case -EACCES:
		return "it wants other credentials";
	case -EHOSTUNREACH:
		return "no connection, no such name, or its certificate is refused";
	case -ETIMEDOUT:
		return "it does not answer in time";
	case -EREMOTEIO:
		return "it says that it is in trouble (5xx or 429)";
	case -ELOOP:
		return "it redirects too often, or to where we do not go";
	default:
		return strerror(-error);
	}
}

static const char *mend_of(int error)
{
	switch (error) {
	case -EACCES:
		return "give user=, header=, netrc= or cert=";
	case -EHOSTUNREACH:
		return "curl -v says more; see cacert= for authorities of your own, proxy= for a "
		       "proxy";
	default:
		return "curl -v with the same URL says more";
	}
}

static void unreachable(struct look *look, int error)
{
	doctor_find(look->doctor, DOCTOR_WRONG, "origin", "%s: %s", look->config->origin,
		    reason_of(error));
	doctor_mend(look->doctor, "%s", mend_of(error));
}

/* ---- a file ---- */

static void look_at_entry(struct look *look, const char *name)
{
	struct doctor *doctor = look->doctor;
	const struct entry *entry = &look->entry;

	if (entry->validator[0] == '\0') {
		doctor_find(doctor, DOCTOR_WRONG, "validators",
			    "%s has none (strong ETag, or Last-Modified with a size), so nothing "
			    "of it is kept",
			    name);
		doctor_mend(doctor, "have the server send one, or put peerdist serve on the files");
	} else {
		doctor_find(doctor, DOCTOR_FINE, "validators", "%s has one", name);
	}
	if (entry->mtime > (int64_t)time(NULL) + DAY) {
		doctor_find(doctor, DOCTOR_WRONG, "clock",
			    "%s was changed in the future, says the origin: its clock or this "
			    "machine's is wrong",
			    name);
		doctor_mend(doctor, "date -u here and there");
	}
}

static int range_begins(void *context, const struct entry *entry, uint64_t start, int64_t length)
{
	struct look *look = context;

	(void)entry;
	(void)length;
	look->start = start;
	look->begun = true;
	return 0;
}

static int range_bytes(void *context, const void *data, size_t length)
{
	(void)context;
	(void)data;
	(void)length;
	return -ECANCELED; /* enough is known */
}

static void finished(void *context, int error)
{
	arrive(context, error);
}

static void look_at_ranges(struct look *look, const char *path, const char *name)
{
	static const struct origin_reader reader = {
		.begin = range_begins, .bytes = range_bytes, .done = finished};
	int error;

	if (look->entry.size >= 0 && look->entry.size < 2)
		return;
	expect(look);
	error = await(look, origin_read(look->origin, path, "", 1, 1, ORIGIN_ORDINARY,
					ORIGIN_READER, &reader, look));
	if (look->begun && look->start == 1) {
		doctor_find(look->doctor, DOCTOR_FINE, "ranges", "%s can be read in part", name);
	} else if (look->begun) {
		doctor_find(look->doctor, DOCTOR_WRONG, "ranges",
			    "the origin gives %s as a whole only: reading its end fetches all of "
			    "it",
			    name);
		doctor_mend(look->doctor, "have the server do ranges (Accept-Ranges: bytes)");
	} else {
		doctor_find(look->doctor, DOCTOR_WRONG, "ranges", "%s cannot be read: %s", name,
			    reason_of(error));
		doctor_mend(look->doctor, "%s", mend_of(error));
	}
}

static int answer_begins(void *context, const struct origin_answer *answer)
{
	struct look *look = context;

	look->answer = *answer;
	look->begun = true;
	return 0;
}

static void look_at_information(struct look *look, const char *path, const char *name)
{
	static const struct origin_asker asker = {answer_begins, range_bytes, finished};
	struct origin_question question = {.validator = "", .versions = look->config->versions};
	int tries = 0;

	do {
		if (tries++ > 0)
			nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
		expect(look);
		await(look, origin_ask(look->origin, path, &question, ORIGIN_READER, &asker, look));
		question.hash_request = true;
	} while (look->begun && !look->answer.information && look->answer.make &&
		 tries < HASHES_TRIES);
	if (look->begun && look->answer.information) {
		doctor_find(look->doctor, DOCTOR_FINE, "content information",
			    "the origin gives it of %s, so peers can be asked", name);
	} else if (look->begun && look->answer.make) {
		doctor_find(look->doctor, DOCTOR_NOTE, "content information",
			    "the origin is still making it of %s", name);
		doctor_mend(look->doctor, "ask again later");
	} else {
		doctor_find(look->doctor, DOCTOR_NOTE, "content information",
			    "the origin gives none of %s: it comes from the origin and the cache, "
			    "not from peers",
			    name);
		doctor_mend(look->doctor,
			    "put peerdist serve %s in front of the origin, and mount "
			    "that",
			    look->config->origin);
	}
}

static void look_at_file(struct look *look, const char *path)
{
	char name[LOG_NAME_MAX];
	int error = stat_path(look, path);

	log_escape(name, sizeof(name), path);
	if (error) {
		doctor_find(look->doctor, DOCTOR_WRONG, "origin", "%s: %s", name, reason_of(error));
		doctor_mend(look->doctor, "%s", mend_of(error));
		return;
	}
	look_at_entry(look, name);
	look_at_ranges(look, path, name);
	if (look->entry.size < 0 || look->entry.size >= SAMPLE_LEAST)
		look_at_information(look, path, name);
}

/* ---- a directory ---- */

/* A file that is long enough, or any; NULL: there is none. */
static const char *choose_sample(const struct directory *directory)
{
	const char *any = NULL;
	struct entry entry;

	for (uint32_t i = 0; i < directory_count(directory); i++) {
		const char *name = directory_entry(directory, i, &entry);

		if (entry.kind != ENTRY_FILE)
			continue;
		if (entry.size >= SAMPLE_LEAST)
			return name;
		if (!any)
			any = name;
	}
	return any;
}

static void look_at_directory(struct look *look)
{
	const char *sample;
	int error;

	expect(look);
	error = await(look, origin_list(look->origin, "", listed, look));
	if (error == -ENOTDIR) {
		doctor_find(look->doctor, DOCTOR_NOTE, "origin",
			    "%s answers, but lists no names: files can be opened by name only",
			    look->config->origin);
		doctor_mend(look->doctor, "have the server list the directory (autoindex), without "
					  "an index page in it");
		return;
	}
	if (error) {
		unreachable(look, error);
		return;
	}
	doctor_find(look->doctor, DOCTOR_FINE, "origin", "%s lists %u names", look->config->origin,
		    directory_count(look->directory));
	sample = choose_sample(look->directory);
	if (sample) {
		look_at_file(look, sample);
	} else {
		doctor_find(look->doctor, DOCTOR_NOTE, "origin",
			    "there is no file in it whose validators and ranges could be looked "
			    "at");
		doctor_mend(look->doctor, "give the URL of a file");
	}
}

/* URL does not end in a slash: a file, or a directory all the same. */
static void look_at_name(struct look *look, const char *url)
{
	char *directory = strdup(url), *slash = directory ? strrchr(directory, '/') : NULL;
	char *folder = NULL;
	int error;

	if (!slash || asprintf(&folder, "%s/", url) < 0) {
		free(directory);
		return;
	}
	slash[1] = '\0';
	const char *name = url + (slash + 1 - directory);
	error = open_at(look, directory);
	if (!error)
		error = stat_path(look, name);
	if (look->origin && error)
		unreachable(look, error);
	if (!error && look->entry.kind == ENTRY_DIRECTORY && !open_at(look, folder))
		look_at_directory(look);
	else if (!error && look->entry.kind == ENTRY_FILE) {
		doctor_find(look->doctor, DOCTOR_FINE, "origin", "%s answers", url);
		look_at_file(look, name);
	}
	free(directory);
	free(folder);
}

void doctor_look_at_origin(struct doctor *doctor, const struct config *config)
{
	struct look look = {.doctor = doctor, .config = config};
	size_t length = strlen(config->origin);
	int error;

	if (!strcmp(config->origin, "none"))
		return;
	pthread_mutex_init(&look.lock, NULL);
	pthread_cond_init(&look.come, NULL);
	error = loop_create(&look.loop);
	if (!error)
		error = pool_create(0, &look.pool);
	if (error)
		doctor_find(doctor, DOCTOR_WRONG, "origin", "%s", strerror(-error));
	else if (config->origin[length - 1] != '/')
		look_at_name(&look, config->origin);
	else if (!open_at(&look, config->origin))
		look_at_directory(&look);
	origin_close(look.origin);
	loop_destroy(look.loop);
	pool_destroy(look.pool);
	directory_free(look.directory);
	pthread_mutex_destroy(&look.lock);
	pthread_cond_destroy(&look.come);
}
