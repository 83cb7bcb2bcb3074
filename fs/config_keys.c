/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The one table of keys, and what derives from it alone.
 */
#include <stddef.h>
#include <string.h>

#include "fs/config_private.h"

#define FIELD(name) offsetof(struct config, name)
#define YEAR 31536000
#define PERMISSIONS_MAX 0777
/* A control file is written to and read; who else may is what the key says. */
#define CONTROL_MAX 0666

const struct config_key config_keys[] = {
	{"cache", &config_type_path, FIELD(cache_dir), NULL, "DIR",
	 "/var/cache/peerdistfs/NAME, or below ~/.cache", "where the cache lies", 0, 0, 0, 0},
	{"cache_size", &config_type_capacity, FIELD(cache_size), "5%", "SIZE", NULL,
	 "of the volume, or octets with K, M, G, T", 0, 0, 0, CONFIG_CHANGED_CACHE_SIZE},
	{"cache_max_age", &config_type_age, FIELD(cache_max_age), "28d", "AGE", NULL,
	 "what was not used for so long goes; 0: never", 0, INT64_MAX, 0,
	 CONFIG_CHANGED_CACHE_MAX_AGE},
	{"mode", &config_type_mode, FIELD(mode), "distributed", "MODE", NULL,
	 "off, local, distributed, hosted or hosted+distributed", 0, 0, 0, CONFIG_CHANGED_MODE},
	{"hosted", &config_type_hosts, FIELD(hosted), NULL, "HOST[:PORT]", NULL,
	 "hosted cache; alone it means mode=hosted", 0, 0, CONFIG_KEY_REPEATS, CONFIG_CHANGED_MODE},
	{"hosted_tls", &config_type_count, FIELD(hosted_tls), "0", "PORT", NULL,
	 "offer to hosted caches by HTTPS, at this port; 0: by HTTP", 0, 65535, 0, 0},
	{"hosted_cacert", &config_type_file, FIELD(hosted_cacert), NULL, "FILE", "the system's",
	 "authorities that may vouch for hosted caches", 0, 0, 0, 0},
	{"listen", &config_type_listen, FIELD(listen), NULL, "[ADDR:]PORT", "1337 to 1352",
	 "where peers fetch from us", 0, 0, 0, 0},
	{"interface", &config_type_interfaces, FIELD(interfaces), NULL, "NAME",
	 "all with multicast", "where to look for peers", 0, 0, CONFIG_KEY_REPEATS, 0},
	{"discovery_port", &config_type_count, FIELD(discovery_port), "3702", "PORT", NULL,
	 "where peers are asked", 1, 65535, 0, 0},
	{"plaintext", &config_type_flag, FIELD(plaintext), "no", "YES|NO", NULL,
	 "give blocks unencrypted to who asks so", 0, 0, 0, 0},
	{"uploads", &config_type_count, FIELD(uploads), "64", "NUMBER", NULL,
	 "requests of peers served at a time", 1, 16384, 0, 0},
	{"upload_rate", &config_type_rate, FIELD(upload_rate), "none", "RATE", NULL,
	 "octets a second to peers, with K, M, G", 0, 0, 0, 0},
	{"thinning", &config_type_count, FIELD(thinning), "10", "NUMBER", NULL,
	 "answerers from which on to leave it to others; 0: never", 0, 32, 0, 0},
	{"versions", &config_type_versions, FIELD(versions), "1,2", "1|2|1,2", NULL,
	 "content information to accept", 1, 0, 0, 0},
	{"compute", &config_type_versions, FIELD(compute), "2", "off|1|2|1,2", NULL,
	 "content information to compute", 0, 0, 0, 0},
	{"key", &config_type_path, FIELD(key), NULL, "FILE",
	 "/var/lib/peerdistfs/secret.key, or below ~/.local/state", "this machine's server secret",
	 0, 0, 0, 0},
	{"revalidate", &config_type_age, FIELD(revalidate), "60", "SECONDS", NULL,
	 "how long what the origin said is believed", 0, YEAR, 0, CONFIG_CHANGED_REVALIDATE},
	{"offline", &config_type_flag, FIELD(offline), "yes", "YES|NO", NULL,
	 "serve the cached when the origin is gone", 0, 0, 0, CONFIG_CHANGED_OFFLINE},
	{"timeout", &config_type_timeout, FIELD(timeout), "30", "SECONDS", NULL,
	 "within which each block must have come", 1, 86400, 0, CONFIG_CHANGED_TIMEOUT},
	{"connections", &config_type_count, FIELD(connections), "8", "NUMBER", NULL,
	 "to the origin, at most", 1, 256, 0, 0},
	{"header", &config_type_headers, FIELD(headers), NULL, "NAME: VALUE", NULL,
	 "sent to the origin", 0, 0, CONFIG_KEY_REPEATS | CONFIG_KEY_SECRET, 0},
	{"user", &config_type_user, FIELD(user), NULL, "NAME:PASSWORD", NULL, "for the origin", 0,
	 0, CONFIG_KEY_SECRET, 0},
	{"netrc", &config_type_file, FIELD(netrc), NULL, "FILE", NULL,
	 "user and password by host, netrc(5)", 0, 0, 0, 0},
	{"cacert", &config_type_file, FIELD(cacert), NULL, "FILE", "the system's",
	 "authorities that may vouch for the origin", 0, 0, 0, 0},
	{"cert", &config_type_file, FIELD(cert), NULL, "FILE", NULL, "our certificate, PEM", 0, 0,
	 0, 0},
	{"certkey", &config_type_file, FIELD(certkey), NULL, "FILE", NULL, "its private key, PEM",
	 0, 0, 0, 0},
	{"insecure", &config_type_flag, FIELD(insecure), "no", NULL, NULL,
	 "do not check the origin's certificate", 0, 0, 0, 0},
	{"proxy", &config_type_proxy, FIELD(proxy), NULL, "URL", NULL, "to reach the origin by", 0,
	 0, CONFIG_KEY_SECRET, 0},
	{"uid", &config_type_owner, FIELD(uid), NULL, "USER", "who mounts", "owner shown", 0, 0, 0,
	 0},
	{"gid", &config_type_group, FIELD(gid), NULL, "GROUP", "who mounts", "group shown", 0, 0, 0,
	 0},
	{"umask", &config_type_permissions, FIELD(umask), NULL, "OCTAL",
	 "022, with any credential 077", "permissions not shown", 0, PERMISSIONS_MAX, 0, 0},
	{"run_as", &config_type_account, FIELD(run_as), NULL, "USER",
	 "root: peerdistfs if it exists", "become this user once mounted", 0, 0, 0, 0},
	{"control_mode", &config_type_permissions, FIELD(control_mode), NULL, "OCTAL",
	 "0600, 0666 with allow_other", "of .peerdist/control", 0, CONTROL_MAX, 0, 0},
	{"control_group", &config_type_group, FIELD(control_gid), NULL, "GROUP", "gid",
	 "of .peerdist/control", 0, 0, 0, 0},
	{"admin_mode", &config_type_permissions, FIELD(admin_mode), "0600", "OCTAL", NULL,
	 "of .peerdist/admin", 0, CONTROL_MAX, 0, 0},
	{"admin_group", &config_type_group, FIELD(admin_gid), NULL, "GROUP", "gid",
	 "of .peerdist/admin", 0, 0, 0, 0},
	{"log", &config_type_log, FIELD(log_target), NULL, "TARGET", "syslog, with -f stderr",
	 "syslog, stderr or a file", 0, 0, 0, 0},
	{"level", &config_type_level, FIELD(log_level), "info", "LEVEL", NULL,
	 "error, warning, info or debug", 0, 0, 0, CONFIG_CHANGED_LEVEL},
	{"allow_other", &config_type_flag, FIELD(allow_other), "no", NULL, NULL,
	 "let other users in", 0, 0, 0, 0},
	{"fsname", &config_type_fsname, FIELD(fsname), NULL, "NAME", "the origin",
	 "shown as the source of the mount", 0, 0, 0, 0},
};
const size_t config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);

