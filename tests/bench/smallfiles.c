/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opens, reads to the end and closes files, one after the other, in one process:
 * smallfiles FORMAT FIRST COUNT [OCTETS], where FORMAT has one %d; at most OCTETS of each, if
 * given. Prints files a second.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int read_file(const char *path, size_t most)
{
	static char buffer[65536];
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 0;

	if (file < 0)
		return -errno;
	while (most > 0) {
		got = read(file, buffer, most < sizeof(buffer) ? most : sizeof(buffer));
		if (got <= 0)
			break;
		most -= (size_t)got;
	}
	close(file);
	return got < 0 ? -EIO : 0;
}

/* FORMAT comes from the command line: only its one %d is replaced. */
static void make_name(char *name, size_t size, const char *format, long number)
{
	const char *place = strstr(format, "%d");

	snprintf(name, size, "%.*s%ld%s", (int)(place - format), format, number, place + 2);
}

int main(int argc, char **argv)
{
	struct timespec start, end;
	long first, count;
	double seconds;

	if (argc < 4 || argc > 5 || !strstr(argv[1], "%d")) {
		fprintf(stderr, "usage: smallfiles FORMAT FIRST COUNT [OCTETS]\n");
		return 2;
	}
	first = atol(argv[2]);
	count = atol(argv[3]);
	size_t most = argc == 5 ? strtoul(argv[4], NULL, 10) : SIZE_MAX;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (long i = first; i < first + count; i++) {
		char name[4096];
		int error;

		make_name(name, sizeof(name), argv[1], i);
		error = read_file(name, most);
		if (error) {
			fprintf(stderr, "%s: %s\n", name, strerror(-error));
			return 1;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
	printf("%.0f\n", (double)count / seconds);
	return 0;
}
