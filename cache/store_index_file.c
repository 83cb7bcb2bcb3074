/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The index's file: its tables, how it is opened, and when it is started anew.
 *
 * It is used in exclusive locking mode: the directory is ours, and the write-ahead log's index is
 * then kept in memory and not in a mapped file, which somebody could truncate under us.
 *
 * Totals are kept in a row of their own, in the same transactions as what they sum up, so that
 * nothing has to be counted at start.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/log.h"
#include "cache/store_private.h"

/* Another number: made by another version of this program; it is started anew. But the former one
 * had all but the segments, which are added. */
#define INDEX_VERSION 3
#define INDEX_VERSION_FORMER 2
#define INDEX_APPLICATION 0x50444653 /* "PDFS" */
/* Our choice, of the page cache. */
#define CACHE_KIB "8192"

static const char *const files[] = {"index", "index-wal", "index-shm", "index-journal"};

/* content: one row for each object of which something is kept; "proof" is a checksum of the row's
 * other constant columns, "information" a struct information. run: see cache/store.h; "live" is
 * NULL but for packs. entry: a name; see cache/catalog_private.h. Paths, names and validators are
 * octets, hence blobs. */
static const char schema[] =
	"CREATE TABLE meta(id INTEGER PRIMARY KEY, next_id INTEGER, octets INTEGER,"
	" contents INTEGER, clean INTEGER);"
	"INSERT INTO meta VALUES(1, 1, 0, 0, 1);"
	"CREATE TABLE scope(id INTEGER PRIMARY KEY, name BLOB UNIQUE);"
	"CREATE TABLE content(id INTEGER PRIMARY KEY, scope INTEGER, path BLOB, validator BLOB,"
	" size INTEGER, pinned INTEGER, pack INTEGER, start INTEGER, sum BLOB, information BLOB,"
	" refused INTEGER, proof INTEGER, octets INTEGER DEFAULT 0, runs INTEGER DEFAULT 0);"
	"CREATE INDEX content_path ON content(scope, path);"
	"CREATE INDEX content_pack ON content(pack) WHERE pack IS NOT NULL;"
	"CREATE TABLE run(content INTEGER, number INTEGER, present INTEGER, sums BLOB,"
	" octets INTEGER, cost INTEGER, used INTEGER, pinned INTEGER, live INTEGER,"
	" UNIQUE(content, number));"
	"CREATE INDEX run_used ON run(used, number) WHERE pinned = 0;"
	"CREATE TABLE pin(scope INTEGER, path BLOB, PRIMARY KEY(scope, path)) WITHOUT ROWID;"
	"CREATE TABLE fact(scope INTEGER, key BLOB, value BLOB, PRIMARY KEY(scope, key))"
	" WITHOUT ROWID;"
	"CREATE TABLE dir(id INTEGER PRIMARY KEY, scope INTEGER, path BLOB, fetched INTEGER,"
	" count INTEGER, generation INTEGER, attempt INTEGER, next INTEGER, UNIQUE(scope, path));"
	"CREATE TABLE entry(dir INTEGER, position INTEGER, name BLOB, first INTEGER, last INTEGER,"
	" said INTEGER, kind INTEGER, flags INTEGER, size INTEGER, mtime INTEGER, mode INTEGER,"
	" checked INTEGER, validator BLOB, PRIMARY KEY(dir, position)) WITHOUT ROWID;"
	"CREATE UNIQUE INDEX entry_name ON entry(dir, name);";

/* segment: names of segments, see cache/store_segment_private.h. described: the contents of which
 * all names are there; "gone" while the object's row is not, or says that something else describes
 * it (what describes it when its row comes back is the looker's matter). segments: totals; "live"
 * names of described contents, and "dead" ones, as far as is known; "todo" is not NULL while
 * objects may lack names. Triggers keep all this in step with the rows of objects. */
