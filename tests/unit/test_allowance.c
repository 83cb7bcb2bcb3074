/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Token buckets, and how many answers they let out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer/allowance.h"
#include "peer/bucket.h"

static unsigned take_all(struct bucket *bucket, int64_t now_ms)
{
	unsigned taken = 0;

	while (bucket_take(bucket, now_ms))
		taken++;
	return taken;
}

static void a_bucket_holds_one_seconds_worth(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_begin(&bucket, 100, 4000);
	bucket_has(&bucket, 4500); /* it is full, and stays so */
	bucket_has(&bucket, 5000);
	assert_int_equal(take_all(&bucket, 5000), 100);
	assert_false(bucket_has(&bucket, 5009));
	assert_true(bucket_has(&bucket, 5010));
	assert_int_equal(take_all(&bucket, 5010), 1);
	assert_int_equal(take_all(&bucket, 5510), 50);
	assert_int_equal(take_all(&bucket, 1000000000), 100);
}

static void a_bucket_loses_no_part_of_a_token(void **state)
{
	struct bucket bucket;
	unsigned taken = 0;

	(void)state;
	bucket_begin(&bucket, 3, 0);
	take_all(&bucket, 0);
	for (int64_t now_ms = 1; now_ms <= 10000; now_ms++)
		taken += take_all(&bucket, now_ms);
	assert_int_equal(taken, 30);
}

static void a_clock_that_goes_back_gives_nothing(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_begin(&bucket, 10, 5000);
	take_all(&bucket, 5000);
	assert_int_equal(take_all(&bucket, 0), 0);
	assert_int_equal(take_all(&bucket, 5000), 0);
	assert_int_equal(take_all(&bucket, 5100), 1);
}

static void extreme_rates_and_times_do_no_harm(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_begin(&bucket, 0, 0);
	assert_false(bucket_take(&bucket, INT64_MAX));
	bucket_begin(&bucket, UINT32_MAX, 0);
	assert_true(bucket_take(&bucket, 999));
	assert_true(bucket_take(&bucket, INT64_MAX));
}

static struct xaddr host(uint32_t number)
{
	struct xaddr host = {.family = XADDR_IPV4, .port = 1};

	memcpy(host.octets, &number, sizeof(number));
	return host;
}

static struct allowance *created(uint32_t all, uint32_t each)
{
	struct allowance *allowance;

	assert_int_equal(allowance_create(all, each, 3, 0, &allowance), 0);
	return allowance;
}

static unsigned answers(struct allowance *allowance, uint32_t number, unsigned probes,
			int64_t now_ms)
{
	struct xaddr source = host(number);
	unsigned granted = 0;

	while (probes-- > 0)
		granted += allowance_grants(allowance, &source, now_ms);
	return granted;
}

static void one_asker_gets_its_share_and_no_more(void **state)
{
	struct allowance *allowance = created(ALLOWANCE_ALL, ALLOWANCE_EACH);

	(void)state;
	assert_int_equal(answers(allowance, 1, 5000, 0), 100);
	assert_int_equal(answers(allowance, 2, 100, 0), 100);
	assert_int_equal(answers(allowance, 1, 5000, 100), 10);
	allowance_free(allowance);
	allowance_free(NULL);
}

static void the_port_and_the_refused_do_not_count(void **state)
{
	struct allowance *allowance = created(1000, 2);
	struct xaddr source = host(1);

	(void)state;
	assert_true(allowance_grants(allowance, &source, 0));
	source.port = 2;
	assert_true(allowance_grants(allowance, &source, 0));
	source.port = 3;
	for (unsigned i = 0; i < 100; i++)
		assert_false(allowance_grants(allowance, &source, 0));
	assert_true(allowance_grants(allowance, &source, 500));
	allowance_free(allowance);
}

static void all_together_get_no_more_than_all(void **state)
{
	struct allowance *allowance = created(1000, 100);
	unsigned granted = 0;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++)
		granted += answers(allowance, i, 1, 0);
	assert_int_equal(granted, 1000);
	assert_int_equal(answers(allowance, 100000, 1, 0), 0);
	assert_int_equal(answers(allowance, 100000, 10, 5), 5);
	allowance_free(allowance);
}

static void who_was_answered_is_remembered_until_it_does_not_matter(void **state)
{
	struct allowance *allowance = created(50, 10);

	(void)state;
	assert_int_equal(answers(allowance, 1, 50, 0), 10);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(answers(allowance, 1000 + i, 1, 0), 1);
	for (uint32_t i = 1; i <= 20; i++)
		assert_int_equal(answers(allowance, 2000 + i, 1, i * 20), 1);
	assert_int_equal(answers(allowance, 1, 50, 800), 8);
	allowance_free(allowance);
}

/* However many forged sources come between, who has used up its share is not forgotten. */
static void a_flood_does_not_renew_a_share(void **state)
{
	struct allowance *allowance = created(50, 10);
	unsigned granted = 0;

	(void)state;
	assert_int_equal(answers(allowance, 1, 10, 0), 10);
	for (int64_t now_ms = 0; now_ms < 1000; now_ms++) {
		granted += answers(allowance, 1, 1, now_ms);
		answers(allowance, (uint32_t)(1000 + now_ms), 1, now_ms);
	}
	assert_in_range(granted, 5, 10);
	allowance_free(allowance);
}

static void rates_of_nothing_grant_nothing(void **state)
{
	struct allowance *none = created(0, 100), *nobody = created(100, 0);

	(void)state;
	assert_int_equal(answers(none, 1, 10, 5000), 0);
	assert_int_equal(answers(nobody, 1, 10, 5000), 0);
	allowance_free(none);
	allowance_free(nobody);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_holds_one_seconds_worth),
		cmocka_unit_test(a_bucket_loses_no_part_of_a_token),
		cmocka_unit_test(a_clock_that_goes_back_gives_nothing),
		cmocka_unit_test(extreme_rates_and_times_do_no_harm),
		cmocka_unit_test(one_asker_gets_its_share_and_no_more),
		cmocka_unit_test(the_port_and_the_refused_do_not_count),
		cmocka_unit_test(all_together_get_no_more_than_all),
		cmocka_unit_test(who_was_answered_is_remembered_until_it_does_not_matter),
		cmocka_unit_test(a_flood_does_not_renew_a_share),
		cmocka_unit_test(rates_of_nothing_grant_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
