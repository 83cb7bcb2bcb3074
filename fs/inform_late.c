/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asking although no read has to. The question is put by the first read that the store cannot
 * answer; so a content that is here whole would never get the origin's content information: of an
 * origin that makes it only when it has sent the content, or that was in trouble the first time.
 * Nor would what describes it be replaced when it is of a version that is not accepted any more, or
 * was computed here, with names of segments that nobody else knows. Such contents are asked for
 * when they are opened; nobody waits for that, and what comes is new names for the same octets.
 * An origin whose last answer was plain is spared: most are mere web servers, which a file that is
 * here whole shall cost nothing.
 */
#include "fs/inform_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

/* So long one content is not asked for again like this (seconds): our choice, since an origin that
 * has nothing to say would be asked at each open; and when it said what is known. */
#define LATE_SECONDS 10
#define SAME_SECONDS 3600

struct late {
	struct inform *inform;
	struct fetch_file *file; /* a reference */
};

/* Whether CONTENT (NULL: none) is what the origin would not give now, or might not have given. */
static bool is_wanting(struct inform *inform, struct object *object, const struct content *content)
{
	unsigned versions = atomic_load(&inform->versions);

	if (content == NULL)
		return object_complete(object);
	return (versions & 1u << (content_version(content) - 1)) == 0 ||
	       compute_made(inform->options.compute, content);
}

/* When the content of PATH may be asked for again; paths may share it. */
static int64_t *due_time(struct inform *inform, const char *path)
{
	return &inform->late[XXH3_64bits(path, strlen(path)) % INFORM_LATE_SLOTS];
}

static void put_off(struct inform *inform, const char *path, int64_t seconds)
{
	pthread_mutex_lock(&inform->lock);
	*due_time(inform, path) = (int64_t)time(NULL) + seconds;
	pthread_mutex_unlock(&inform->lock);
}

static bool is_due(struct inform *inform, const char *path)
{
	int64_t now = (int64_t)time(NULL);

	pthread_mutex_lock(&inform->lock);
	int64_t due = *due_time(inform, path);
	bool plain = inform->plain > 0;
	pthread_mutex_unlock(&inform->lock);
	/* A clock that was set back is no reason to wait for ever. */
	return !plain && (now >= due || due - now > SAME_SECONDS);
}

/* The same names and the same version: nothing is new. */
static bool is_same(const struct content *one, const struct content *other)
{
	struct content_segment first, second;

	return content_version(one) == content_version(other) &&
	       content_algorithm(one) == content_algorithm(other) &&
	       content_segment(one, 0, &first) == 0 && content_segment(other, 0, &second) == 0 &&
	       memcmp(first.secret, second.secret, digest_size(content_algorithm(one))) == 0;
}

static void answered(void *context, struct content *content)
{
	struct late *late = context;
	struct content *former = fetch_file_content(late->file);
	bool same = content != NULL && former != NULL && is_same(former, content);

	if (same)
		put_off(late->inform, fetch_file_path(late->file), SAME_SECONDS);
	if (content == NULL || same)
		content_put(content);
	else
		(void)fetch_describe(late->file, content);
	content_put(former);
	fetch_file_put(late->file);
	free(late);
}

void inform_opened(struct inform *inform, struct fetch_file *file)
{
	/* First, since it costs an open next to nothing. */
	if (!is_due(inform, fetch_file_path(file)))
		return;
	struct content *content = fetch_file_content(file);
	bool wanting = is_wanting(inform, fetch_file_object(file), content);
	content_put(content);
	if (!wanting)
		return;
	struct late *late = malloc(sizeof *late);
	if (late == NULL)
		return;
	put_off(inform, fetch_file_path(file), LATE_SECONDS);
	*late = (struct late){inform, fetch_file_get(file)};
	inform_ask_again(inform, file, answered, late);
}
