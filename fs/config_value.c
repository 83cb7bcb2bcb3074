/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Values that are numbers or one of a few words: text to field and back. Pure, but for the names
 * of users and groups.
 */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "fs/config_private.h"

/* Digits only: no sign, no space, no other base than BASE. */
static int read_digits(const char *text, int base, uint64_t *number_out, const char **end_out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*number_out = strtoull(text, &end, base);
	if (errno)
		return -ERANGE;
	*end_out = end;
	return 0;
}

static int read_number(const char *text, int base, uint64_t most, uint64_t *number_out)
{
	const char *end;
	uint64_t number;
	int error = read_digits(text, base, &number, &end);

	if (error)
		return error;
	if (*end)
		return -EINVAL;
	if (number > most)
		return -ERANGE;
	*number_out = number;
	return 0;
}

static bool one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(text, *words))
			return true;
	return false;
}

static int flag_read(const struct config_key *key, const char *text, const char *base, void *field,
		     struct config_problem *problem)
{
	static const char *const yes[] = {"", "yes", "true", "on", "1", NULL};
	static const char *const no[] = {"no", "false", "off", "0", NULL};

	(void)key;
	(void)base;
	if (one_of(text, yes))
		*(bool *)field = true;
	else if (one_of(text, no))
		*(bool *)field = false;
	else
		return config_fail(problem, CONFIG_USAGE, "neither yes nor no");
	return 0;
}

static void flag_show(const void *field, const char *item, char *buffer, size_t size)
{
	(void)item;
	snprintf(buffer, size, "%s", *(const bool *)field ? "yes" : "no");
}

const struct config_type config_type_flag = {CONFIG_PLAIN, sizeof(bool), flag_read, flag_show};

static int count_read(const struct config_key *key, const char *text, const char *base, void *field,
		      struct config_problem *problem)
{
	uint64_t number;

	(void)base;
	if (read_number(text, 10, (uint64_t)key->most, &number) || (int64_t)number < key->least)
		return config_fail(problem, CONFIG_USAGE,
				   "not a number from %" PRId64 " to %" PRId64, key->least,
				   key->most);
	*(unsigned *)field = (unsigned)number;
	return 0;
}

static void count_show(const void *field, const char *item, char *buffer, size_t size)
{
	(void)item;
	snprintf(buffer, size, "%u", *(const unsigned *)field);
}

const struct config_type config_type_count = {CONFIG_PLAIN, sizeof(unsigned), count_read,
					      count_show};

int config_seconds_parse(const char *text, int64_t *seconds_out)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = {{0, 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	const char *end;
	uint64_t number;

	if (read_digits(text, 10, &number, &end) || (*end && end[1]))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (*end != units[i].letter)
			continue;
		if (number > (uint64_t)(INT64_MAX / units[i].seconds))
			return -EINVAL;
		*seconds_out = (int64_t)number * units[i].seconds;
		return 0;
	}
	return -EINVAL;
}

static int seconds_within(const struct config_key *key, const char *text, int64_t *seconds_out,
			  struct config_problem *problem)
{
	int64_t seconds;

	if (config_seconds_parse(text, &seconds))
		return config_fail(problem, CONFIG_USAGE,
				   "not a number of seconds, or one with s, m, h, d or w behind");
	if (seconds < key->least || seconds > key->most)
		return config_fail(problem, CONFIG_USAGE,
				   "must be from %" PRId64 " to %" PRId64 " seconds", key->least,
				   key->most);
	*seconds_out = seconds;
	return 0;
}

static int age_read(const struct config_key *key, const char *text, const char *base, void *field,
		    struct config_problem *problem)
{
	(void)base;
	return seconds_within(key, text, field, problem);
}

static void age_show(const void *field, const char *item, char *buffer, size_t size)
{
	int64_t seconds = *(const int64_t *)field;

	(void)item;
	if (seconds && seconds % 86400 == 0)
		snprintf(buffer, size, "%" PRId64 "d", seconds / 86400);
	else
		snprintf(buffer, size, "%" PRId64, seconds);
}

const struct config_type config_type_age = {CONFIG_PLAIN, sizeof(int64_t), age_read, age_show};

static int timeout_read(const struct config_key *key, const char *text, const char *base,
			void *field, struct config_problem *problem)
{
	int64_t seconds = 0;

	(void)base;
	if (seconds_within(key, text, &seconds, problem))
		return -EINVAL;
	*(unsigned *)field = (unsigned)seconds;
	return 0;
}

const struct config_type config_type_timeout = {CONFIG_PLAIN, sizeof(unsigned), timeout_read,
						count_show};

