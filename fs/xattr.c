/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The extended attributes user.peerdist.*: found by name, not listed, so that copies do not carry
 * them. Other names outside user. get EOPNOTSUPP, after which `ls -l` asks no more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/control.h"

#define PREFIX "user.peerdist."
#define VALUE_MAX 8192

struct subject {
	struct mount *mount;
	const char *path;
	struct entry entry;
	bool known;
};

static int url_value(struct subject *subject, char *value)
{
	if (subject->mount->origin == NULL)
		return -ENODATA;
	origin_url(subject->mount->origin, subject->path, value, VALUE_MAX);
	return 0;
}

static int validator_value(struct subject *subject, char *value)
{
	snprintf(value, VALUE_MAX, "%s", subject->known ? subject->entry.validator : "");
	return 0;
}

static int size_cached_value(struct subject *subject, char *value)
{
	struct object *object;
	uint64_t cached = 0;

	if (subject->known && subject->entry.validator[0] != '\0' && subject->entry.size >= 0 &&
	    store_find(subject->mount->store, subject->path, subject->entry.validator,
		       (uint64_t)subject->entry.size, &object) == 0) {
		cached = object_cached(object);
		object_put(object);
	}
	snprintf(value, VALUE_MAX, "%llu", (unsigned long long)cached);
	return 0;
}

/* No content information, so no segments and version 0. */
static int none_value(struct subject *subject, char *value)
{
	(void)subject;
	strcpy(value, "0");
	return 0;
}

static const struct {
	const char *name;
	int (*value)(struct subject *subject, char *value);
} attributes[] = {
	{"url", url_value},
	{"validator", validator_value},
	{"size_cached", size_cached_value},
	{"segments", none_value},
	{"version", none_value},
};

static int value_of(struct mount *mount, const struct node *node, const char *name, char *value)
{
	char path[NODE_PATH_MAX], dir[NODE_PATH_MAX];
	struct subject subject = {.mount = mount, .path = path};

	int error = node_path(node, path, sizeof path);
	if (error == 0 && node->parent != NULL)
		error = node_path(node->parent, dir, sizeof dir);
	if (error != 0)
		return error;
	subject.known = node->parent != NULL &&
			catalog_find(mount->catalog, dir, node->name, &subject.entry) == 0;
	for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
		if (strcmp(name, attributes[i].name) == 0)
			return attributes[i].value(&subject, value);
	return -ENODATA;
}

void xattr_get(fuse_req_t request, fuse_ino_t number, const char *name, size_t size)
{
	struct mount *mount = fuse_req_userdata(request);
	char value[VALUE_MAX];
	int error;

	atomic_fetch_add_explicit(&mount->xattr_requests, 1, memory_order_relaxed);
	if (strncmp(name, "user.", 5) != 0)
		error = -EOPNOTSUPP;
	else if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 || control_owns(number, NULL))
		error = -ENODATA;
	else
		error = value_of(mount,
				 number == FUSE_ROOT_ID ? nodes_root(mount->nodes)
							: (struct node *)(uintptr_t)number,
				 name + strlen(PREFIX), value);
	if (error != 0)
		fuse_reply_err(request, -error);
	else if (size == 0)
		fuse_reply_xattr(request, strlen(value));
	else if (size < strlen(value))
		fuse_reply_err(request, ERANGE);
	else
		fuse_reply_buf(request, value, strlen(value));
}

void xattr_list(fuse_req_t request, fuse_ino_t number, size_t size)
{
	(void)number;
	if (size == 0)
		fuse_reply_xattr(request, 0);
	else
		fuse_reply_buf(request, NULL, 0);
}
