/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Readers of a mount that are killed, while the files at its origin are replaced:
 *
 *     stress make ORIGIN                            the files
 *     stress run ORIGIN MOUNT SECONDS READERS SEED  status 0 when no reader saw anything wrong
 *
 * Every 16 octets of a file say which file, version and offset they are of, and the version says
 * how long the file is. So whatever one descriptor gives must be of one version and complete; only
 * a file that is replaced may give ESTALE instead.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VERSIONS 64u
#define READERS_MAX 64
#define PORTION_MAX (1u << 20)
/* A program does not expect ESTALE of an open at all; under a version a second it may happen. */
#define OPEN_TRIES 3

struct record {
	uint32_t file, version;
	uint64_t offset;
};

/* LASTING: never replaced, so that nothing may fail. ALIKE: all versions are of one length, so
 * that only a validator tells them apart. */
static const struct file {
	const char *name;
	uint32_t records;
	bool lasting, alike;
} files[] = {
	{"lasting/a", 1, true, false},
	{"lasting/b", 2500, true, false},
	{"lasting/c", 4097, true, false},
	{"lasting/d", 300000, true, false},
	{"lasting/e", 700001, true, false},
	{"changing/a", 3, false, false},
	{"changing/b", 3000, false, false},
	{"changing/c", 70000, false, false},
	{"changing/d", 400003, false, false},
	/* The origin gives these no validator. */
	{"once/a", 2000, false, true},
	{"once/b", 30000, false, true},
	{"once/c", 200000, false, false},
};
#define FILES (sizeof files / sizeof files[0])
static const char *const directories[] = {"lasting", "changing", "once"};
#define DIRECTORIES (sizeof directories / sizeof directories[0])

static unsigned seed;
static sigjmp_buf bus;

static unsigned any(unsigned below)
{
	return (unsigned)rand_r(&seed) % below;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t size_of(uint32_t file, uint32_t version)
{
	uint64_t records = files[file].records + (files[file].alike ? 0 : version % VERSIONS);

	return records * sizeof(struct record);
}

static int put_file(const char *origin, uint32_t file, uint32_t version)
{
	char path[PATH_MAX], beside[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", origin, files[file].name);
	snprintf(beside, sizeof beside, "%s/.new", origin);
	FILE *stream = fopen(beside, "we");
	if (stream == NULL)
		return -1;
	for (uint64_t at = 0; at < size_of(file, version); at += sizeof(struct record)) {
		const struct record record = {file, version, at};
		fwrite(&record, sizeof record, 1, stream);
	}
	return fclose(stream) == 0 ? rename(beside, path) : -1;
}

static int make(const char *origin)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < DIRECTORIES; i++) {
		snprintf(path, sizeof path, "%s/%s", origin, directories[i]);
		if (mkdir(path, 0755) != 0)
			return 1;
	}
	for (uint32_t file = 0; file < FILES; file++)
		if (put_file(origin, file, 0) != 0)
			return 1;
	return 0;
}

/* What a reader found wrong; it ends with status 1. */
static void __attribute__((noreturn, format(printf, 2, 3)))
wrong(uint32_t file, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	fprintf(stderr, "reader %ld: %s: %s\n", (long)getpid(), files[file].name, text);
	_exit(1);
}

/* One descriptor and the version that it has shown. */
struct opened {
	uint32_t file;
	int descriptor;
	uint64_t size;
	int64_t version; /* -1: not seen yet */
};

static void check(struct opened *opened, uint64_t offset, const void *data, size_t length)
{
	struct record record;

	for (size_t at = 0; at + sizeof record <= length; at += sizeof record) {
		memcpy(&record, (const char *)data + at, sizeof record);
		if (record.file != opened->file || record.offset != offset + at)
			wrong(opened->file, "at %llu: of file %u, offset %llu",
			      (unsigned long long)(offset + at), record.file,
			      (unsigned long long)record.offset);
		if (opened->version >= 0 && record.version != opened->version)
			wrong(opened->file, "at %llu: version %u in one descriptor with %lld",
			      (unsigned long long)(offset + at), record.version,
			      (long long)opened->version);
		opened->version = record.version;
	}
	if (opened->version >= 0 &&
	    size_of(opened->file, (uint32_t)opened->version) != opened->size)
		wrong(opened->file, "version %lld has size %llu", (long long)opened->version,
		      (unsigned long long)opened->size);
}