/* Hundredths of a percent; "5%", "0.5%", "12.25%". */
static int percent_parse(const char *text, config_capacity *capacity_out)
{
	const char *end;
	uint64_t whole, hundredths = 0;

	if (read_digits(text, 10, &whole, &end) || whole > 100)
		return -EINVAL;
	if (*end == '.') {
		const char *fraction = end + 1;

		if (read_digits(fraction, 10, &hundredths, &end) || end - fraction > 2)
			return -EINVAL;
		if (end - fraction == 1)
			hundredths *= 10;
	}
	hundredths += whole * 100;
	if (strcmp(end, "%") || hundredths == 0 || hundredths > 10000)
		return -EINVAL;
	*capacity_out = -(config_capacity)hundredths;
	return 0;
}

int config_capacity_parse(const char *text, config_capacity *capacity_out)
{
	static const char letters[] = "KMGT";
	const char *end, *letter;
	uint64_t number;
	unsigned shift = 0;

	if (strchr(text, '%'))
		return percent_parse(text, capacity_out);
	if (read_digits(text, 10, &number, &end))
		return -EINVAL;
	if (*end) {
		letter = strchr(letters, *end >= 'a' && *end <= 'z' ? *end - 'a' + 'A' : *end);
		if (!letter || end[1])
			return -EINVAL;
		shift = 10 * (unsigned)(letter - letters + 1);
	}
	if (number == 0 || number > (uint64_t)INT64_MAX >> shift)
		return -EINVAL;
	*capacity_out = (config_capacity)(number << shift);
	return 0;
}

static int capacity_read(const struct config_key *key, const char *text, const char *base,
			 void *field, struct config_problem *problem)
{
	(void)key;
	(void)base;
	if (config_capacity_parse(text, field))
		return config_fail(problem, CONFIG_USAGE,
				   "not a size; give octets with K, M, G or T behind, such as 10G, "
				   "or a part of the volume, such as 5%%");
	return 0;
}

static void capacity_show(const void *field, const char *item, char *buffer, size_t size)
{
	config_capacity capacity = *(const config_capacity *)field;

	(void)item;
	if (capacity >= 0)
		snprintf(buffer, size, "%" PRId64, capacity);
	else if (capacity % 100)
		snprintf(buffer, size, "%" PRId64 ".%02" PRId64 "%%", -capacity / 100,
			 -capacity % 100);
	else
		snprintf(buffer, size, "%" PRId64 "%%", -capacity / 100);
}

const struct config_type config_type_capacity = {CONFIG_PLAIN, sizeof(config_capacity),
						 capacity_read, capacity_show};

/* "none" is 0. */
static int rate_read(const struct config_key *key, const char *text, const char *base, void *field,
		     struct config_problem *problem)
{
	config_capacity rate = 0;

	(void)key;
	(void)base;
	if (strcmp(text, "none") && (strpbrk(text, "%tT") || config_capacity_parse(text, &rate)))
		return config_fail(problem, CONFIG_USAGE,
				   "not a rate; give octets a second with K, M or G behind, such "
				   "as 20M, or none");
	*(uint64_t *)field = (uint64_t)rate;
	return 0;
}

static void rate_show(const void *field, const char *item, char *buffer, size_t size)
{
	uint64_t rate = *(const uint64_t *)field;

	(void)item;
	if (rate)
		snprintf(buffer, size, "%" PRIu64, rate);
	else
		snprintf(buffer, size, "none");
}

const struct config_type config_type_rate = {CONFIG_PLAIN, sizeof(uint64_t), rate_read, rate_show};

static const char *const mode_names[] = {
	[CONFIG_MODE_OFF] = "off",
	[CONFIG_MODE_LOCAL] = "local",
	[CONFIG_MODE_DISTRIBUTED] = "distributed",
	[CONFIG_MODE_HOSTED] = "hosted",
	[CONFIG_MODE_HOSTED_DISTRIBUTED] = "hosted+distributed",
};

const char *config_mode_name(enum config_mode mode)
{
	return mode_names[mode];
}

int config_mode_parse(const char *text, size_t length, enum config_mode *mode_out)
{
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++)
		if (strlen(mode_names[i]) == length && !strncmp(text, mode_names[i], length)) {
			*mode_out = (enum config_mode)i;
			return 0;
		}
	return -EINVAL;
}

bool config_mode_is_hosted(enum config_mode mode)
{
	return mode == CONFIG_MODE_HOSTED || mode == CONFIG_MODE_HOSTED_DISTRIBUTED;
}

static int mode_read(const struct config_key *key, const char *text, const char *base, void *field,
		     struct config_problem *problem)
{
	(void)key;
	(void)base;
	if (!config_mode_parse(text, strlen(text), field))
		return 0;
	return config_fail(problem, CONFIG_USAGE,
			   "not a mode; there are off, local, distributed, hosted and "
			   "hosted+distributed");
}

static void mode_show(const void *field, const char *item, char *buffer, size_t size)
{
	(void)item;
	snprintf(buffer, size, "%s", mode_names[*(const enum config_mode *)field]);
}

