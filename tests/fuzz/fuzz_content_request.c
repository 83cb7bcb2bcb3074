/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a content server reads of a request, a line each: target, Host, Range, If-Range, a list of
 * entity tags, Accept. No path may lead up, no range may lie outside of the content, and where a
 * directory's redirect leads there must be no other host.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "origin/content_conditions.h"
#include "origin/content_listing.h"
#include "origin/content_ranges.h"
#include "origin/content_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE_MAX_HERE 8192
enum { TARGET, HOST, RANGE, IF_RANGE, TAGS, ACCEPT, LINES };

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_path(const char *path)
{
	while (*path != '\0') {
		size_t length = strcspn(path, "/");

		check(length > 0 && length <= DIRECTORY_NAME_MAX);
		check(!(length == 1 && path[0] == '.') && !(length == 2 && !memcmp(path, "..", 2)));
		path += length;
		check(*path == '\0' || path[1] != '\0');
		path += *path == '/';
	}
}

static void read_target(const char *text)
{
	struct content_target target;
	char *location;

	if (content_target_read(text, &target) != 0)
		return;
	check(target.server == (target.path == NULL));
	if (target.server)
		return;
	check_path(target.path);
	check(target.slash || target.path[0] != '\0');
	location = content_target_location(&target);
	check(location != NULL && strcspn(location, ":\\\r\n\t ") >= strcspn(location, "?"));
	check(location[0] != '/' || target.path[0] == '\0');
	free(location);
	content_target_clear(&target);
}

static void read_ranges(const char *text)
{
	static const uint64_t sizes[] = {0, 1, 10, 65536, UINT64_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct content_extent extents[CONTENT_RANGES_MAX];
		unsigned count = 0;

		if (content_ranges_read(text, sizes[i], extents, &count) != CONTENT_RANGES_GIVEN)
			continue;
		check(count > 0 && count <= CONTENT_RANGES_MAX);
		for (unsigned j = 0; j < count; j++)
			check(extents[j].length > 0 && extents[j].start < sizes[i] &&
			      extents[j].length <= sizes[i] - extents[j].start);
	}
}

/* A tag that fails If-None-Match strongly cannot pass If-Match: it compares weakly. */
static void judge(const char *if_range, const char *tags)
{
	static const struct content_validators validators[] = {
		{"\"a\"", 1763646840}, {"W/\"a\"", 1763646840}, {"", -1}};
	const char *const list[] = {tags, NULL};
	const struct content_conditions match = {.if_match = list};
	const struct content_conditions none_match = {.if_none_match = list};

	for (size_t i = 0; i < sizeof(validators) / sizeof(validators[0]); i++) {
		bool matches = content_conditions_judge(&match, &validators[i]) == CONTENT_PROCEED;

		content_conditions_range(if_range, &validators[i]);
		check(!matches || content_conditions_judge(&none_match, &validators[i]) ==
					  CONTENT_NOT_MODIFIED);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, *lines[LINES], *rest;

	if (size > SIZE_MAX_HERE)
		return 0;
	text = malloc(size + 1);
	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	rest = text;
	for (int i = 0; i < LINES; i++) {
		char *line = strsep(&rest, "\n");

		lines[i] = strdup(line != NULL ? line : "");
		check(lines[i] != NULL);
	}
	read_target(lines[TARGET]);
	content_host_possible(lines[HOST], strlen(lines[HOST]));
	read_ranges(lines[RANGE]);
	judge(lines[IF_RANGE], lines[TAGS]);
	content_listing_choose((const char *const[]){lines[ACCEPT], NULL});
	for (int i = 0; i < LINES; i++)
		free(lines[i]);
	free(text);
	return 0;
}
