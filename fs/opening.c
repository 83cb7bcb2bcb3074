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
	struct object *object;   /* what the store has of the version known so far; NULL: nothing */
	struct fetch_file *file; /* while a content without a length is read */
	struct fetch_read whole;
	opening_done *done;
	void *context;
};

static void opening_end(struct opening *opening, int error, struct fetch_file *file)
{
	object_put(opening->object);
	opening->done(opening->context, error, file);
	free(opening->path);
	free(opening->dir);
	free(opening);
}

/* The object of the version, new or not, and the file that the node's opens share. */
static int open_version(struct opening *opening, const struct names_answer *answer,
			struct fetch_file **file_out)
{
	struct mount *mount = opening->mount;
	const struct entry *entry = &opening->entry;
	unsigned flags = entry->flags & ENTRY_NO_RANGES ? FETCH_NO_RANGES : 0;
	struct fetch_file *file, *shared;

	if (names_is_once(entry->validator))
		flags |= FETCH_ONE_ANSWER;
	if (opening->object == NULL) {
		int error = store_object(mount->store, opening->path, entry->validator,
					 (uint64_t)entry->size, &opening->object);
		if (error != 0)
			return error;
		store_supersede(mount->store, opening->object);
	}
	int error = fetch_open(mount->fetch, opening->object, opening->path, entry->validator,
			       flags, &file);
	if (error != 0)
		return error;
	shared = node_opened(mount->nodes, opening->node, file);
	if (shared != file)
		fetch_file_put(file);
	if (answer->body != NULL && answer->body_length > 0 &&
	    answer->body_length == (uint64_t)entry->size)
		fetch_seed(shared, 0, answer->body, answer->body_length);
	*file_out = shared;
	return 0;
}

/* A version of one answer can be opened when all of it is here, when the answer is still coming,
 * or when it was never begun. Else another version must be. */
static bool answer_is_lost(struct opening *opening)
{
	struct mount *mount = opening->mount;
	struct fetch_file *file = node_file(mount->nodes, opening->node);
	bool alive = file != NULL && fetch_file_alive(file);

	fetch_file_put(file);
	if (alive || (opening->object != NULL && object_complete(opening->object)))
		return false;
	return node_try(mount->nodes, opening->node) || opening->object != NULL;
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
	opening_end(opening, error != 0 ? error : -ESTALE, NULL);
}

static void read_whole(struct opening *opening)
{
	struct mount *mount = opening->mount;
	unsigned flags = FETCH_NO_RANGES;

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
		opening_end(opening, error, NULL);
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

static int choose(struct opening *opening, const struct names_answer *answer,
		  struct fetch_file **file_out)
{
	struct mount *mount = opening->mount;
	struct entry *entry = &opening->entry;

	if (entry->validator[0] == '\0') {
		int error = names_new_version(mount->names, opening->dir, opening->node->name,
					      entry->validator);
		if (error != 0)
			return error;
	}
	if (!node_is(mount->nodes, opening->node, entry))
		return -ESTALE;
	if (names_is_once(entry->validator) && answer->body == NULL && answer_is_lost(opening)) {
		int error = names_new_version(mount->names, opening->dir, opening->node->name,
					      entry->validator);
		return error != 0 ? error : -ESTALE;
	}
	return open_version(opening, answer, file_out);
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
