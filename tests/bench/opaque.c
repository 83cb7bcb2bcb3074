/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hosted cache with many opaque blocks (cache/store_opaque.h). opaque [BLOCKS] [DIRECTORY]
 *
 * Makes an index of BLOCKS (16777216: 1 TiB of 64 KiB) segments of one block each in DIRECTORY
 * (/var/tmp), as it were after they came one by one, but without their data; it takes about a
 * minute and 100 octets of disk for each. Then it prints what opening the store takes, what it
 * looks up in a second on one thread, by lists of ids, and the memory that the process came to.
 * Another process made the index, so that its memory does not count. The index is in the page
 * cache; what would make it worthless: less free memory than that, a sanitizer's build.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>
#include <xxhash.h>

#include "cache/store_opaque.h"

enum { LOOKS = 1000000, AT_ONCE = 64, ID_SIZE = 32, PACK_BLOCKS = 63, GIVERS = 1000 };
#define LIMIT (2ull << 40)
#define GIVER_FIRST 1000000000ll /* ids of givers; packs are numbered from 1 on */

static uint64_t blocks = 1ull << 24;
static char directory[256], index_path[300];

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(1);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void make_id(uint64_t number, uint8_t id[ID_SIZE])
{
	for (unsigned i = 0; i < ID_SIZE / 8; i++) {
		uint64_t word = XXH3_64bits_withSeed(&number, sizeof(number), i);

		memcpy(id + i * 8, &word, 8);
	}
}

static struct store *open_store(void)
{
	struct store_options options = {.directory = directory, .scope = "bench", .limit = LIMIT};
	struct store *store = NULL;
	char message[512];

	if (store_open(&options, &store, message, sizeof(message)) != 0) {
		fprintf(stderr, "%s\n", message);
		exit(1);
	}
	return store;
}

/* ---- making it ---- */

struct row {
	int64_t id;
	uint32_t number;
};

static void run_sql(sqlite3 *connection, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(connection, sql, NULL, NULL, &message) == SQLITE_OK)
		return;
	fprintf(stderr, "%s: %s\n", sql, message);
	exit(1);
}

static int64_t ask(sqlite3 *connection, const char *sql)
{
	sqlite3_stmt *statement;
	int64_t value;

	check(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL) == SQLITE_OK, sql);
	check(sqlite3_step(statement) == SQLITE_ROW, sql);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static int compare(const void *one, const void *other)
{
	const struct row *a = one, *b = other;

	return a->id < b->id ? -1 : a->id > b->id;
}

static void insert(sqlite3 *connection, const char *sql, const int64_t *values, int count)
{
	static const char *prepared;
	static sqlite3_stmt *statement;

	if (prepared != sql) {
		sqlite3_finalize(statement);
		statement = NULL;
		check(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL) == SQLITE_OK, sql);
		prepared = sql;
	}
	for (int i = 0; i < count; i++)
		sqlite3_bind_int64(statement, i + 1, values[i]);
	check(sqlite3_step(statement) == SQLITE_DONE, sql);
	sqlite3_reset(statement);
}

/* In two goes, each in the order of the table: so pages are about as full as when rows come in any
 * order. */
static void insert_blocks(sqlite3 *connection, const struct row *rows)
{
	int64_t now = time(NULL);

	for (uint64_t go = 0; go < 2; go++)
		for (uint64_t i = go; i < blocks; i += 2) {
			uint32_t number = rows[i].number;
			int64_t start = number % PACK_BLOCKS * 65700;
			int64_t values[] = {
				rows[i].id, number / PACK_BLOCKS + 1, start, 65552, 65536, now};

			insert(connection,
			       "INSERT OR IGNORE INTO opaque(id, pack, start, length, size,"
			       " algorithm, since) VALUES(?, ?, ?, ?, ?, 3, ?)",
			       values, 6);
		}
}

static void insert_packs(sqlite3 *connection)
{
	uint64_t packs = (blocks + PACK_BLOCKS - 1) / PACK_BLOCKS;

	for (uint64_t i = 0; i < packs; i++) {
		int64_t values[] = {(int64_t)i + 1, (int64_t)(i % GIVERS) + GIVER_FIRST, 4ll << 20,
				    time(NULL), PACK_BLOCKS};

		insert(connection,
		       "INSERT INTO run(content, number, present, cost, used, pinned, live,"
		       " octets) VALUES(?, 0, ?, ?, ?, 0, ?, 0)",
		       values, 5);
	}
	for (int64_t i = 0; i < GIVERS; i++) {
		int64_t values[] = {i + GIVER_FIRST, i, (int64_t)(blocks / GIVERS * 65552)};

		insert(connection,
		       "INSERT INTO giver VALUES(?, CAST(printf('%09d', ?) AS BLOB), ?)", values,
		       3);
	}
}

