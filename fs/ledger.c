/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A *record* for each content, with *pages* of entries, a page for so many neighbouring units, made
 * when one of them is noted. Pages are forgotten in the order of their last writing, and a record
 * with its last page. An entry is 32 bits, of which some are a check of its unit's place and
 * length: one that was noted of another unit is not believed.
 */
#include "fs/ledger.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <xxhash.h>

/* Entries of a page, 4 KiB of them; a small content's page has fewer. Our choice. */
#define PAGE_UNITS 1024u
/* Beyond 32 TiB or so a content's list of pages alone would take half of the room. */
#define UNITS_MAX (LEDGER_OCTETS_MAX / 2 / sizeof(void *) * PAGE_UNITS)
#define BUCKETS 4096u

/* An entry, from the lowest bit on; 0: nothing is known. */
#define GIVEN_BITS 3u /* and 1 is added */
#define WHY_BITS 5u
#define FROM_BITS 10u /* 0: nobody */
#define CHECK_BITS 14u
_Static_assert(GIVEN_BITS + WHY_BITS + FROM_BITS + CHECK_BITS == 32, "they are an entry");
_Static_assert(GIVEN_KINDS < 1u << GIVEN_BITS, "a kind fits");
_Static_assert(LEDGER_WHYS <= 1u << WHY_BITS, "a reason fits");
#define ADDRESSES ((1u << FROM_BITS) - 1)

struct record;

struct page {
	TAILQ_ENTRY(page) in_ledger;
	struct record *record;
	uint32_t index; /* in the record */
	uint32_t entries[];
};

struct record {
	LIST_ENTRY(record) in_bucket;
	uint64_t hash;
	uint64_t size;    /* of the content, octets */
	uint32_t count;   /* units */
	uint32_t present; /* pages */
	char *validator;  /* behind the path, in the same memory */
	struct page **pages;
	char path[];
};

struct ledger {
	pthread_mutex_t lock; /* all below */
	size_t octets;
	TAILQ_HEAD(pages, page) pages; /* the one written to last in front */
	LIST_HEAD(, record) buckets[BUCKETS];
	struct xaddr addresses[ADDRESSES];
	unsigned address_count;
};

const char *ledger_why_name(unsigned why)
{
	static const char *const names[] = {
		[LEDGER_NOT_TOLD] = "came along",
		[LEDGER_MODE] = "the mode has no peers",
		[LEDGER_NO_INFORMATION] = "no content information",
	};

	if (why < LEDGER_SEEKER)
		return names[why];
	return why < LEDGER_WHYS ? seeker_reason_name(why - LEDGER_SEEKER) : names[LEDGER_NOT_TOLD];
}

int ledger_create(struct ledger **ledger_out)
{
	struct ledger *ledger = calloc(1, sizeof *ledger);

	if (ledger == NULL)
		return -ENOMEM;
	pthread_mutex_init(&ledger->lock, NULL);
	TAILQ_INIT(&ledger->pages);
	for (size_t i = 0; i < BUCKETS; i++)
		LIST_INIT(&ledger->buckets[i]);
	*ledger_out = ledger;
	return 0;
}

/* ---- records and pages ---- */

static uint32_t page_units(const struct record *record, uint32_t index)
{
	uint32_t left = record->count - index * PAGE_UNITS;

	return left < PAGE_UNITS ? left : PAGE_UNITS;
}

static size_t page_octets(const struct record *record, uint32_t index)
{
	return sizeof(struct page) + page_units(record, index) * sizeof(uint32_t);
}

static size_t record_pages(const struct record *record)
{
	return record->count / PAGE_UNITS + (record->count % PAGE_UNITS != 0);
}

static size_t record_octets(const struct record *record)
{
	return sizeof *record + strlen(record->path) + strlen(record->validator) + 2 +
	       record_pages(record) * sizeof(struct page *);
}

static void record_drop(struct ledger *ledger, struct record *record)
{
	ledger->octets -= record_octets(record);
	LIST_REMOVE(record, in_bucket);
	free(record->pages);
	free(record);
}

static void page_drop(struct ledger *ledger, struct page *page)
{
	struct record *record = page->record;

	ledger->octets -= page_octets(record, page->index);
	TAILQ_REMOVE(&ledger->pages, page, in_ledger);
	record->pages[page->index] = NULL;
	free(page);
	if (--record->present == 0)
		record_drop(ledger, record);
}

