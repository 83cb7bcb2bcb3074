/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A package that somebody wrote on purpose: its checksums are right, whatever it says. Taken into a
 * store that has some of what the corpus carries. Whatever comes of it, the limit holds, and what
 * is exported then can be taken in again without a complaint.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "cache/bytes.h"
#include "cache/log.h"
#include "cache/package_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT (4u << 20)
/* Inputs between two exports, which take longer than all else. */
#define EXPORT_EVERY 64

struct octets {
	uint8_t *data;
	size_t size, at;
};

static char directory[64];
static struct store *store;
static unsigned runs;

static int remove_one(const char *path, const struct stat *attributes, int type, struct FTW *where)
{
	(void)attributes;
	(void)type;
	(void)where;
	return remove(path);
}

static void clean(void)
{
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void begin(void)
{
	struct store_options options = {
		.directory = directory, .scope = "", .owner = "", .limit = LIMIT};
	char message[256];

	log_open("stderr", LOG_LEVEL_ERROR);
	snprintf(directory, sizeof(directory), "%.40s/package-XXXXXX",
		 getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(directory) == NULL)
		abort();
	atexit(clean);
	/* Nothing outlives a process that is killed but an empty directory. */
	options.unlinked = true;
	if (store_open(&options, &store, message, sizeof(message)) != 0)
		abort();
}

static void put_little(uint8_t *at, uint64_t value)
{
	struct bytes_out out = bytes_out(at, 8);

	bytes_put_le64(&out, value);
}

/* Right checksums for all that is there; but where a record's kind has its highest bit set the
 * body's stays wrong. */
static void mend(uint8_t *data, size_t size)
{
	uint64_t number = 0;

	if (size < 40)
		return;
	put_little(data + 32, XXH3_64bits(data, 32));
	for (size_t at = 40; size - at >= PACKAGE_HEAD_SIZE; number++) {
		struct bytes_in in = bytes_in(data + at, PACKAGE_HEAD_SIZE);
		uint32_t kind = bytes_le32(&in), length = bytes_le32(&in);
		size_t left = size - at - PACKAGE_HEAD_SIZE;

		data[at + 3] &= 0x7f;
		if (length <= left)
			put_little(data + at + 8,
				   XXH3_64bits_withSeed(data + at + PACKAGE_HEAD_SIZE, length,
							number) +
					   (kind >> 31));
		put_little(data + at + 16, XXH3_64bits_withSeed(data + at, 16, number));
		if (length > left)
			return;
		at += PACKAGE_HEAD_SIZE + length;
	}
}

static long take(void *owner, void *data, size_t size)
{
	struct octets *octets = owner;
	size_t left = octets->size - octets->at, length = left < size ? left : size;

	memcpy(data, octets->data + octets->at, length);
	octets->at += length;
	return (long)length;
}

static int put(void *owner, const void *data, size_t size)
{
	struct octets *octets = owner;

	octets->data = realloc(octets->data, octets->size + size);
	memcpy(octets->data + octets->size, data, size);
	octets->size += size;
	return 0;
}

static void go_round(void)
{
	static const char *const everything[] = {""};
	static const struct package_options options = {.opaque = true};
	struct octets octets = {0};
	struct package_figures out, in;
	unsigned failed;

	if (package_export(store, everything, 1, put, &octets, &options, &out, &failed) != 0 ||
	    package_import(store, take, &octets, &options, &in) != 0 || in.bad > 0)
		abort();
	free(octets.data);
	store_clear(store, NULL, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct octets octets = {.data = malloc(size + 1), .size = size};
	const struct package_options options = {.opaque = size % 2, .places = size % 4 >= 2};
	struct package_figures figures;
	struct store_usage usage;

	if (store == NULL)
		begin();
	memcpy(octets.data, data, size);
	mend(octets.data, size);
	package_import(store, take, &octets, &options, &figures);
	free(octets.data);
	store_usage(store, &usage);
	if (usage.used > usage.limit)
		abort();
	if (++runs % EXPORT_EVERY == 0)
		go_round();
	return 0;
}
