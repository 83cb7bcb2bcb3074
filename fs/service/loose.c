/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/service/loose.h"

#include <stdlib.h>
#include <string.h>

#include "fs/service/instance.h"

/* Guards all slabs and the users' lists of them. A list is a thousand long at most, so it is
 * simply walked. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define WORD 64u

struct loose {
	LIST_ENTRY(loose) in_user;
	struct loose_owner owner;
	uint64_t index;                      /* offset / LOOSE_SLAB */
	uint64_t present[LOOSE_SLAB / WORD]; /* a bit for each octet */
	uint8_t data[LOOSE_SLAB];
};

/* The part of one slab. */
struct span {
	uint64_t index;
	uint32_t from, size;
};

static struct span first_span(uint64_t offset, size_t size)
{
	struct span span = {offset / LOOSE_SLAB, (uint32_t)(offset % LOOSE_SLAB), 0};

	span.size = LOOSE_SLAB - span.from < size ? LOOSE_SLAB - span.from : (uint32_t)size;
	return span;
}

/* The bits of word number WORD_INDEX that are SPAN's. */
static uint64_t mask_of(const struct span *span, uint32_t word_index)
{
	uint32_t start = word_index * WORD, end = start + WORD, span_end = span->from + span->size;
	uint32_t low = span->from > start ? span->from - start : 0;
	uint32_t high = span_end < end ? end - span_end : 0;

	return (UINT64_MAX << low) & (UINT64_MAX >> high);
}

static uint32_t first_word(const struct span *span)
{
	return span->from / WORD;
}

static uint32_t end_word(const struct span *span)
{
	return (span->from + span->size + WORD - 1) / WORD;
}

static bool has_all(const struct loose *slab, const struct span *span)
{
	for (uint32_t i = first_word(span); i < end_word(span); i++)
		if (~slab->present[i] & mask_of(span, i))
			return false;
	return true;
}

static void mark(struct loose *slab, const struct span *span, bool present)
{
	for (uint32_t i = first_word(span); i < end_word(span); i++)
		if (present)
			slab->present[i] |= mask_of(span, i);
		else
			slab->present[i] &= ~mask_of(span, i);
}

static bool is_empty(const struct loose *slab)
{
	for (size_t i = 0; i < LOOSE_SLAB / WORD; i++)
		if (slab->present[i] != 0)
			return false;
	return true;
}

static bool is_owner(const struct loose *slab, const struct loose_owner *owner)
{
	return slab->owner.instance == owner->instance && slab->owner.handle == owner->handle;
}

static struct loose *find_locked(struct user *user, const struct loose_owner *owner, uint64_t index)
{
	struct loose *slab;

	LIST_FOREACH (slab, &user->loose_data, in_user)
		if (slab->index == index && is_owner(slab, owner))
			return slab;
	return NULL;
}

static void free_locked(struct user *user, struct loose *slab)
{
	LIST_REMOVE(slab, in_user);
	atomic_fetch_sub(&user->loose, LOOSE_SLAB);
	free(slab);
}

/* So that one more of INSTANCE is within the limits. */
static void make_room_locked(struct user *user, uint64_t instance)
{
	struct loose *slab, *oldest = NULL, *oldest_here = NULL;
	unsigned count = 0, count_here = 0;

	LIST_FOREACH (slab, &user->loose_data, in_user) {
		count++;
		oldest = slab;
		if (slab->owner.instance == instance) {
			count_here++;
			oldest_here = slab;
		}
	}
	if (count_here >= LOOSE_INSTANCE_MAX)
		free_locked(user, oldest_here);
	else if (count >= LOOSE_USER_MAX)
		free_locked(user, oldest);
}

static struct loose *create_locked(struct user *user, const struct loose_owner *owner,
				   uint64_t index)
{
	make_room_locked(user, owner->instance);
	struct loose *slab = malloc(sizeof *slab);
	if (slab == NULL)
		return NULL;
	slab->owner = *owner;
	slab->index = index;
	memset(slab->present, 0, sizeof slab->present);
	LIST_INSERT_HEAD(&user->loose_data, slab, in_user);
	atomic_fetch_add(&user->loose, LOOSE_SLAB);
	return slab;
}