const struct config_type config_type_mode = {CONFIG_PLAIN, sizeof(enum config_mode), mode_read,
					     mode_show};

/* key->least 1: "off" is no choice. */
static int versions_read(const struct config_key *key, const char *text, const char *base,
			 void *field, struct config_problem *problem)
{
	static const struct {
		const char *text;
		unsigned versions;
	} choices[] = {{"off", 0},
		       {"1", CONFIG_VERSION_1},
		       {"2", CONFIG_VERSION_2},
		       {"1,2", CONFIG_VERSION_1 | CONFIG_VERSION_2},
		       {"2,1", CONFIG_VERSION_1 | CONFIG_VERSION_2}};

	(void)base;
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		if (!strcmp(text, choices[i].text) && choices[i].versions >= key->least) {
			*(unsigned *)field = choices[i].versions;
			return 0;
		}
	return config_fail(problem, CONFIG_USAGE,
			   "not %s1, 2 or 1,2 (in -o the comma is written \\,)",
			   key->least ? "" : "off, ");
}

static void versions_show(const void *field, const char *item, char *buffer, size_t size)
{
	static const char *const names[] = {"off", "1", "2", "1,2"};

	(void)item;
	snprintf(buffer, size, "%s", names[*(const unsigned *)field]);
}

const struct config_type config_type_versions = {CONFIG_PLAIN, sizeof(unsigned), versions_read,
						 versions_show};

static int permissions_read(const struct config_key *key, const char *text, const char *base,
			    void *field, struct config_problem *problem)
{
	uint64_t number;

	(void)base;
	if (read_number(text, 8, (uint64_t)key->most, &number))
		return config_fail(problem, CONFIG_USAGE,
				   "not permission bits in octal; give them as chmod(1) takes "
				   "them, up to %04" PRIo64,
				   (uint64_t)key->most);
	*(mode_t *)field = (mode_t)number;
	return 0;
}

static void permissions_show(const void *field, const char *item, char *buffer, size_t size)
{
	(void)item;
	snprintf(buffer, size, "%04o", (unsigned)*(const mode_t *)field);
}

const struct config_type config_type_permissions = {CONFIG_PLAIN, sizeof(mode_t), permissions_read,
						    permissions_show};

/* The number with all bits set means "leave it" to chown(2), so it is nobody's. */
#define ID_MAX (UINT32_MAX - 1)

static int owner_read(const struct config_key *key, const char *text, const char *base, void *field,
		      struct config_problem *problem)
{
	const struct passwd *account;
	uint64_t number;

	(void)key;
	(void)base;
	if (!read_number(text, 10, ID_MAX, &number)) {
		*(uid_t *)field = (uid_t)number;
		return 0;
	}
	account = getpwnam(text);
	if (!account)
		return config_fail(problem, CONFIG_USAGE, "no such user; give a name or a number");
	*(uid_t *)field = account->pw_uid;
	return 0;
}

static int group_read(const struct config_key *key, const char *text, const char *base, void *field,
		      struct config_problem *problem)
{
	const struct group *group;
	uint64_t number;

	(void)key;
	(void)base;
	if (!read_number(text, 10, ID_MAX, &number)) {
		*(gid_t *)field = (gid_t)number;
		return 0;
	}
	group = getgrnam(text);
	if (!group)
		return config_fail(problem, CONFIG_USAGE, "no such group; give a name or a number");
	*(gid_t *)field = group->gr_gid;
	return 0;
}

static void id_show(const void *field, const char *item, char *buffer, size_t size)
{
	_Static_assert(sizeof(uid_t) == sizeof(unsigned) && sizeof(gid_t) == sizeof(unsigned),
		       "ids are shown as unsigned");
	count_show(field, item, buffer, size);
}

const struct config_type config_type_owner = {CONFIG_PLAIN, sizeof(uid_t), owner_read, id_show};
const struct config_type config_type_group = {CONFIG_PLAIN, sizeof(gid_t), group_read, id_show};

static int level_read(const struct config_key *key, const char *text, const char *base, void *field,
		      struct config_problem *problem)
{
	(void)key;
	(void)base;
	if (log_level_parse(text, field))
		return config_fail(problem, CONFIG_USAGE,
				   "not a level; there are error, warning, info and debug");
	return 0;
}

static void level_show(const void *field, const char *item, char *buffer, size_t size)
{
	static const char *const names[] = {
		[LOG_LEVEL_ERROR] = "error",
		[LOG_LEVEL_WARNING] = "warning",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
	};

	(void)item;
	snprintf(buffer, size, "%s", names[*(const enum log_level *)field]);
}

const struct config_type config_type_level = {CONFIG_PLAIN, sizeof(enum log_level), level_read,
					      level_show};
