/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Requests of the retrieval protocol: the worked messages and the table of bad requests row by row
 * (retrieval.md sections 10 and 15), as a server reads them and as a client writes them; then what
 * is of neither direction alone: path and versions.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/retrieval_vectors.h"

static const char *const verdicts[] = {
	[PCCRR_VALID] = "valid",
	[PCCRR_INCOMPATIBLE] = "incompatible",
	[PCCRR_MALFORMED] = "malformed",
};

static void check_ids(const struct pccrr_request *request, const json_t *expected)
{
	struct pccrr_ids rest = request->ids;
	struct pccrr_id id;
	const json_t *hex;
	size_t i;

	assert_int_equal(request->ids.count, json_array_size(expected));
	json_array_foreach(expected, i, hex)
	{
		assert_true(pccrr_ids_next(&rest, &id));
		assert_hex(id.octets, id.size, json_string_value(hex));
	}
	assert_false(pccrr_ids_next(&rest, &id));
	assert_int_equal(rest.size, 0);
}

static void check_read(const struct pccrr_request *request, const json_t *expected)
{
	assert_int_equal(request->type, vectors_number(expected, "type"));
	assert_int_equal(request->cipher, vectors_number(expected, "cipher"));
	assert_version(request->version, vectors_list(expected, "version"));
	switch (request->type) {
	case PCCRR_ASK_VERSIONS:
		assert_version(request->least, vectors_list(expected, "least"));
		assert_version(request->most, vectors_list(expected, "most"));
		break;
	case PCCRR_ASK_LIST:
		assert_id(request->segment, expected, "segment");
		assert_set(request->blocks, PCCRR_BLOCKS, vectors_list(expected, "blocks"));
		break;
	case PCCRR_ASK_BLOCK:
		assert_id(request->segment, expected, "segment");
		assert_int_equal(request->block, vectors_number(expected, "block"));
		assert_int_equal(request->none, vectors_true(expected, "none"));
		break;
	case PCCRR_ASK_SEGMENTS:
		assert_json_hex(request->request_id, PCCRR_REQUEST_ID_SIZE, expected, "request_id");
		check_ids(request, vectors_list(expected, "ids"));
		assert_json_hex(request->blob.octets, request->blob.size, expected, "blob");
		break;
	default:
		fail_msg("type %d is no request", (int)request->type);
	}
}

static void check_vector(const json_t *vector)
{
	struct octets message = vectors_octets(vector, "message"), expected, written;
	struct pccrr_request request, untouched;
	enum pccrr_verdict verdict;

	memset(&untouched, 0xa5, sizeof(untouched));
	request = untouched;
	verdict = pccrr_request_read(message.data, message.size, &request);
	if (strcmp(verdicts[verdict], vectors_text(vector, "verdict")) != 0)
		fail_msg("%s: %s", vectors_text(vector, "name"), verdicts[verdict]);
	if (verdict != PCCRR_VALID) {
		assert_memory_equal(&request, &untouched, sizeof(request));
		octets_free(&message);
		return;
	}
	check_read(&request, json_object_get(vector, "read"));
	written = write_request(&request);
	expected = json_object_get(vector, "written") != NULL ? vectors_octets(vector, "written")
							      : vectors_octets(vector, "message");
	assert_octets(&written, &expected);
	octets_free(&written);
	octets_free(&expected);
	octets_free(&message);
}

static void vectors_are_read_and_written(void **state)
{
	json_t *file = retrieval_load("messages.json");
	const json_t *vector;
	size_t i;

	(void)state;
	assert_true(json_array_size(json_object_get(file, "requests")) > 100);
	json_array_foreach(json_object_get(file, "requests"), i, vector) check_vector(vector);
	json_decref(file);
}

/* Of exactly the octets, so that a sanitizer sees what reads on. MENDED: the message says that it
 * has this size. */
