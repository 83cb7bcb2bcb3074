/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How fast contents are cut, and content information is made. content [MEBIBYTES] [DIRECTORY]
 *
 * Prints GB per second of the clock; GB per second of one core, that is of processor time, which
 * other load on the machine disturbs less; and for content information how both relate to the
 * bare hash of 64 KiB at a time, on all cores and on one. Contents are random. The cutter and the
 * bare hash have them in memory, builders in a file in DIRECTORY (/var/tmp) that is in the page
 * cache. Medians of alternating runs. What would make it worthless: a sanitizer's build, less free
 * memory than twice the content, a processor that changes its pace on the way.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "cache/content.h"
#include "cache/content_build.h"
#include "cache/cutter.h"

enum { RUNS = 5, HASHED_AT_ONCE = 65536 };

static size_t size; /* octets of content */
static uint8_t *memory;
static int file;
static struct pool *pool;

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(1);
}

static void hash(const char *function)
{
	EVP_MD *fetched = EVP_MD_fetch(NULL, function, NULL);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t result[EVP_MAX_MD_SIZE];

	check(fetched != NULL && context != NULL, function);
	/* The same octets again and again, as `openssl speed` does it. */
	for (size_t at = 0; at < size; at += HASHED_AT_ONCE) {
		EVP_DigestInit_ex2(context, fetched, NULL);
		EVP_DigestUpdate(context, memory, HASHED_AT_ONCE);
		EVP_DigestFinal_ex(context, result, NULL);
	}
	EVP_MD_CTX_free(context);
	EVP_MD_free(fetched);
}

static void hash_sha256(void)
{
	hash("SHA2-256");
}

static void hash_sha512(void)
{
	hash("SHA2-512");
}

static void cut(enum cutter_way way)
{
	struct cutter cutter;
	uint32_t length;

	cutter_start(&cutter, 0);
	cutter_go(&cutter, way);
	for (size_t at = 0; at < size; at += length)
		length = cutter_next(&cutter, memory + at, size - at, true);
}

static void cut_portable(void)
{
	cut(CUTTER_PORTABLE);
}

static void cut_avx2(void)
{
	cut(CUTTER_AVX2);
}

static void cut_avx512(void)
{
	cut(CUTTER_AVX512);
}

static void build(unsigned version, uint32_t fixed)
{
	struct content_build_options options = {
		.version = version,
		.algorithm = DIGEST_SHA256,
		.fixed = fixed,
		.pool = pool,
		.lane = POOL_AHEAD,
	};
	struct content_build *builder;
	struct content_hashes hashes;

	check(content_build_create(&options, &builder) == 0, "builder");
	check(content_build_add_file(builder, file, 0, size) == 0, "reading");
	check(content_build_end(builder, &hashes) == 0, "hashing");
	content_hashes_clear(&hashes);
	content_build_free(builder);
}

static void build_v1(void)
{
	build(1, 0);
}

static void build_v2(void)
{
	build(2, 0);
}

static void build_v2_fixed(void)
{
	build(2, CUTTER_SEGMENT_MAX);
}

static const struct row {
	const char *name;
	void (*run)(void);
	void (*bare)(void); /* the row to compare with */
	int way;            /* of cutting that it needs, or -1 */
} rows[] = {
	{"SHA-256, 64 KiB, one thread", hash_sha256, NULL, -1},
	{"SHA-512, 64 KiB, one thread", hash_sha512, NULL, -1},
	{"cutter, portable", cut_portable, NULL, CUTTER_PORTABLE},
	{"cutter, AVX2", cut_avx2, NULL, CUTTER_AVX2},
	{"cutter, AVX-512 and GFNI", cut_avx512, NULL, CUTTER_AVX512},
	{"version 1 from a file", build_v1, hash_sha256, -1},
	{"version 2 from a file, cut by content", build_v2, hash_sha512, -1},
	{"version 2 from a file, 128 KiB each", build_v2_fixed, hash_sha512, -1},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static double rates[ROWS][2][RUNS]; /* by the clock, of a core; in GB/s */

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void measure(unsigned row, unsigned run)
{
	double clock = seconds(CLOCK_MONOTONIC), processor = seconds(CLOCK_PROCESS_CPUTIME_ID);

	rows[row].run();
	rates[row][0][run] = (double)size / 1e9 / (seconds(CLOCK_MONOTONIC) - clock);
	rates[row][1][run] = (double)size / 1e9 / (seconds(CLOCK_PROCESS_CPUTIME_ID) - processor);
}

static bool possible(unsigned row)
{
	return rows[row].way < 0 || cutter_can_go((enum cutter_way)rows[row].way);
}

static int compare(const void *first, const void *second)
{
	double difference = *(const double *)first - *(const double *)second;

	return (difference > 0) - (difference < 0);
}

static double median(unsigned row, int which)
{
	double sorted[RUNS];

	memcpy(sorted, rates[row][which], sizeof(sorted));
	qsort(sorted, RUNS, sizeof(sorted[0]), compare);
	return sorted[RUNS / 2];
}

static void print(unsigned row)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	double clock = median(row, 0), core = median(row, 1);
	unsigned bare = 0;

	printf("%-38s %8.2f %8.2f", rows[row].name, clock, core);
	while (bare < ROWS && rows[bare].run != rows[row].bare)
		bare++;
	if (bare < ROWS)
		printf(" %9.2f %9.2f", clock / median(bare, 1) / (double)cores,
		       core / median(bare, 1));
	printf("\n");
}

