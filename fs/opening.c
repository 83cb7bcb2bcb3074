/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/opening.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache/store_content.h"

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
	struct pool_job *storing;         /* of the body that came along; NULL: nothing */
	opening_done *done;
	void *context;
};

static void opening_end(struct opening *opening, int error, struct fetch_file *file)
{
	object_put(opening->object);
	if (error == -ESTALE)
		names_expect(opening->mount->names, opening->dir, opening->node->name);
	opening->done(opening->context, error, file);
	if (opening->storing != NULL)
		opening->storing->run(opening->storing);
	free(opening->path);
	free(opening->dir);
	free(opening);
}

/* Puts the body that came along into FILE; it is stored when the open has been answered. */
static void seed(struct opening *opening, struct fetch_file *file,
		 const struct names_answer *answer)
{
	if (opening->storing != NULL)
		opening->storing->run(opening->storing);
	opening->storing = fetch_seed(file, 0, answer->body, answer->body_length);
}

/* Makes FILE the node's, or opens the one that is, which *file_inout becomes. */
static int share(struct opening *opening, const struct names_answer *answer, enum node_answer comes,
		 struct fetch_file **file_inout)
{
	struct mount *mount = opening->mount;
	bool body = answer->body_length > 0 && answer->body_length == object_size(opening->object);
	struct fetch_file *file = *file_inout;

	/* Before others can see it: then nobody misses what is at hand. */
	if (body)
		seed(opening, file, answer);
	bool kept;
	struct fetch_file *shared = node_opened(mount->nodes, opening->node, file, comes, &kept);
	if (!kept)
		fetch_file_put(file);
	if (shared == NULL)
		return -ESTALE;
	if (fetch_file_replaced(shared)) {
		opening_close(mount, opening->node);
		return -ESTALE;
	}
	if (!kept && body)
		seed(opening, shared, answer);
	fetch_file_revive(shared);
	*file_inout = shared;
	return 0;
}

/* A file of the node's own, not shared yet. */
static int open_own(struct opening *opening, unsigned flags, struct fetch_file **file_out)
{
	const struct entry *entry = &opening->entry;

	if (entry->flags & ENTRY_NO_RANGES)
		flags |= FETCH_NO_RANGES;
	return fetch_open(opening->mount->fetch, opening->object, opening->path, entry->validator,
			  flags, file_out);
}

/* A file that is at work for this version already, perhaps for another open that has ended
 * meanwhile, or a new one. */
static int open_any(struct opening *opening, struct fetch_file **file_out)
{
	struct fetch_file *file = fetch_find(opening->mount->fetch, opening->object);

	if (file != NULL && fetch_file_alive(file)) {
		*file_out = file;
		return 0;
	}
	fetch_file_put(file);
	bool ask = inform_may_ask(opening->mount->inform, opening->object);
	int error = open_own(opening, ask ? FETCH_MAY_ASK : 0, file_out);
	if (error == 0 && ask)
		inform_opened(opening->mount->inform, *file_out);
	return error;
}

/* A version of one answer can be opened when the answer came along or is still coming, when all of
 * it is here, or when it was never begun. Else it is lost: -ESTALE. once_lock held. */
static int open_once(struct opening *opening, bool body, enum node_answer *comes_out,
		     struct fetch_file **file_out)
{
	struct object *object = opening->object;
	/* Looked for first: what is still coming may be here the next moment. */
	struct fetch_file *file = body ? NULL : fetch_find(opening->mount->fetch, object);
	bool known = file != NULL;

	*comes_out = NODE_ONCE_HERE;
	if (known && fetch_file_alive(file)) {
		*file_out = file;
		return 0;
	}
	fetch_file_put(file);
	if (body || object_complete(object))
		return open_own(opening, FETCH_ONE_ANSWER | FETCH_ANSWERED, file_out);
	if (known || object_cached(object) > 0)
		return -ESTALE;
	*comes_out = NODE_ONCE_BEGINS;
	return open_own(opening, FETCH_ONE_ANSWER, file_out);
}

/* The object at hand is of the version that the origin has now. */
static void supersede(struct opening *opening)
{
	struct mount *mount = opening->mount;

	if (store_supersede(mount->store, opening->object))
		fetch_supersede(mount->fetch, opening->path, opening->object);
}

static int find_object(struct opening *opening)
{
	struct store *store = opening->mount->store;
	const struct entry *entry = &opening->entry;

	if (opening->object != NULL)
		return 0;
	int error = store_object(store, opening->path, entry->validator, (uint64_t)entry->size,
				 &opening->object);
	if (error == 0)
		supersede(opening);
	return error;
}

/* The object of the version, new or not, and the file that the node's opens share. -ESTALE: it is
 * of one answer, which is lost. */
static int open_version(struct opening *opening, const struct names_answer *answer,
			struct fetch_file **file_out)
{
	struct mount *mount = opening->mount;
	bool once = names_is_once(opening->entry.validator);
	enum node_answer comes = NODE_ANY_ANSWER;
	struct fetch_file *file;
	int error = find_object(opening);

	if (error != 0)
		return error;
	if (once)
		pthread_mutex_lock(&mount->once_lock);
	error = once ? open_once(opening, answer->body != NULL, &comes, &file)
		     : open_any(opening, &file);
	if (error == 0)
		error = share(opening, answer, comes, &file);
	if (once)
		pthread_mutex_unlock(&mount->once_lock);
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
		supersede(opening);
		error = names_learn(mount->names, opening->dir, opening->node->name,
				    &opening->entry);
	}
	fetch_file_put(opening->file);
	/* The node was made when nobody knew the size. */
	end_measuring(opening, error != 0 ? error : -ESTALE);
}

/* Whether somebody has read it to its end since the origin was asked for us. */
static bool was_measured(const struct opening *opening)
{
	struct entry known;

	return catalog_find(opening->mount->catalog, opening->dir, opening->node->name, &known) ==
		       0 &&
	       known.size >= 0 && (known.flags & ENTRY_SIZE_EXACT) && known.validator[0] != '\0' &&
	       known.checked >= opening->entry.checked &&
	       strcmp(known.validator, opening->entry.validator) != 0;
}

static void read_whole(struct opening *opening)
{
	struct mount *mount = opening->mount;
	unsigned flags = FETCH_NO_RANGES;

	if (join_measuring(opening))
		return;
	if (was_measured(opening)) {
		end_measuring(opening, -ESTALE);
		return;
	}
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
	supersede(opening);
	struct content *content = object_content(opening->object);
	content_put(content);
	if (content != NULL)
		return; /* it would have to be checked first */
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
