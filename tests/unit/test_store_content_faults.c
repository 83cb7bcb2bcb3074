/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information while the disk fails: the Nth write, read, link or file that is opened fails,
 * for every N, while an object is described, given another content, disowned. Whatever came of it,
 * every unit is right or absent, now and after a restart, and the object can be used.
 */
#include "tests/unit/store_content_fixture.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>

#define SIZE (1 * MIB + 4321)

/* ---- calls that fail ---- */

static atomic_int calls_left = -1; /* 0: the next call fails; negative: none */
static atomic_bool stays;          /* those after it fail too */
static atomic_bool links_fail;

/* Whether this call is to fail. */
static bool fails(void)
{
	int left = atomic_load(&calls_left);

	while (left >= 0)
		if (atomic_compare_exchange_weak(&calls_left, &left,
						 left == 0 && atomic_load(&stays) ? 0 : left - 1))
			return left == 0;
	return false;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	if (fails()) {
		errno = ENOSPC;
		return -1;
	}
	return REAL(pwrite64)(fd, data, size, offset);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
	if (fails()) {
		errno = EIO;
		return -1;
	}
	return REAL(pread64)(fd, data, size, offset);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	if (atomic_load(&links_fail) || fails()) {
		errno = EACCES;
		return -1;
	}
	return REAL(linkat)(from_fd, from, to_fd, to, flags);
}

int openat64(int fd, const char *name, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? (mode_t)va_arg(arguments, int) : 0;
	va_end(arguments);
	if (fails()) {
		errno = EMFILE;
		return -1;
	}
	return REAL(openat64)(fd, name, flags, mode);
}

/* ---- what is done meanwhile ---- */

struct scene {
	struct store *store;
	struct object *object;
	const unsigned char *data;
	struct encoded *encoded[2]; /* of versions 1 and 2 */
};

static void describe_by(struct scene *scene, unsigned version)
{
	struct content *content;
	uint64_t dropped = 0;

	if (take_in(scene->store, scene->encoded[version - 1], 1000, &content) != 0)
		return;
	if (describe(scene->object, content, &dropped) == 0)
		assert_int_equal(dropped, 0);
	content_put(content);
}

static void describe_first(struct scene *scene)
{
	describe_by(scene, 2);
}

static void describe_anew(struct scene *scene)
{
	describe_by(scene, 1);
	describe_by(scene, 2);
}

static void disown(struct scene *scene)
{
	object_disown(scene->object, true);
}

static void load(struct scene *scene)
{
	content_put(object_content(scene->object));
}

static void clear(struct scene *scene)
{
	store_clear(scene->store, "f", NULL);
}

/* ---- each of them ---- */

static void open_scene(struct scene *scene, bool described)
{
	struct object *object;

	scene->store = fixture_open(LIMIT);
	object = described ? make_described(scene->store, "f", scene->data, SIZE, 2)
			   : make_object(scene->store, "f", SIZE);
	write_units(object, scene->data, 0, UINT32_MAX);
	object_put(object);
	store_close(scene->store);
	scene->store = fixture_open(LIMIT);
	scene->object = make_object(scene->store, "f", SIZE);
}

/* A disk that failed is left alone for some seconds, unless the store is opened anew. */
static void check_after(struct scene *scene)
{
	octets_right(scene->object, scene->data);
	assert_true(usage(scene->store).used <= LIMIT);
	object_put(scene->object);
	store_close(scene->store);
	for (unsigned round = 0; round < 2; round++) {
		scene->store = fixture_open(LIMIT);
		scene->object = make_object(scene->store, "f", SIZE);
		octets_right(scene->object, scene->data);
		if (has_content(scene->object))
			assert_true(has_content_of(scene->object, scene->data));
		write_units(scene->object, scene->data, 0, UINT32_MAX);
		assert_int_equal(octets_right(scene->object, scene->data), SIZE);
		object_put(scene->object);
		store_close(scene->store);
	}
}

/* Returns whether a call failed: if none did there are not so many. */
static bool try_one(struct scene *scene, void (*act)(struct scene *scene), bool described,
		    int number, bool for_good)
{
	bool failed;

	open_scene(scene, described);
	atomic_store(&stays, for_good);
	atomic_store(&calls_left, number);
	act(scene);
	failed = for_good ? atomic_load(&calls_left) == 0 : atomic_load(&calls_left) < 0;
	atomic_store(&calls_left, -1);
	check_after(scene);
	fixture_teardown(NULL);
	fixture_setup(NULL);
	return failed;
}

static void try_all(void (*act)(struct scene *scene), bool described)
{
	enum { MANY = 1000 };
	unsigned char *data = make_octets(SIZE, 1);
	struct scene scene = {.data = data};
	int number = 0;

	for (unsigned i = 0; i < 2; i++)
		scene.encoded[i] = encode(data, SIZE, i + 1);
	/* Closer at the beginning, where most differs. */
	for (; number < MANY; number += 1 + number / 16)
		if (!try_one(&scene, act, described, number, number % 2 != 0))
			break;
	assert_in_range(number, 3, MANY - 1);
	for (unsigned i = 0; i < 2; i++)
		free(scene.encoded[i]);
	free(data);
}

static void describing_survives_failures(void **state)
{
	(void)state;
	try_all(describe_first, false);
}

static void describing_anew_survives_failures(void **state)
{
	(void)state;
	try_all(describe_anew, true);
}

static void disowning_survives_failures(void **state)
{
	(void)state;
	try_all(disown, true);
}

static void loading_survives_failures(void **state)
{
	(void)state;
	try_all(load, true);
}

static void clearing_survives_failures(void **state)
{
	(void)state;
	try_all(clear, true);
}

static void content_that_gets_no_name_is_not_kept(void **state)
{
	unsigned char *data = make_octets(SIZE, 1);
	struct scene scene = {.data = data};
	struct content *content;
	uint64_t dropped, used;

	(void)state;
	open_scene(&scene, false);
	content = content_of(scene.store, data, SIZE, 2);
	atomic_store(&links_fail, true);
	assert_int_equal(describe(scene.object, content, &dropped), -EACCES);
	atomic_store(&links_fail, false);
	assert_true(cutting_is_uniform(object_cutting(scene.object)));
	assert_int_equal(object_cached(scene.object), 0);
	assert_false(has_content(scene.object));
	content_put(content);
	assert_int_equal(store_clear(scene.store, NULL, NULL), 0);
	used = usage(scene.store).used;
	write_units(scene.object, data, 0, UINT32_MAX);
	assert_in_range(usage(scene.store).used, used + SIZE, used + SIZE + MIB);
	assert_int_equal(count_content_files(), 0);
	check_after(&scene);
	free(data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(describing_survives_failures), TEST(describing_anew_survives_failures),
		TEST(disowning_survives_failures),  TEST(loading_survives_failures),
		TEST(clearing_survives_failures),   TEST(content_that_gets_no_name_is_not_kept),
	};

	log_open("/dev/null", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
