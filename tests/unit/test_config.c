/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keys and values: each key good and bad, options and their escapes, @FILE, words of fstab, guesses
 * at misspelt keys, masking. Nothing here looks at the machine but for a private directory.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/config_private.h"
#include "fs/suggest.h"

static char directory[] = "/tmp/test_config.XXXXXX";

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static void write_file(const char *name, const void *text, size_t length)
{
	char path[128];
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	stream = fopen(path, "w");
	assert_non_null(stream);
	assert_int_equal(fwrite(text, 1, length, stream), length);
	assert_int_equal(fclose(stream), 0);
}

static struct config *fresh(void)
{
	struct config *config = config_create(directory);

	assert_non_null(config);
	return config;
}

static int give(struct config *config, const char *option, struct config_problem *problem)
{
	struct config_source source = {.base = directory};

	memset(problem, 0, sizeof(*problem));
	return config_option(config, &source, option, NULL, problem);
}

static const char *shown(const struct config *config, const char *name, size_t index)
{
	static char value[CONFIG_SHOWN_MAX];
	const struct config_key *key = config_key_find(name);

	assert_non_null(key);
	return config_key_show(config, key, index, value, sizeof(value)) ? value : NULL;
}

static void every_key_has_its_default(void **state)
{
	static const char *const defaults[][2] = {
		{"cache_size", "5%"},    {"cache_max_age", "28d"},   {"mode", "distributed"},
		{"uploads", "64"},       {"upload_rate", "none"},    {"listen", NULL},
		{"plaintext", "no"},     {"discovery_port", "3702"}, {"versions", "1,2"},
		{"compute", "2"},        {"revalidate", "60"},       {"offline", "yes"},
		{"timeout", "30"},       {"connections", "8"},       {"insecure", "no"},
		{"admin_mode", "0600"},  {"level", "info"},          {"allow_other", "no"},
		{"user", NULL},          {"header", NULL},           {"cache", NULL},
		{"thinning", "10"},      {"hosted", NULL},           {"hosted_tls", "0"},
		{"hosted_cacert", NULL},
	};
	struct config *config = fresh();

	(void)state;
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		const char *value = shown(config, defaults[i][0], 0);

		if (defaults[i][1])
			assert_string_equal(value, defaults[i][1]);
		else
			assert_null(value);
	}
	config_free(config);
}

static void good_values_are_taken(void **state)
{
	static const char *const good[][2] = {
		{"cache=/a/b", "/a/b"},
		{"cache_size=10%", "10%"},
		{"cache_size=0.5%", "0.50%"},
		{"cache_size=12.25%", "12.25%"},
		{"cache_size=100%", "100%"},
		{"cache_size=1", "1"},
		{"cache_size=4K", "4096"},
		{"cache_size=3m", "3145728"},
		{"cache_size=2G", "2147483648"},
		{"cache_size=1T", "1099511627776"},
		{"cache_max_age=90", "90"},
		{"cache_max_age=90s", "90"},
		{"cache_max_age=48h", "2d"},
		{"cache_max_age=5m", "300"},
		{"cache_max_age=2w", "14d"},
		{"cache_max_age=0", "0"},
		{"mode=off", "off"},
		{"mode=local", "local"},
		{"mode=hosted+distributed", "hosted+distributed"},
		{"hosted=cache.example", "cache.example"},
		{"hosted=cache.example:8080", "cache.example:8080"},
		{"hosted=[2001:db8::1]:80", "[2001:db8::1]:80"},
		{"hosted=[2001:db8::1]", "[2001:db8::1]"},
		{"hosted_tls=443", "443"},
		{"hosted_tls=0", "0"},
		{"hosted_cacert=/dev/null", "/dev/null"},
		{"listen=0", "0"},
		{"listen=[::1]:65535", "[::1]:65535"},
		{"uploads=16384", "16384"},
		{"upload_rate=none", "none"},
		{"upload_rate=20M", "20971520"},
		{"interface=eth0", "eth0"},
		{"discovery_port=3703", "3703"},
		{"plaintext=yes", "yes"},
		{"plaintext=on", "yes"},
		{"plaintext", "yes"},
		{"thinning=0", "0"},
		{"thinning=32", "32"},
		{"versions=2", "2"},
		{"versions=2,1", "1,2"},
		{"compute=off", "off"},
		{"compute=1,2", "1,2"},
		{"key=/k", "/k"},
		{"revalidate=0", "0"},
		{"offline=no", "no"},
		{"offline=0", "no"},
		{"timeout=1", "1"},
		{"timeout=2m", "120"},
		{"connections=256", "256"},
		{"header=X-Token: abc", "X-Token: ***"},
		{"user=me:secret", "***"},
		{"insecure", "yes"},
		{"insecure=no", "no"},
		{"proxy=http://proxy.example:3128", "http://proxy.example:3128"},
		{"proxy=http://me:secret@proxy.example:3128", "http://***@proxy.example:3128"},
		{"proxy=proxy.example:3128", "proxy.example:3128"},
		{"proxy=socks5h://127.0.0.1:1080", "socks5h://127.0.0.1:1080"},
		{"uid=0", "0"},
		{"uid=root", "0"},
		{"gid=4294967294", "4294967294"},
		{"umask=27", "0027"},
		{"umask=0", "0000"},
		{"run_as=root", "root"},
		{"control_mode=0660", "0660"},
		{"control_group=root", "0"},
		{"admin_mode=640", "0640"},
		{"admin_group=12", "12"},
		{"log=syslog", "syslog"},
		{"log=stderr", "stderr"},
		{"log=/var/log/x", "/var/log/x"},
		{"level=debug", "debug"},
		{"level=error", "error"},
		{"allow_other", "yes"},
		{"fsname=a,b", "a,b"},
	};
	struct config_problem problem;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct config *config = fresh();
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(good[i][0], "="), good[i][0]);
		if (give(config, good[i][0], &problem))
			fail_msg("%s: %s", good[i][0], problem.text);
		assert_string_equal(shown(config, name, 0), good[i][1]);
		assert_true(config_given(config, name));
		config_free(config);
	}
}