const struct config_key *config_key_find(const char *name)
{
	for (size_t i = 0; i < config_key_count; i++)
		if (!strcmp(config_keys[i].name, name))
			return &config_keys[i];
	return NULL;
}

bool config_given(const struct config *config, const char *name)
{
	const struct config_key *key = config_key_find(name);

	return key && config->given >> (key - config_keys) & 1;
}

static const void *field_of(const struct config *config, const struct config_key *key)
{
	return (const char *)config + key->field;
}

bool config_key_show(const struct config *config, const struct config_key *key, size_t index,
		     char *buffer, size_t size)
{
	const void *field = field_of(config, key);
	const char *item = NULL;

	if (key->type->shape == CONFIG_LIST) {
		char **list = *(char **const *)field;

		item = index < config_list_length(list) ? list[index] : NULL;
	} else if (key->type->shape == CONFIG_TEXT && index == 0) {
		item = *(char *const *)field;
	}
	if (key->type->shape == CONFIG_PLAIN ? index > 0 : !item)
		return false;
	if (key->type->show)
		key->type->show(field, item, buffer, size);
	else
		snprintf(buffer, size, "%s", item);
	return true;
}

void config_key_clear(struct config *config, const struct config_key *key)
{
	void *field = (char *)config + key->field;

	if (key->type->shape == CONFIG_LIST)
		config_list_free(*(char ***)field);
	else if (key->type->shape == CONFIG_TEXT)
		config_wipe(*(char **)field);
	memset(field, 0, key->type->size);
}

