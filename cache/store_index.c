/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The index: one SQLite connection behind a lock that is first come, first served, so that a long
 * series of short uses cannot starve the others. Statements are prepared once and found again by
 * the address of their text. A transaction is opened by the first write and stays open until
 * index_commit(); readers on this connection see it at once.
 *
 * Commits are not synced, checkpoints are: a killed process loses nothing, a power cut what was not
 * yet moved into the file.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "cache/log.h"
#include "cache/store_private.h"

#define PAGE_OCTETS 4096u

/* Our choices: the log is a 16th of the limit, at most 4 MiB. */
#define LOG_BUDGET_MIN (256ull << 10)
#define LOG_BUDGET_MAX (4ull << 20)
/* A changed row dirties at most so many pages, as a rule. */
#define PAGES_PER_ROW 4
#define FREE_PAGES_KEPT 256

static int error_of(struct index *index, int code)
{
	static struct log_limit limit;

	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		if (!__atomic_exchange_n(&index->broken, true, __ATOMIC_RELAXED) && index->opened) {
			log_error(
				"the cache's index is damaged (%s): nothing more is kept until the "
				"next mount, which starts with an empty cache",
				sqlite3_errmsg(index->connection));
			if (!index->in_memory)
				index_remove(index->directory_fd);
		}
		return -EBADMSG;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		log_limited(&limit, LOG_LEVEL_WARNING, "the cache's index: %s",
			    sqlite3_errmsg(index->connection));
		return -EIO;
	}
}

void index_lock(struct index *index)
{
	pthread_mutex_lock(&index->mutex);
	for (uint64_t ticket = index->next_ticket++; ticket != index->serving;)
		pthread_cond_wait(&index->turn, &index->mutex);
	pthread_mutex_unlock(&index->mutex);
}

void index_unlock(struct index *index)
{
	pthread_mutex_lock(&index->mutex);
	if (++index->serving != index->next_ticket)
		pthread_cond_broadcast(&index->turn);
	pthread_mutex_unlock(&index->mutex);
}

static sqlite3_stmt *prepared(struct index *index, const char *sql)
{
	size_t slots = sizeof(index->statements) / sizeof(index->statements[0]);
	size_t at = ((uintptr_t)sql * 0x9e3779b97f4a7c15u >> 40) % slots;
	int code;

	while (index->statements[at].sql != NULL && index->statements[at].sql != sql)
		at = (at + 1) % slots;
	if (index->statements[at].sql != NULL)
		return index->statements[at].statement;
	code = sqlite3_prepare_v3(index->connection, sql, -1, SQLITE_PREPARE_PERSISTENT,
				  &index->statements[at].statement, NULL);
	if (code != SQLITE_OK) {
		error_of(index, code);
		return NULL;
	}
	index->statements[at].sql = sql;
	return index->statements[at].statement;
}

static void bind(sqlite3_stmt *statement, const char *types, va_list arguments)
{
	for (int i = 1; *types != '\0'; i++, types++) {
		const void *data;
		int64_t number;

		switch (*types) {
		case 'i':
			sqlite3_bind_int64(statement, i, va_arg(arguments, int64_t));
			break;
		case 'z':
			number = va_arg(arguments, int64_t);
			if (number != 0)
				sqlite3_bind_int64(statement, i, number);
			else
				sqlite3_bind_null(statement, i);
			break;
		case 'b':
			data = va_arg(arguments, const void *);
			sqlite3_bind_blob64(statement, i, data, va_arg(arguments, size_t),
					    SQLITE_STATIC);
			break;
		case 's':
			data = va_arg(arguments, const char *);
			sqlite3_bind_blob64(statement, i, data, strlen(data), SQLITE_STATIC);
			break;
		default:
			assert(*types == 'n');
			va_arg(arguments, int64_t);
			sqlite3_bind_null(statement, i);
		}
	}
}

static int begin(struct index *index)
{
	sqlite3_stmt *statement;
	int code;

	if (!sqlite3_get_autocommit(index->connection))
		return 0;
	statement = prepared(index, "BEGIN IMMEDIATE");
	if (statement == NULL)
		return -EIO;
	code = sqlite3_step(statement);
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? 0 : error_of(index, code);
}

static sqlite3_stmt *query(struct index *index, const char *sql, const char *types,
			   va_list arguments)
{
	sqlite3_stmt *statement;

	if (__atomic_load_n(&index->broken, __ATOMIC_RELAXED))
		return NULL;
	statement = prepared(index, sql);
	if (statement == NULL)
		return NULL;
	if (!sqlite3_stmt_readonly(statement) && begin(index) != 0)
		return NULL;
	bind(statement, types, arguments);
	return statement;
}

sqlite3_stmt *index_query(struct index *index, const char *sql, const char *types, ...)
{
	sqlite3_stmt *statement;
	va_list arguments;

	va_start(arguments, types);
	statement = query(index, sql, types, arguments);
	va_end(arguments);
	return statement;
}

