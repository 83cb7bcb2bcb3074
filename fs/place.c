/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether ORIGIN is a directory, or one file, which the mount then holds. A URL that ends in "/" is
 * a directory; of another the origin is asked, once: the store remembers the answer, so that a
 * mount works with the origin gone.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/mount.h"

#define FACT_KIND "kind"
#define KIND_DIRECTORY "directory"
#define KIND_FILE "file"

struct question {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool here;
	int error;
	enum entry_kind kind;
};

static void answered(void *context, int error, const struct entry *entry)
{
	struct question *question = context;

	pthread_mutex_lock(&question->lock);
	question->error = error;
	question->kind = error == 0 ? entry->kind : ENTRY_ABSENT;
	question->here = true;
	pthread_cond_signal(&question->answered);
	pthread_mutex_unlock(&question->lock);
}

static int ask(struct origin *origin, const char *name, enum entry_kind *kind_out)
{
	struct question question = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0,
				    ENTRY_ABSENT};

	if (origin_stat(origin, name, ORIGIN_READER, answered, &question) == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&question.lock);
	while (!question.here)
		pthread_cond_wait(&question.answered, &question.lock);
	pthread_mutex_unlock(&question.lock);
	*kind_out = question.kind;
	return question.error;
}

static int set_path(CURLU *url, const char *path, char **text_out)
{
	char *text;

	if (curl_url_set(url, CURLUPART_PATH, path, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK)
		return -EINVAL;
	*text_out = strdup(text);
	curl_free(text);
	return *text_out != NULL ? 0 : -ENOMEM;
}

/* Cuts ORIGIN into the directory it lies in and its own, decoded, name. IS_DIRECTORY: it ends in
 * a slash; then DIRECTORY is ORIGIN and NAME stays NULL. AS_DIRECTORY: ORIGIN with a slash. */
struct cut {
	bool is_directory;
	char *directory, *as_directory, *name;
};

static void cut_free(struct cut *cut)
{
	free(cut->directory);
	free(cut->as_directory);
	free(cut->name);
}

static int cut_path(CURLU *url, const char *path, struct cut *cut)
{
	const char *slash = strrchr(path, '/');
	char *with_slash, *above;

	if (slash == NULL || slash[1] == '\0') {
		cut->is_directory = true;
		return set_path(url, path, &cut->directory);
	}
	char *name = curl_easy_unescape(NULL, slash + 1, 0, NULL);
	cut->name = name != NULL ? strdup(name) : NULL;
	curl_free(name);
	if (cut->name == NULL || asprintf(&with_slash, "%s/", path) < 0)
		return -ENOMEM;
	above = strndup(path, (size_t)(slash - path) + 1);
	int error = above != NULL ? set_path(url, above, &cut->directory) : -ENOMEM;
	if (error == 0)
		error = set_path(url, with_slash, &cut->as_directory);
	free(above);
	free(with_slash);
	return error;
}

static int cut_origin(const char *origin, struct cut *cut_out)
{
	CURLU *url = curl_url();
	char *path = NULL;
	int error = -EINVAL;

	memset(cut_out, 0, sizeof *cut_out);
	if (url != NULL && curl_url_set(url, CURLUPART_URL, origin, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK)
		error = cut_path(url, path, cut_out);
	curl_free(path);
	curl_url_cleanup(url);
	return error;
}

static int ask_kind(struct mount *mount, const struct cut *cut, enum entry_kind *kind_out,
		    char *message, size_t size)
{
	struct origin *origin;
	int error;

	mount->base = cut->directory;
	error = mount_open_origin(mount, &origin, message, size);
	mount->base = NULL;
	if (error != 0)
		return error;
	error = ask(origin, cut->name, kind_out);
	origin_close(origin);
	if (error == 0)
		return catalog_set_fact(mount->catalog, FACT_KIND,
					*kind_out == ENTRY_DIRECTORY ? KIND_DIRECTORY : KIND_FILE);
	if (error == -ENOENT)
		snprintf(message, size, "%s: the origin has no such file or directory",
			 mount->config->origin);
	else
		snprintf(message, size,
			 "%s: cannot ask the origin whether this is a file or a directory (%s); if "
			 "it is a directory end it with \"/\"",
			 mount->config->origin, strerror(-error));
	return error;
}

int mount_place_origin(struct mount *mount, char *message, size_t size)
{
	enum entry_kind kind = ENTRY_FILE;
	char fact[16];
	struct cut cut;

	if (strcmp(mount->config->origin, "none") == 0)
		return 0;
	int error = cut_origin(mount->config->origin, &cut);
	if (error != 0) {
		snprintf(message, size, "%s: not a URL that can be mounted", mount->config->origin);
		cut_free(&cut);
		return error;
	}
	if (cut.is_directory)
		kind = ENTRY_DIRECTORY;
	else if (catalog_fact(mount->catalog, FACT_KIND, fact, sizeof fact) == 0)
		kind = strcmp(fact, KIND_DIRECTORY) == 0 ? ENTRY_DIRECTORY : ENTRY_FILE;
	else
		error = ask_kind(mount, &cut, &kind, message, size);
	if (error == 0) {
		char **base = kind == ENTRY_DIRECTORY && !cut.is_directory ? &cut.as_directory
									   : &cut.directory;
		mount->base = *base;
		*base = NULL;
		if (kind == ENTRY_FILE) {
			mount->only = cut.name;
			cut.name = NULL;
		}
	}
	cut_free(&cut);
	return error;
}
