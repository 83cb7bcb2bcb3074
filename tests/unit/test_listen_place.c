/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The key listen: every form there is, and what is none.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/listen_place.h"

static void assert_place(const char *text, const char *address, unsigned first, unsigned last)
{
	struct listen_place place;

	memset(&place, 0x55, sizeof place);
	assert_int_equal(listen_place_read(text, &place), 0);
	if (address == NULL)
		assert_null(listen_place_address(&place));
	else
		assert_string_equal(listen_place_address(&place), address);
	assert_int_equal(place.port_first, first);
	assert_int_equal(place.port_last, last);
}

static void forms_are_understood(void **state)
{
	(void)state;
	assert_place(NULL, NULL, 1337, 1352);
	assert_place("0", NULL, 0, 0);
	assert_place("80", NULL, 80, 80);
	assert_place("65535", NULL, 65535, 65535);
	assert_place("192.0.2.1:1400", "192.0.2.1", 1400, 1400);
	assert_place("0.0.0.0:80", "0.0.0.0", 80, 80);
	assert_place("[::]:80", "::", 80, 80);
	assert_place("[0::0]:80", "::", 80, 80);
	assert_place("[0:0:0:0:0:0:0:0]:80", "::", 80, 80);
	assert_place("[::0.0.0.0]:80", "::", 80, 80);
	assert_place("[::ffff:0.0.0.0]:80", "0.0.0.0", 80, 80);
	assert_place("127.0.0.1:0", "127.0.0.1", 0, 0);
	assert_place("[::1]:1337", "::1", 1337, 1337);
	assert_place("[2001:db8:1:2:3:4:5:6]:80", "2001:db8:1:2:3:4:5:6", 80, 80);
	assert_place("[2001:db8:ffff:ffff:ffff:ffff:192.168.100.200]:80",
		     "2001:db8:ffff:ffff:ffff:ffff:192.168.100.200", 80, 80);
}

static void what_is_no_place_is_refused(void **state)
{
	static const char *const texts[] = {"",
					    ":",
					    ":80",
					    "x",
					    "-1",
					    "+80",
					    " 80",
					    "80 ",
					    "65536",
					    "000080",
					    "99999999999999999999",
					    "name:80",
					    "192.0.2.1",
					    "192.0.2.1:",
					    "192.0.2:80",
					    "192.0.2.256:80",
					    "192.0.2.1:80:80",
					    "::1",
					    "::1:80",
					    "[::1]",
					    "[::1]80",
					    "[]:80",
					    "[::1:80",
					    "::1]:80",
					    "[192.0.2.1]:80",
					    "[fe80::1%eth0]:80",
					    "[::g]:80",
					    "[ff02::c]:80",
					    "239.255.255.250:3702",
					    "255.255.255.255:80",
					    "[00000000000000000000000000000000000000000000001]:80"};
	struct listen_place place, before;

	(void)state;
	memset(&before, 0x55, sizeof before);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memcpy(&place, &before, sizeof place);
		if (listen_place_read(texts[i], &place) != -EINVAL)
			fail_msg("\"%s\" was taken", texts[i]);
		assert_memory_equal(&place, &before, sizeof place);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_are_understood),
		cmocka_unit_test(what_is_no_place_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
