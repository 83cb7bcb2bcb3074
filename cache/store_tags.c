/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tags of units. Table "tag" has a row for each *stretch* of STRETCH_UNITS neighbouring units of an
 * object that a tag has something of, with a bit for each, without the zeros at the end; so what is
 * written at a time is small, however large the object. Numbers of objects are never used again, so
 * rows of one that is gone mean nothing; they are swept away now and then.
 *
 * What was noted lies in store.tags until the flusher adds it to the rows. An object of which
 * nothing is recorded yet has no row that could be referred to: its notes wait as long as it is in
 * memory.
 *
 * A user's rows are counted now and then; when there are too many, those of the objects that were
 * made first go.
 */
#include "cache/store_tags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/store_private.h"

enum {
	STRETCH_UNITS = 4096, /* our choice: 512 octets */
	STRETCH_WORDS = STRETCH_UNITS / 64,
	COUNT_EVERY = 1024, /* rows written between two counts: our choice, it takes milliseconds */
};

struct stretch_key {
	uint64_t object;
	uint32_t number;
	struct store_tag tag;
};

struct tag_note {
	TAILQ_ENTRY(tag_note) link; /* in store.tags */
	struct stretch_key key;
	uint64_t bits[STRETCH_WORDS];
};

static bool key_equal(const struct stretch_key *one, const struct stretch_key *other)
{
	return one->object == other->object && one->number == other->number &&
	       one->tag.uid == other->tag.uid &&
	       memcmp(one->tag.name, other->tag.name, STORE_TAG_SIZE) == 0;
}

/* ---- noting ---- */

/* tags_lock held. The one noted last is in front, since it is likely to be the next, too. */
static struct tag_note *find_note(struct store *store, const struct stretch_key *key)
{
	struct tag_note *note;

	TAILQ_FOREACH (note, &store->tags, link)
		if (key_equal(&note->key, key)) {
			TAILQ_REMOVE(&store->tags, note, link);
			break;
		}
	if (note == NULL) {
		note = calloc(1, sizeof(*note));
		if (note == NULL)
			return NULL;
		note->key = *key;
	}
	TAILQ_INSERT_HEAD(&store->tags, note, link);
	return note;
}

/* Units FIRST to before END of one stretch. */
static int note_part(struct store *store, const struct stretch_key *key, uint32_t first,
		     uint32_t end)
{
	struct tag_note *note;

	pthread_mutex_lock(&store->tags_lock);
	note = find_note(store, key);
	for (uint32_t unit = first; note != NULL && unit < end; unit++)
		note->bits[unit % STRETCH_UNITS / 64] |= UINT64_C(1) << unit % 64;
	pthread_mutex_unlock(&store->tags_lock);
	return note != NULL ? 0 : -ENOMEM;
}

int store_tag_note(struct object *object, const struct store_tag *tag, uint32_t first,
		   uint32_t count)
{
	struct store *store = object->store;
	struct stretch_key key = {.object = object->id, .tag = *tag};
	uint32_t end = first + count;
	int error = 0;

	while (first < end && error == 0) {
		uint32_t left = STRETCH_UNITS - first % STRETCH_UNITS;
		uint32_t stop = left < end - first ? first + left : end;

		key.number = first / STRETCH_UNITS;
		error = note_part(store, &key, first, stop);
		first = stop;
	}
	store_lock(store);
	record_wake(store);
	store_unlock(store);
	return error;
}

/* ---- rows; index.lock held ---- */

/* Adds what a column has to BITS, or takes it away. */
static void apply_column(sqlite3_stmt *row, int column, uint64_t bits[STRETCH_WORDS], bool add)
{
	size_t size = (size_t)sqlite3_column_bytes(row, column);
	uint64_t words[STRETCH_WORDS] = {0};

	if (size == 0 || size > sizeof(words))
		return; /* it cannot be believed */
	memcpy(words, sqlite3_column_blob(row, column), size);
	for (unsigned i = 0; i < STRETCH_WORDS; i++)
		bits[i] = add ? bits[i] | words[i] : bits[i] & ~words[i];
}

/* Adds what the row of KEY has, if there is one. */
static int read_row(struct index *index, const struct stretch_key *key,
		    uint64_t bits[STRETCH_WORDS])
{
	sqlite3_stmt *row = index_query(
		index,
		"SELECT units FROM tag WHERE object = ? AND stretch = ? AND uid = ? AND name = ?",
		"iiib", (int64_t)key->object, (int64_t)key->number, (int64_t)key->tag.uid,
		(const void *)key->tag.name, (size_t)STORE_TAG_SIZE);
	int state;

	while ((state = index_step(index, row)) == 1)
		apply_column(row, 0, bits, true);
	return state;
}

