/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "fs/config_private.h"

int config_fail(struct config_problem *problem, int status, const char *format, ...)
{
	va_list arguments;

	problem->status = status;
	va_start(arguments, format);
	vsnprintf(problem->text, sizeof(problem->text), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

int config_no_memory(struct config_problem *problem)
{
	config_fail(problem, CONFIG_FAILED, "out of memory");
	return -ENOMEM;
}