/* It goes with its last page, and always has one. */
static void record_forget(struct ledger *ledger, struct record *record)
{
	size_t pages = record_pages(record);
	uint32_t present = record->present;

	for (size_t i = 0; i < pages && present > 0; i++)
		if (record->pages[i] != NULL) {
			present--;
			page_drop(ledger, record->pages[i]);
		}
}

static uint64_t hash_of(const char *path, const char *validator)
{
	return XXH3_64bits_withSeed(validator, strlen(validator), XXH3_64bits(path, strlen(path)));
}

static struct record *record_find(struct ledger *ledger, const char *path, const char *validator)
{
	uint64_t hash = hash_of(path, validator);
	struct record *record;

	LIST_FOREACH (record, &ledger->buckets[hash % BUCKETS], in_bucket)
		if (record->hash == hash && strcmp(record->path, path) == 0 &&
		    strcmp(record->validator, validator) == 0)
			return record;
	return NULL;
}

/* Without pages. NULL: no memory. */
static struct record *record_make(struct ledger *ledger, const char *path, const char *validator,
				  const struct cutting *cutting)
{
	size_t path_size = strlen(path) + 1, validator_size = strlen(validator) + 1;
	struct record *record = calloc(1, sizeof *record + path_size + validator_size);

	if (record == NULL)
		return NULL;
	record->hash = hash_of(path, validator);
	record->size = cutting_size(cutting);
	record->count = cutting_count(cutting);
	memcpy(record->path, path, path_size);
	record->validator = record->path + path_size;
	memcpy(record->validator, validator, validator_size);
	record->pages = calloc(record_pages(record), sizeof(struct page *));
	if (record->pages == NULL) {
		free(record);
		return NULL;
	}
	LIST_INSERT_HEAD(&ledger->buckets[record->hash % BUCKETS], record, in_bucket);
	ledger->octets += record_octets(record);
	return record;
}

static bool record_fits(const struct record *record, const struct cutting *cutting)
{
	return record->size == cutting_size(cutting) && record->count == cutting_count(cutting);
}

/* NULL: no memory. */
static struct page *page_make(struct ledger *ledger, struct record *record, uint32_t index)
{
	struct page *page = calloc(1, page_octets(record, index));

	if (page == NULL)
		return NULL;
	page->record = record;
	page->index = index;
	record->pages[index] = page;
	record->present++;
	ledger->octets += page_octets(record, index);
	TAILQ_INSERT_HEAD(&ledger->pages, page, in_ledger);
	return page;
}

/* The page of UNIT, the last that will be forgotten. NULL: no memory. */
static struct page *page_for(struct ledger *ledger, const char *path, const char *validator,
			     const struct cutting *cutting, uint32_t unit)
{
	struct record *record = record_find(ledger, path, validator);

	if (record != NULL && !record_fits(record, cutting)) {
		record_forget(ledger, record);
		record = NULL;
	}
	if (record == NULL)
		record = record_make(ledger, path, validator, cutting);
	if (record == NULL)
		return NULL;
	struct page *page = record->pages[unit / PAGE_UNITS];
	if (page != NULL) {
		TAILQ_REMOVE(&ledger->pages, page, in_ledger);
		TAILQ_INSERT_HEAD(&ledger->pages, page, in_ledger);
		return page;
	}
	page = page_make(ledger, record, unit / PAGE_UNITS);
	if (page == NULL && record->present == 0)
		record_drop(ledger, record);
	return page;
}

static void make_room(struct ledger *ledger)
{
	struct page *page;

	while (ledger->octets > LEDGER_OCTETS_MAX &&
	       (page = TAILQ_LAST(&ledger->pages, pages)) != TAILQ_FIRST(&ledger->pages))
		page_drop(ledger, page);
}

static void forget_all(struct ledger *ledger)
{
	struct page *page;

	while ((page = TAILQ_FIRST(&ledger->pages)) != NULL)
		page_drop(ledger, page);
	ledger->address_count = 0;
}

void ledger_free(struct ledger *ledger)
{
	if (ledger == NULL)
		return;
	forget_all(ledger);
	pthread_mutex_destroy(&ledger->lock);
	free(ledger);
}

