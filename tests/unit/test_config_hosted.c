/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hosted caches and modes in the configuration: what goes together, at the start and at a reload.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/config_scene.h"

static void hosted_caches_alone_mean_that_mode(void **state)
{
	struct config *config;

	(void)state;
	config = config_scene_parse("peerdistfs", "-ocache=c,hosted=h,hosted=[::1]:8080", "none",
				    "mnt", NULL);
	assert_int_equal(config->mode, CONFIG_MODE_HOSTED);
	assert_string_equal(config->hosted[0], "h");
	assert_string_equal(config->hosted[1], "[::1]:8080");
	assert_null(config->hosted[2]);
	assert_int_equal(config->hosted_tls, 0);
	assert_null(config->hosted_cacert);
	config_free(config);
	config_scene_write("roots.pem", "");
	config = config_scene_parse("peerdistfs",
				    "-ocache=c,mode=hosted+distributed,hosted=h,hosted_tls=443,"
				    "hosted_cacert=roots.pem",
				    "none", "mnt", NULL);
	assert_int_equal(config->mode, CONFIG_MODE_HOSTED_DISTRIBUTED);
	assert_int_equal(config->hosted_tls, 443);
	assert_non_null(strstr(config->hosted_cacert, "/roots.pem"));
	config_free(config);
	assert_int_equal(config_scene_refused("peerdistfs", "-ohosted=h,hosted_cacert=absent",
					      "none", "mnt", NULL),
			 1);
	config_scene_said("hosted_cacert=absent: the file cannot be read");
	/* The list is the file's, the mode the command line's. */
	config_scene_write("x.ini", "[mount]\nhosted=a\nhosted=b\n");
	config = config_scene_parse("peerdistfs", "-cx.ini", "-ocache=c", "none", "mnt", NULL);
	assert_int_equal(config->mode, CONFIG_MODE_HOSTED);
	assert_string_equal(config->hosted[1], "b");
	config_free(config);
	config = config_scene_parse("peerdistfs", "-cx.ini", "-ocache=c,mode=hosted+distributed",
				    "none", "mnt", NULL);
	assert_int_equal(config->mode, CONFIG_MODE_HOSTED_DISTRIBUTED);
	config_free(config);
	assert_int_equal(config_scene_refused("peerdistfs", "-cx.ini", "-omode=distributed", "none",
					      "mnt", NULL),
			 2);
}

static void modes_and_hosted_caches_go_together(void **state)
{
	struct config *config;

	(void)state;
	assert_int_equal(config_scene_refused("peerdistfs", "-omode=hosted", "none", "mnt", NULL),
			 2);
	config_scene_said("mode=hosted: which hosted cache? name it with hosted=HOST");
	assert_int_equal(config_scene_refused("peerdistfs", "-omode=hosted+distributed", "none",
					      "mnt", NULL),
			 2);
	config_scene_said("mode=hosted+distributed: which hosted cache?");
	assert_int_equal(config_scene_refused("peerdistfs", "-omode=distributed,hosted=h", "none",
					      "mnt", NULL),
			 2);
	config_scene_said("mode=distributed asks no hosted caches; ");
	config_scene_write("many.ini", "[mount]\nhosted=1\nhosted=2\nhosted=3\nhosted=4\nhosted=5\n"
				       "hosted=6\nhosted=7\nhosted=8\nhosted=9\nhosted=10\n"
				       "hosted=11\nhosted=12\nhosted=13\nhosted=14\nhosted=15\n"
				       "hosted=16\nhosted=17\n");
	assert_int_equal(config_scene_refused("peerdistfs", "-cmany.ini", "none", "mnt", NULL), 2);
	config_scene_said("hosted: name 16 hosted caches at most");
	/* Kept for a later change of mode. */
	config = config_scene_parse("peerdistfs", "-ocache=c,mode=local,hosted=h", "none", "mnt",
				    NULL);
	assert_int_equal(config->mode, CONFIG_MODE_LOCAL);
	assert_string_equal(config->hosted[0], "h");
	config_free(config);
	config = config_scene_parse("peerdistfs", "-ocache=c,mode=off,hosted=h", "none", "mnt",
				    NULL);
	assert_true(config->unkept);
	config_free(config);
}