static void fill_index(void)
{
	struct row *rows = malloc(blocks * sizeof(*rows));
	sqlite3 *connection;
	uint64_t seed;
	uint8_t id[ID_SIZE];

	check(rows != NULL, "memory");
	check(sqlite3_open(index_path, &connection) == SQLITE_OK, index_path);
	run_sql(connection, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=DELETE;"
			    "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
			    "PRAGMA cache_size=-262144; DROP INDEX opaque_pack; BEGIN");
	seed = (uint64_t)ask(connection, "SELECT seed FROM opaques");
	for (uint64_t i = 0; i < blocks; i++) {
		make_id(i, id);
		rows[i].id = (int64_t)(XXH3_64bits_withSeed(id, ID_SIZE, seed) &
				       ~(uint64_t)(STORE_SEGMENT_BLOCKS - 1));
		rows[i].number = (uint32_t)i;
	}
	qsort(rows, blocks, sizeof(*rows), compare);
	insert_blocks(connection, rows);
	insert_packs(connection);
	run_sql(connection, "COMMIT; CREATE INDEX opaque_pack ON opaque(pack);"
			    "UPDATE opaques SET blocks = (SELECT count(*) FROM opaque);"
			    "UPDATE meta SET next_id = 2000000000,"
			    " octets = (SELECT sum(cost) FROM run)");
	sqlite3_close_v2(connection); /* with the last statement, when the process ends */
	free(rows);
}

static void make_index(void)
{
	double start = seconds();
	pid_t child = fork();
	struct stat attributes;
	int status;

	check(child >= 0, "fork");
	if (child == 0) {
		store_close(open_store());
		fill_index();
		_exit(0);
	}
	check(waitpid(child, &status, 0) == child && status == 0, "making the index");
	check(stat(index_path, &attributes) == 0, index_path);
	printf("blocks             %12llu\n", (unsigned long long)blocks);
	printf("making the index   %12.1f s\n", seconds() - start);
	printf("the index          %12.1f MiB\n", (double)attributes.st_size / 1048576);
}

/* ---- measuring ---- */

/* Looks up as many ids as LOOKS says, from number FROM on where they are to be found. */
static void measure_looks(struct store *store, const char *what, uint64_t from)
{
	static uint8_t ids[AT_ONCE][ID_SIZE];
	struct store_segment_summary summaries[AT_ONCE];
	const uint8_t *list[AT_ONCE];
	size_t sizes[AT_ONCE];
	uint64_t state = 1, found = 0;
	double spent = 0;

	for (unsigned done = 0; done < LOOKS; done += AT_ONCE) {
		double start;

		for (unsigned i = 0; i < AT_ONCE; i++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			make_id(from + (state >> 20) % blocks, ids[i]);
			list[i] = ids[i];
			sizes[i] = ID_SIZE;
		}
		start = seconds();
		check(store_opaque_look(store, list, sizes, AT_ONCE, summaries) == 0, "looking");
		spent += seconds() - start;
		for (unsigned i = 0; i < AT_ONCE; i++)
			found += summaries[i].held;
	}
	printf("%-18s %12.0f a second, %llu of %d held\n", what, LOOKS / spent,
	       (unsigned long long)found, LOOKS);
}

static void print_memory(const char *what)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long kib = 0;

	check(file != NULL, "/proc/self/status");
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	fclose(file);
	printf("%-18s %12.1f MiB\n", what, (double)kib / 1024);
}

static int remove_one(const char *path, const struct stat *attributes, int type, struct FTW *where)
{
	(void)attributes;
	(void)type;
	(void)where;
	return remove(path);
}

int main(int argc, char **argv)
{
	struct store_usage usage;
	struct store *store;
	double start;

	if (argc > 1)
		blocks = strtoull(argv[1], NULL, 10);
	check(blocks > 0 && blocks <= UINT32_MAX, "blocks");
	snprintf(directory, sizeof(directory), "%.200s/opaque-XXXXXX",
		 argc > 2 ? argv[2] : "/var/tmp");
	check(mkdtemp(directory) != NULL, directory);
	snprintf(index_path, sizeof(index_path), "%s/index", directory);
	make_index();
	start = seconds();
	store = open_store();
	printf("opening            %12.3f s\n", seconds() - start);
	print_memory("memory, opened");
	store_usage(store, &usage);
	if (usage.opaque != blocks)
		printf("NOT ALL THERE      %12llu\n", (unsigned long long)usage.opaque);
	measure_looks(store, "looks, held", 0);
	measure_looks(store, "looks, not held", UINT32_MAX);
	print_memory("memory, looked");
	start = seconds();
	store_close(store);
	printf("closing            %12.3f s\n", seconds() - start);
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
