/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is imported while files are open is described through the fetch engine, which changes the
 * units of all of them together. Of names that nothing is known of it is noted that they are there,
 * as what the origin may have said some time ago: it is asked when it can be, and what was carried
 * here can be read when it cannot.
 */
#include "fs/admin_package_mount.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/admin_package.h"
#include "fs/mount.h"

/* How often the end of a change is looked for, ms. */
#define WAIT_MS 2

static int describe(void *owner, struct object *object, const char *path, const char *validator,
		    struct content *content)
{
	struct mount *mount = owner;
	struct fetch_file *file;
	int error = fetch_open(mount->fetch, object, path, validator, FETCH_INSIDE, &file);

	if (error != 0)
		return error;
	error = fetch_describe(file, content_get(content));
	while (error == 0 && fetch_file_changing(file))
		nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000L}, NULL);
	fetch_file_put(file);
	return error == -EBUSY ? 0 : error;
}

/* It may just have been read, and wait for its turn. */
static void undescribed(void *owner, struct object *object, const char *path, const char *validator)
{
	struct mount *mount = owner;

	(void)compute_now(mount->compute, mount->fetch, object, path, validator);
}

/* What nobody has said of DIR/NAME. */
static void learn_file(struct catalog *catalog, const char *dir, const char *name,
		       const char *validator, uint64_t size)
{
	struct entry entry = {.kind = ENTRY_FILE, .size = (int64_t)size, .mtime = -1};
	struct entry known;

	if (catalog_find(catalog, dir, name, &known) == 0) {
		bool other = (known.flags & ENTRY_SIZE_EXACT) && known.size != entry.size;

		if (known.kind != ENTRY_FILE || known.validator[0] != '\0' || other)
			return;
		entry = known;
		entry.size = (int64_t)size;
		entry.checked = 0;
	}
	entry.flags |= ENTRY_SIZE_EXACT;
	snprintf(entry.validator, sizeof entry.validator, "%s", validator);
	(void)catalog_learn(catalog, dir, name, &entry);
}

static void learn_directory(struct catalog *catalog, const char *dir, const char *name)
{
	const struct entry entry = {.kind = ENTRY_DIRECTORY, .size = -1, .mtime = -1};
	struct entry known;

	if (catalog_find(catalog, dir, name, &known) == -ENOENT)
		(void)catalog_learn(catalog, dir, name, &entry);
}

static void kept(void *owner, const char *path, const char *validator, uint64_t size)
{
	struct mount *mount = owner;
	char *dir = strdup(path), *name = dir;

	if (dir == NULL || validator[0] == '\0' || size > INT64_MAX) {
		free(dir);
		return;
	}
	for (char *slash = strchr(name, '/'); slash != NULL; slash = strchr(name, '/')) {
		/* What is before the name, which is no end of it at the root. */
		char *parent = name == dir ? "" : dir;

		*slash = '\0';
		learn_directory(mount->catalog, parent, name);
		if (name != dir)
			name[-1] = '/';
		name = slash + 1;
	}
	learn_file(mount->catalog, name == dir ? "" : dir, name, validator, size);
	free(dir);
}

static struct admin_package package_of(const struct control *control)
{
	struct mount *mount = control->owner;

	return (struct admin_package){.store = mount->store,
				      .undescribed = undescribed,
				      .describe = describe,
				      .kept = kept,
				      .owner = mount};
}

int admin_mount_export(const struct control *control, struct job *job, const char *argument)
{
	const struct admin_package package = package_of(control);

	return admin_package_export(&package, job, argument);
}

int admin_mount_import(const struct control *control, struct job *job, const char *argument)
{
	const struct admin_package package = package_of(control);

	(void)argument;
	return admin_package_import(&package, job);
}
