/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file of the server secret, where it is named. The default place:
 * tests/integration/key_verbs.sh
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/server_key.h"

#define OTHER_USER 12345

static char folder[64], path[80], message[SERVER_KEY_MESSAGE];

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/test-server-key.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/key", folder);
	*message = '\0';
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static struct secret *secret_of(const char *text)
{
	struct secret *secret;

	assert_int_equal(secret_create(text, strlen(text), &secret), 0);
	return secret;
}

static void assert_loads(const char *text)
{
	struct secret *secret;

	assert_int_equal(server_key_load(path, false, &secret, message, sizeof(message)), 0);
	assert_int_equal(secret_size(secret), strlen(text));
	assert_memory_equal(secret_key(secret), text, strlen(text));
	secret_free(secret);
}

static void a_key_is_made_only_when_wanted(void **state)
{
	struct secret *first, *second;

	(void)state;
	assert_int_equal(server_key_load(path, false, &first, message, sizeof(message)), -ENOENT);
	assert_non_null(strstr(message, path));
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(server_key_load(path, true, &first, message, sizeof(message)), 0);
	assert_int_equal(server_key_load(path, true, &second, message, sizeof(message)), 0);
	assert_int_equal(secret_size(first), 32);
	assert_memory_equal(secret_key(first), secret_key(second), 32);
	secret_free(first);
	secret_free(second);
}

static void a_key_is_replaced_only_when_wanted(void **state)
{
	struct secret *first = secret_of("first"), *second = secret_of("second");

	(void)state;
	assert_int_equal(server_key_save(first, path, false, message, sizeof(message)), 0);
	assert_int_equal(server_key_save(second, path, false, message, sizeof(message)), -EEXIST);
	assert_non_null(strstr(message, path));
	assert_loads("first");
	assert_int_equal(server_key_save(second, path, true, message, sizeof(message)), 0);
	assert_loads("second");
	secret_free(first);
	secret_free(second);
}

static void a_replaced_key_stays_whose_it_was(void **state)
{
	struct secret *first = secret_of("first"), *second = secret_of("second");
	struct stat status;

	(void)state;
	if (geteuid() != 0) {
		secret_free(first);
		secret_free(second);
		skip();
	}
	assert_int_equal(server_key_save(first, path, false, message, sizeof(message)), 0);
	assert_int_equal(chown(path, OTHER_USER, OTHER_USER), 0);
	assert_int_equal(server_key_save(second, path, true, message, sizeof(message)), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_uid, OTHER_USER);
	assert_int_equal(status.st_gid, OTHER_USER);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_loads("second");
	secret_free(first);
	secret_free(second);
}

static void what_is_wrong_with_a_key_is_said(void **state)
{
	struct secret *secret = secret_of("key");

	(void)state;
	assert_int_equal(server_key_save(secret, path, false, message, sizeof(message)), 0);
	secret_free(secret);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(server_key_load(path, true, &secret, message, sizeof(message)), -EPERM);
	assert_non_null(strstr(message, "chmod 600"));
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(server_key_load(path, true, &secret, message, sizeof(message)), -EINVAL);
	assert_non_null(strstr(message, "empty"));
}

static void a_folder_that_is_named_is_not_made(void **state)
{
	char below[128];
	struct secret *secret;

	(void)state;
	snprintf(below, sizeof(below), "%s/none/key", folder);
	assert_int_equal(server_key_load(below, true, &secret, message, sizeof(message)), -ENOENT);
	assert_non_null(strstr(message, "cannot be written"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_key_is_made_only_when_wanted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_key_is_replaced_only_when_wanted, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_replaced_key_stays_whose_it_was, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_wrong_with_a_key_is_said, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_folder_that_is_named_is_not_made, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