static enum pccrr_verdict read_copy(const uint8_t *data, size_t size, bool mended,
				    struct pccrr_request *request_out)
{
	struct octets copy = {malloc(size > 0 ? size : 1), size};
	enum pccrr_verdict verdict;

	assert_non_null(copy.data);
	memcpy(copy.data, data, size);
	if (mended)
		set_message_size(copy.data, size);
	verdict = pccrr_request_read(copy.data, copy.size, request_out);
	octets_free(&copy);
	return verdict;
}

static void no_prefix_is_a_message(void **state)
{
	json_t *file = retrieval_load("messages.json");
	const json_t *vector;
	size_t i, tried = 0;

	(void)state;
	json_array_foreach(json_object_get(file, "requests"), i, vector)
	{
		struct octets message = vectors_octets(vector, "message");
		struct pccrr_request request;

		if (strcmp(vectors_text(vector, "verdict"), "valid") != 0)
			message.size = 0;
		for (size_t size = 0; size < message.size; size++, tried++)
			for (int mended = 0; mended <= (size >= 12); mended++)
				if (read_copy(message.data, size, mended, &request) !=
				    PCCRR_MALFORMED)
					fail_msg("%s at %zu", vectors_text(vector, "name"), size);
		octets_free(&message);
	}
	assert_true(tried > 3000);
	json_decref(file);
}

/* A letter for each octet, or a number of them: what becomes of a message when it is changed. */
struct sensitivity {
	const char *name;
	const char *octets;
};
/* any value is valid; none other is; M: 1 and 2 are valid, others incompatible; C: 0 to 3 are */
#define ANY 'a'
#define NONE 'n'
#define MAJOR 'M'
#define CIPHER 'C'
#define HEADER "aanMnnnnnnnnnnnC"

static const struct sensitivity sensitivities[] = {
	{"worked-block", HEADER "nnnnaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaannnnaaaaaaaannnn"},
	{"worked-list", HEADER "nnnnaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaannnnaaaaaaaaaaaaaaaa"},
	{"worked-versions", HEADER "aaaaaaaa"},
	{"worked-segments",
	 HEADER "aaaaaaaaaaaaaaaannnn"
		"nnnnaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaannnnaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaannnn"},
};

static enum pccrr_verdict expected_of(char letter, size_t at, uint8_t value)
{
	switch (letter) {
	case ANY:
		return PCCRR_VALID;
	case MAJOR:
		return value == 1 || value == 2 ? PCCRR_VALID : PCCRR_INCOMPATIBLE;
	case CIPHER:
		return value <= 3 ? PCCRR_VALID : PCCRR_MALFORMED;
	default: /* the high half of the major, whatever the rest */
		return at == 2 ? PCCRR_INCOMPATIBLE : PCCRR_MALFORMED;
	}
}

static void check_mutations(struct octets *message, const struct sensitivity *sensitivity)
{
	struct pccrr_request request;

	assert_int_equal(strlen(sensitivity->octets), message->size);
	for (size_t at = 0; at < message->size; at++) {
		uint8_t original = message->data[at];

		for (unsigned flip = 1; flip < 256; flip++) {
			uint8_t value = (uint8_t)(original ^ flip);
			enum pccrr_verdict verdict;

			message->data[at] = value;
			verdict = pccrr_request_read(message->data, message->size, &request);
			if (verdict != expected_of(sensitivity->octets[at], at, value))
				fail_msg("%s: %#x at %zu gives %s", sensitivity->name, value, at,
					 verdicts[verdict]);
		}
		message->data[at] = original;
	}
}

static const json_t *vector_named(const json_t *vectors, const char *name)
{
	const json_t *vector;
	size_t i;

	json_array_foreach(vectors, i, vector) if (strcmp(vectors_text(vector, "name"), name) ==
						   0) return vector;
	fail_msg("no vector %s", name);
	return NULL;
}

