/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An instance on a scripted control file, and what most tests of the library do with it.
 */
#ifndef TESTS_UNIT_CLIENT_FIXTURE_H
#define TESTS_UNIT_CLIENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "fs/api/peerdist.h"
#include "tests/unit/control_scene.h"

struct fixture {
	struct control_scene scene;
	HANDLE instance, content;
};

static inline HANDLE open_content(HANDLE instance, HANDLE port, ULONG_PTR key)
{
	static const PEERDIST_CONTENT_TAG tag = {"a tag"};
	HANDLE content = NULL;

	assert_int_equal(PeerDistClientOpenContent(instance, &tag, port, key, &content), 0);
	assert_non_null(content);
	return content;
}

static inline HANDLE open_stream(HANDLE instance, HANDLE port, ULONG_PTR key)
{
	BYTE identifier[] = "an identifier";
	HANDLE stream = NULL;

	assert_int_equal(PeerDistServerPublishStream(instance, sizeof(identifier), identifier, 0,
						     NULL, port, key, &stream),
			 0);
	return stream;
}

static inline int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	control_scene_start(&fixture->scene);
	if (!fixture->scene.there)
		return 0;
	assert_int_equal(PeerDistStartup(PEERDIST_VERSION, &fixture->instance, NULL), 0);
	fixture->content = open_content(fixture->instance, NULL, 0);
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	if (fixture->instance)
		PeerDistShutdown(fixture->instance);
	control_scene_end(&fixture->scene);
	free(fixture);
	return 0;
}

/* The fixture; where there cannot be one the test is skipped. */
static inline struct fixture *fixture_of(void **state)
{
	struct fixture *fixture = *state;

	if (!fixture->scene.there) {
		print_message("needs root and /dev/fuse\n");
		skip();
	}
	return fixture;
}

#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

static inline void set_offset(OVERLAPPED *overlapped, uint64_t offset)
{
	overlapped->Offset = (DWORD)offset;
	overlapped->OffsetHigh = (DWORD)(offset >> 32);
}

static inline uint64_t offset_of(const OVERLAPPED *overlapped)
{
	return (uint64_t)overlapped->OffsetHigh << 32 | overlapped->Offset;
}

/* A block read that does what BEHAVIOUR says; what the call returns. */
static inline DWORD start_read(const struct fixture *fixture, void *buffer, DWORD length,
			       enum control_scene_read behaviour, OVERLAPPED *overlapped)
{
	return PeerDistClientBlockRead(fixture->instance, fixture->content, length, buffer,
				       behaviour, overlapped);
}

/* The code of the operation, once it has ended. */
static inline DWORD result_of(OVERLAPPED *overlapped, DWORD *bytes)
{
	DWORD count = 0xDEAD;
	BOOL good = PeerDistGetOverlappedResult(overlapped, &count, TRUE);

	if (bytes)
		*bytes = count;
	return good ? 0 : GetLastError();
}

/* The same for a read that does what BEHAVIOUR says. */
static inline DWORD do_read(const struct fixture *fixture, void *buffer, DWORD length,
			    enum control_scene_read behaviour, OVERLAPPED *overlapped)
{
	assert_int_equal(start_read(fixture, buffer, length, behaviour, overlapped),
			 ERROR_IO_PENDING);
	return result_of(overlapped, NULL);
}

static inline void assert_pattern(const void *buffer, uint64_t position, size_t length)
{
	uint8_t *expected = malloc(length);

	control_scene_fill(expected, position, length);
	assert_memory_equal(buffer, expected, length);
	free(expected);
}

#endif