void index_done(sqlite3_stmt *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

int index_step(struct index *index, sqlite3_stmt *statement)
{
	int code, error = 0;

	if (statement == NULL)
		return -EIO;
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		return 1;
	if (code != SQLITE_DONE)
		error = error_of(index, code);
	index_done(statement);
	return error;
}

int index_run(struct index *index, const char *sql, const char *types, ...)
{
	sqlite3_stmt *statement;
	va_list arguments;
	int error;

	va_start(arguments, types);
	statement = query(index, sql, types, arguments);
	va_end(arguments);
	do
		error = index_step(index, statement);
	while (error == 1);
	return error;
}

int index_changes(struct index *index)
{
	return sqlite3_changes(index->connection);
}

void index_rollback(struct index *index)
{
	if (!sqlite3_get_autocommit(index->connection))
		sqlite3_exec(index->connection, "ROLLBACK", NULL, NULL, NULL);
	index->undone++;
	index->totals = index->committed;
	index->written = sqlite3_total_changes(index->connection);
}

static int write_totals(struct index *index)
{
	const struct index_totals *totals = &index->totals;

	if (memcmp(totals, &index->committed, sizeof(*totals)) == 0)
		return 0;
	if (totals->opaque != index->committed.opaque) {
		int error = index_run(index, "UPDATE opaques SET blocks = ?", "i",
				      (int64_t)totals->opaque);

		if (error != 0)
			return error;
	}
	return index_run(index, "UPDATE meta SET next_id = ?, octets = ?, contents = ?", "iii",
			 (int64_t)totals->next_id, (int64_t)totals->octets,
			 (int64_t)totals->contents);
}

/* Moves the log into the file, if it has so many PAGES. */
static void checkpoint(struct index *index, uint64_t pages)
{
	int code;

	if (index->log_pages < pages)
		return;
	/* The log keeps its blocks, so that it can be written when the disk is full. */
	code = sqlite3_wal_checkpoint_v2(index->connection, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
					 NULL);
	if (code == SQLITE_LOCKED) /* in the middle of a query: after the next commit */
		return;
	if (code != SQLITE_OK)
		error_of(index, code);
	index->log_pages = 0;
}

int index_commit(struct index *index)
{
	int error = write_totals(index);

	if (error == 0 && !sqlite3_get_autocommit(index->connection))
		error = index_run(index, "COMMIT", "");
	if (error != 0) {
		index_rollback(index);
		return error;
	}
	index->committed = index->totals;
	index->written = sqlite3_total_changes(index->connection);
	/* index_tidy() does it sooner, unless it does not come to it: then whoever writes does, or
	 * the log would take the room of the data. */
	checkpoint(index, index->log_budget / PAGE_OCTETS);
	return 0;
}

bool index_should_commit(struct index *index)
{
	int64_t rows = (int64_t)(index->log_budget / 2 / PAGE_OCTETS / PAGES_PER_ROW);

	return sqlite3_total_changes(index->connection) - index->written >= rows;
}

int64_t index_number(struct index *index, const char *sql)
{
	sqlite3_stmt *statement = index_query(index, sql, "");
	int64_t value = 0;

	if (index_step(index, statement) == 1) {
		value = sqlite3_column_int64(statement, 0);
		index_done(statement);
	}
	return value;
}

static uint64_t file_octets(int directory_fd, const char *name)
{
	struct stat attributes;

	if (fstatat(directory_fd, name, &attributes, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	return (uint64_t)attributes.st_blocks * 512;
}

uint64_t index_size(struct index *index, uint64_t *reserve_out)
{
	uint64_t pages = (uint64_t)index_number(index, "PRAGMA page_count") * PAGE_OCTETS;
	uint64_t log = 0;

	*reserve_out = 0;
	if (!index->in_memory) {
		log = file_octets(index->directory_fd, "index-wal");
		if (log < index->log_budget)
			*reserve_out = index->log_budget - log;
	}
	/* What one transaction adds to the file before it is asked for anew. */
	*reserve_out += index->log_budget / 4;
	return pages + log;
}

void index_set_limit(struct index *index, uint64_t limit)
{
	index->log_budget = limit / 16;
	if (index->log_budget < LOG_BUDGET_MIN)
		index->log_budget = LOG_BUDGET_MIN;
	if (index->log_budget > LOG_BUDGET_MAX)
		index->log_budget = LOG_BUDGET_MAX;
}

int index_cut_log(struct index *index)
{
	int code;

	if (index->in_memory || __atomic_load_n(&index->broken, __ATOMIC_RELAXED) ||
	    file_octets(index->directory_fd, "index-wal") <= index->log_budget)
		return 0;
	code = sqlite3_wal_checkpoint_v2(index->connection, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
					 NULL);
	index->log_pages = 0;
	return code == SQLITE_OK ? 0 : error_of(index, code);
}

bool index_tidy(struct index *index)
{
	int64_t surplus;

	if (__atomic_load_n(&index->broken, __ATOMIC_RELAXED) ||
	    !sqlite3_get_autocommit(index->connection))
		return false;
	surplus = index_number(index, "PRAGMA freelist_count") - FREE_PAGES_KEPT;
	if (surplus > 0 && (index_run(index, "PRAGMA incremental_vacuum(64)", "") != 0 ||
			    index_commit(index) != 0))
		surplus = 0;
	checkpoint(index, index->log_budget / 2 / PAGE_OCTETS);
	return surplus > 0;
}
