/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/opening.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct opening {
	struct mount *mount;
	struct node *node;
	char *path, *dir; /* DIR is a prefix of PATH, copied */
	struct entry entry;
	struct object *object; /* what the store has of the version known so far; NULL: nothing */
	/* While a content without a length is read: */
	struct fetch_file *file;
	struct fetch_read whole;
	LIST_ENTRY(opening) in_measuring; /* mount->measuring_lock, as the next two */
	struct opening *joined, *next;    /* others that wait for the same */
	opening_done *done;
	void *context;
};

static void opening_end(struct opening *opening, int error, struct fetch_file *file)
{
	object_put(opening->object);
	if (error == -ESTALE)
		names_expect(opening->mount->names, opening->dir, opening->node->name);
	opening->done(opening->context, error, file);
	free(opening->path);
	free(opening->dir);
	free(opening);
}

/* Makes FILE the node's, or opens the one that is, which *file_inout becomes. */
static int share(struct opening *opening, const struct names_answer *answer, unsigned flags,
		 struct fetch_file **file_inout)
{
	struct mount *mount = opening->mount;
	bool once = flags & FETCH_ONE_ANSWER;
	bool body = answer->body_length > 0 && answer->body_length == object_size(opening->object);
	struct fetch_file *file = *file_inout;

	/* Before others can see it: then nobody misses what is at hand. */
	if (body)
		fetch_seed(file, 0, answer->body, answer->body_length);
	struct fetch_file *shared =
		node_opened(mount->nodes, opening->node, file, once && !(flags & FETCH_ANSWERED));
	if (shared != file)
		fetch_file_put(file);
	if (shared == NULL)
		return -ESTALE;
	if (shared != file && body)
		fetch_seed(shared, 0, answer->body, answer->body_length);
	/* A version of one answer can be opened when all of it is here, when the answer is still
	 * coming, or when it was never begun. */
	if (once && !body && !fetch_file_alive(shared) && !object_complete(opening->object)) {
		opening_close(mount, opening->node);
		return -ESTALE;
	}
	fetch_file_revive(shared);
	*file_inout = shared;
	return 0;
}

/* Whether the one answer has begun to come, and has not come whole. */
static bool was_begun(struct opening *opening)
{
	if (opening->object == NULL)
		(void)store_find(opening->mount->store, opening->path, opening->entry.validator,
				 (uint64_t)opening->entry.size, &opening->object);
	return opening->object != NULL && !object_complete(opening->object);
}

static bool is_open(struct opening *opening)
{
	struct fetch_file *file = node_file(opening->mount->nodes, opening->node);

	fetch_file_put(file);
	return file != NULL;
}

/* The object of the version, new or not, and the file that the node's opens share. -ESTALE: it is
 * of one answer, which is lost. */
static int open_version(struct opening *opening, const struct names_answer *answer,
			struct fetch_file **file_out)
{
	struct mount *mount = opening->mount;
	const struct entry *entry = &opening->entry;
	unsigned flags = entry->flags & ENTRY_NO_RANGES ? FETCH_NO_RANGES : 0;
	struct fetch_file *file;

	if (names_is_once(entry->validator)) {
		if (was_begun(opening) && answer->body == NULL && !is_open(opening))
			return -ESTALE;
		flags |= FETCH_ONE_ANSWER;
		if (answer->body != NULL || opening->object != NULL)
			flags |= FETCH_ANSWERED;
	}
	if (opening->object == NULL) {
		int error = store_object(mount->store, opening->path, entry->validator,
					 (uint64_t)entry->size, &opening->object);
		if (error != 0)
			return error;
		store_supersede(mount->store, opening->object);
	}
	int error = fetch_open(mount->fetch, opening->object, opening->path, entry->validator,
			       flags, &file);
	if (error == 0)
		error = share(opening, answer, flags, &file);
	if (error == 0)
		*file_out = file;
	return error;
}

/* Several that want the same content, whose length nobody knows, wait for one reading of it: a
 * reading each might give each a version of its own. Returns whether somebody else reads. */
static bool join_measuring(struct opening *opening)
{
	struct mount *mount = opening->mount;
	struct opening *other;

	pthread_mutex_lock(&mount->measuring_lock);
	LIST_FOREACH (other, &mount->measuring, in_measuring)
		if (strcmp(other->path, opening->path) == 0)
			break;
	if (other != NULL) {
		opening->next = other->joined;
		other->joined = opening;
	} else {
		LIST_INSERT_HEAD(&mount->measuring, opening, in_measuring);
	}
	pthread_mutex_unlock(&mount->measuring_lock);
	return other != NULL;
}

static void end_measuring(struct opening *opening, int error)
{
	struct mount *mount = opening->mount;

	pthread_mutex_lock(&mount->measuring_lock);
	LIST_REMOVE(opening, in_measuring);
	struct opening *joined = opening->joined;
	pthread_mutex_unlock(&mount->measuring_lock);
	while (joined != NULL) {
		struct opening *next = joined->next;
		opening_end(joined, error, NULL);
		joined = next;
	}
	opening_end(opening, error, NULL);
}

static void whole_read(struct fetch_read *read, int error)
{
	struct opening *opening =
		(struct opening *)((char *)read - offsetof(struct opening, whole));
	struct mount *mount = opening->mount;

	if (error == 0) {
		opening->entry.size = (int64_t)object_size(opening->object);
		opening->entry.flags |= ENTRY_SIZE_EXACT;
		opening->entry.checked = (int64_t)time(NULL);
		store_supersede(mount->store, opening->object);
		error = catalog_learn(mount->catalog, opening->dir, opening->node->name,
				      &opening->entry);
	}
	fetch_file_put(opening->file);
	/* The node was made when nobody knew the size. */
	end_measuring(opening, error != 0 ? error : -ESTALE);
}

