/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/admin_info.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "cache/log.h"
#include "cache/store_content.h"
#include "fs/admin_object.h"
#include "fs/mount.h"

/* Octets of a line before encoding: 76 characters, as base64 is written elsewhere. */
#define LINE_OCTETS 57
#define LINES_AT_ONCE 256

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
	int error = admin_object_find(mount, path, &entry, &object);

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
	bool directory = *path == '\0' || (admin_entry_find(mount, path, &entry) == 0 &&
					   entry.kind == ENTRY_DIRECTORY);
	if (error == -ENODATA && directory)
		job_explain(job, "/%s is a directory; name a file",
			    log_escape(name, sizeof name, path));
	else if (error == -ENODATA)
		job_explain(job, "/%s: nothing describes it, and %s",
			    log_escape(name, sizeof name, path),
			    whole ? "nothing is computed here; see compute= and key="
				  : "it is not cached whole; read it, or have it fetched by warm");
	return error;
}