static const char segment_schema[] =
	"CREATE TABLE segment(key INTEGER, file INTEGER, number INTEGER,"
	" PRIMARY KEY(key, file, number)) WITHOUT ROWID;"
	"CREATE TABLE described(object INTEGER PRIMARY KEY, file INTEGER UNIQUE, since INTEGER,"
	" count INTEGER, gone INTEGER);"
	"CREATE INDEX described_gone ON described(object) WHERE gone = 1;"
	"CREATE TABLE segments(id INTEGER PRIMARY KEY, live INTEGER, dead INTEGER, todo INTEGER);"
	"INSERT INTO segments VALUES(1, 0, 0, NULL);"
	"CREATE TRIGGER content_gone AFTER DELETE ON content BEGIN"
	" UPDATE described SET gone = 1 WHERE object = old.id AND gone = 0; END;"
	"CREATE TRIGGER content_changed AFTER UPDATE OF information ON content"
	" WHEN old.information IS NOT new.information BEGIN"
	" UPDATE described SET gone = 1 WHERE object = old.id AND gone = 0; END;"
	"CREATE TRIGGER content_back AFTER INSERT ON content"
	" WHEN new.information IS NOT NULL BEGIN"
	" UPDATE described SET gone = 0 WHERE object = new.id AND gone = 1; END;"
	"CREATE TRIGGER described_more AFTER INSERT ON described BEGIN"
	" UPDATE segments SET live = live + new.count; END;"
	"CREATE TRIGGER described_changed AFTER UPDATE OF gone ON described BEGIN"
	" UPDATE segments SET live = live + (old.gone - new.gone) * new.count,"
	" dead = dead - (old.gone - new.gone) * new.count; END;"
	"CREATE TRIGGER described_less AFTER DELETE ON described WHEN old.gone = 0 BEGIN"
	" UPDATE segments SET live = live - old.count, dead = dead + old.count; END;";

/* tag: which units came under which tag, see cache/store_tags.c. Made where it is missing: an index
 * without it, or with it and used by a program that does not know it, is right as well. */
static const char tag_schema[] =
	"CREATE TABLE IF NOT EXISTS tag(object INTEGER, stretch INTEGER, uid INTEGER, name BLOB,"
	" units BLOB, PRIMARY KEY(object, stretch, uid, name)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS tag_name ON tag(uid, name);";

/* opaque: a block of cache/store_opaque.h, see cache/store_opaque_private.h; "size" is its
 * segment's. giver: who gave some, and octets of theirs. In rows of run that are of packs "present"
 * is the giver of what lies there, or 0. opaques: the total, and what makes keys of ids that nobody
 * can choose. Made where it is missing, like the tags; who wrote the index before did not say
 * anything by "present" of packs. */
static const char opaque_schema[] =
	"CREATE TABLE IF NOT EXISTS opaque(id INTEGER PRIMARY KEY, pack INTEGER, start INTEGER,"
	" length INTEGER, size INTEGER, algorithm INTEGER, since INTEGER);"
	"CREATE INDEX IF NOT EXISTS opaque_pack ON opaque(pack);"
	"CREATE TABLE IF NOT EXISTS giver(id INTEGER PRIMARY KEY, name BLOB UNIQUE,"
	" octets INTEGER);"
	"CREATE INDEX IF NOT EXISTS run_giver ON run(present, content)"
	" WHERE live IS NOT NULL AND present <> 0;"
	"CREATE TABLE IF NOT EXISTS opaques(id INTEGER PRIMARY KEY, blocks INTEGER, seed INTEGER);"
	"UPDATE run SET present = 0 WHERE live IS NOT NULL AND present <> 0"
	" AND NOT EXISTS (SELECT 1 FROM opaques);"
	"INSERT OR IGNORE INTO opaques VALUES(1, 0, random());";

static const char settings[] = "PRAGMA locking_mode=EXCLUSIVE;"
			       "PRAGMA page_size=4096;"
			       "PRAGMA auto_vacuum=INCREMENTAL;"
			       "PRAGMA journal_mode=WAL;"
			       "PRAGMA synchronous=NORMAL;"
			       "PRAGMA wal_autocheckpoint=0;"
			       "PRAGMA temp_store=MEMORY;"
			       "PRAGMA mmap_size=0;"
			       "PRAGMA trusted_schema=OFF;"
			       "PRAGMA cell_size_check=ON;"
			       "PRAGMA cache_size=-" CACHE_KIB ";";

void index_remove(int directory_fd)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(directory_fd, files[i], 0);
}

static int count_log(void *context, sqlite3 *connection, const char *database, int pages)
{
	struct index *index = context;

	(void)connection;
	(void)database;
	index->log_pages = (uint64_t)pages;
	return SQLITE_OK;
}

static int execute(struct index *index, const char *sql)
{
	int code = sqlite3_exec(index->connection, sql, NULL, NULL, NULL) & 0xff;

	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		return -EBADMSG;
	if (code == SQLITE_FULL)
		return -ENOSPC;
	return code == SQLITE_OK ? 0 : -EIO;
}

static int make_schema(struct index *index)
{
	char version[128];
	int error;

	snprintf(version, sizeof(version), "PRAGMA application_id=%d; PRAGMA user_version=%d;",
		 INDEX_APPLICATION, INDEX_VERSION);
	error = execute(index, "BEGIN IMMEDIATE");
	if (error == 0 && index->fresh)
		error = execute(index, schema);
	if (error == 0)
		error = execute(index, segment_schema);
	if (error == 0 && !index->fresh)
		error = execute(index, "UPDATE segments SET todo = 0");
	if (error == 0)
		error = execute(index, version);
	if (error == 0)
		error = execute(index, "COMMIT");
	return error;
}

