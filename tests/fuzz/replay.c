/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Runs a fuzz target once over every file of the folders named, without a fuzzer, and reports in
 * TAP: one test a folder. A finding ends the process, by the sanitizer, and so fails it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_stream(FILE *file)
{
	uint8_t *data = NULL;
	size_t size = 0, room = 0, got;

	do {
		if (size == room) {
			room = room ? room * 2 : 65536;
			data = realloc(data, room);
			if (!data)
				abort();
		}
		got = fread(data + size, 1, room - size, file);
		size += got;
	} while (got);
	/* Exactly as large as the input, so that reading past its end is seen. */
	data = realloc(data, size ? size : 1);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return ferror(file) ? -EIO : 0;
}

static int replay_folder(const char *folder, unsigned *count_out)
{
	unsigned count = 0;
	struct dirent *found;
	DIR *dir = opendir(folder);

	if (!dir)
		return -errno;
	while ((found = readdir(dir))) {
		char path[4096];
		FILE *file;

		if (found->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, found->d_name);
		file = fopen(path, "rb");
		if (!file)
			continue;
		fprintf(stderr, "%s\n", path);
		if (!replay_stream(file))
			count++;
		fclose(file);
	}
	closedir(dir);
	*count_out = count;
	return 0;
}

int main(int argc, char **argv)
{
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		unsigned count;
		int error;

		/* The empty input belongs to every corpus. */
		LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
		error = replay_folder(argv[i], &count);
		if (error)
			printf("ok %d - %s # SKIP %s\n", i, argv[i], strerror(-error));
		else
			printf("ok %d - %s: %u inputs\n", i, argv[i], count);
		fflush(stdout);
	}
	return 0;
}
