/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/cli_value.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "fs/admin_api.h"
#include "fs/cli.h"
#include "fs/config.h"

static bool are_digits(const char *value)
{
	return *value && !value[strspn(value, "0123456789")];
}

/* Octets of "1", "1.0", "2" or "2.0" at the beginning of VALUE, 0: it is none. */
static size_t version_length(const char *value)
{
	size_t length = strcspn(value, " ");

	if (*value != '1' && *value != '2')
		return 0;
	return length == 1 || (length == 3 && !strncmp(value + 1, ".0", 2)) ? length : 0;
}

/* "MIN MAX". */
static bool are_versions(const char *value)
{
	size_t length = version_length(value);
	const char *most = value + length + 1;

	return length > 0 && version_length(most) == strlen(most) && *most >= *value;
}

/* "UID HEX". */
static bool is_publication(const char *value)
{
	size_t digits = strspn(value, "0123456789");
	const char *id = value + digits + 1;

	return digits > 0 && value[digits] == ' ' && *id && strlen(id) % 2 == 0 &&
	       !id[strspn(id, "0123456789abcdefABCDEF")];
}

/* As fault_of() says it. */
_Static_assert(ADMIN_READ_TIMEOUT_MAX_MS == 3600000, "the most of a read timeout");

static bool is_read_timeout(const char *value)
{
	unsigned long long milliseconds = are_digits(value) ? strtoull(value, NULL, 10) : 0;

	return milliseconds > 0 && milliseconds <= ADMIN_READ_TIMEOUT_MAX_MS;
}

static int check_mode(const char *value)
{
	char escaped[LOG_NAME_MAX], message[LOG_NAME_MAX], **hosts = NULL;
	size_t length = strcspn(value, " ");
	enum config_mode mode;

	if (config_mode_parse(value, length, &mode))
		return cli_complain(CLI_USAGE,
				    "`%s` is not a mode; there are off, local, distributed, "
				    "hosted and hosted+distributed",
				    log_escape(escaped, sizeof(escaped), value));
	if (config_hosts_parse(value + length, &hosts, message, sizeof(message)))
		return cli_complain(CLI_USAGE, "mode: %s",
				    log_escape(escaped, sizeof(escaped), message));
	config_hosts_free(hosts);
	return CLI_DONE;
}

/* What is wrong with VALUE; NULL: nothing. */
static const char *fault_of(enum cli_takes takes, const char *value)
{
	config_capacity capacity;

	switch (takes) {
	case CLI_TAKES_SIZE:
		return config_capacity_parse(value, &capacity)
			       ? "is not a size; give octets with K, M, G or T, such as 10G, or a "
				 "part of the volume, such as 5%"
			       : NULL;
	case CLI_TAKES_JOB:
		return are_digits(value) ? NULL
					 : "is not the number of a job; peerdist jobs lists them";
	case CLI_TAKES_VERSIONS:
		return are_versions(value) ? NULL
					   : "are not the least and the highest version accepted, "
					     "each 1 or 2";
	case CLI_TAKES_INSTANCE:
		return are_digits(value) ? NULL
					 : "is not the number of an instance; peerdist instances "
					   "lists them";
	case CLI_TAKES_PUBLICATION:
		return is_publication(value) ? NULL
					     : "is not a user's number and an identifier in "
					       "hexadecimal; peerdist publications lists them";
	case CLI_TAKES_MILLISECONDS:
		return is_read_timeout(value) ? NULL
					      : "is not a number of milliseconds, 1 to 3600000";
	case CLI_TAKES_TRUST:
		return strcmp(value, "reset") ? "is no order: trust can only be reset" : NULL;
	default:
		return NULL;
	}
}

int cli_value_check(enum cli_takes takes, const char *value)
{
	const char *fault = fault_of(takes, value);
	char escaped[LOG_NAME_MAX];

	if (takes == CLI_TAKES_MODE)
		return check_mode(value);
	if (!fault)
		return CLI_DONE;
	return cli_complain(CLI_USAGE, "`%s` %s", log_escape(escaped, sizeof(escaped), value),
			    fault);
}

/* Of modes with hosted caches these follow, and a path ends them. */
static int count_mode(int count, char **words)
{
	enum config_mode mode;
	int values = 1;

	if (count > 0 && !config_mode_parse(words[0], strlen(words[0]), &mode) &&
	    config_mode_is_hosted(mode))
		while (values < count && !strchr(words[values], '/'))
			values++;
	return values;
}

int cli_value_count(enum cli_takes takes, int count, char **words)
{
	switch (takes) {
	case CLI_TAKES_VERSIONS:
	case CLI_TAKES_PUBLICATION:
		return 2;
	case CLI_TAKES_MODE:
		return count_mode(count, words);
	case CLI_TAKES_SIZE:
	case CLI_TAKES_JOB:
	case CLI_TAKES_TRUST:
	case CLI_TAKES_INSTANCE:
	case CLI_TAKES_MILLISECONDS:
		return 1;
	default:
		return 0;
	}
}