/* Of the index as it is found. */
static int check_version(struct index *index)
{
	int64_t version = index_number(index, "PRAGMA user_version");

	if (index_number(index, "PRAGMA application_id") != INDEX_APPLICATION)
		return -EBADMSG;
	if (version == INDEX_VERSION_FORMER)
		return make_schema(index);
	return version == INDEX_VERSION ? 0 : -EBADMSG;
}

static int read_totals(struct index *index, bool *clean_out)
{
	sqlite3_stmt *statement =
		index_query(index,
			    "SELECT next_id, octets, contents, clean, blocks, seed"
			    " FROM meta, opaques",
			    "");
	int error = index_step(index, statement);

	if (error != 1)
		return -EBADMSG;
	index->totals.next_id = (uint64_t)sqlite3_column_int64(statement, 0);
	index->totals.octets = (uint64_t)sqlite3_column_int64(statement, 1);
	index->totals.contents = (uint64_t)sqlite3_column_int64(statement, 2);
	*clean_out = sqlite3_column_int(statement, 3) != 0;
	index->totals.opaque = (uint64_t)sqlite3_column_int64(statement, 4);
	index->opaque_seed = (uint64_t)sqlite3_column_int64(statement, 5);
	index_done(statement);
	if (index->totals.next_id == 0 || index->totals.next_id > INT64_MAX / 2 ||
	    index->totals.octets > INT64_MAX || index->totals.contents > INT64_MAX ||
	    index->totals.opaque > INT64_MAX)
		return -EBADMSG;
	index->committed = index->totals;
	return 0;
}

/* SQLite would make the file with what umask leaves of 0644; the log takes its mode over. */
static void make_private(int directory_fd)
{
	int fd = openat(directory_fd, files[0], O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0)
		close(fd);
}

/* -EBADMSG: damaged, or of another version. */
static int connect_index(struct index *index, const char *name, bool *clean_out)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_NOFOLLOW;
	int error;

	memset(index->statements, 0, sizeof(index->statements));
	if (!index->in_memory)
		make_private(index->directory_fd);
	index->broken = false;
	index->log_pages = 0;
	if (sqlite3_open_v2(name, &index->connection, flags, NULL) != SQLITE_OK)
		return index->connection == NULL ? -ENOMEM : -EIO;
	sqlite3_extended_result_codes(index->connection, 1);
	sqlite3_db_config(index->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	error = execute(index, settings);
	if (error != 0)
		return error;
	sqlite3_wal_hook(index->connection, count_log, index);
	index->fresh = index_number(index, "SELECT count(*) FROM sqlite_master") == 0;
	if (__atomic_load_n(&index->broken, __ATOMIC_RELAXED))
		return -EBADMSG;
	error = index->fresh ? make_schema(index) : check_version(index);
	if (error == 0)
		error = execute(index, tag_schema);
	/* A table that it refers to is missing. */
	if (error == 0 && execute(index, opaque_schema) != 0)
		error = -EBADMSG;
	return error != 0 ? error : read_totals(index, clean_out);
}

static void disconnect(struct index *index)
{
	for (size_t i = 0; i < sizeof(index->statements) / sizeof(index->statements[0]); i++)
		if (index->statements[i].sql != NULL)
			sqlite3_finalize(index->statements[i].statement);
	sqlite3_close(index->connection);
	index->connection = NULL;
}

int index_open(struct index *index, int directory_fd, const char *directory, uint64_t limit,
	       bool *clean_out)
{
	char name[4096] = ":memory:";
	int error;

	if (directory != NULL &&
	    (size_t)snprintf(name, sizeof(name), "%s/%s", directory, files[0]) >= sizeof(name))
		return -ENAMETOOLONG;
	index->directory_fd = directory_fd;
	index->in_memory = directory == NULL;
	index_set_limit(index, limit);
	error = connect_index(index, name, clean_out);
	if (error == -EBADMSG) {
		log_warning("the index of the cache in %s is damaged or of another version: "
			    "starting with an empty cache",
			    directory);
		disconnect(index);
		index_remove(directory_fd);
		error = connect_index(index, name, clean_out);
	}
	if (error != 0) {
		disconnect(index);
		return error;
	}
	index->opened = true;
	pthread_mutex_init(&index->mutex, NULL);
	pthread_cond_init(&index->turn, NULL);
	return 0;
}

void index_close(struct index *index, bool clean)
{
	if (clean && index_run(index, "UPDATE meta SET clean = 1", "") == 0)
		index_commit(index);
	disconnect(index);
	pthread_cond_destroy(&index->turn);
	pthread_mutex_destroy(&index->mutex);
}