static void bad_values_are_refused_as_wrong_usage(void **state)
{
	static const char *const bad[] = {
		"cache=",
		"cache",
		"cache_size=0",
		"cache_size=5X",
		"cache_size=5KB",
		"cache_size=101%",
		"cache_size=0%",
		"cache_size=1.234%",
		"cache_size=-1",
		"cache_size= 1",
		"cache_size=9999999999G",
		"cache_size=99999999999999999999",
		"cache_size=K",
		"cache_size=5%%",
		"cache_size=.5%",
		"cache_max_age=28y",
		"cache_max_age=-1",
		"cache_max_age=99999999999999w",
		"cache_max_age=1dd",
		"mode=on",
		"mode=Local",
		"hosted=",
		"hosted=a b",
		"hosted=a:b",
		"hosted=a:70000",
		"hosted=[::g]",
		"hosted=-a",
		"hosted=:80",
		"hosted_tls=65536",
		"hosted_tls=https",
		"hosted_tls=",
		"listen=70000",
		"listen=name:80",
		"uploads=0",
		"uploads=16385",
		"upload_rate=0",
		"upload_rate=5%",
		"upload_rate=1T",
		"upload_rate=fast",
		"interface=a/b",
		"interface=averyveryverylongname",
		"discovery_port=0",
		"discovery_port=65536",
		"discovery_port=12x",
		"plaintext=maybe",
		"plaintext=",
		"thinning=33",
		"thinning=-1",
		"thinning=",
		"thinning=no",
		"versions=off",
		"versions=3",
		"versions=1,3",
		"compute=",
		"compute=0",
		"revalidate=-1",
		"revalidate=soon",
		"revalidate=99w9",
		"offline=perhaps",
		"timeout=0",
		"timeout=86401",
		"timeout=1e3",
		"connections=0",
		"connections=257",
		"header=NoColon",
		"header=: x",
		"header=A B: x",
		"header=A:",
		"header=A:  ",
		"header=A: x\ny",
		"header=A: x\r",
		"header=Range: bytes=0-",
		"header=te: x",
		"header=accept-encoding: gzip",
		"user=",
		"user=a:\nb",
		"user=me",
		"netrc=",
		"insecure=2",
		"proxy=ftp://x",
		"proxy=http://",
		"proxy=",
		"uid=nobody-of-that-name",
		"uid=4294967295",
		"uid=-1",
		"gid=4294967296",
		"gid=x y",
		"umask=8",
		"umask=1000",
		"umask=u+x",
		"run_as=nobody-of-that-name",
		"control_mode=0777",
		"control_group=nobody-of-that-name",
		"admin_mode=rw",
		"log=sysolg",
		"log=",
		"level=loud",
		"level=3",
		"allow_other=2",
		"fsname=",
		"fsname=a\nb",
	};
	struct config_problem problem;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config *config = fresh();
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(bad[i], "="), bad[i]);
		if (give(config, bad[i], &problem) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(problem.status, CONFIG_USAGE);
		/* The message begins with the key. */
		assert_memory_equal(problem.text, name, strlen(name));
		assert_false(config_given(config, name));
		config_free(config);
	}
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	static const char *const keys[] = {"netrc", "cacert", "cert", "certkey"};
	struct config *config = fresh();
	struct config_problem problem;
	char option[128];

	(void)state;
	write_file("readable", "", 0);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		snprintf(option, sizeof(option), "%s=%s/absent", keys[i], directory);
		assert_int_equal(give(config, option, &problem), -EINVAL);
		assert_int_equal(problem.status, CONFIG_FAILED);
		assert_non_null(strstr(problem.text, "No such file"));
		snprintf(option, sizeof(option), "%s=readable", keys[i]);
		assert_int_equal(give(config, option, &problem), 0);
	}
	snprintf(option, sizeof(option), "%s/readable", directory);
	assert_string_equal(config->netrc, option);
	config_free(config);
}

