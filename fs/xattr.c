/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The extended attributes user.peerdist.*: found by name, not listed, so that copies do not carry
 * them. Other names outside user. get EOPNOTSUPP, after which `ls -l` asks no more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/secret.h"
#include "cache/store_content.h"
#include "fs/mount.h"

#define PREFIX "user.peerdist."
/* What an attribute may be long (interface.md: segment ids as far as 60 KiB reach). */
#define VALUE_MAX (60u << 10)

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

/* What the store has of it, with a reference, or NULL. */
static struct object *object_of(const struct subject *subject)
{
	const struct entry *entry = &subject->entry;
	struct object *object;

	if (!subject->known || entry->validator[0] == '\0' || entry->size < 0 ||
	    store_find(subject->mount->store, subject->path, entry->validator,
		       (uint64_t)entry->size, &object) != 0)
		return NULL;
	return object;
}

static int size_cached_value(struct subject *subject, char *value)
{
	struct object *object = object_of(subject);
	uint64_t cached = object != NULL ? object_cached(object) : 0;

	object_put(object);
	snprintf(value, VALUE_MAX, "%llu", (unsigned long long)cached);
	return 0;
}

/* Its content information, with a reference, or NULL. */
static struct content *content_of(const struct subject *subject)
{
	struct object *object = object_of(subject);
	struct content *content = object != NULL ? object_content(object) : NULL;

	object_put(object);
	return content;
}

static int version_value(struct subject *subject, char *value)
{
	struct content *content = content_of(subject);

	snprintf(value, VALUE_MAX, "%u", content != NULL ? content_version(content) : 0);
	content_put(content);
	return 0;
}

/* The public name of segment INDEX in hexadecimal, on a line of its own. Returns its length, or 0
 * when there is no room or it cannot be read. */
static size_t write_id(const struct content *content, uint32_t index, char *line, size_t room)
{
	enum digest_algorithm algorithm = content_algorithm(content);
	size_t size = digest_size(algorithm), length = 1 + 2 * size;
	uint8_t id[DIGEST_SIZE_MAX];
	struct content_segment segment;

	if (room < length + 1 || content_segment(content, index, &segment) != 0 ||
	    secret_segment_id(algorithm, segment.secret, segment.hash_of_data, id) != 0)
		return 0;
	line[0] = '\n';
	for (size_t i = 0; i < size; i++)
		snprintf(line + 1 + 2 * i, 3, "%02x", id[i]);
	return length;
}

static int segments_value(struct subject *subject, char *value)
{
	struct content *content = content_of(subject);
	uint32_t count = content != NULL ? content_segments(content) : 0;
	size_t length = (size_t)snprintf(value, VALUE_MAX, "%u", count), written = 1;

	for (uint32_t i = 0; i < count && written > 0; i++) {
		written = write_id(content, i, value + length, VALUE_MAX - length);
		length += written;
	}
	content_put(content);
	return 0;
}

static const struct {
	const char *name;
	int (*value)(struct subject *subject, char *value);
} attributes[] = {
	{"url", url_value},
	{"validator", validator_value},
	{"size_cached", size_cached_value},
	{"segments", segments_value},
	{"version", version_value},
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

static int find_value(struct mount *mount, fuse_ino_t number, const char *name, char *value)
{
	if (strncmp(name, "user.", 5) != 0)
		return -EOPNOTSUPP;
	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 || control_owns(number, NULL))
		return -ENODATA;
	return value_of(mount,
			number == FUSE_ROOT_ID ? nodes_root(mount->nodes)
					       : (struct node *)(uintptr_t)number,
			name + strlen(PREFIX), value);
}

void xattr_get(fuse_req_t request, fuse_ino_t number, const char *name, size_t size)
{
	struct mount *mount = fuse_req_userdata(request);
	char *value = malloc(VALUE_MAX);

	atomic_fetch_add_explicit(&mount->xattr_requests, 1, memory_order_relaxed);
	int error = value != NULL ? find_value(mount, number, name, value) : -ENOMEM;
	if (error != 0)
		fuse_reply_err(request, -error);
	else if (size == 0)
		fuse_reply_xattr(request, strlen(value));
	else if (size < strlen(value))
		fuse_reply_err(request, ERANGE);
	else
		fuse_reply_buf(request, value, strlen(value));
	free(value);
}

void xattr_list(fuse_req_t request, fuse_ino_t number, size_t size)
{
	(void)number;
	if (size == 0)
		fuse_reply_xattr(request, 0);
	else
		fuse_reply_buf(request, NULL, 0);
}
