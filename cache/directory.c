/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A list of names: records in one array, texts in chunks that never move, and a table of record
 * numbers by hash of the name that finds duplicates. About 70 octets a name, since a listing may
 * have a million.
 */
#include "cache/directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

enum { CHUNK_OCTETS = 65536, FIRST_RECORDS = 64 };

struct record {
	const char *name, *validator;
	int64_t size, mtime;
	uint32_t mode;
	uint16_t flags;
	uint8_t length; /* of the name */
	uint8_t kind;
};

struct chunk {
	struct chunk *next;
	size_t used;
	char text[CHUNK_OCTETS];
};

struct directory {
	bool root;
	uint64_t seed; /* of the hash: an origin cannot choose names that collide */
	struct record *records;
	uint32_t count, capacity, rejected;
	uint32_t *table; /* 2 * capacity slots: record number + 1, or 0 */
	struct chunk *chunks;
};

int directory_create(bool root, struct directory **directory_out)
{
	struct directory *directory = calloc(1, sizeof(*directory));

	if (directory == NULL)
		return -ENOMEM;
	directory->root = root;
	if (getrandom(&directory->seed, sizeof(directory->seed), 0) < 0)
		directory->seed = (uintptr_t)directory;
	*directory_out = directory;
	return 0;
}

void directory_free(struct directory *directory)
{
	if (directory == NULL)
		return;
	while (directory->chunks != NULL) {
		struct chunk *chunk = directory->chunks;

		directory->chunks = chunk->next;
		free(chunk);
	}
	free(directory->table);
	free(directory->records);
	free(directory);
}

static bool name_possible(const struct directory *directory, const char *name, size_t length)
{
	static const char reserved[] = ".peerdist";

	if (length == 0 || length > DIRECTORY_NAME_MAX)
		return false;
	if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
		return false;
	if (memchr(name, '/', length) != NULL || memchr(name, '\0', length) != NULL)
		return false;
	return !directory->root || length != sizeof(reserved) - 1 ||
	       memcmp(name, reserved, length) != 0;
}

/* The slot of NAME: where it is, or the empty one where it belongs. */
static uint32_t *slot_of(struct directory *directory, const char *name, size_t length)
{
	uint32_t mask = 2 * directory->capacity - 1;
	uint32_t at = (uint32_t)XXH3_64bits_withSeed(name, length, directory->seed) & mask;

	while (directory->table[at] != 0) {
		const struct record *record = &directory->records[directory->table[at] - 1];

		if (record->length == length && memcmp(record->name, name, length) == 0)
			break;
		at = (at + 1) & mask;
	}
	return &directory->table[at];
}

static int grow(struct directory *directory)
{
	uint32_t capacity = directory->capacity == 0 ? FIRST_RECORDS : 2 * directory->capacity;
	struct record *records =
		reallocarray(directory->records, capacity, sizeof(directory->records[0]));
	uint32_t *table;

	if (records == NULL)
		return -ENOMEM;
	directory->records = records;
	table = calloc(2 * (size_t)capacity, sizeof(table[0]));
	if (table == NULL)
		return -ENOMEM;
	free(directory->table);
	directory->table = table;
	directory->capacity = capacity;
	for (uint32_t i = 0; i < directory->count; i++)
		*slot_of(directory, records[i].name, records[i].length) = i + 1;
	return 0;
}

/* Room for LENGTH octets, which are at most DIRECTORY_NAME_MAX + ENTRY_VALIDATOR_MAX + 1. */
static char *text_room(struct directory *directory, size_t length)
{
	struct chunk *chunk = directory->chunks;

	if (chunk == NULL || length > CHUNK_OCTETS - chunk->used) {
		chunk = malloc(sizeof(*chunk));
		if (chunk == NULL)
			return NULL;
		chunk->used = 0;
		chunk->next = directory->chunks;
		directory->chunks = chunk;
	}
	chunk->used += length;
	return chunk->text + chunk->used - length;
}

static int append(struct directory *directory, const char *name, size_t length,
		  const struct entry *entry, uint32_t *slot)
{
	struct record *record = &directory->records[directory->count];
	size_t validator = strnlen(entry->validator, sizeof(entry->validator) - 1);
	char *text = text_room(directory, length + 1 + validator + 1);

	if (text == NULL)
		return -ENOMEM;
	memcpy(text, name, length);
	text[length] = '\0';
	memcpy(text + length + 1, entry->validator, validator);
	text[length + 1 + validator] = '\0';
	*record = (struct record){
		.name = text,
		.validator = text + length + 1,
		.size = entry->size,
		.mtime = entry->mtime,
		.mode = entry->mode,
		.flags = (uint16_t)entry->flags,
		.length = (uint8_t)length,
		.kind = (uint8_t)entry->kind,
	};
	*slot = ++directory->count;
	return 0;
}

int directory_add(struct directory *directory, const char *name, size_t length,
		  const struct entry *entry)
{
	uint32_t *slot;

	if (!name_possible(directory, name, length)) {
		directory->rejected++;
		return -EINVAL;
	}
	if (directory->count == directory->capacity) {
		int error = grow(directory);

		if (error)
			return error;
	}
	slot = slot_of(directory, name, length);
	if (*slot != 0)
		return -EEXIST;
	if (directory->count >= DIRECTORY_ENTRIES_MAX)
		return -E2BIG;
	return append(directory, name, length, entry, slot);
}

uint32_t directory_count(const struct directory *directory)
{
	return directory->count;
}

uint32_t directory_rejected(const struct directory *directory)
{
	return directory->rejected;
}

const char *directory_entry(const struct directory *directory, uint32_t index,
			    struct entry *entry_out)
{
	const struct record *record = &directory->records[index];

	entry_out->kind = (enum entry_kind)record->kind;
	entry_out->flags = record->flags;
	entry_out->size = record->size;
	entry_out->mtime = record->mtime;
	entry_out->checked = 0;
	entry_out->mode = record->mode;
	strcpy(entry_out->validator, record->validator);
	return record->name;
}