static bool text_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool config_key_equal(const struct config *a, const struct config *b, const struct config_key *key)
{
	const void *one = field_of(a, key), *other = field_of(b, key);
	char **list, **other_list;
	size_t length;

	if (key->type->shape == CONFIG_PLAIN)
		return !memcmp(one, other, key->type->size);
	if (key->type->shape == CONFIG_TEXT)
		return text_equal(*(char *const *)one, *(char *const *)other);
	list = *(char **const *)one;
	other_list = *(char **const *)other;
	length = config_list_length(list);
	if (length != config_list_length(other_list))
		return false;
	for (size_t i = 0; i < length; i++)
		if (strcmp(list[i], other_list[i]))
			return false;
	return true;
}

void config_print(const struct config *config, FILE *stream)
{
	char value[CONFIG_SHOWN_MAX];
	char escaped[CONFIG_SHOWN_MAX];

	fprintf(stream, "origin=%s\n", config->origin);
	fprintf(stream, "mountpoint=%s\n",
		log_escape(escaped, sizeof(escaped), config->mountpoint));
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		size_t index = 0;

		for (; config_key_show(config, key, index, value, sizeof(value)); index++)
			fprintf(stream, "%s=%s\n", key->name,
				log_escape(escaped, sizeof(escaped), value));
		if (index == 0 && key->otherwise)
			fprintf(stream, "%s=%s\n", key->name, key->otherwise);
	}
}

static void help_key(const struct config_key *key, FILE *stream)
{
	const char *initial = key->initial ? key->initial : key->otherwise;
	char usage[64];

	snprintf(usage, sizeof(usage), "%s%s%s", key->name, key->argument ? "=" : "",
		 key->argument ? key->argument : "");
	fprintf(stream, "  %-26s %s", usage, key->help);
	if (initial)
		fprintf(stream, " [%s]", initial);
	if (key->flags & CONFIG_KEY_REPEATS)
		fprintf(stream, ", may repeat");
	fprintf(stream, "\n");
}

void config_help(FILE *stream)
{
	fprintf(stream,
		"usage: peerdistfs [-f] [-d] [-c FILE] [-o KEY=VALUE,...] ORIGIN MOUNTPOINT\n"
		"Mounts an HTTP origin through a verified, persistent cache.\n\n"
		"ORIGIN: http:// or https:// URL of a directory or a file, file:///DIR, or none\n\n"
		"  -f           stay in the foreground\n"
		"  -d           log for debugging\n"
		"  -c FILE      take keys from the [mount] section of FILE; -o wins\n"
		"  -o KEY=VALUE,...  keys, below; a comma in a value is written \\,\n"
		"  --help, --version\n\n"
		"Keys, [defaults]; any value may be @FILE, which stands for what FILE holds:\n");
	for (size_t i = 0; i < config_key_count; i++)
		help_key(&config_keys[i], stream);
	fprintf(stream, "Also the words of fstab and of FUSE; see peerdistfs(8).\n"
			"To unmount: fusermount3 -u MOUNTPOINT\n");
}