/* Octets without the zeros at the end. */
static size_t bits_size(const uint64_t bits[STRETCH_WORDS])
{
	size_t words = STRETCH_WORDS;

	while (words > 1 && bits[words - 1] == 0)
		words--;
	return words * sizeof(bits[0]);
}

/* 1: recorded; 0: the object has no row; or a negative errno. */
static int write_row(struct index *index, const struct tag_note *note)
{
	const struct stretch_key *key = &note->key;
	uint64_t bits[STRETCH_WORDS];
	int error;

	memcpy(bits, note->bits, sizeof(bits));
	error = read_row(index, key, bits);
	if (error == 0)
		error = index_run(index,
				  "INSERT INTO tag(object, stretch, uid, name, units)"
				  " SELECT id, ?, ?, ?, ? FROM content WHERE id = ?"
				  " ON CONFLICT(object, stretch, uid, name) DO UPDATE SET units ="
				  " excluded.units",
				  "iibbi", (int64_t)key->number, (int64_t)key->tag.uid,
				  (const void *)key->tag.name, (size_t)STORE_TAG_SIZE,
				  (const void *)bits, bits_size(bits), (int64_t)key->object);
	return error != 0 ? error : index_changes(index) > 0;
}

static int delete_row(struct index *index, const struct stretch_key *key)
{
	return index_run(
		index, "DELETE FROM tag WHERE object = ? AND stretch = ? AND uid = ? AND name = ?",
		"iiib", (int64_t)key->object, (int64_t)key->number, (int64_t)key->tag.uid,
		(const void *)key->tag.name, (size_t)STORE_TAG_SIZE);
}

/* ---- recording; index.lock held ---- */

TAILQ_HEAD(notes, tag_note);

/* Moves the notes of FROM to store.tags. */
static void give_back(struct store *store, struct notes *from)
{
	struct tag_note *note;

	pthread_mutex_lock(&store->tags_lock);
	while ((note = TAILQ_FIRST(from)) != NULL) {
		TAILQ_REMOVE(from, note, link);
		TAILQ_INSERT_TAIL(&store->tags, note, link);
	}
	pthread_mutex_unlock(&store->tags_lock);
}

static void free_notes(struct notes *notes)
{
	struct tag_note *note;

	while ((note = TAILQ_FIRST(notes)) != NULL) {
		TAILQ_REMOVE(notes, note, link);
		free(note);
	}
}

/* Writes notes of FROM, as many as a transaction may have; those go to WRITTEN, and those that must
 * wait to WAITING. */
static int write_some(struct store *store, struct notes *from, struct notes *written,
		      struct notes *waiting)
{
	struct index *index = &store->index;
	struct tag_note *note;
	int state = 0;

	while (state >= 0 && (note = TAILQ_FIRST(from)) != NULL && !index_should_commit(index)) {
		state = write_row(index, note);
		if (state < 0)
			break;
		TAILQ_REMOVE(from, note, link);
		store->tags_written += state > 0;
		if (state == 0 && object_is_loaded(store, note->key.object))
			TAILQ_INSERT_TAIL(waiting, note, link);
		else
			TAILQ_INSERT_TAIL(written, note, link);
	}
	if (state >= 0)
		state = index_commit(index);
	else
		index_rollback(index);
	return state < 0 ? state : 0;
}

/* ---- the limit; index.lock held ---- */

/* A user with too many rows, and how many he has. 1, 0, or a negative errno. */
static int find_lavish(struct index *index, uint32_t *uid_out, int64_t *rows_out)
{
	sqlite3_stmt *row = index_query(index,
					"SELECT uid, count(*) FROM tag GROUP BY uid"
					" HAVING count(*) > ? LIMIT 1",
					"i", (int64_t)STORE_TAGS_MAX);
	int state = index_step(index, row);

	if (state != 1)
		return state;
	*uid_out = (uint32_t)sqlite3_column_int64(row, 0);
	*rows_out = sqlite3_column_int64(row, 1);
	index_done(row);
	return 1;
}