/* Returns whether the reader goes on with this descriptor. */
static bool may_fail(const struct opened *opened, const char *what)
{
	if (errno != ESTALE || files[opened->file].lasting)
		wrong(opened->file, "%s: %s", what, strerrorname_np(errno));
	return false;
}

static bool read_at(struct opened *opened, uint64_t offset, size_t length)
{
	static char buffer[PORTION_MAX];
	uint64_t left = opened->size - offset;
	size_t expected = length < left ? length : (size_t)left;
	size_t got = 0;

	while (got < expected) {
		ssize_t part = pread(opened->descriptor, buffer + got, length - got,
				     (off_t)(offset + got));
		if (part < 0 && errno == ESTALE && files[opened->file].lasting)
			wrong(opened->file, "ESTALE at %llu", (unsigned long long)offset);
		if (part < 0)
			return may_fail(opened, "read");
		if (part == 0)
			wrong(opened->file, "ends at %llu", (unsigned long long)(offset + got));
		got += (size_t)part;
	}
	check(opened, offset, buffer, expected);
	return true;
}

static uint64_t any_offset(const struct opened *opened)
{
	return any((unsigned)(opened->size / sizeof(struct record))) * sizeof(struct record);
}

static void read_here_and_there(struct opened *opened)
{
	for (unsigned times = any(20); times > 0; times--)
		if (!read_at(opened, any_offset(opened), 16 * (1 + any(PORTION_MAX / 16))))
			return;
}

static void read_through(struct opened *opened)
{
	size_t portion = 4096u << any(9);

	for (uint64_t at = 0; at < opened->size; at += portion)
		if (!read_at(opened, at, portion))
			return;
}

static void bus_error(int number)
{
	(void)number;
	siglongjmp(bus, 1);
}

static void read_mapped(struct opened *opened)
{
	char *map = mmap(NULL, opened->size, PROT_READ, MAP_SHARED, opened->descriptor, 0);

	if (map == MAP_FAILED)
		wrong(opened->file, "mmap: %s", strerrorname_np(errno));
	if (sigsetjmp(bus, 1) == 0) {
		for (unsigned times = any(20); times > 0; times--) {
			uint64_t offset = any_offset(opened);
			check(opened, offset, map + offset, sizeof(struct record));
		}
	} else if (files[opened->file].lasting) {
		wrong(opened->file, "SIGBUS");
	}
	munmap(map, opened->size);
}

static int open_file(const char *path, uint32_t file)
{
	int descriptor = -1;

	for (int tries = 0; tries < OPEN_TRIES && descriptor < 0; tries++) {
		descriptor = open(path, O_RDONLY | O_CLOEXEC);
		if (descriptor < 0 && (errno != ESTALE || files[file].lasting))
			break;
		if (descriptor < 0)
			fprintf(stderr, "note: open of %s: ESTALE\n", files[file].name);
	}
	if (descriptor < 0)
		wrong(file, "open: %s", strerrorname_np(errno));
	return descriptor;
}

static void use_file(const char *mount, uint32_t file)
{
	char path[PATH_MAX];
	struct stat status;

	snprintf(path, sizeof path, "%s/%s", mount, files[file].name);
	struct opened opened = {file, open_file(path, file), 0, -1};
	if (fstat(opened.descriptor, &status) != 0)
		wrong(file, "fstat: %s", strerrorname_np(errno));
	opened.size = (uint64_t)status.st_size;
	if (any(3) == 0)
		posix_fadvise(opened.descriptor, 0, 0, POSIX_FADV_DONTNEED);
	switch (any(3)) {
	case 0:
		read_here_and_there(&opened);
		break;
	case 1:
		read_through(&opened);
		break;
	default:
		read_mapped(&opened);
	}
	close(opened.descriptor);
}

