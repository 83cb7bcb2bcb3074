/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cursors: both orders of octets, and that a failure sticks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cache/bytes.h"

static const uint8_t counted[] = {1, 2, 3, 4, 5, 6, 7, 8};

static void numbers_are_read_in_both_orders(void **state)
{
	struct bytes_in big = bytes_in(counted, 8), little = bytes_in(counted, 8), in;

	(void)state;
	assert_int_equal(bytes_be64(&big), 0x0102030405060708);
	assert_int_equal(bytes_le64(&little), 0x0807060504030201);
	in = bytes_in(counted, 8);
	assert_int_equal(bytes_u8(&in), 1);
	assert_int_equal(bytes_be16(&in), 0x0203);
	assert_int_equal(bytes_be32(&in), 0x04050607);
	assert_int_equal(in.left, 1);
	in = bytes_in(counted, 6);
	assert_int_equal(bytes_le16(&in), 0x0201);
	assert_int_equal(bytes_le32(&in), 0x06050403);
	assert_true(bytes_complete(&in));
}

static void numbers_are_written_as_they_are_read(void **state)
{
	uint8_t data[29];
	struct bytes_out out = bytes_out(data, sizeof(data));
	struct bytes_in in = bytes_in(data, sizeof(data));

	(void)state;
	bytes_put_u8(&out, 0xfe);
	bytes_put_be16(&out, 0xfedc);
	bytes_put_be32(&out, 0xfedcba98);
	bytes_put_be64(&out, 0xfedcba9876543210);
	bytes_put_le16(&out, 0xfedc);
	bytes_put_le32(&out, 0xfedcba98);
	bytes_put_le64(&out, 0xfedcba9876543210);
	assert_false(out.failed);
	assert_int_equal(out.left, 0);
	assert_int_equal(bytes_u8(&in), 0xfe);
	assert_int_equal(bytes_be16(&in), 0xfedc);
	assert_int_equal(bytes_be32(&in), 0xfedcba98);
	assert_int_equal(bytes_be64(&in), 0xfedcba9876543210);
	assert_int_equal(bytes_le16(&in), 0xfedc);
	assert_int_equal(bytes_le32(&in), 0xfedcba98);
	assert_int_equal(bytes_le64(&in), 0xfedcba9876543210);
	assert_true(bytes_complete(&in));
}

static void reading_beyond_the_end_fails_for_good(void **state)
{
	struct bytes_in in = bytes_in(counted, 3);
	uint8_t copied[2] = {9, 9};

	(void)state;
	assert_int_equal(bytes_be32(&in), 0);
	assert_true(in.failed);
	assert_int_equal(bytes_u8(&in), 0);
	assert_null(bytes_take(&in, 1));
	bytes_copy(&in, copied, 2);
	assert_int_equal(copied[0] | copied[1], 0);
	assert_false(bytes_complete(&in));
}

static void writing_beyond_the_end_fails_for_good(void **state)
{
	uint8_t data[4] = {9, 9, 9, 9};
	struct bytes_out out = bytes_out(data, 3);

	(void)state;
	bytes_put_be32(&out, 0);
	assert_true(out.failed);
	bytes_put_u8(&out, 0);
	bytes_put(&out, counted, 1);
	assert_null(bytes_room(&out, 1));
	for (int i = 0; i < 4; i++)
		assert_int_equal(data[i], 9);
}

static void sizes_near_the_largest_do_not_wrap(void **state)
{
	uint8_t data[4];
	struct bytes_in in = bytes_in(counted, 8);
	struct bytes_out out = bytes_out(data, 4);

	(void)state;
	bytes_u8(&in);
	assert_null(bytes_take(&in, SIZE_MAX));
	bytes_put_u8(&out, 0);
	assert_null(bytes_room(&out, SIZE_MAX));
}

static void nothing_can_be_taken_from_nothing(void **state)
{
	struct bytes_in in = bytes_in(NULL, 0);
	struct bytes_out out = bytes_out(NULL, 0);

	(void)state;
	bytes_take(&in, 0);
	bytes_copy(&in, NULL, 0);
	bytes_put(&out, NULL, 0);
	assert_true(bytes_complete(&in));
	assert_false(out.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_in_both_orders),
		cmocka_unit_test(numbers_are_written_as_they_are_read),
		cmocka_unit_test(reading_beyond_the_end_fails_for_good),
		cmocka_unit_test(writing_beyond_the_end_fails_for_good),
		cmocka_unit_test(sizes_near_the_largest_do_not_wrap),
		cmocka_unit_test(nothing_can_be_taken_from_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