/* ---- entries ---- */

/* The number of ADDRESS, from 1 on. More of them than there are numbers: all is forgotten. */
static unsigned number_of(struct ledger *ledger, const struct xaddr *address)
{
	unsigned number = 0;

	while (number < ledger->address_count && !xaddr_same(&ledger->addresses[number], address))
		number++;
	if (number == ADDRESSES) {
		forget_all(ledger);
		number = 0;
	}
	if (number == ledger->address_count)
		ledger->addresses[ledger->address_count++] = *address;
	return number + 1;
}

static uint32_t check_of(const struct cutting *cutting, uint32_t unit)
{
	const uint64_t place[] = {cutting_offset(cutting, unit), cutting_length(cutting, unit)};

	return (uint32_t)XXH3_64bits(place, sizeof place) & ((1u << CHECK_BITS) - 1);
}

static uint32_t entry_pack(enum given given, unsigned why, unsigned number, uint32_t check)
{
	return ((uint32_t)given + 1) | why << GIVEN_BITS | number << (GIVEN_BITS + WHY_BITS) |
	       check << (GIVEN_BITS + WHY_BITS + FROM_BITS);
}

static void entry_unpack(const struct ledger *ledger, uint32_t packed,
			 struct ledger_entry *entry_out)
{
	unsigned number = packed >> (GIVEN_BITS + WHY_BITS) & ((1u << FROM_BITS) - 1);

	entry_out->known = true;
	entry_out->given = (packed & ((1u << GIVEN_BITS) - 1)) - 1;
	entry_out->why = packed >> GIVEN_BITS & ((1u << WHY_BITS) - 1);
	if (number != 0)
		entry_out->from = ledger->addresses[number - 1];
}

void ledger_note(struct ledger *ledger, const char *path, const char *validator,
		 const struct cutting *cutting, uint32_t unit, enum given given, unsigned why,
		 const struct xaddr *from)
{
	if (unit >= cutting_count(cutting) || cutting_count(cutting) > UNITS_MAX)
		return;
	uint32_t check = check_of(cutting, unit);
	pthread_mutex_lock(&ledger->lock);
	unsigned number = from != NULL && from->family != 0 ? number_of(ledger, from) : 0;
	struct page *page = page_for(ledger, path, validator, cutting, unit);
	if (page != NULL)
		page->entries[unit % PAGE_UNITS] =
			entry_pack(given, why < LEDGER_WHYS ? why : LEDGER_NOT_TOLD, number, check);
	make_room(ledger);
	pthread_mutex_unlock(&ledger->lock);
}

void ledger_look(struct ledger *ledger, const char *path, const char *validator,
		 const struct cutting *cutting, uint32_t unit, struct ledger_entry *entry_out)
{
	struct ledger_entry entry = {0};

	if (unit < cutting_count(cutting)) {
		uint32_t check = check_of(cutting, unit), packed = 0;

		pthread_mutex_lock(&ledger->lock);
		const struct record *record = record_find(ledger, path, validator);
		const struct page *page = record != NULL && record_fits(record, cutting)
						  ? record->pages[unit / PAGE_UNITS]
						  : NULL;
		if (page != NULL)
			packed = page->entries[unit % PAGE_UNITS];
		if (packed != 0 && packed >> (32 - CHECK_BITS) == check)
			entry_unpack(ledger, packed, &entry);
		pthread_mutex_unlock(&ledger->lock);
	}
	*entry_out = entry;
}

static bool is_below(const char *path, const char *top, size_t length)
{
	return length == 0 ||
	       (strncmp(path, top, length) == 0 && (path[length] == '\0' || path[length] == '/'));
}

void ledger_forget(struct ledger *ledger, const char *path)
{
	size_t length = strlen(path);

	pthread_mutex_lock(&ledger->lock);
	for (size_t i = 0; i < BUCKETS; i++) {
		struct record *record = LIST_FIRST(&ledger->buckets[i]), *next;

		for (; record != NULL; record = next) {
			next = LIST_NEXT(record, in_bucket);
			if (is_below(record->path, path, length))
				record_forget(ledger, record);
		}
	}
	pthread_mutex_unlock(&ledger->lock);
}