static void put_span(struct user *user, const struct loose_owner *owner, const struct span *span,
		     const void *data)
{
	pthread_mutex_lock(&lock);
	struct loose *slab = find_locked(user, owner, span->index);
	if (slab != NULL) {
		LIST_REMOVE(slab, in_user);
		LIST_INSERT_HEAD(&user->loose_data, slab, in_user);
	} else {
		slab = create_locked(user, owner, span->index);
	}
	if (slab != NULL) {
		memcpy(slab->data + span->from, data, span->size);
		mark(slab, span, true);
	}
	pthread_mutex_unlock(&lock);
}

void loose_put(struct user *user, const struct loose_owner *owner, uint64_t offset,
	       const void *data, size_t size)
{
	const uint8_t *octets = data;

	while (size > 0) {
		struct span span = first_span(offset, size);

		put_span(user, owner, &span, octets);
		octets += span.size;
		offset += span.size;
		size -= span.size;
	}
}

static bool copy_span(struct user *user, const struct loose_owner *owner, const struct span *span,
		      void *buffer)
{
	pthread_mutex_lock(&lock);
	const struct loose *slab = find_locked(user, owner, span->index);
	bool here = slab != NULL && has_all(slab, span);
	if (here)
		memcpy(buffer, slab->data + span->from, span->size);
	pthread_mutex_unlock(&lock);
	return here;
}

bool loose_copy(struct user *user, const struct loose_owner *owner, uint64_t offset, size_t size,
		void *buffer)
{
	uint8_t *octets = buffer;
	bool here = true;

	while (here && size > 0) {
		struct span span = first_span(offset, size);

		here = copy_span(user, owner, &span, octets);
		octets += span.size;
		offset += span.size;
		size -= span.size;
	}
	return here;
}

void loose_drop(struct user *user, const struct loose_owner *owner, uint64_t offset, size_t size)
{
	if (atomic_load(&user->loose) == 0)
		return;
	pthread_mutex_lock(&lock);
	while (size > 0) {
		struct span span = first_span(offset, size);
		struct loose *slab = find_locked(user, owner, span.index);

		if (slab != NULL) {
			mark(slab, &span, false);
			if (is_empty(slab))
				free_locked(user, slab);
		}
		offset += span.size;
		size -= span.size;
	}
	pthread_mutex_unlock(&lock);
}

static void forget_where(struct user *user,
			 bool (*goes)(const struct loose *slab, const void *what), const void *what)
{
	struct loose *slab, *next;

	if (atomic_load(&user->loose) == 0)
		return;
	pthread_mutex_lock(&lock);
	for (slab = LIST_FIRST(&user->loose_data); slab != NULL; slab = next) {
		next = LIST_NEXT(slab, in_user);
		if (goes(slab, what))
			free_locked(user, slab);
	}
	pthread_mutex_unlock(&lock);
}

static bool is_of(const struct loose *slab, const void *owner)
{
	return is_owner(slab, owner);
}

void loose_forget(struct user *user, const struct loose_owner *owner)
{
	forget_where(user, is_of, owner);
}

static bool has_tag(const struct loose *slab, const void *tag)
{
	return memcmp(slab->owner.tag, tag, sizeof slab->owner.tag) == 0;
}

void loose_forget_tag(struct user *user, const uint8_t tag[LOOSE_TAG_SIZE])
{
	forget_where(user, has_tag, tag);
}

struct loose_place *loose_places(struct user *user, uint64_t start, uint64_t end, size_t *count_out)
{
	struct loose_place *places;
	struct loose *slab;
	size_t count = 0;

	if (atomic_load(&user->loose) == 0 || start >= end)
		return NULL;
	places = calloc(LOOSE_USER_MAX, sizeof *places);
	if (places == NULL)
		return NULL;
	pthread_mutex_lock(&lock);
	LIST_FOREACH (slab, &user->loose_data, in_user)
		if (slab->index >= start / LOOSE_SLAB && slab->index <= (end - 1) / LOOSE_SLAB)
			places[count++] =
				(struct loose_place){slab->owner, slab->index * LOOSE_SLAB};
	pthread_mutex_unlock(&lock);
	if (count == 0) {
		free(places);
		return NULL;
	}
	*count_out = count;
	return places;
}
