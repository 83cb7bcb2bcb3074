/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whole command lines, the -c file, what follows from both, and reloading. Everything lies in a
 * private directory that the tests stand in.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/config_scene.h"

static const char *inside(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", config_scene_directory, name);
	return path;
}

static void a_plain_line_gives_defaults_and_absolute_paths(void **state)
{
	struct config *config = config_scene_parse("peerdistfs", "-o", "cache=cache",
						   "http://h.example/dir/", "mnt", NULL);

	(void)state;
	assert_string_equal(config->origin, "http://h.example/dir/");
	assert_string_equal(config->mountpoint, inside("mnt"));
	assert_string_equal(config->cache_dir, inside("cache"));
	assert_int_equal(access("cache", F_OK), 0);
	assert_false(config->foreground);
	assert_string_equal(config->log_target, "syslog");
	assert_int_equal(config->uid, getuid());
	assert_int_equal(config->gid, getgid());
	assert_int_equal(config->admin_gid, getgid());
	assert_int_equal(config->umask, 022);
	assert_int_equal(config->control_mode, 0600);
	assert_int_equal(config->mode, CONFIG_MODE_DISTRIBUTED);
	assert_int_equal(config->log_level, LOG_LEVEL_INFO);
	assert_int_equal(strlen(config_scope(config)), 64);
	assert_non_null(config->key);
	assert_non_null(config->run_as);
	config_free(config);
}

static void words_may_come_in_any_order(void **state)
{
	struct config *config =
		config_scene_parse("/sbin/mount.peerdistfs", "none", "mnt", "-s", "-v", "-n", "-o",
				   "rw,user,user=joe,cache=c,_netdev", "-t", "peerdistfs", NULL);

	(void)state;
	assert_string_equal(config->origin, "none");
	assert_null(config->user);
	assert_false(config->foreground);
	config_free(config);
	setenv("POSIXLY_CORRECT", "1", 1);
	config = config_scene_parse("peerdistfs", "none", "mnt", "-fd", "-ocache=c,allow_other",
				    NULL);
	unsetenv("POSIXLY_CORRECT");
	assert_true(config->foreground);
	assert_true(config->debug);
	assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
	assert_string_equal(config->log_target, "stderr");
	assert_int_equal(config->control_mode, 0666);
	config_free(config);
}

static void as_a_helper_of_mount_f_checks_and_mounts_nothing(void **state)
{
	(void)state;
	assert_int_equal(config_scene_refused("mount.peerdistfs", "none", "mnt", "-f", "-o",
					      "cache=fake", NULL),
			 0);
	assert_string_equal(config_scene_output, "");
	assert_int_not_equal(access("fake", F_OK), 0);
	assert_int_equal(
		config_scene_refused("mount.peerdistfs", "none", "mnt", "-f", "-o", "cach=x", NULL),
		2);
}

static void help_and_version_are_answered(void **state)
{
	(void)state;
	assert_int_equal(config_scene_refused("peerdistfs", "--help", NULL), 0);
	config_scene_said("usage: peerdistfs");
	assert_int_equal(config_scene_refused("peerdistfs", "--version", NULL), 0);
	assert_string_equal(config_scene_output, "peerdistfs " PEERDISTFS_VERSION "\n");
}

static void wrong_usage_is_status_2_with_one_line(void **state)
{
	(void)state;
	assert_int_equal(config_scene_refused("peerdistfs", NULL), 2);
	config_scene_said("ORIGIN is missing");
	assert_int_equal(config_scene_refused("peerdistfs", "none", NULL), 2);
	config_scene_said("MOUNTPOINT is missing");
	assert_int_equal(config_scene_refused("peerdistfs", "none", "mnt", "more", NULL), 2);
	config_scene_said("`more` is one argument too many");
	assert_int_equal(config_scene_refused("peerdistfs", "-x", "none", "mnt", NULL), 2);
	config_scene_said("unknown option `-x`");
	assert_int_equal(config_scene_refused("peerdistfs", "--foreground", "none", "mnt", NULL),
			 2);
	config_scene_said("unknown option `--foreground`");
	assert_int_equal(config_scene_refused("peerdistfs", "-s", "none", "mnt", NULL), 2);
	assert_int_equal(config_scene_refused("peerdistfs", "none", "mnt", "-o", NULL), 2);
	config_scene_said("-o needs a value");
	assert_int_equal(
		config_scene_refused("peerdistfs", "none", "mnt", "-o", "cach_size=5%", NULL), 2);
	config_scene_said("peerdistfs: unknown option `cach_size`; did you mean `cache_size`?\n");
}

