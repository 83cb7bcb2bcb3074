/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of handles, and CloseHandle(). Contract: library.h.
 *
 * A handle's value, of 32 bits also where pointers are longer, as on Windows:
 *
 *	generation << 22 | index << 2		index: from 1; generation: 1 to 1023, then 1 again
 *
 * A slot's generation moves on when its handle is closed. Free slots are used again in the order in
 * which they became free, and none before there are SLOTS_AT_REST of them, so that a closed
 *handle's value comes back after a million others at the earliest. Small numbers, which programs
 *invent, have no generation and are never handles.
 */
#include <pthread.h>
#include <stdlib.h>

#include "fs/api/library.h"

#define INDEX_BITS 20
#define INDEX_MAX ((1u << INDEX_BITS) - 1)
#define GENERATION_MAX 1023u
#define SLOTS_AT_REST 1024u /* our choice: 24 KiB */

struct slot {
	struct object *object; /* NULL: free */
	uint32_t generation;
	uint32_t next; /* free slot that became so after this one, or 0 */
};

/* Guards all of the table. Nothing is called while it is held. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot *slots; /* [0] is not used */
static uint32_t allocated; /* slots there is memory for */
static uint32_t used;      /* slots that ever had an object, plus 1 */
static uint32_t live;      /* handles */
static uint32_t first_free, last_free;

void object_init(struct object *object, enum object_kind kind, void (*free)(struct object *object))
{
	object->kind = kind;
	atomic_init(&object->references, 1);
	object->free = free;
}

struct object *object_hold(struct object *object)
{
	atomic_fetch_add_explicit(&object->references, 1, memory_order_relaxed);
	return object;
}

void object_release(struct object *object)
{
	if (object && atomic_fetch_sub_explicit(&object->references, 1, memory_order_acq_rel) == 1)
		object->free(object);
}

/* Slots -----------------------------------------------------------------------------------------
 */

static HANDLE value_of(uint32_t index)
{
	return (HANDLE)(uintptr_t)((slots[index].generation << INDEX_BITS | index) << 2);
}

/* NULL: not live. */
static struct slot *slot_of(HANDLE handle)
{
	uintptr_t value = (uintptr_t)handle;
	uint32_t index = value >> 2 & INDEX_MAX;

	if (index == 0 || index >= used || !slots[index].object || value_of(index) != handle)
		return NULL;
	return &slots[index];
}

/* One more slot that can be used. */
static bool make_room(void)
{
	uint32_t count = allocated ? allocated * 2 : 16;
	struct slot *larger;

	if (used < allocated)
		return true;
	if (allocated > INDEX_MAX)
		return false;
	larger = realloc(slots, count * sizeof(*slots));
	if (!larger)
		return false;
	slots = larger;
	allocated = count;
	if (used == 0)
		used = 1;
	return true;
}

static uint32_t take_free(void)
{
	uint32_t index = first_free;

	if (index) {
		first_free = slots[index].next;
		if (!first_free)
			last_free = 0;
	}
	return index;
}

/* 0: no memory, or too many. */
static uint32_t take_slot(void)
{
	uint32_t index;

	if (used - live <= SLOTS_AT_REST && make_room()) {
		index = used++;
		slots[index].generation = 1;
		return index;
	}
	return take_free();
}

static struct object *free_slot(struct slot *slot)
{
	struct object *object = slot->object;
	uint32_t index = (uint32_t)(slot - slots);

	slot->object = NULL;
	slot->generation = slot->generation % GENERATION_MAX + 1;
	slot->next = 0;
	if (last_free)
		slots[last_free].next = index;
	else
		first_free = index;
	last_free = index;
	live--;
	return object;
}

/* Handles ---------------------------------------------------------------------------------------
 */

HANDLE handle_new(struct object *object)
{
	HANDLE handle = NULL;
	uint32_t index;

	pthread_mutex_lock(&lock);
	index = take_slot();
	if (index) {
		slots[index].object = object;
		live++;
		handle = value_of(index);
	}
	pthread_mutex_unlock(&lock);
	return handle;
}

struct object *handle_find(HANDLE handle, unsigned kinds)
{
	struct object *object = NULL;
	struct slot *slot;

	pthread_mutex_lock(&lock);
	slot = slot_of(handle);
	if (slot && slot->object->kind & kinds)
		object = object_hold(slot->object);
	pthread_mutex_unlock(&lock);
	return object;
}

struct object *handle_remove(HANDLE handle, unsigned kinds)
{
	struct object *object = NULL;
	struct slot *slot;

	pthread_mutex_lock(&lock);
	slot = slot_of(handle);
	if (slot && slot->object->kind & kinds)
		object = free_slot(slot);
	pthread_mutex_unlock(&lock);
	return object;
}

/* The first handle of KINDS from *INDEX on; NULL: none. */
static struct object *remove_next(uint32_t *index, unsigned kinds)
{
	struct object *object = NULL;

	pthread_mutex_lock(&lock);
	for (; *index < used && !object; ++*index)
		if (slots[*index].object && slots[*index].object->kind & kinds)
			object = free_slot(&slots[*index]);
	pthread_mutex_unlock(&lock);
	return object;
}

void handles_forget(unsigned kinds, void (*forget)(struct object *object))
{
	struct object *object;
	uint32_t index = 1;

	while ((object = remove_next(&index, kinds)))
		forget(object);
}

PUBLIC BOOL WINAPI CloseHandle(HANDLE hObject)
{
	struct object *object = handle_remove(hObject, OBJECT_EVENT | OBJECT_PORT);

	if (!object) {
		SetLastError(ERROR_INVALID_HANDLE);
		return FALSE;
	}
	if (object->kind == OBJECT_PORT)
		port_close(object);
	object_release(object);
	return TRUE;
}

/* The library comes and goes --------------------------------------------------------------------
 */

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

__attribute__((constructor(LIBRARY_FIRST))) static void on_load(void)
{
	pthread_atfork(before_fork, after_fork, after_fork);
}

/* For dlclose(). At exit other threads may still be here: they find an empty table; handles that
 * are live keep theirs. */
__attribute__((destructor)) static void on_unload(void)
{
	pthread_mutex_lock(&lock);
	if (live == 0) {
		free(slots);
		slots = NULL;
		allocated = used = first_free = last_free = 0;
	}
	pthread_mutex_unlock(&lock);
}
