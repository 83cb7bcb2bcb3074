/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/admin_api.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/api/wire.h"
#include "fs/mount.h"

typedef int list_of_service(struct service *service, bool all, uid_t uid, FILE *file);

static int print_list(struct mount *mount, struct job *job, list_of_service *list)
{
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);

	if (stream == NULL)
		return -ENOMEM;
	int error = list(mount->service, true, 0, stream);
	if (fclose(stream) != 0 && error == 0)
		error = -ENOMEM;
	if (error == 0)
		job_print(job, "ok\n%s", text);
	free(text);
	return error;
}

int admin_instances(struct mount *mount, struct job *job)
{
	return print_list(mount, job, service_list_instances);
}

int admin_publications(struct mount *mount, struct job *job)
{
	return print_list(mount, job, service_list_publications);
}

/* Digits alone up to END_OUT, at most MOST. */
static int read_number(const char *text, uint64_t most, uint64_t *number_out, const char **end_out)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	if (errno != 0 || number > most)
		return -EINVAL;
	*number_out = number;
	*end_out = end;
	return 0;
}

int admin_kick(struct mount *mount, struct job *job, const char *argument)
{
	const char *end;
	uint64_t id;

	if (read_number(argument, UINT64_MAX, &id, &end) != 0 || *end != '\0') {
		job_explain(job, "%s is no number of an instance: see instances", argument);
		return -EINVAL;
	}
	int error = service_kick(mount->service, id);
	if (error == 0)
		job_print(job, "ok\n");
	else
		job_explain(job, "there is no instance %s: see instances", argument);
	return error;
}

/* Pairs of hexadecimal digits and nothing else. Returns how many octets, 0: they are none. */
static size_t read_octets(const char *text, uint8_t *octets, size_t most)
{
	size_t length = strlen(text);
	unsigned octet;

	if (length % 2 != 0 || length / 2 > most || strspn(text, "0123456789abcdefABCDEF") < length)
		return 0;
	for (size_t i = 0; i < length / 2; i++) {
		sscanf(text + 2 * i, "%2x", &octet);
		octets[i] = (uint8_t)octet;
	}
	return length / 2;
}

int admin_unpublish(struct mount *mount, struct job *job, const char *argument)
{
	uint8_t id[PDC_ID_MAX];
	uint64_t uid = 0;
	const char *end = argument;
	size_t size = 0;

	if (read_number(argument, UINT32_MAX - 1, &uid, &end) == 0 && *end == ' ')
		size = read_octets(end + strspn(end, " "), id, sizeof id);
	if (size == 0) {
		job_explain(job,
			    "%.100s: a user's number, and an identifier in hexadecimal: see "
			    "publications",
			    argument);
		return -EINVAL;
	}
	int error = service_unpublish(mount->service, (uid_t)uid, id, size);
	if (error == 0)
		job_print(job, "ok\n");
	else
		job_explain(job, "user %u publishes no such content: see publications",
			    (unsigned)uid);
	return error;
}

int admin_read_timeout(struct mount *mount, struct job *job, const char *argument)
{
	const char *end;
	uint64_t milliseconds;

	if (read_number(argument, ADMIN_READ_TIMEOUT_MAX_MS, &milliseconds, &end) != 0 ||
	    *end != '\0' || milliseconds == 0) {
		job_explain(job, "%s: milliseconds, 1 to %u", argument, ADMIN_READ_TIMEOUT_MAX_MS);
		return -EINVAL;
	}
	service_set_read_timeout(mount->service, (uint32_t)milliseconds);
	job_print(job, "ok\n");
	return 0;
}
