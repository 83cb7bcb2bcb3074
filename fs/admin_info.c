/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/admin_info.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "cache/store_content.h"
#include "fs/mount.h"

/* Octets of a line before encoding: 76 characters, as base64 is written elsewhere. */
#define LINE_OCTETS 57
#define LINES_AT_ONCE 256

/* What is cached of PATH, with a reference. */
static int find_object(struct mount *mount, const char *path, struct entry *entry_out,
		       struct object **object_out)
{
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
	char *dir = strndup(path, slash != NULL ? (size_t)(slash - path) : 0);
	struct entry entry;

	if (dir == NULL)
		return -ENOMEM;
	int error = catalog_find(mount->catalog, dir, name, &entry);
	free(dir);
	if (error == 0 &&
	    (entry.kind != ENTRY_FILE || entry.validator[0] == '\0' || entry.size < 0))
		error = -ENOENT;
	if (error == 0)
		error = store_find(mount->store, path, entry.validator, (uint64_t)entry.size,
				   object_out);
	if (error == 0)
		*entry_out = entry;
	return error;
}

static void print_lines(struct job *job, const unsigned char *octets, size_t size)
{
	unsigned char line[4 * ((LINE_OCTETS + 2) / 3) + 1];

	for (size_t at = 0; at < size; at += LINE_OCTETS) {
		size_t length = size - at < LINE_OCTETS ? size - at : LINE_OCTETS;

		EVP_EncodeBlock(line, octets + at, (int)length);
		job_print(job, "%s\n", line);
	}
}

static int print_content(struct job *job, const struct content *content)
{
	const struct content_backing *backing = content_backing(content);
	uint64_t size = content_header(content)->size;
	unsigned char octets[LINE_OCTETS * LINES_AT_ONCE];
	int error = 0;

	job_print(job, "ok\n");
	for (uint64_t at = 0; at < size && error == 0; at += sizeof octets) {
		size_t length = size - at < sizeof octets ? (size_t)(size - at) : sizeof octets;

		error = job_cancelled(job) ? -ECANCELED
					   : backing->read(backing->owner, at, octets, length);
		if (error == 0)
			print_lines(job, octets, length);
	}
	return error;
}

int admin_info(struct mount *mount, struct job *job, const char *path)
{
	char name[LOG_NAME_MAX];
	struct object *object = NULL;
	struct content *content = NULL;
	struct entry entry;
	int error = find_object(mount, path, &entry, &object);

	if (error == 0)
		error = compute_now(mount->compute, mount->fetch, object, path, entry.validator);
	if (error == 0)
		content = object_content(object);
	bool whole = object != NULL && object_complete(object);
	object_put(object);
	if (content != NULL)
		error = print_content(job, content);
	else if (error == 0 || error == -ENOENT)
		error = -ENODATA;
	content_put(content);
	if (error == -ENODATA)
		job_explain(job, "/%s: nothing describes it, and %s",
			    log_escape(name, sizeof name, path),
			    whole ? "nothing is computed here; see compute= and key="
				  : "it is not cached whole; read it, or have it fetched by warm");
	return error;
}