static void malformed_origins_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"h/dir",
		"/srv/dir",
		"ftp://h/",
		"htp://h/",
		"http:/h/",
		"http://",
		"http:///x",
		"http://h:x/",
		"http://h:99999/",
		"http://[::1/",
		"http://h/?q=1",
		"http://h/#part",
		"file://h/x",
		"file:x",
		"http://a b/",
		"http://h/\n",
		"http://u\nv@h/",
		"None",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(config_scene_refused("peerdistfs", bad[i], "mnt", NULL), 2);
		config_scene_said("ORIGIN `");
		config_scene_said("; give http://HOST/DIR/");
		assert_ptr_equal(strchr(config_scene_output, '\n') + 1,
				 config_scene_output + strlen(config_scene_output));
	}
}

static void origins_are_brought_into_one_form(void **state)
{
	static const char *const forms[][2] = {
		{"HTTP://Host.Example:80/Dir/", "http://host.example/Dir/"},
		{"https://h", "https://h/"},
		{"http://h:8080/a%20b/", "http://h:8080/a%20b/"},
		{"http://[::1]:81/", "http://[::1]:81/"},
		{"http://h/a/../b/", "http://h/b/"},
		{"file:///srv/dir", "file:///srv/dir"},
		{"none", "none"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct config *config =
			config_scene_parse("peerdistfs", "-ocache=c", forms[i][0], "mnt", NULL);

		assert_string_equal(config->origin, forms[i][1]);
		config_free(config);
	}
}

static void the_user_part_becomes_user(void **state)
{
	struct config *config = config_scene_parse("peerdistfs", "-ocache=c",
						   "http://me%40x:p%3aw@h/d/", "mnt", NULL);

	(void)state;
	assert_string_equal(config->origin, "http://h/d/");
	assert_string_equal(config->user, "me@x:p:w");
	assert_int_equal(config->umask, 077);
	assert_non_null(strstr(config->fuse_options, ",fsname=http://h/d/"));
	config_free(config);
	config = config_scene_parse("peerdistfs", "-ocache=c,user=a:b", "http://me:pw@h/", "mnt",
				    NULL);
	assert_string_equal(config->user, "a:b");
	config_free(config);
	config = config_scene_parse("peerdistfs", "-ocache=c", "http://me@h/", "mnt", NULL);
	assert_string_equal(config->user, "me:");
	config_free(config);
}

static void secrets_on_the_command_line_are_overwritten(void **state)
{
	static const char *const secret[][3] = {
		/* what stands there, what is left, a secret that must not be */
		{"-ouser=me:hush,timeout=5", "-ouser=*******,timeout=5", "hush"},
		{"-fouser=me:hu\\,sh,rw", "-fouser=*********,rw", "hu"},
		{"-oheader=X: hush,header=Y: hush", "-oheader=*******,header=*******", "hush"},
		{"-oproxy=http://a:hush@p:1,rw", "-oproxy=http://******@p:1,rw", "hush"},
		{"-oproxy=a:hush@p:1", "-oproxy=******@p:1", "hush"},
		{"http://me:hush@h/d", "http://*******@h/d", "hush"},
		{"http://me:hu/s@h@h/d", "http://*********@h/d", "hu/s"},
		{"me:hush@h/d", "*******@h/d", "hush"},
		{"-ouser=@file,cache=/a:b@c", "-ouser=@file,cache=/a:b@c", "hush"},
		{"/mnt@home", "/mnt@home", "hush"},
		{"-ouser", "-ouser", "hush"},
		{"-ouser=", "-ouser=", "hush"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
		char *word = strdup(secret[i][0]);
		char *words[] = {(char *)"peerdistfs", word, NULL};

		config_argv_hide(2, words);
		assert_string_equal(word, secret[i][1]);
		assert_null(strstr(word, secret[i][2]));
		free(word);
	}
}

static void secrets_are_overwritten_and_kept(void **state)
{
	struct config_line line = {0};
	static const char *const words[] = {
		"peerdistfs", "-c", "me:x@y.ini", "-o", "cache=c,user=me:hush,header=X: hush\\,h",
		"none",       "mnt"};
	struct config *config;
	int status;

	(void)state;
	config_scene_write("me:x@y.ini", "[mount]\n");
	while (line.count < (int)(sizeof(words) / sizeof(words[0])))
		line.words[line.count] = strdup(words[line.count]), line.count++;
	config = config_scene_parse_line(&line, &status);
	assert_non_null(config);
	assert_string_equal(config->user, "me:hush");
	assert_string_equal(config->headers[0], "X: hush,h");
	assert_string_equal(line.words[2], "me:x@y.ini");
	assert_string_equal(line.words[4], "cache=c,user=*******,header=**********");
	config_free(config);
	config_line_free(&line);
}

static void secrets_are_overwritten_when_the_line_is_refused(void **state)
{
	struct config_line line = {0};
	int status;

	(void)state;
	line.words[line.count++] = strdup("peerdistfs");
	line.words[line.count++] = strdup("-ouser=me:hush,cach=1");
	line.words[line.count++] = strdup("http:/me:hush@h/");
	assert_null(config_scene_parse_line(&line, &status));
	for (int i = 0; i < line.count; i++)
		assert_null(strstr(line.words[i], "hush"));
	assert_null(strstr(config_scene_output, "hush"));
	config_line_free(&line);
	assert_int_equal(config_scene_refused("peerdistfs", "htp://me:hush@h/", "mnt", NULL), 2);
	assert_null(strstr(config_scene_output, "hush"));
}

static void mount_points_are_looked_at(void **state)
{
	(void)state;
	assert_int_equal(config_scene_refused("peerdistfs", "-ocache=c", "none", "absent", NULL),
			 1);
	config_scene_said("mount point absent does not exist; make it first (mkdir -p absent)");
	config_scene_write("file", "");
	assert_int_equal(config_scene_refused("peerdistfs", "-ocache=c", "none", "file", NULL), 1);
	config_scene_said("mount point file is not a directory");
	/* Something is mounted there on every Linux. */
	assert_int_equal(config_scene_refused("peerdistfs", "-ocache=c", "none", "/proc", NULL), 1);
	config_scene_said("mount point /proc is busy: ");
}

static void caches_that_cannot_be_are_refused(void **state)
{
	(void)state;
	config_scene_write("file", "");
	assert_int_equal(config_scene_refused("peerdistfs", "-ocache=file", "none", "mnt", NULL),
			 1);
	config_scene_said("cannot be written to: Not a directory; name another with "
			  "-o cache=DIR");
	assert_int_equal(config_scene_refused("peerdistfs", "-ocache=file/x", "none", "mnt", NULL),
			 1);
	assert_int_equal(
		config_scene_refused("peerdistfs", "-ocache=/proc/x/y", "none", "mnt", NULL), 1);
	config_scene_said("cache directory /proc/x/y cannot be written to");
	assert_int_equal(config_scene_refused("peerdistfs", "-ocache=mnt/c", "none", "mnt", NULL),
			 1);
	config_scene_said("lies below the mount point");
	assert_int_equal(rmdir("mnt/c"), 0);
}

static void missing_parents_of_the_cache_are_made(void **state)
{
	struct config *config =
		config_scene_parse("peerdistfs", "-ocache=a/b/c", "none", "mnt", NULL);
	struct stat status;

	(void)state;
	assert_int_equal(stat("a/b/c", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	config_free(config);
}

/* The scope of ORIGIN with OPTIONS; for free(). */
static char *scope_of(const char *origin, const char *options)
{
	struct config *config =
		config_scene_parse("peerdistfs", "-o", options, origin, "mnt", NULL);
	char *scope = strdup(config_scope(config));

	config_free(config);
	return scope;
}

static void scopes_differ_with_origin_and_credentials_only(void **state)
{
	static const char *const others[][2] = {
		{"http://h/b/", "cache=c"},
		{"https://h/a/", "cache=c"},
		{"http://h/a/", "cache=c,user=me:x"},
		{"http://h/a/", "cache=c,user=me:y"},
		{"http://h/a/", "cache=c,header=A: x"},
		{"http://h/a/", "cache=c,netrc=netrc"},
		{"http://h/a/", "cache=c,cert=netrc"},
	};
	char *scopes[8];
	char *same;

	(void)state;
	config_scene_write("netrc", "");
	scopes[7] = scope_of("http://h/a/", "cache=c");
	for (size_t i = 0; i < 7; i++)
		scopes[i] = scope_of(others[i][0], others[i][1]);
	for (size_t i = 0; i < 8; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(scopes[i], scopes[j]);
	same = scope_of("http://H:80/a/", "cache=c,timeout=7,insecure");
	assert_string_equal(same, scopes[7]);
	free(same);
	same = scope_of("http://me:x@h/a/", "cache=d");
	assert_string_equal(same, scopes[2]);
	free(same);
	for (size_t i = 0; i < 8; i++)
		free(scopes[i]);
}

static void cache_names_say_the_host(void **state)
{
	static const char *const names[][2] = {{"http://h.example:8080/", "h.example-"},
					       {"http://[::1]/", "___1_-"},
					       {"file:///srv", "file-"},
					       {"none", "none-"}};
	char name[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct config *config =
			config_scene_parse("peerdistfs", "-ocache=c", names[i][0], "mnt", NULL);

		assert_int_equal(config_cache_name(config, name, sizeof(name)), 0);
		assert_memory_equal(name, names[i][1], strlen(names[i][1]));
		assert_int_equal(strlen(name), strlen(names[i][1]) + 16);
		assert_memory_equal(name + strlen(names[i][1]), config_scope(config), 16);
		config_free(config);
	}
}

static void limits_follow_the_volume_and_the_mode(void **state)
{
	struct config *config =
		config_scene_parse("peerdistfs", "-ocache=c,cache_size=3G", "none", "mnt", NULL);
	uint64_t limit, half, whole;

	(void)state;
	assert_int_equal(config_cache_limit(config, config_scene_directory, &limit), 0);
	assert_int_equal(limit, UINT64_C(3) << 30);
	/* Turned off while it is mounted it keeps what it has. */
	config->mode = CONFIG_MODE_OFF;
	assert_int_equal(config_cache_limit(config, config_scene_directory, &limit), 0);
	assert_int_equal(limit, UINT64_C(3) << 30);
	config_free(config);
	config = config_scene_parse("peerdistfs", "-ocache=c,cache_size=3G,mode=off", "none", "mnt",
				    NULL);
	assert_int_equal(config_cache_limit(config, config_scene_directory, &limit), 0);
	assert_int_equal(limit, CONFIG_OFF_LIMIT);
	config_free(config);
	assert_int_equal(config_capacity_octets(-5000, config_scene_directory, &half), 0);
	assert_int_equal(config_capacity_octets(-10000, config_scene_directory, &whole), 0);
	assert_int_equal(half * 2, whole);
	assert_int_equal(config_capacity_octets(-500, "/absent", &limit), -ENOENT);
}

static void the_file_gives_keys_and_o_wins(void **state)
{
	struct config *config;

	(void)state;
	mkdir("etc", 0700);
	config_scene_write("etc/cert", "");
	config_scene_write("etc/x.ini",
			   "# comment\n; comment\n\n[other]\nnonsense\n [ mount ] \r\n"
			   "\ttimeout = 7 \r\nconnections=3\nheader = A: b, c\nheader=D: e\n"
			   "interface=lo\ninsecure\ncert=cert\ncache = c\nx-foo\n[more]\nq=1\n");
	config = config_scene_parse("peerdistfs", "-c", "etc/x.ini", "-o",
				    "connections=4,interface=lo,cache=cache", "none", "mnt", NULL);
	config_scene_said("etc/x.ini:4: section [other] is not known");
	config_scene_said("etc/x.ini:16: section [more] is not known");
	assert_int_equal(config->timeout, 7);
	assert_int_equal(config->connections, 4);
	assert_string_equal(config->headers[0], "A: b, c");
	assert_string_equal(config->headers[1], "D: e");
	assert_string_equal(config->interfaces[0], "lo");
	assert_null(config->interfaces[1]);
	assert_true(config->insecure);
	assert_string_equal(config->cert, inside("etc/cert"));
	assert_string_equal(config->cache_dir, inside("cache"));
	config_free(config);
}

static void errors_in_the_file_name_the_line(void **state)
{
	(void)state;
	config_scene_write("bad.ini", "[mount]\n\ntimeout=7\ntimout=8\n");
	assert_int_equal(config_scene_refused("peerdistfs", "-cbad.ini", "none", "mnt", NULL), 2);
	config_scene_said("bad.ini:4: unknown option `timout`; did you mean `timeout`?");
	config_scene_write("bad.ini", "timeout=7\n");
	assert_int_equal(config_scene_refused("peerdistfs", "-cbad.ini", "none", "mnt", NULL), 2);
	config_scene_said("bad.ini:1: a key before any section");
	config_scene_write("bad.ini", "[mount\n");
	assert_int_equal(config_scene_refused("peerdistfs", "-cbad.ini", "none", "mnt", NULL), 2);
	config_scene_said("bad.ini:1: a section is written [NAME]");
	config_scene_write("bad.ini", "[mount]\ntimeout =\n");
	assert_int_equal(config_scene_refused("peerdistfs", "-cbad.ini", "none", "mnt", NULL), 2);
	config_scene_said("bad.ini:2: timeout: needs a value");
	assert_int_equal(config_scene_refused("peerdistfs", "-cabsent.ini", "none", "mnt", NULL),
			 1);
	config_scene_said("absent.ini: No such file");
}

static void reload_takes_over_what_can_change(void **state)
{
	struct config *config;
	char message[256];
	unsigned changed = 99;

	(void)state;
	config_scene_write("user", "me:pw\n");
	config_scene_write("r.ini", "[mount]\ntimeout=7\nrevalidate=1\nconnections=3\n");
	config = config_scene_parse("peerdistfs", "-c", "r.ini", "-o",
				    "cache=c,revalidate=9,user=@user,noexec", "none", "mnt", NULL);
	assert_int_equal(unlink("user"), 0);
	assert_int_equal(config_reload(config, &changed, message, sizeof(message)), 0);
	assert_int_equal(changed, 0);
	assert_string_equal(message, "");
	config_scene_write("r.ini",
			   "[mount]\nrevalidate=2\nconnections=4\noffline=no\nlevel=warning\n"
			   "cache_size=7%\ncache_max_age=1d\nuid=5\ncompute=1\n");
	assert_int_equal(config_reload(config, &changed, message, sizeof(message)), 0);
	assert_int_equal(changed, CONFIG_CHANGED_TIMEOUT | CONFIG_CHANGED_OFFLINE |
					  CONFIG_CHANGED_LEVEL | CONFIG_CHANGED_CACHE_SIZE |
					  CONFIG_CHANGED_CACHE_MAX_AGE);
	assert_string_equal(message, "a new mount is needed for: compute, connections, uid");
	assert_int_equal(config->timeout, 30);
	assert_int_equal(config->revalidate, 9);
	assert_int_equal(config->connections, 3);
	assert_int_equal(config->log_level, LOG_LEVEL_WARNING);
	config_free(config);
}

static void a_bad_file_changes_nothing_at_reload(void **state)
{
	struct config *config;
	char message[256];
	unsigned changed = 99;

	(void)state;
	config_scene_write("r.ini", "[mount]\ntimeout=7\n");
	config = config_scene_parse("peerdistfs", "-c", "r.ini", "-ocache=c", "none", "mnt", NULL);
	config_scene_write("r.ini", "[mount]\ntimeout=8\nlevel=loud\n");
	assert_int_equal(config_reload(config, &changed, message, sizeof(message)), -EINVAL);
	assert_non_null(strstr(message, "r.ini:3: level=loud: not a level"));
	assert_int_equal(changed, 99);
	assert_int_equal(config->timeout, 7);
	config_free(config);
	config = config_scene_parse("peerdistfs", "-ocache=c", "none", "mnt", NULL);
	assert_int_equal(config_reload(config, &changed, message, sizeof(message)), -ENOENT);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_line_gives_defaults_and_absolute_paths),
		cmocka_unit_test(words_may_come_in_any_order),
		cmocka_unit_test(as_a_helper_of_mount_f_checks_and_mounts_nothing),
		cmocka_unit_test(help_and_version_are_answered),
		cmocka_unit_test(wrong_usage_is_status_2_with_one_line),
		cmocka_unit_test(malformed_origins_are_refused),
		cmocka_unit_test(origins_are_brought_into_one_form),
		cmocka_unit_test(the_user_part_becomes_user),
		cmocka_unit_test(secrets_on_the_command_line_are_overwritten),
		cmocka_unit_test(secrets_are_overwritten_and_kept),
		cmocka_unit_test(secrets_are_overwritten_when_the_line_is_refused),
		cmocka_unit_test(mount_points_are_looked_at),
		cmocka_unit_test(caches_that_cannot_be_are_refused),
		cmocka_unit_test(missing_parents_of_the_cache_are_made),
		cmocka_unit_test(scopes_differ_with_origin_and_credentials_only),
		cmocka_unit_test(cache_names_say_the_host),
		cmocka_unit_test(limits_follow_the_volume_and_the_mode),
		cmocka_unit_test(the_file_gives_keys_and_o_wins),
		cmocka_unit_test(errors_in_the_file_name_the_line),
		cmocka_unit_test(reload_takes_over_what_can_change),
		cmocka_unit_test(a_bad_file_changes_nothing_at_reload),
	};

	return cmocka_run_group_tests(tests, config_scene_begin, config_scene_end);
}