/* Numbers of objects grow, so the first of them are the oldest. */
static int drop_first(struct index *index, uint32_t uid, int64_t rows)
{
	int error = index_run(index,
			      "DELETE FROM tag WHERE (object, stretch, uid, name) IN"
			      " (SELECT object, stretch, uid, name FROM tag WHERE uid = ?"
			      " ORDER BY object, stretch LIMIT ?)",
			      "ii", (int64_t)uid, rows);

	if (error == 0)
		return index_commit(index);
	index_rollback(index);
	return error;
}

static int limit_rows(struct store *store)
{
	struct index *index = &store->index;
	uint32_t uid;
	int64_t rows;
	int state;

	if (store->tags_written < COUNT_EVERY)
		return 0;
	store->tags_written = 0;
	while ((state = find_lavish(index, &uid, &rows)) == 1) {
		state = drop_first(index, uid, rows - STORE_TAGS_MAX);
		if (state != 0)
			break;
	}
	return state;
}

int store_tags_record(struct store *store)
{
	struct notes notes = TAILQ_HEAD_INITIALIZER(notes);
	struct notes waiting = TAILQ_HEAD_INITIALIZER(waiting);
	int error = 0;

	pthread_mutex_lock(&store->tags_lock);
	TAILQ_CONCAT(&notes, &store->tags, link);
	pthread_mutex_unlock(&store->tags_lock);
	while (error == 0 && !TAILQ_EMPTY(&notes)) {
		struct notes written = TAILQ_HEAD_INITIALIZER(written);

		error = write_some(store, &notes, &written, &waiting);
		if (error == 0)
			error = limit_rows(store);
		if (error != 0)
			give_back(store, &written);
		free_notes(&written);
	}
	give_back(store, &notes);
	give_back(store, &waiting);
	return error;
}

void store_tags_close(struct store *store)
{
	struct notes notes = TAILQ_HEAD_INITIALIZER(notes);

	(void)store_tags_record(store);
	TAILQ_CONCAT(&notes, &store->tags, link);
	free_notes(&notes);
}

static int record_all(struct store *store)
{
	int error = record_flush(store);

	return error != 0 ? error : store_tags_record(store);
}

/* ---- asking ---- */

bool store_tag_has(struct object *object, const struct store_tag *tag, uint32_t unit)
{
	struct store *store = object->store;
	struct stretch_key key = {
		.object = object->id, .number = unit / STRETCH_UNITS, .tag = *tag};
	uint64_t bits[STRETCH_WORDS] = {0};
	const struct tag_note *note;

	index_lock(&store->index);
	(void)read_row(&store->index, &key, bits);
	pthread_mutex_lock(&store->tags_lock);
	TAILQ_FOREACH (note, &store->tags, link)
		if (key_equal(&note->key, &key))
			for (unsigned i = 0; i < STRETCH_WORDS; i++)
				bits[i] |= note->bits[i];
	pthread_mutex_unlock(&store->tags_lock);
	index_unlock(&store->index);
	return (bits[unit % STRETCH_UNITS / 64] >> unit % 64 & 1) != 0;
}

/* ---- dropping ---- */

struct dropping {
	struct store *store;
	struct stretch_key key; /* of the stretch before; then of this one */
	bool begun;
	struct object *object; /* a reference, or NULL */
	uint64_t bits[STRETCH_WORDS];
};

/* The next stretch behind the former one, by object and number. 1, 0, or a negative errno. */
static int next_row(struct dropping *dropping)
{
	struct store *store = dropping->store;
	struct stretch_key *key = &dropping->key;
	sqlite3_stmt *row = index_query(
		&store->index,
		"SELECT tag.object, tag.stretch, tag.units FROM tag, content"
		" WHERE tag.uid = ? AND tag.name = ? AND (tag.object, tag.stretch) > (?, ?)"
		" AND content.id = tag.object AND content.scope = ?"
		" ORDER BY tag.object, tag.stretch LIMIT 1",
		"ibiii", (int64_t)key->tag.uid, (const void *)key->tag.name, (size_t)STORE_TAG_SIZE,
		dropping->begun ? (int64_t)key->object : (int64_t)-1, (int64_t)key->number,
		store->scope);
	int state = index_step(&store->index, row);

	if (state != 1)
		return state;
	dropping->begun = true;
	key->object = (uint64_t)sqlite3_column_int64(row, 0);
	key->number = (uint32_t)sqlite3_column_int64(row, 1);
	memset(dropping->bits, 0, sizeof(dropping->bits));
	apply_column(row, 2, dropping->bits, true);
	index_done(row);
	return 1;
}

