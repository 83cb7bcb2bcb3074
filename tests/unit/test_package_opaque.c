/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opaque blocks in packages: from one hosted cache to another, and nowhere else.
 */
#include "tests/unit/package_fixture.h"

#include "cache/store_opaque.h"

enum { SIZES = 5 };
static const uint32_t sizes[SIZES] = {1, 16, 4096, 65536 + 16, STORE_OPAQUE_MAX};

static void describe_opaque(unsigned number, struct store_opaque *block_out, uint8_t id[64],
			    unsigned char *data)
{
	fixture_fill(id, 64, number / 4 + 1);
	fixture_fill(data, STORE_OPAQUE_MAX, number + 100);
	*block_out = (struct store_opaque){
		.id = id,
		.id_size = number % 8 < 4 ? 32 : 64,
		.block = number % 4,
		.algorithm = number % 8 < 4 ? DIGEST_SHA512_TRUNC256 : DIGEST_SHA512,
		.segment_size = 1000 + number,
		.cipher = (uint8_t)(number % 2),
		.size = sizes[number % SIZES],
		.giver = {{(uint8_t)number}},
	};
	fixture_fill(block_out->iv, sizeof(block_out->iv), number + 200);
}

static void fill(struct store *store, unsigned count)
{
	unsigned char *data = malloc(STORE_OPAQUE_MAX);
	struct store_opaque block;
	uint8_t id[64];

	for (unsigned i = 0; i < count; i++) {
		describe_opaque(i, &block, id, data);
		assert_int_equal(store_opaque_write(store, &block, data, STORE_OPAQUE_ROOM_OF_ALL,
						    NULL, NULL),
				 0);
	}
	free(data);
}

/* How many are there; each as it was. */
static unsigned check(struct store *store, unsigned count)
{
	unsigned char *data = malloc(STORE_OPAQUE_MAX), *read = malloc(STORE_OPAQUE_MAX);
	struct store_opaque block, there;
	unsigned found = 0;
	uint8_t id[64];

	for (unsigned i = 0; i < count; i++) {
		describe_opaque(i, &block, id, data);
		if (store_opaque_read(store, id, block.id_size, block.block, &there, read) != 0)
			continue;
		assert_int_equal(there.size, block.size);
		assert_memory_equal(read, data, block.size);
		assert_int_equal(there.algorithm, block.algorithm);
		assert_int_equal(there.segment_size, block.segment_size);
		assert_int_equal(there.cipher, block.cipher);
		assert_memory_equal(there.iv, block.iv, sizeof(block.iv));
		found++;
	}
	free(data);
	free(read);
	return found;
}

static void opaque_blocks_go_from_one_hosted_cache_to_another(void **state)
{
	static const char *const everything[] = {""};
	const struct package_options options = {.opaque = true, .places = true};
	struct store *store = fixture_open(64 * MIB), *other = open_other(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out, in;

	(void)state;
	fill(store, 40);
	assert_int_equal(export_paths(store, everything, 1, &options, &bundle, &out), 0);
	assert_int_equal(out.opaque, 40);
	assert_int_equal(out.contents, 0);
	assert_int_equal(import(other, &bundle, &options, &in), 0);
	assert_int_equal(in.opaque, 40);
	assert_int_equal(in.octets, out.octets);
	assert_int_equal(in.bad + in.unfit, 0);
	assert_int_equal(check(other, 40), 40);
	assert_int_equal(import(other, &bundle, &options, &in), 0);
	assert_int_equal(in.opaque, 0);
	assert_int_equal(in.present, 40);
	bundle_clear(&bundle);
	store_close(other);
	store_close(store);
}

static void others_pass_them_over(void **state)
{
	static const char *const everything[] = {""};
	const struct package_options options = {.opaque = true};
	struct store *store = fixture_open(64 * MIB), *other = open_other(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out, in;

	(void)state;
	fill(store, 8);
	assert_int_equal(export_paths(store, everything, 1, &options, &bundle, &out), 0);
	assert_int_equal(import(other, &bundle, NULL, &in), 0);
	assert_int_equal(in.unfit, 8);
	assert_int_equal(in.opaque, 0);
	assert_int_equal(check(other, 8), 0);
	bundle_clear(&bundle);
	/* And they do not give them, though they may have some. */
	assert_int_equal(export_paths(store, everything, 1, NULL, &bundle, &out), -ENOENT);
	bundle_clear(&bundle);
	store_close(other);
	store_close(store);
}

static void wrong_ones_are_counted(void **state)
{
	const struct package_options options = {.opaque = true};
	struct store *store = fixture_open(16 * MIB);
	struct author *author = author_create();
	struct package_figures in;
	uint8_t body[28 + 64 + 4] = {0};

	(void)state;
	body[10] = 64; /* octets of the id */
	author_octets(author, PACKAGE_OPAQUE, body, sizeof(body));
	author_octets(author, PACKAGE_OPAQUE, body, 28 + 64); /* no octets */
	author_octets(author, PACKAGE_OPAQUE, body, 28 + 63);
	body[10] = 31;
	author_octets(author, PACKAGE_OPAQUE, body, sizeof(body));
	body[10] = 65;
	author_octets(author, PACKAGE_OPAQUE, body, sizeof(body));
	body[10] = 32;
	body[1] = 2; /* block 512 */
	author_octets(author, PACKAGE_OPAQUE, body, sizeof(body));
	body[1] = 0;
	body[8] = DIGEST_ALGORITHMS;
	author_octets(author, PACKAGE_OPAQUE, body, sizeof(body));
	assert_int_equal(package_write_end(&author->writer), 0);
	assert_int_equal(import(store, &author->bundle, &options, &in), 0);
	assert_true(in.bad >= 6);
	assert_int_equal(in.bad + in.opaque, 7);
	author_free(author);
	store_close(store);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(opaque_blocks_go_from_one_hosted_cache_to_another),
		TEST(others_pass_them_over),
		TEST(wrong_ones_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
