/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cache/file_octets.h"

#define MUCH (1u << 20) /* more than a pipe holds */

static int make_file(void)
{
	int file = memfd_create("octets", MFD_CLOEXEC);

	assert_true(file >= 0);
	return file;
}

static void octets_come_back(void **state)
{
	char back[16] = "";
	int file = make_file();

	(void)state;
	assert_int_equal(file_octets_send(file, "abc", 3), 0);
	assert_int_equal(file_octets_send(file, "def", 3), 0);
	assert_int_equal(file_octets_write(file, 2, "xyz", 3), 0);
	assert_int_equal(file_octets_read(file, 1, back, 5), 0);
	assert_string_equal(back, "bxyzf");
	assert_int_equal(file_octets_write(file, 0, NULL, 0), 0);
	assert_int_equal(file_octets_read(file, 100, NULL, 0), 0);
	close(file);
}

static void a_file_that_ends_early_is_told(void **state)
{
	char back[16] = "";
	size_t got = 99;
	int file = make_file();

	(void)state;
	assert_int_equal(file_octets_send(file, "abc", 3), 0);
	assert_int_equal(file_octets_read(file, 1, back, 3), -ENODATA);
	assert_int_equal(file_octets_read_some(file, 1, back, 3, &got), 0);
	assert_int_equal(got, 2);
	assert_memory_equal(back, "bc", 2);
	assert_int_equal(file_octets_read_some(file, 3, back, 3, &got), 0);
	assert_int_equal(got, 0);
	assert_int_equal(lseek(file, 2, SEEK_SET), 2);
	assert_int_equal(file_octets_receive(file, back, 3, &got), 0);
	assert_int_equal(got, 1);
	close(file);
}

static void failures_are_told_and_leave_the_count(void **state)
{
	char back[16];
	size_t got = 99;

	(void)state;
	assert_int_equal(file_octets_read(-1, 0, back, 1), -EBADF);
	assert_int_equal(file_octets_read_some(-1, 0, back, 1, &got), -EBADF);
	assert_int_equal(file_octets_receive(-1, back, 1, &got), -EBADF);
	assert_int_equal(file_octets_write(-1, 0, back, 1), -EBADF);
	assert_int_equal(file_octets_send(-1, back, 1), -EBADF);
	assert_int_equal(got, 99);
}

static void *send_much(void *file)
{
	char *data = malloc(MUCH);
	intptr_t error;

	memset(data, 'x', MUCH);
	error = file_octets_send(*(int *)file, data, MUCH);
	free(data);
	close(*(int *)file);
	return (void *)error;
}

/* A pipe takes and gives less at a time than was meant. */
static void what_goes_in_parts_is_whole(void **state)
{
	char *back = malloc(2 * MUCH);
	size_t got = 0;
	pthread_t thread;
	void *error;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pthread_create(&thread, NULL, send_much, &ends[1]), 0);
	assert_int_equal(file_octets_receive(ends[0], back, 2 * MUCH, &got), 0);
	pthread_join(thread, &error);
	assert_null(error);
	assert_int_equal(got, MUCH);
	for (size_t i = 0; i < MUCH; i++)
		assert_int_equal(back[i], 'x');
	close(ends[0]);
	free(back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_come_back),
		cmocka_unit_test(a_file_that_ends_early_is_told),
		cmocka_unit_test(failures_are_told_and_leave_the_count),
		cmocka_unit_test(what_goes_in_parts_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
