/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/content_target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cache/directory.h"
#include "origin/listing_href.h"
#include "origin/origin_url.h"

/* A name of LENGTH octets, still encoded, appended to the path at *END. "." adds nothing. */
static int append_name(char *path, char **end, const char *encoded, size_t length)
{
	char *name = *end == path ? path : *end + 1;

	memcpy(name, encoded, length);
	length = href_decode(name, length);
	if (memchr(name, '\0', length) != NULL)
		return -EINVAL;
	if (name[0] == '.' && length == 1)
		return 0;
	if (name[0] == '.' && name[1] == '.' && length == 2)
		return -EINVAL;
	if (length > DIRECTORY_NAME_MAX || memchr(name, '/', length) != NULL)
		return -ENOENT;
	if (name != path)
		**end = '/';
	*end = name + length;
	return 0;
}

/* Neither white space and control characters, nor the sign of a fragment. */
static bool only_possible_octets(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f || *text == '#')
			return false;
	return true;
}

/* Each "%" begins an escape. */
static bool well_escaped(const char *text, size_t length)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	for (size_t i = 0; i < length; i++) {
		if (text[i] != '%')
			continue;
		if (length - i < 3 || !strchr(digits, text[i + 1]) || !strchr(digits, text[i + 2]))
			return false;
	}
	return true;
}

static int read_path(const char *text, size_t length, struct content_target *target)
{
	char *path = malloc(length + 1), *end = path;
	const char *stop = text + length;
	int error = 0;

	if (path == NULL)
		return -ENOMEM;
	while (text < stop && error == 0) {
		const char *slash = memchr(text, '/', (size_t)(stop - text));
		const char *name_end = slash != NULL ? slash : stop;
		const char *before = end;

		if (name_end > text)
			error = append_name(path, &end, text, (size_t)(name_end - text));
		target->slash = slash != NULL || end == before;
		text = name_end + (slash != NULL);
	}
	if (error != 0) {
		free(path);
		return error;
	}
	*end = '\0';
	target->slash = target->slash || end == path;
	target->path = path;
	return 0;
}

/* Takes scheme and authority off an absolute form. Returns the path, NULL: no scheme of ours. */
static const char *read_front(const char *text, struct content_target *target)
{
	size_t scheme = 0;

	if (!strncasecmp(text, "http://", 7))
		scheme = 7;
	else if (!strncasecmp(text, "https://", 8))
		scheme = 8;
	if (scheme == 0)
		return NULL;
	target->tls = scheme == 8;
	target->authority = text + scheme;
	target->authority_length = strcspn(target->authority, "/?");
	return target->authority + target->authority_length;
}

int content_target_read(const char *text, struct content_target *target_out)
{
	struct content_target target = {.query = ""};
	int error;

	if (strcmp(text, "*") == 0) {
		target.server = true;
		*target_out = target;
		return 0;
	}
	if (text[0] != '/')
		text = read_front(text, &target);
	if (text == NULL)
		return -EINVAL;
	size_t length = strcspn(text, "?");
	target.query = text + length;
	if (!only_possible_octets(text) || !well_escaped(text, length))
		return -EINVAL;
	error = read_path(text, length, &target);
	if (error == 0)
		*target_out = target;
	return error;
}

void content_target_clear(struct content_target *target)
{
	free(target->path);
	target->path = NULL;
}

char *content_target_location(const struct content_target *target)
{
	const char *slash = strrchr(target->path, '/');
	const char *name = slash != NULL ? slash + 1 : target->path;
	char *location = malloc(3 * strlen(name) + 1 + strlen(target->query) + 1);

	if (location != NULL)
		strcpy(stpcpy(origin_url_encode(location, name), "/"), target->query);
	return location;
}