static void repeated_keys_add_up_within_a_source_and_replace_the_former_one(void **state)
{
	struct config *config = fresh();
	struct config_source file = {.base = "/"}, line = {.base = "/"};
	struct config_problem problem;

	(void)state;
	assert_int_equal(config_option(config, &file, "hosted=a", NULL, &problem), 0);
	assert_int_equal(config_option(config, &file, "hosted=b", NULL, &problem), 0);
	assert_string_equal(shown(config, "hosted", 1), "b");
	assert_int_equal(config_option(config, &line, "hosted=c", NULL, &problem), 0);
	assert_string_equal(shown(config, "hosted", 0), "c");
	assert_null(shown(config, "hosted", 1));
	assert_int_equal(config_option(config, &line, "timeout=5", NULL, &problem), 0);
	assert_int_equal(config_option(config, &line, "timeout=6", NULL, &problem), 0);
	assert_int_equal(config->timeout, 6);
	config_free(config);
}

static void unknown_keys_are_named_with_the_nearest_real_one(void **state)
{
	static const char *const pairs[][2] = {
		{"cach_size=5%", "unknown option `cach_size`; did you mean `cache_size`?"},
		{"cahce=/x", "unknown option `cahce`; did you mean `cache`?"},
		{"inscure", "unknown option `inscure`; did you mean `insecure`?"},
		{"alow_other", "unknown option `alow_other`; did you mean `allow_other`?"},
		{"nofial", "unknown option `nofial`; did you mean `nofail`?"},
		{"a\nb=1", "unknown option `a\\x0ab`; peerdistfs --help"},
		{"quux", "unknown option `quux`; peerdistfs --help"},
		{"=5", "unknown option ``; peerdistfs --help"},
	};
	struct config *config = fresh();
	struct config_problem problem;

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_int_equal(give(config, pairs[i][0], &problem), -EINVAL);
		assert_int_equal(problem.status, CONFIG_USAGE);
		if (strncmp(problem.text, pairs[i][1], strlen(pairs[i][1])))
			fail_msg("%s: %s", pairs[i][0], problem.text);
	}
	config_free(config);
}

static void distance_counts_the_four_kinds_of_slips(void **state)
{
	(void)state;
	assert_int_equal(suggest_distance("", ""), 0);
	assert_int_equal(suggest_distance("", "abc"), 3);
	assert_int_equal(suggest_distance("abc", "abc"), 0);
	assert_int_equal(suggest_distance("abc", "ab"), 1);
	assert_int_equal(suggest_distance("abc", "xbc"), 1);
	assert_int_equal(suggest_distance("abc", "acb"), 1);
	assert_int_equal(suggest_distance("kitten", "sitting"), 3);
	assert_int_equal(suggest_distance("a", "0123456789012345678901234567890123456789x"),
			 SUGGEST_WORD_MAX);
}

