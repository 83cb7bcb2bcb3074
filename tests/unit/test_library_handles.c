/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fs/api/library.h"

static int freed, forgotten;

static void count_freed(struct object *object)
{
	(void)object;
	freed++;
}

static void put_forgotten(struct object *object)
{
	forgotten++;
	object_release(object);
}

static int reset(void **state)
{
	(void)state;
	freed = forgotten = 0;
	return 0;
}

static HANDLE new_handle(struct object *object, enum object_kind kind)
{
	HANDLE handle;

	object_init(object, kind, count_freed);
	handle = handle_new(object);
	assert_non_null(handle);
	return handle;
}

static void handles_leave_their_low_bits_free_and_fit_32_bits(void **state)
{
	struct object object;
	HANDLE handle = new_handle(&object, OBJECT_STREAM);

	(void)state;
	assert_int_equal((uintptr_t)handle & 3, 0);
	assert_true((uintptr_t)handle <= UINT32_MAX);
	for (uintptr_t tag = 1; tag < 4; tag++)
		assert_null(handle_find((HANDLE)((uintptr_t)handle | tag), OBJECT_ANY));
	if (sizeof(handle) > 4)
		assert_null(handle_find(
			(HANDLE)(uintptr_t)((uint64_t)(uintptr_t)handle | 1ull << 32), OBJECT_ANY));
	object_release(handle_remove(handle, OBJECT_ANY));
}

static void a_handle_is_found_by_its_kind_only(void **state)
{
	struct object object;
	HANDLE handle = new_handle(&object, OBJECT_STREAM);

	(void)state;
	assert_null(handle_find(handle, OBJECT_ANY & ~OBJECT_STREAM));
	assert_null(handle_remove(handle, OBJECT_CONTENT));
	assert_ptr_equal(handle_find(handle, OBJECT_STREAM | OBJECT_PORT), &object);
	object_release(&object);
	object_release(handle_remove(handle, OBJECT_STREAM));
	assert_int_equal(freed, 1);
}

static void an_object_outlives_its_handle_while_it_is_used(void **state)
{
	struct object object;
	HANDLE handle = new_handle(&object, OBJECT_CONTENT);
	struct object *used = handle_find(handle, OBJECT_CONTENT);

	(void)state;
	object_release(handle_remove(handle, OBJECT_CONTENT));
	assert_null(handle_find(handle, OBJECT_ANY));
	assert_null(handle_remove(handle, OBJECT_ANY));
	assert_int_equal(freed, 0);
	object_release(used);
	assert_int_equal(freed, 1);
	object_release(NULL);
}

static void invented_handles_are_none(void **state)
{
	struct object objects[16];
	HANDLE handles[16];

	(void)state;
	for (int i = 0; i < 16; i++)
		handles[i] = new_handle(&objects[i], OBJECT_INSTANCE);
	for (uintptr_t value = 0; value < 65536; value++)
		assert_null(handle_find((HANDLE)value, OBJECT_ANY));
	assert_null(handle_find(INVALID_HANDLE_VALUE, OBJECT_ANY));
	assert_null(handle_find((HANDLE)&objects, OBJECT_ANY));
	for (int i = 0; i < 16; i++)
		object_release(handle_remove(handles[i], OBJECT_ANY));
}

/* A million closes at the least, by the contract; a fifth of them here. */
static void a_closed_handle_does_not_come_back(void **state)
{
	struct object object;
	HANDLE stale = new_handle(&object, OBJECT_STREAM);

	(void)state;
	object_release(handle_remove(stale, OBJECT_ANY));
	for (int i = 0; i < 200000; i++) {
		HANDLE handle = new_handle(&object, OBJECT_STREAM);

		assert_ptr_not_equal(handle, stale);
		object_release(handle_remove(handle, OBJECT_ANY));
	}
	assert_null(handle_find(stale, OBJECT_ANY));
}

static void thousands_of_handles_are_all_different(void **state)
{
	enum { COUNT = 5000 };
	static struct object objects[COUNT];
	static HANDLE handles[COUNT];

	(void)state;
	for (int i = 0; i < COUNT; i++)
		handles[i] = new_handle(&objects[i], OBJECT_CONTENT);
	for (int i = 0; i < COUNT; i++) {
		assert_ptr_equal(handle_find(handles[i], OBJECT_CONTENT), &objects[i]);
		object_release(&objects[i]);
	}
	for (int i = 0; i < COUNT; i++)
		assert_ptr_equal(handle_remove(handles[i], OBJECT_CONTENT), &objects[i]);
}

static void forgetting_takes_those_of_the_kinds(void **state)
{
	struct object instance, stream, event;
	HANDLE first = new_handle(&instance, OBJECT_INSTANCE);
	HANDLE second = new_handle(&stream, OBJECT_STREAM);
	HANDLE third = new_handle(&event, OBJECT_EVENT);

	(void)state;
	handles_forget(OBJECT_INSTANCE | OBJECT_STREAM, put_forgotten);
	assert_int_equal(forgotten, 2);
	assert_int_equal(freed, 2);
	assert_null(handle_find(first, OBJECT_ANY));
	assert_null(handle_find(second, OBJECT_ANY));
	assert_ptr_equal(handle_remove(third, OBJECT_ANY), &event);
}

static void peerdist_handles_are_not_for_closing(void **state)
{
	static const enum object_kind kinds[] = {OBJECT_INSTANCE, OBJECT_STREAM, OBJECT_INFORMATION,
						 OBJECT_CONTENT};
	struct object object;

	(void)state;
	for (int i = 0; i < 4; i++) {
		HANDLE handle = new_handle(&object, kinds[i]);

		SetLastError(0);
		assert_int_equal(CloseHandle(handle), FALSE);
		assert_int_equal(GetLastError(), ERROR_INVALID_HANDLE);
		assert_int_equal(WaitForSingleObject(handle, 0), WAIT_FAILED);
		assert_int_equal(GetLastError(), ERROR_INVALID_HANDLE);
		assert_int_equal(PeerDistLinuxGetDescriptor(handle), -1);
		object_release(handle_remove(handle, OBJECT_ANY));
	}
}

static void events_and_ports_are_closed_once(void **state)
{
	HANDLE handles[2] = {CreateEventA(NULL, TRUE, FALSE, NULL),
			     CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0)};

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(CloseHandle(handles[i]), TRUE);
		SetLastError(0);
		assert_int_equal(CloseHandle(handles[i]), FALSE);
		assert_int_equal(GetLastError(), ERROR_INVALID_HANDLE);
	}
	assert_int_equal(CloseHandle(NULL), FALSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(handles_leave_their_low_bits_free_and_fit_32_bits, reset),
		cmocka_unit_test_setup(a_handle_is_found_by_its_kind_only, reset),
		cmocka_unit_test_setup(an_object_outlives_its_handle_while_it_is_used, reset),
		cmocka_unit_test_setup(invented_handles_are_none, reset),
		cmocka_unit_test_setup(a_closed_handle_does_not_come_back, reset),
		cmocka_unit_test_setup(thousands_of_handles_are_all_different, reset),
		cmocka_unit_test_setup(forgetting_takes_those_of_the_kinds, reset),
		cmocka_unit_test_setup(peerdist_handles_are_not_for_closing, reset),
		cmocka_unit_test_setup(events_and_ports_are_closed_once, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