static void each_changed_octet_has_its_verdict(void **state)
{
	json_t *file = retrieval_load("messages.json");

	(void)state;
	for (size_t i = 0; i < sizeof(sensitivities) / sizeof(sensitivities[0]); i++) {
		const json_t *vector =
			vector_named(json_object_get(file, "requests"), sensitivities[i].name);
		struct octets message = vectors_octets(vector, "message");

		check_mutations(&message, &sensitivities[i]);
		octets_free(&message);
	}
	json_decref(file);
}

/* COUNT ids of SIZE octets. */
static struct octets many_ids(uint32_t count, uint32_t size, struct pccrr_request *request_out)
{
	static const uint8_t id[PCCRR_ID_SIZE_MAX];
	struct octets ids = {malloc((size_t)count * 68), (size_t)count * 68};
	struct bytes_out out = bytes_out(ids.data, ids.size);

	assert_non_null(ids.data);
	for (uint32_t i = 0; i < count; i++)
		pccrr_ids_put(&out, (struct pccrr_id){id, size});
	assert_false(out.failed);
	*request_out = (struct pccrr_request){
		.type = PCCRR_ASK_SEGMENTS,
		.ids = {ids.data, (uint32_t)(out.at - ids.data), count},
	};
	return ids;
}

static void ids_fill_a_message(void **state)
{
	static const struct {
		uint32_t count, size;
		size_t message;
	} rows[] = {{2729, 32, 98284},
		    {2730, 32, 0},
		    {PCCRR_IDS_MAX, 1, 98304},
		    {PCCRR_IDS_MAX + 1, 4, 0},
		    {0, 32, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pccrr_request request, read;
		struct octets ids = many_ids(rows[i].count, rows[i].size, &request), message;

		message = write_request(&request);
		assert_int_equal(message.size, rows[i].message);
		if (message.size > 0) {
			assert_int_equal(pccrr_request_read(message.data, message.size, &read),
					 PCCRR_VALID);
			assert_int_equal(read.ids.count, rows[i].count);
			assert_int_equal(read.ids.size, request.ids.size);
		}
		octets_free(&message);
		octets_free(&ids);
	}
}

static void the_limit_is_to_the_octet(void **state)
{
	static const uint8_t blob[24];
	struct pccrr_request request, read;
	struct octets ids = many_ids(2729, 32, &request), message;

	(void)state;
	request.blob = (struct pccrr_blob){blob, 21};
	assert_int_equal(pccrr_request_size(&request), 0);
	request.blob.size = 20;
	message = write_request(&request);
	assert_int_equal(message.size, PCCRR_REQUEST_MAX);
	assert_int_equal(pccrr_request_read(message.data, message.size, &read), PCCRR_VALID);
	/* One octet more, everywhere. */
	message.data = realloc(message.data, message.size + 1);
	assert_non_null(message.data);
	message.data[message.size++] = 0;
	message.data[message.size - 22] = 21;
	set_message_size(message.data, message.size);
	assert_int_equal(pccrr_request_read(message.data, message.size, &read), PCCRR_MALFORMED);
	octets_free(&message);
	octets_free(&ids);
}

static void what_cannot_be_asked_has_no_size(void **state)
{
	static const uint8_t id[PCCRR_ID_SIZE_MAX + 1];
	struct pccrr_request request = {.type = PCCRR_ASK_BLOCK, .segment = {id, 32}};

	(void)state;
	assert_int_equal(pccrr_request_size(&request), 68);
	request.segment.size = 0;
	assert_int_equal(pccrr_request_size(&request), 0);
	request.segment.size = 65;
	assert_int_equal(pccrr_request_size(&request), 0);
	request.type = PCCRR_ASK_LIST;
	assert_int_equal(pccrr_request_size(&request), 0);
	request.segment.size = 32;
	assert_int_equal(pccrr_request_size(&request), 56);
	request.cipher = CIPHER_ALGORITHMS;
	assert_int_equal(pccrr_request_size(&request), 0);
	request.cipher = CIPHER_NONE;
	for (request.type = 0; request.type <= PCCRR_TYPES; request.type++)
		assert_int_equal(pccrr_request_size(&request) > 0,
				 request.type == PCCRR_ASK_VERSIONS ||
					 request.type == PCCRR_ASK_LIST ||
					 request.type == PCCRR_ASK_BLOCK);
}

/* A version is the type's own unless the caller says another. */
static void version_is_of_the_type(void **state)
{
	static const uint8_t own[4] = {0, 0, 0, 1}, other[4] = {0, 0, 0, 2};
	struct pccrr_request request = {.type = PCCRR_ASK_VERSIONS};
	struct octets message = write_request(&request);

	(void)state;
	assert_memory_equal(message.data, own, 4);
	octets_free(&message);
	request.version.major = 2;
	message = write_request(&request);
	assert_memory_equal(message.data, other, 4);
	octets_free(&message);
}

static void version_to_ask_again_with(void **state)
{
	static const struct {
		enum pccrr_type type;
		uint16_t least, most;
		int major; /* 0: none */
	} rows[] = {
		{PCCRR_ASK_BLOCK, 1, 1, 1},     {PCCRR_ASK_BLOCK, 1, 2, 1},
		{PCCRR_ASK_BLOCK, 0, 9, 1},     {PCCRR_ASK_BLOCK, 2, 2, 2},
		{PCCRR_ASK_BLOCK, 2, 65535, 2}, {PCCRR_ASK_BLOCK, 3, 4, 0},
		{PCCRR_ASK_BLOCK, 0, 0, 0},     {PCCRR_ASK_BLOCK, 2, 1, 0},
		{PCCRR_ASK_LIST, 2, 3, 2},      {PCCRR_ASK_VERSIONS, 2, 2, 2},
		{PCCRR_ASK_SEGMENTS, 1, 2, 2},  {PCCRR_ASK_SEGMENTS, 1, 1, 0},
		{PCCRR_ASK_SEGMENTS, 2, 7, 2},  {PCCRR_ASK_SEGMENTS, 3, 7, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pccrr_answer versions = {.least = {rows[i].least, 3},
						.most = {rows[i].most, 9}};
		struct pccrr_version version = {77, 77};
		bool agreed = pccrr_version_agreed(rows[i].type, &versions, &version);

		assert_int_equal(agreed, rows[i].major != 0);
		assert_int_equal(version.major, agreed ? rows[i].major : 77);
		assert_int_equal(version.minor, agreed ? 0 : 77);
	}
}

static void path_is_known_in_any_case(void **state)
{
	static const struct {
		const char *path;
		bool is;
	} rows[] = {
		{"/116B50EB-ECE2-41ac-8429-9F9E963361B7/", true},
		{"/116B50EB-ECE2-41ac-8429-9F9E963361B7", true},
		{"/116b50eb-ece2-41AC-8429-9f9e963361b7/", true},
		{"/116b50eb-ece2-41ac-8429-9f9e963361b7", true},
		{"/{116B50EB-ECE2-41ac-8429-9F9E963361B7}/", false},
		{"116B50EB-ECE2-41ac-8429-9F9E963361B7/", false},
		{"/116B50EB-ECE2-41ac-8429-9F9E963361B7//", false},
		{"/116B50EB-ECE2-41ac-8429-9F9E963361B7/x", false},
		{"/116B50EB-ECE2-41ac-8429-9F9E963361B7x", false},
		{"/116B50EB-ECE2-41ac-8429-9F9E963361B", false},
		{"/", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(pccrr_is_path(rows[i].path), rows[i].is);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_are_read_and_written),
		cmocka_unit_test(no_prefix_is_a_message),
		cmocka_unit_test(each_changed_octet_has_its_verdict),
		cmocka_unit_test(ids_fill_a_message),
		cmocka_unit_test(the_limit_is_to_the_octet),
		cmocka_unit_test(what_cannot_be_asked_has_no_size),
		cmocka_unit_test(version_is_of_the_type),
		cmocka_unit_test(version_to_ask_again_with),
		cmocka_unit_test(path_is_known_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
