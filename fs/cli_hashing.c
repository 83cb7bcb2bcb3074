/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/cli_hashing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fs/cli.h"
#include "fs/config.h"
#include "fs/hashes_place.h"

/* "1", "2" or "1,2". */
int cli_hashing_versions(const struct cli_option *option, char *value, void *field)
{
	unsigned versions = 0;

	for (;; value++) {
		if (*value != '1' && *value != '2')
			break;
		versions |= 1u << (*value - '1');
		if (*++value == '\0') {
			*(unsigned *)field = versions;
			return CLI_DONE;
		}
		if (*value != ',')
			break;
	}
	return cli_complain(CLI_USAGE, "--%s: give 1, 2 or 1,2", option->name);
}

int cli_hashing_octets(const struct cli_option *option, char *value, void *field)
{
	config_capacity capacity;

	/* Below 0: a part of a volume, which means nothing here. */
	if (config_capacity_parse(value, &capacity) || capacity < 1)
		return cli_complain(CLI_USAGE, "--%s: give octets with K, M, G or T, at least 1",
				    option->name);
	*(uint64_t *)field = (uint64_t)capacity;
	return CLI_DONE;
}

int cli_hashing_create(const struct cli_hashing *hashing, const struct secret *secret,
		       struct pool *pool, struct publish **publish_out, char *message,
		       size_t message_size)
{
	char *standard = hashing->hashes ? NULL : hashes_place();
	const struct publish_options options = {
		.secret = secret,
		.directory = hashing->hashes ? hashing->hashes : standard,
		.versions = hashing->versions,
		.limit = hashing->hashes_size,
		.pool = pool,
	};
	int error = -ENOENT;

	if (options.directory)
		error = publish_create(&options, publish_out, message, message_size);
	else
		snprintf(message, message_size,
			 "no place for hashes; name a directory with --hashes");
	free(standard);
	return error;
}
