/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading copies of messages, and writing messages.
 */
#include "tests/unit/pchc_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

unsigned pchc_own_version(const struct octets *message)
{
	return message->size > 1 ? message->data[1] : 1;
}

enum pchc_verdict pchc_verdict_of(const uint8_t *data, size_t size, unsigned version)
{
	struct octets copy = {malloc(size > 0 ? size : 1), size};
	struct pchc_request request, untouched;
	enum pchc_verdict verdict;

	assert_non_null(copy.data);
	memcpy(copy.data, data, size);
	memset(&untouched, 0xa5, sizeof(untouched));
	request = untouched;
	verdict = pchc_request_read(copy.data, copy.size, version, &request);
	if (verdict != PCHC_VALID)
		assert_memory_equal(&request, &untouched, sizeof(request));
	octets_free(&copy);
	return verdict;
}

struct octets pchc_written(const struct pchc_request *request)
{
	struct octets octets = {NULL, pchc_request_size(request)};

	assert_true(octets.size > 0 && octets.size <= PCHC_REQUEST_MAX);
	octets.data = malloc(octets.size);
	assert_non_null(octets.data);
	pchc_request_write(request, octets.data);
	return octets;
}