static void make_content(const char *directory)
{
	char path[4096];
	uint64_t random = 88172645463325252u;

	memory = malloc(size);
	check(memory != NULL, "memory");
	for (size_t i = 0; i < size; i += sizeof(random)) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		memcpy(memory + i, &random, sizeof(random));
	}
	snprintf(path, sizeof(path), "%s/content-XXXXXX", directory);
	file = mkstemp(path);
	check(file >= 0, path);
	unlink(path);
	for (size_t at = 0; at < size;) {
		ssize_t written = write(file, memory + at, size - at);

		check(written > 0, "writing");
		at += (size_t)written;
	}
}

/* Reading content information */

struct encoded {
	uint8_t *octets;
	size_t size;
};

static int append(void *owner, const void *data, size_t length)
{
	struct encoded *encoded = owner;

	encoded->octets = realloc(encoded->octets, encoded->size + length);
	check(encoded->octets != NULL, "memory");
	memcpy(encoded->octets + encoded->size, data, length);
	encoded->size += length;
	return 0;
}

/* A MiB of it: 2 GiB of content in version 1, about 1.1 in version 2. */
static struct encoded encode(unsigned version)
{
	static const uint8_t ks[DIGEST_SIZE_MAX];
	struct content_hashes hashes = {
		.version = version,
		.algorithm = version == 1 ? DIGEST_SHA256 : DIGEST_SHA512_TRUNC256,
		.count = version == 1 ? 32686 : 15420,
	};
	struct encoded encoded = {0};

	hashes.size = (uint64_t)hashes.count * 65536;
	hashes.hashes = calloc(hashes.count, 32);
	hashes.lengths = version == 1 ? NULL : calloc(hashes.count, sizeof(*hashes.lengths));
	check(hashes.hashes != NULL, "memory");
	for (uint32_t i = 0; i < hashes.count && hashes.lengths != NULL; i++)
		hashes.lengths[i] = 65536;
	check(content_hashes_write(&hashes, ks, 0, hashes.size, NULL, append, &encoded) == 0,
	      "encoding");
	content_hashes_clear(&hashes);
	return encoded;
}

static void measure_reading(unsigned version)
{
	struct encoded encoded = encode(version);
	double times[RUNS];

	for (unsigned run = 0; run < RUNS; run++) {
		double start = seconds(CLOCK_MONOTONIC);
		struct content *content;

		check(content_decode(encoded.octets, encoded.size, CONTENT_LIMIT_DEFAULT, &content,
				     NULL) == 0,
		      "reading");
		times[run] = (seconds(CLOCK_MONOTONIC) - start) * 1e3;
		content_put(content);
	}
	qsort(times, RUNS, sizeof(times[0]), compare);
	printf("reading 1 MiB of version %u, ms        %8.2f\n", version, times[RUNS / 2]);
	free(encoded.octets);
}

int main(int argc, char **argv)
{
	size = (argc > 1 ? strtoul(argv[1], NULL, 10) : 256) << 20;
	check(size > 0, "MEBIBYTES");
	make_content(argc > 2 ? argv[2] : "/var/tmp");
	check(pool_create(0, &pool) == 0, "threads");
	for (unsigned run = 0; run < RUNS; run++)
		for (unsigned row = 0; row < ROWS; row++)
			if (possible(row))
				measure(row, run);
	printf("%-38s %8s %8s %9s %9s\n", "GB/s", "clock", "per core", "of cores", "of core");
	for (unsigned row = 0; row < ROWS; row++)
		if (possible(row))
			print(row);
	for (unsigned version = 1; version <= 2; version++)
		measure_reading(version);
	pool_destroy(pool);
	free(memory);
	close(file);
	return 0;
}