/* What other tags have of the stretch stays. */
static int spare_others(struct dropping *dropping)
{
	const struct stretch_key *key = &dropping->key;
	struct index *index = &dropping->store->index;
	sqlite3_stmt *row = index_query(index,
					"SELECT units FROM tag WHERE object = ? AND stretch = ?"
					" AND (uid, name) != (?, ?)",
					"iiib", (int64_t)key->object, (int64_t)key->number,
					(int64_t)key->tag.uid, (const void *)key->tag.name,
					(size_t)STORE_TAG_SIZE);
	int state;

	while ((state = index_step(index, row)) == 1)
		apply_column(row, 0, dropping->bits, false);
	return state;
}

static int untag(struct dropping *dropping)
{
	struct index *index = &dropping->store->index;
	int error = spare_others(dropping);

	if (error == 0)
		error = delete_row(index, &dropping->key);
	if (error == 0)
		return index_commit(index);
	index_rollback(index);
	return error;
}

/* Takes the tag from the next stretch. 1: OBJECT (NULL: it cannot be had) has it; 0: there is none;
 * or a negative errno. */
static int take_stretch(struct dropping *dropping)
{
	struct store *store = dropping->store;
	int error, state = 0;

	dropping->object = NULL;
	index_lock(&store->index);
	error = record_all(store);
	if (error == 0)
		state = next_row(dropping);
	if (state == 1)
		error = untag(dropping);
	/* One that cannot be believed has no data that anybody is given. */
	if (error == 0 && state == 1)
		(void)object_load(store, dropping->key.object, &dropping->object);
	index_unlock(&store->index);
	return error != 0 ? error : state;
}

static bool has_bit(const struct dropping *dropping, uint32_t unit)
{
	return (dropping->bits[unit / 64] >> unit % 64 & 1) != 0;
}

/* Tells the units of the stretch in runs. */
static int tell(struct dropping *dropping, store_tag_each *each, void *owner)
{
	uint32_t base = dropping->key.number * STRETCH_UNITS, end = 0;
	int error = 0;

	for (uint32_t unit = 0; unit < STRETCH_UNITS && error == 0; unit = end + 1) {
		for (end = unit; end < STRETCH_UNITS && has_bit(dropping, end);)
			end++;
		if (end > unit)
			error = each(owner, dropping->object, base + unit, end - unit);
	}
	return error;
}

int store_tag_drop(struct store *store, const struct store_tag *tag, store_tag_each *each,
		   void *owner)
{
	struct dropping dropping = {.store = store, .key = {.tag = *tag}};
	int state;

	while ((state = take_stretch(&dropping)) == 1) {
		if (dropping.object != NULL)
			state = tell(&dropping, each, owner);
		object_put(dropping.object);
		if (state < 0)
			return state;
	}
	return state;
}

/* ---- sweeping ---- */

/* Objects that have tags, behind AFTER. Returns how many. */
static unsigned tagged_objects(struct index *index, uint64_t after, uint64_t ids[STORE_BATCH])
{
	sqlite3_stmt *row = index_query(index,
					"SELECT DISTINCT object FROM tag WHERE object > ?"
					" ORDER BY object LIMIT ?",
					"ii", (int64_t)after, (int64_t)STORE_BATCH);
	unsigned count = 0;

	while (index_step(index, row) == 1)
		ids[count++] = (uint64_t)sqlite3_column_int64(row, 0);
	return count;
}

/* index.lock held, so no object is just being described. */
static int sweep_batch(struct store *store, const uint64_t *ids, unsigned count)
{
	struct index *index = &store->index;
	int error = 0;

	for (unsigned i = 0; i < count && error == 0; i++)
		error = index_run(index,
				  "DELETE FROM tag WHERE object = ?1 AND NOT EXISTS"
				  " (SELECT 1 FROM content WHERE id = ?1)",
				  "i", (int64_t)ids[i]);
	if (error == 0)
		return index_commit(index);
	index_rollback(index);
	return error;
}

void store_tags_sweep(struct store *store)
{
	uint64_t ids[STORE_BATCH], last = 0;
	unsigned count;
	int error;

	do {
		index_lock(&store->index);
		error = record_all(store);
		count = error == 0 ? tagged_objects(&store->index, last, ids) : 0;
		if (count > 0) {
			last = ids[count - 1];
			error = sweep_batch(store, ids, count);
		}
		index_unlock(&store->index);
	} while (error == 0 && count == STORE_BATCH);
}