static void look_at(const char *mount, uint32_t file)
{
	char path[PATH_MAX];
	struct stat status;

	snprintf(path, sizeof path, "%s/%s", mount, files[file].name);
	if (stat(path, &status) != 0)
		wrong(file, "stat: %s", strerrorname_np(errno));
	if ((uint64_t)status.st_size < size_of(file, 0) ||
	    (uint64_t)status.st_size > size_of(file, VERSIONS - 1))
		wrong(file, "size %lld", (long long)status.st_size);
	snprintf(path, sizeof path, "%s/no-such-%u", mount, any(5));
	if (stat(path, &status) == 0 || errno != ENOENT)
		wrong(file, "a name that is not there: %s", strerrorname_np(errno));
}

static void list(const char *mount, const char *directory)
{
	char path[PATH_MAX];
	unsigned found = 0, expected = 0;

	snprintf(path, sizeof path, "%s/%s", mount, directory);
	DIR *stream = opendir(path);
	if (stream == NULL)
		wrong(0, "opendir %s: %s", directory, strerrorname_np(errno));
	for (const struct dirent *entry; (entry = readdir(stream)) != NULL;)
		found += entry->d_name[0] != '.';
	closedir(stream);
	for (uint32_t file = 0; file < FILES; file++)
		expected += strncmp(files[file].name, directory, strlen(directory)) == 0;
	if (found != expected)
		wrong(0, "%s: %u names instead of %u", directory, found, expected);
}

static void __attribute__((noreturn)) be_reader(const char *mount, uint64_t end)
{
	signal(SIGBUS, bus_error);
	while (now_ms() < end) {
		unsigned action = any(10);
		if (action == 0)
			list(mount, directories[any(DIRECTORIES)]);
		else if (action <= 2)
			look_at(mount, any(FILES));
		else
			use_file(mount, any(FILES));
	}
	_exit(0);
}

static pid_t start_reader(const char *mount, uint64_t end)
{
	unsigned own = any(UINT_MAX);
	pid_t child = fork();

	if (child == 0) {
		seed = own;
		be_reader(mount, end);
	}
	return child;
}

/* Kills one, puts another in its place. Returns whether it had seen nothing wrong. */
static bool replace_reader(pid_t *reader, const char *mount, uint64_t end)
{
	int status;

	kill(*reader, SIGKILL);
	if (waitpid(*reader, &status, 0) != *reader)
		return false;
	*reader = start_reader(mount, end);
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0;
}

static int run(const char *origin, const char *mount, unsigned seconds, int count)
{
	const uint64_t end = now_ms() + 1000ull * seconds;
	pid_t readers[READERS_MAX];
	uint32_t version = 0, kills = 0;
	bool good = true;

	for (int i = 0; i < count; i++)
		readers[i] = start_reader(mount, end);
	while (good && now_ms() < end) {
		uint32_t file = any(FILES);
		if (!files[file].lasting && any(2) == 0)
			good = put_file(origin, file, ++version) == 0;
		good &= replace_reader(&readers[any((unsigned)count)], mount, end);
		kills++;
		nanosleep(&(struct timespec){.tv_nsec = 1000000 * (long)(20 + any(200))}, NULL);
	}
	for (int i = 0; i < count; i++) {
		int status;
		if (!good)
			kill(readers[i], SIGKILL);
		if (waitpid(readers[i], &status, 0) != readers[i] || status != 0)
			good = false;
	}
	printf("%u versions, %u readers killed\n", version, kills);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "make") == 0)
		return make(argv[2]);
	if (argc != 7 || strcmp(argv[1], "run") != 0 || atoi(argv[5]) > READERS_MAX)
		return 2;
	seed = (unsigned)atoi(argv[6]);
	return run(argv[2], argv[3], (unsigned)atoi(argv[4]), atoi(argv[5]));
}