static void words_of_fstab_are_accepted_and_dropped(void **state)
{
	static const char words[] =
		"_netdev,nofail,noauto,user,users,defaults,rw,ro,dev,nodev,suid,nosuid,exec,"
		"x-systemd.automount,x-gvfs-show,X-mount.mkdir,comment=hello,relatime,nosymfollow,"
		"symfollow,remount,nogroup,noowner,user_id=0,group_id=0,uhelper=udisks2,"
		"default_permissions,subtype=peerdistfs";
	struct config *config = fresh();
	struct config_problem problem;
	char **list = NULL;

	(void)state;
	assert_int_equal(config_options_split(words, &list), 0);
	assert_int_equal(config_list_length(list), 28);
	for (size_t i = 0; list[i] != NULL; i++)
		if (give(config, list[i], &problem))
			fail_msg("%s: %s", list[i], problem.text);
	config_list_free(list);
	assert_null(config->user);
	assert_null(config->fuse_words);
	assert_int_equal(give(config, "subtype=other", &problem), -EINVAL);
	assert_int_equal(give(config, "comment=", &problem), -EINVAL);
	config_free(config);
}

static void words_of_fuse_are_passed_on_escaped(void **state)
{
	struct config *config = fresh();
	struct config_problem problem;

	(void)state;
	assert_int_equal(give(config, "noexec", &problem), 0);
	assert_int_equal(give(config, "max_read=131072", &problem), 0);
	assert_int_equal(give(config, "context=system_u:a,b", &problem), 0);
	assert_int_equal(give(config, "allow_other", &problem), 0);
	assert_int_equal(config_origin(config, "http://h/a,b\\c/", &problem), 0);
	assert_int_equal(config_max_read(config), 131072);
	assert_int_equal(config_fuse_options(config, &problem), 0);
	assert_string_equal(config->fuse_options,
			    "default_permissions,subtype=peerdistfs,fsname=http://h/a\\,b\\\\c/,"
			    "allow_other,noexec,max_read=131072,context=system_u:a\\,b");
	assert_int_equal(give(config, "fsname=mine", &problem), 0);
	assert_int_equal(config_fuse_options(config, &problem), 0);
	assert_non_null(strstr(config->fuse_options, ",fsname=mine,"));
	config_free(config);
}

static void options_are_cut_at_commas_that_are_not_escaped(void **state)
{
	char **list = NULL;

	(void)state;
	assert_int_equal(config_options_split("a=1,b=2\\,3,,c=\\\\,d=\\x,e=\\", &list), 0);
	assert_int_equal(config_list_length(list), 5);
	assert_string_equal(list[0], "a=1");
	assert_string_equal(list[1], "b=2,3");
	assert_string_equal(list[2], "c=\\");
	assert_string_equal(list[3], "d=\\x");
	assert_string_equal(list[4], "e=\\");
	config_list_free(list);
}

static void a_value_may_be_what_a_file_holds(void **state)
{
	struct config *config = fresh();
	struct config_source source = {.base = directory};
	struct config_problem problem;
	char *option;

	(void)state;
	write_file("secret", "me:pass,word\n", 13);
	assert_int_equal(config_option(config, &source, "user=@secret", &option, &problem), 0);
	assert_string_equal(config->user, "me:pass,word");
	assert_string_equal(option, "user=me:pass,word");
	free(option);
	/* Of a file with two lines only the last newline goes. */
	write_file("two", "a\n\n", 3);
	assert_int_equal(give(config, "user=@two", &problem), -EINVAL);
	write_file("dos", "b:c\r\n", 5);
	assert_int_equal(give(config, "user=@dos", &problem), 0);
	assert_string_equal(config->user, "b:c");
	write_file("number", "17", 2);
	assert_int_equal(give(config, "timeout=@number", &problem), 0);
	assert_int_equal(config->timeout, 17);
	config_free(config);
}