static void read_whole(struct opening *opening)
{
	struct mount *mount = opening->mount;
	unsigned flags = FETCH_NO_RANGES;

	if (join_measuring(opening))
		return;
	if (opening->entry.validator[0] == '\0')
		inquiry_new_once(opening->entry.validator);
	if (names_is_once(opening->entry.validator))
		flags |= FETCH_ONE_ANSWER;
	object_put(opening->object);
	opening->object = NULL;
	int error = store_object(mount->store, opening->path, opening->entry.validator,
				 STORE_SIZE_UNKNOWN, &opening->object);
	if (error == 0)
		error = fetch_open(mount->fetch, opening->object, opening->path,
				   opening->entry.validator, flags, &opening->file);
	if (error != 0) {
		end_measuring(opening, error);
		return;
	}
	opening->whole.file = opening->file;
	opening->whole.done = whole_read;
	fetch_whole(&opening->whole);
}

/* Another version than what the object at hand is of. */
static void drop_other_object(struct opening *opening, const struct entry *entry)
{
	if (opening->object != NULL && (strcmp(opening->entry.validator, entry->validator) != 0 ||
					object_size(opening->object) != (uint64_t)entry->size)) {
		object_put(opening->object);
		opening->object = NULL;
	}
}

/* Keeps the body that came along for the open that follows. */
static void keep_body(struct opening *opening, const struct names_answer *answer)
{
	struct mount *mount = opening->mount;
	const struct entry *entry = &opening->entry;

	if (answer->body_length == 0 || answer->body_length != (uint64_t)entry->size)
		return;
	if (opening->object == NULL && store_object(mount->store, opening->path, entry->validator,
						    answer->body_length, &opening->object) != 0)
		return;
	store_supersede(mount->store, opening->object);
	/* A store that cannot take it costs a second request. */
	(void)object_write(opening->object, 0, answer->body, answer->body_length);
}

static int choose(struct opening *opening, const struct names_answer *answer,
		  struct fetch_file **file_out)
{
	struct mount *mount = opening->mount;
	struct entry *entry = &opening->entry;

	if (entry->validator[0] == '\0')
		names_new_version(mount->names, opening->dir, opening->node->name, entry);
	if (!node_is(mount->nodes, opening->node, entry)) {
		keep_body(opening, answer);
		return -ESTALE;
	}
	int error = open_version(opening, answer, file_out);
	if (error == -ESTALE && names_is_once(entry->validator))
		names_new_version(mount->names, opening->dir, opening->node->name, entry);
	return error;
}

static void resolved(void *context, int error, const struct names_answer *answer)
{
	struct opening *opening = context;
	struct fetch_file *file = NULL;
	const struct entry *entry = &answer->entry;

	if (error == 0 && entry->kind != ENTRY_FILE)
		error = -ESTALE;
	if (error != 0) {
		opening_end(opening, error, NULL);
		return;
	}
	drop_other_object(opening, entry);
	opening->entry = *entry;
	if (answer->body == NULL && (entry->size < 0 || ((entry->flags & ENTRY_SIZE_MEASURED) &&
							 entry->validator[0] == '\0'))) {
		read_whole(opening);
		return;
	}
	error = choose(opening, answer, &file);
	opening_end(opening, error, file);
}

/* How the question is to be asked, from what is known before it is. */
static unsigned need_of(struct opening *opening)
{
	struct mount *mount = opening->mount;
	struct entry *entry = &opening->entry;

	if (catalog_find(mount->catalog, opening->dir, opening->node->name, entry) != 0)
		return NAMES_FRESH;
	if (entry->validator[0] != '\0' && entry->size >= 0 &&
	    store_find(mount->store, opening->path, entry->validator, (uint64_t)entry->size,
		       &opening->object) == 0 &&
	    object_complete(opening->object))
		return NAMES_FRESH;
	bool small = (entry->flags & ENTRY_SIZE_EXACT) && entry->size >= 0 &&
		     entry->size <= (int64_t)NAMES_BODY_MAX;
	return NAMES_FRESH | (small ? NAMES_BODY : 0);
}

void opening_start(struct mount *mount, struct node *node, opening_done *done, void *context)
{
	struct opening *opening = calloc(1, sizeof *opening);
	char path[NODE_PATH_MAX], dir[NODE_PATH_MAX];

	if (opening == NULL || node_path(node, path, sizeof path) != 0 ||
	    node_path(node->parent, dir, sizeof dir) != 0) {
		free(opening);
		done(context, opening == NULL ? -ENOMEM : -ENAMETOOLONG, NULL);
		return;
	}
	opening->mount = mount;
	opening->node = node;
	opening->path = strdup(path);
	opening->dir = strdup(dir);
	opening->done = done;
	opening->context = context;
	if (opening->path == NULL || opening->dir == NULL) {
		opening_end(opening, -ENOMEM, NULL);
		return;
	}
	unsigned need = need_of(opening);
	names_resolve(mount->names, opening->dir, node->name, need, resolved, opening);
}

void opening_close(struct mount *mount, struct node *node)
{
	fetch_file_put(node_closed(mount->nodes, node));
}
