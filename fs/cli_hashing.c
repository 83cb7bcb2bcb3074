/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Options of the verbs that hash files.
 */
#include "fs/cli.h"
#include "fs/config.h"

int cli_versions(const char *text, unsigned *versions_out)
{
	unsigned versions = 0;

	for (;; text++) {
		if (*text != '1' && *text != '2')
			break;
		versions |= 1u << (*text - '1');
		if (*++text == '\0') {
			*versions_out = versions;
			return CLI_DONE;
		}
		if (*text != ',')
			break;
	}
	return cli_complain(CLI_USAGE, "--versions: give 1, 2 or 1,2");
}

static int read_octets(const char *option, const char *text, uint64_t *size_out)
{
	config_capacity capacity;

	/* Below 0: a part of a volume, which means nothing here. */
	if (config_capacity_parse(text, &capacity) || capacity < 1)
		return cli_complain(CLI_USAGE, "%s: give octets with K, M, G or T, at least 1",
				    option);
	*size_out = (uint64_t)capacity;
	return CLI_DONE;
}

int cli_min_size(const char *text, uint64_t *size_out)
{
	return read_octets("--min-size", text, size_out);
}

int cli_hashes_size(const char *text, uint64_t *size_out)
{
	return read_octets("--hashes-size", text, size_out);
}
