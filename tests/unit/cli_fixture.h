/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For the tests of the command `peerdist`, which include the files that they test: what it
 * complains of, and what it writes on standard output, are kept.
 */
#ifndef TESTS_UNIT_CLI_FIXTURE_H
#define TESTS_UNIT_CLI_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "fs/cli.h"

static char complaint[1024]; /* the last one */

int cli_complain(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(complaint, sizeof(complaint), format, arguments);
	va_end(arguments);
	return status;
}

/* Standard output between catch_output() and release_output(). */
static char printed[8192];
static FILE *caught;
static int uncaught; /* where it goes otherwise */

static inline void catch_output(void)
{
	fflush(stdout);
	caught = tmpfile();
	assert_non_null(caught);
	uncaught = dup(STDOUT_FILENO);
	assert_true(dup2(fileno(caught), STDOUT_FILENO) >= 0);
}

static inline void release_output(void)
{
	ssize_t length;

	fflush(stdout);
	assert_true(dup2(uncaught, STDOUT_FILENO) >= 0);
	close(uncaught);
	length = pread(fileno(caught), printed, sizeof(printed) - 1, 0);
	printed[length > 0 ? length : 0] = '\0';
	fclose(caught);
}

#endif