static void a_value_file_is_bounded_text(void **state)
{
	struct config *config = fresh();
	struct config_problem problem;
	char *large = malloc(CONFIG_VALUE_MAX + 1);

	(void)state;
	memset(large, ':', CONFIG_VALUE_MAX + 1);
	write_file("limit", large, CONFIG_VALUE_MAX);
	write_file("large", large, CONFIG_VALUE_MAX + 1);
	free(large);
	write_file("zero", "a\0b", 3);
	assert_int_equal(give(config, "user=@limit", &problem), 0);
	assert_int_equal(strlen(config->user), CONFIG_VALUE_MAX);
	assert_int_equal(give(config, "user=@large", &problem), -EINVAL);
	assert_non_null(strstr(problem.text, "larger than"));
	assert_int_equal(give(config, "user=@zero", &problem), -EINVAL);
	assert_int_equal(give(config, "user=@absent", &problem), -EINVAL);
	assert_int_equal(problem.status, CONFIG_FAILED);
	assert_non_null(strstr(problem.text, "absent"));
	assert_int_equal(give(config, "user=@.", &problem), -EINVAL);
	config_free(config);
}

static void messages_quote_no_secret(void **state)
{
	struct config *config = fresh();
	struct config_problem problem;

	(void)state;
	assert_int_equal(give(config, "header=hush hush", &problem), -EINVAL);
	assert_null(strstr(problem.text, "hush"));
	assert_int_equal(give(config, "user=hu:\nsh", &problem), -EINVAL);
	assert_null(strstr(problem.text, "sh"));
	assert_int_equal(give(config, "proxy=ftp://hush:hush@h/", &problem), -EINVAL);
	assert_null(strstr(problem.text, "hush"));
	write_file("hush", "hush", 4);
	assert_int_equal(give(config, "timeout=@hush", &problem), -EINVAL);
	assert_string_equal(problem.text, "timeout=@hush: not a number of seconds, or one with s, "
					  "m, h, d or w behind");
	config_free(config);
}

static void print_shows_every_value_a_line_and_no_secret(void **state)
{
	static const char *const options[] = {"user=me:hush", "header=X-A: hush",
					      "header=X-B: hush", "proxy=http://p:hush@h:1",
					      "cache=/c\\d"};
	struct config *config = fresh();
	struct config_source source = {.base = directory};
	struct config_problem problem;
	char *text;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		assert_int_equal(config_option(config, &source, options[i], NULL, &problem), 0);
	assert_int_equal(config_origin(config, "http://u:hush@h/", &problem), 0);
	config->mountpoint = strdup("/m\nn");
	config_print(config, stream);
	fclose(stream);
	assert_null(strstr(text, "hush"));
	assert_non_null(strstr(text, "origin=http://h/\nmountpoint=/m\\x0an\n"));
	assert_non_null(strstr(text, "\nheader=X-A: ***\nheader=X-B: ***\n"));
	assert_non_null(strstr(text, "\nuser=***\n"));
	assert_non_null(strstr(text, "\nproxy=http://***@h:1\n"));
	assert_non_null(strstr(text, "\ncache=/c\\x5cd\n"));
	assert_non_null(strstr(text, "\ncache_size=5%\n"));
	assert_non_null(strstr(text, "\nlisten=1337 to 1352\n"));
	assert_non_null(strstr(text, "\ninterface=all with multicast\n"));
	free(text);
	config_free(config);
}

static void help_names_every_key(void **state)
{
	char *text, needle[64];
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	(void)state;
	config_help(stream);
	fclose(stream);
	for (size_t i = 0; i < config_key_count; i++) {
		snprintf(needle, sizeof(needle), "\n  %s", config_keys[i].name);
		if (!strstr(text, needle))
			fail_msg("no %s", config_keys[i].name);
	}
	free(text);
}

/* The test runs from the top of the tree. */
static void the_manual_page_names_every_key_and_no_other(void **state)
{
	struct config_problem problem;
	char *page, needle[64];
	size_t found = 0;

	(void)state;
	if (config_read("fs/peerdistfs.8", CONFIG_FILE_MAX, &page, &problem))
		fail_msg("%s", problem.text);
	for (size_t i = 0; i < config_key_count; i++) {
		snprintf(needle, sizeof(needle), "\n.It Cm %s\n", config_keys[i].name);
		if (!strstr(page, needle)) {
			snprintf(needle, sizeof(needle), "\n.It Cm %s ", config_keys[i].name);
			if (!strstr(page, needle))
				fail_msg("no %s", config_keys[i].name);
		}
	}
	for (const char *at = page; (at = strstr(at, "\n.It Cm ")); at++)
		found++;
	assert_int_equal(found, config_key_count);
	free(page);
}