/* Reads r.ini with TEXT as its section; gives what changed. */
static unsigned reread(struct config *config, const char *text)
{
	char content[256], message[256];
	unsigned changed = 99;

	snprintf(content, sizeof(content), "[mount]\n%s", text);
	config_scene_write("r.ini", content);
	assert_int_equal(config_reload(config, &changed, message, sizeof(message)), 0);
	assert_string_equal(message, "");
	return changed;
}

static void reload_takes_over_hosted_caches_and_the_mode_they_mean(void **state)
{
	struct config *config;
	char message[256];
	unsigned changed = 99;

	(void)state;
	config_scene_write("r.ini", "[mount]\nhosted=a\n");
	config = config_scene_parse("peerdistfs", "-cr.ini", "-ocache=c", "none", "mnt", NULL);
	assert_int_equal(reread(config, "hosted=a\n"), 0);
	assert_int_equal(reread(config, "hosted=a\nhosted=b:81\n"), CONFIG_CHANGED_MODE);
	assert_int_equal(config->mode, CONFIG_MODE_HOSTED);
	assert_string_equal(config->hosted[1], "b:81");
	assert_int_equal(reread(config, "hosted=c\nmode=hosted+distributed\n"),
			 CONFIG_CHANGED_MODE);
	assert_int_equal(config->mode, CONFIG_MODE_HOSTED_DISTRIBUTED);
	assert_string_equal(config->hosted[0], "c");
	assert_null(config->hosted[1]);
	/* What does not go together changes nothing. */
	config_scene_write("r.ini", "[mount]\nmode=hosted\ntimeout=5\n");
	assert_int_equal(config_reload(config, &changed, message, sizeof(message)), -EINVAL);
	assert_non_null(strstr(message, "which hosted cache?"));
	config_scene_write("r.ini", "[mount]\nmode=distributed\nhosted=a\ntimeout=5\n");
	assert_int_equal(config_reload(config, &changed, message, sizeof(message)), -EINVAL);
	assert_non_null(strstr(message, "asks no hosted caches"));
	assert_int_equal(changed, 99);
	assert_int_equal(config->mode, CONFIG_MODE_HOSTED_DISTRIBUTED);
	assert_string_equal(config->hosted[0], "c");
	assert_int_equal(config->timeout, 30);
	/* Without them it is the default again. */
	assert_int_equal(reread(config, ""), CONFIG_CHANGED_MODE);
	assert_int_equal(config->mode, CONFIG_MODE_DISTRIBUTED);
	assert_null(config->hosted);
	config_free(config);
}

static void hosted_caches_are_read_from_a_line(void **state)
{
	static const char *const bad[] = {"a b:c", "a:b", "[::g]", "-a", "a b c d:70000", "a;b"};
	char **hosts = NULL, **copy = NULL, message[256];

	(void)state;
	assert_int_equal(config_hosts_parse("  a\tb:8080  [2001:db8::1]:80 ", &hosts, message,
					    sizeof(message)),
			 0);
	assert_int_equal(config_list_length(hosts), 3);
	assert_string_equal(hosts[0], "a");
	assert_string_equal(hosts[1], "b:8080");
	assert_string_equal(hosts[2], "[2001:db8::1]:80");
	assert_int_equal(config_hosts_copy(hosts, &copy), 0);
	assert_int_equal(config_list_length(copy), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(hosts[i], copy[i]);
	config_hosts_free(hosts);
	config_hosts_free(copy);
	/* None is none. */
	assert_int_equal(config_hosts_parse(" \t ", &hosts, message, sizeof(message)), 0);
	assert_null(hosts);
	assert_int_equal(config_hosts_copy(NULL, &copy), 0);
	assert_null(copy);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		*message = '\0';
		assert_int_equal(config_hosts_parse(bad[i], &hosts, message, sizeof(message)),
				 -EINVAL);
		assert_null(hosts);
		assert_non_null(strstr(message, "not HOST or HOST:PORT"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosted_caches_are_read_from_a_line),
		cmocka_unit_test(hosted_caches_alone_mean_that_mode),
		cmocka_unit_test(modes_and_hosted_caches_go_together),
		cmocka_unit_test(reload_takes_over_hosted_caches_and_the_mode_they_mean),
	};

	return cmocka_run_group_tests(tests, config_scene_begin, config_scene_end);
}