/* Strings made of what the parsers look at; memory errors are the sanitizers' to find. */
static void random_options_never_crash(void **state)
{
	static const char *const pieces[] = {
		"=",          ",",        "\\",  "@",        "%",     ":",       "/",       "[",
		"]",          "K",        "T",   "1",        "9",     "-",       "http://", "user",
		"header",     "proxy",    "w",   "99999999", "cache", "_size",   "\n",      "umask",
		"listen",     "hosted",   "off", "\xff",     "x-",    "comment", "timeout", "..",
		"cache_size", "versions", " ",   "0",
	};
	unsigned seed = 20260101;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct config *config = fresh();
		struct config_source source = {.base = directory};
		struct config_problem problem;
		char text[256] = "", **list = NULL;
		unsigned count = (unsigned)rand_r(&seed) % 14;

		for (unsigned i = 0; i < count; i++) {
			size_t piece = (size_t)rand_r(&seed) % (sizeof(pieces) / sizeof(pieces[0]));

			strcat(text, pieces[piece]);
		}
		assert_int_equal(config_options_split(text, &list), 0);
		for (size_t i = 0; list && list[i]; i++)
			config_option(config, &source, list[i], NULL, &problem);
		config_origin(config, text, &problem);
		config_list_free(list);
		config_free(config);
	}
}

/* The same for command lines and for files. */
static void random_words_and_files_never_crash(void **state)
{
	static const char *const pieces[] = {
		"-",       "-o",  "-fd",   "-c",     "=",       ",",           "\\", "@",
		":",       "://", "user=", "proxy=", "a\n",     "\n[mount]\n", "[",  "]",
		"timeout", " ",   "#",     "\r",     "header=", "--",          "\n", "none",
	};
	unsigned seed = 4711;

	(void)state;
	assert_int_equal(log_open("/dev/null", LOG_LEVEL_ERROR), 0);
	for (int round = 0; round < 3000; round++) {
		struct config_arguments arguments = {0};
		struct config_problem problem;
		struct config *config = fresh();
		char words[3][64] = {"peerdistfs", "", ""};
		char *argv[] = {words[0], words[1], words[2], NULL};
		char path[128];

		for (unsigned i = 0; i < 12; i++) {
			size_t piece = (size_t)rand_r(&seed) % (sizeof(pieces) / sizeof(pieces[0]));

			strncat(words[1 + i % 2], pieces[piece], 9);
		}
		write_file("random.ini", words[1], strlen(words[1]));
		snprintf(path, sizeof(path), "%s/random.ini", directory);
		config_file_apply(config, path, &problem);
		config_free(config);
		if (!config_argv_parse(3, argv, &arguments, &problem))
			config_arguments_free(&arguments);
		config_argv_hide(3, argv);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_has_its_default),
		cmocka_unit_test(good_values_are_taken),
		cmocka_unit_test(bad_values_are_refused_as_wrong_usage),
		cmocka_unit_test(a_file_that_cannot_be_read_is_named),
		cmocka_unit_test(repeated_keys_add_up_within_a_source_and_replace_the_former_one),
		cmocka_unit_test(unknown_keys_are_named_with_the_nearest_real_one),
		cmocka_unit_test(distance_counts_the_four_kinds_of_slips),
		cmocka_unit_test(words_of_fstab_are_accepted_and_dropped),
		cmocka_unit_test(words_of_fuse_are_passed_on_escaped),
		cmocka_unit_test(options_are_cut_at_commas_that_are_not_escaped),
		cmocka_unit_test(a_value_may_be_what_a_file_holds),
		cmocka_unit_test(a_value_file_is_bounded_text),
		cmocka_unit_test(messages_quote_no_secret),
		cmocka_unit_test(print_shows_every_value_a_line_and_no_secret),
		cmocka_unit_test(help_names_every_key),
		cmocka_unit_test(the_manual_page_names_every_key_and_no_other),
		cmocka_unit_test(random_options_never_crash),
		cmocka_unit_test(random_words_and_files_never_crash),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
