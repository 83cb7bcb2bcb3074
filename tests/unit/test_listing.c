/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whole listings: the recorded ones of tests/corpus/listing (see its README.md), and what of a
 * listing is told by more than its rows. Run from the top of the tree.
 */
#include <errno.h>
#include <glob.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/listing_reading.h"

/* The recorded listings */

struct recording {
	char path[512]; /* of the body */
	char *body;
	size_t length;
	char *expected; /* all but the first line */
	char base[512], type[128], dialect[64];
};

static char *read_file(const char *path, size_t *length_out)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return NULL;
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size_t length = (size_t)ftell(file);
	rewind(file);
	char *data = malloc(length + 1);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, length, file), length);
	fclose(file);
	data[length] = '\0';
	*length_out = length;
	return data;
}

static void load(struct recording *recording, const char *expected_path)
{
	static const char *const endings[] = {"html", "json", "xml"};
	size_t length;
	char *expected = read_file(expected_path, &length);
	assert_non_null(expected);
	assert_int_equal(sscanf(expected, "%511[^\t]\t%127[^\t]\t%63[^\n]", recording->base,
				recording->type, recording->dialect),
			 3);
	recording->expected = strdup(strchr(expected, '\n') + 1);
	free(expected);
	int stem = (int)(strlen(expected_path) - strlen("expected"));
	recording->body = NULL;
	for (size_t index = 0; index < 3 && !recording->body; index++) {
		snprintf(recording->path, sizeof(recording->path), "%.*s%s", stem, expected_path,
			 endings[index]);
		recording->body = read_file(recording->path, &recording->length);
	}
	assert_non_null(recording->body);
}

static void unload(struct recording *recording)
{
	free(recording->body);
	free(recording->expected);
}

static void for_each_recording(void (*check)(const struct recording *recording))
{
	glob_t found;
	assert_int_equal(glob("tests/corpus/listing/*/*.expected", 0, NULL, &found), 0);
	assert_true(found.gl_pathc > 60);
	for (size_t index = 0; index < found.gl_pathc; index++) {
		struct recording recording;
		load(&recording, found.gl_pathv[index]);
		check(&recording);
		unload(&recording);
	}
	globfree(&found);
}

static void print_entry(FILE *out, const struct entry *entry, const char *name)
{
	char size[32] = "?", mtime[32] = "?";
	if (entry->flags & ENTRY_SIZE_EXACT)
		snprintf(size, sizeof(size), "%lld", (long long)entry->size);
	if (entry->mtime >= 0)
		snprintf(mtime, sizeof(mtime), "%lld%c", (long long)entry->mtime,
			 entry->flags & ENTRY_MTIME_EXACT ? '=' : '~');
	fprintf(out, "%c %s %s ", entry->kind == ENTRY_DIRECTORY ? 'd' : 'f', size, mtime);
	for (const unsigned char *octet = (const unsigned char *)name; *octet; octet++)
		fprintf(out, *octet > 0x20 && *octet < 0x7f && *octet != '\\' ? "%c" : "\\x%02x",
			*octet);
	fputc('\n', out);
}

struct line {
	const char *name;
	struct entry entry;
};

static int compare_lines(const void *one, const void *other)
{
	return strcmp(((const struct line *)one)->name, ((const struct line *)other)->name);
}

static char *print_directory(const struct directory *directory)
{
	uint32_t count = directory_count(directory);
	struct line *lines = calloc(count + 1, sizeof(*lines));
	for (uint32_t index = 0; index < count; index++)
		lines[index].name = directory_entry(directory, index, &lines[index].entry);
	qsort(lines, count, sizeof(*lines), compare_lines);
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	for (uint32_t index = 0; index < count; index++)
		print_entry(out, &lines[index].entry, lines[index].name);
	fclose(out);
	free(lines);
	return text;
}

static const char *type_of(const struct recording *recording)
{
	return strcmp(recording->type, "-") ? recording->type : NULL;
}

static void check_yield(const struct recording *recording, const char *type, size_t piece)
{
	struct reading reading;
	begin(&reading, recording->base, type);
	feed(&reading, recording->body, recording->length, piece);
	int result = end(&reading);
	char *text = print_directory(reading.directory);
	if (result || strcmp(text, recording->expected) ||
	    strcmp(listing_name(reading.listing), recording->dialect))
		fail_msg("%s: %d, %s\n%s", recording->path, result, listing_name(reading.listing),
			 text);
	free(text);
	discard(&reading);
}

static void check_whole(const struct recording *recording)
{
	check_yield(recording, type_of(recording), WHOLE);
}

static void check_without_type(const struct recording *recording)
{
	check_yield(recording, NULL, 4096);
}

static void check_octet_by_octet(const struct recording *recording)
{
	check_yield(recording, type_of(recording), 1);
}

/* 61 is prime: it is at another place of each line. */
static void check_prefixes(const struct recording *recording)
{
	size_t step = recording->length < 2048 ? 1 : recording->length / 61;
	for (size_t length = 0; length < recording->length; length += step) {
		struct reading reading;
		/* Exactly as large as what is read, so that reading past its end is seen. */
		char *copy = malloc(length + !length);
		memcpy(copy, recording->body, length);
		begin(&reading, recording->base, type_of(recording));
		feed(&reading, copy, length, WHOLE);
		int result = end(&reading);
		assert_true(result == 0 || result == -EBADMSG || result == -ENOTDIR);
		discard(&reading);
		free(copy);
	}
}

static void recorded_listings_yield_what_the_directory_had(void **state)
{
	(void)state;
	for_each_recording(check_whole);
}

static void media_type_may_be_missing(void **state)
{
	(void)state;
	for_each_recording(check_without_type);
}

static void cutting_the_body_changes_nothing(void **state)
{
	(void)state;
	for_each_recording(check_octet_by_octet);
}

static void a_listing_cut_short_does_no_harm(void **state)
{
	(void)state;
	for_each_recording(check_prefixes);
}

/* Longer by far than what any parser may keep back, so that it must be read as it comes. */
static void long_listings_are_read_as_they_come(void **state)
{
	(void)state;
	static const size_t pieces[] = {1000, 4093, 16384, WHOLE};
	const unsigned rows = 20000;
	char *page = malloc(rows * 128), *at = page;
	at += sprintf(at, "<html><body><hr><pre><a href=\"../\">../</a>\n");
	for (unsigned row = 0; row < rows; row++)
		at += sprintf(at,
			      "<a title='a \"b\" > c' href=\"name-%%20%06u\">name</a>           "
			      "20-Nov-2025 13:54   %10u\n",
			      row, row);
	for (size_t index = 0; index < sizeof(pieces) / sizeof(*pieces); index++) {
		struct reading reading;
		struct entry entry;
		begin(&reading, "http://h/d/", HTML_TYPE);
		feed(&reading, page, (size_t)(at - page), pieces[index]);
		assert_true(directory_count(reading.directory) > rows / 2);
		assert_int_equal(end(&reading), 0);
		assert_int_equal(directory_count(reading.directory), rows);
		assert_string_equal(directory_entry(reading.directory, rows - 1, &entry),
				    "name- 019999");
		assert_int_equal(entry.size, rows - 1);
		discard(&reading);
	}
	free(page);
}

/* What is a listing */

static void other_types_are_no_listings(void **state)
{
	(void)state;
	static const char *const types[] = {"image/png", "text/plain", "application/octet-stream",
					    "",          "text/htmlx", "+xm"};
	struct directory *directory;
	struct listing *listing;
	assert_int_equal(directory_create(false, &directory), 0);
	for (size_t index = 0; index < sizeof(types) / sizeof(*types); index++)
		assert_int_equal(listing_begin("http://h/", types[index], directory, &listing),
				 -ENOTDIR);
	directory_free(directory);
}

static void documents_without_entries_are_no_listings(void **state)
{
	(void)state;
	expect_result(HTML_TYPE, "<html><body>It works!</body></html>", -ENOTDIR);
	expect_result(HTML_TYPE, "<a href='http://x/'>x</a><a href='#'>y</a>", -ENOTDIR);
	expect_result(HTML_TYPE, "", -ENOTDIR);
	expect_result(JSON_TYPE, "{\"name\":\"x\"}", -ENOTDIR);
	expect_result(JSON_TYPE, "[{\"id\":1},{\"id\":2}]", -ENOTDIR);
	expect_result(XML_TYPE, "<rss><item/></rss>", -ENOTDIR);
	expect_result(NULL, "", -ENOTDIR);
	expect_result(NULL, "PNG", -ENOTDIR);
}

static void what_does_not_parse_is_refused(void **state)
{
	(void)state;
	expect_result(JSON_TYPE, "[", -EBADMSG);
	expect_result(JSON_TYPE, "[{\"name\":\"x\"}", -EBADMSG);
	expect_result(JSON_TYPE, "[{\"name\":\"x\"},]", -EBADMSG);
	expect_result(JSON_TYPE, "[{\"name\":\"x\"}] x", -EBADMSG);
	expect_result(JSON_TYPE, "[{\"name\":}]", -EBADMSG);
	expect_result(JSON_TYPE, "[{\"name\":\"x\"]}", -EBADMSG);
	expect_result(XML_TYPE, "<multistatus xmlns='DAV:'>", -EBADMSG);
	expect_result(XML_TYPE, "<multistatus xmlns='DAV:'></x>", -EBADMSG);
	expect_result(XML_TYPE, "<multistatus xmlns='DAV:'>\xff</multistatus>", -EBADMSG);
}

static void an_error_stays(void **state)
{
	(void)state;
	struct reading reading;
	read_text(&reading, JSON_TYPE, "[{]");
	assert_int_equal(reading.result, -EBADMSG);
	assert_int_equal(listing_feed(reading.listing, "x", 1), -EBADMSG);
	assert_int_equal(listing_end(reading.listing), -EBADMSG);
	discard(&reading);
}

/* Names */

static void impossible_names_are_counted_and_left_out(void **state)
{
	(void)state;
	char page[2048], longest[256], longer[257];
	memset(longest, 'n', 255);
	memset(longer, 'n', 256);
	longest[255] = longer[256] = '\0';
	snprintf(page, sizeof(page),
		 "<a href='%s'></a><a href='%s'></a><a href='%%2e%%2e'></a><a href='a%%2fb'></a>"
		 "<a href='a%%00b'></a><a href='../../etc/passwd'></a><a href='%%01'></a>"
		 "<a href='&#0;'></a><a href='twice'></a><a href='x'></a><a href='twice'></a>",
		 longer, longest);
	struct reading reading;
	read_text(&reading, HTML_TYPE, page);
	assert_int_equal(reading.result, 0);
	assert_int_equal(directory_rejected(reading.directory), 4);
	assert_int_equal(directory_count(reading.directory), 4);
	discard(&reading);
	read_text(
		&reading, JSON_TYPE,
		"[{\"name\":\"..\"},{\"name\":\"a/b\"},{\"name\":\"a\\u0000b\"},{\"name\":\"\"}]");
	assert_int_equal(reading.result, 0);
	assert_int_equal(directory_rejected(reading.directory), 4);
	assert_int_equal(directory_count(reading.directory), 0);
	discard(&reading);
}

static void json_names_keep_their_octets(void **state)
{
	(void)state;
	struct reading reading;
	struct entry entry;
	read_text(&reading, JSON_TYPE,
		  "[ {\"name\":\"\xff\xc3\xa4\\u00e4}]\\\"\\\\\",\"type\":\"file\",\"size\":-1} ]");
	assert_int_equal(reading.result, 0);
	assert_string_equal(directory_entry(reading.directory, 0, &entry),
			    "\xff\xc3\xa4\xc3\xa4}]\"\\");
	assert_int_equal(entry.size, -1);
	assert_int_equal(entry.flags, 0);
	discard(&reading);
}

/* Validators and pages */

static void only_strong_entity_tags_become_validators(void **state)
{
	(void)state;
	static const char *const tags[][2] = {{"\"a-1\"", "\"a-1\""},
					      {" \"a\" ", "\"a\""},
					      {"W/\"a\"", ""},
					      {"bare", ""},
					      {"\"", ""}};
	for (size_t index = 0; index < sizeof(tags) / sizeof(*tags); index++) {
		char text[512];
		struct reading reading;
		snprintf(text, sizeof(text),
			 "<multistatus xmlns='DAV:'><response><href>x</href><propstat><prop>"
			 "<getetag>%s</getetag></prop></propstat></response></multistatus>",
			 tags[index][0]);
		read_text(&reading, XML_TYPE, text);
		assert_int_equal(reading.result, 0);
		assert_string_equal(only_entry(&reading).validator, tags[index][1]);
		discard(&reading);
	}
}

static void s3_tells_the_next_page(void **state)
{
	(void)state;
	struct reading reading;
	read_text(&reading, XML_TYPE,
		  "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a+/="
		  "</NextContinuationToken></ListBucketResult>");
	assert_int_equal(reading.result, 0);
	assert_string_equal(listing_continuation(reading.listing), "a+/=");
	discard(&reading);
	read_text(&reading, XML_TYPE, "<ListBucketResult></ListBucketResult>");
	assert_null(listing_continuation(reading.listing));
	discard(&reading);
}

static void an_s3_page_without_its_token_is_refused(void **state)
{
	(void)state;
	static const char page[] =
		"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
	struct reading reading;
	begin(&reading, "http://h/?list-type=2&prefix=", XML_TYPE);
	feed(&reading, page, strlen(page), WHOLE);
	assert_int_equal(end(&reading), -EBADMSG);
	discard(&reading);
	expect_result(XML_TYPE, page, 0);
}

/* Threads */

static void *read_in_thread(void *context)
{
	const struct recording *recording = context;
	for (int round = 0; round < 8; round++) {
		struct reading reading;
		begin(&reading, recording->base, type_of(recording));
		feed(&reading, recording->body, recording->length, 1000);
		end(&reading);
		discard(&reading);
	}
	return NULL;
}

static void listings_are_read_beside_each_other(void **state)
{
	(void)state;
	static const char *const paths[] = {
		"tests/corpus/listing/nginx/default-nasty.expected",
		"tests/corpus/listing/apache/table-nasty.expected",
		"tests/corpus/listing/nginx_json/default-nasty.expected",
		"tests/corpus/listing/dav/apache-nasty.expected",
	};
	struct recording recordings[4];
	pthread_t threads[4];
	for (size_t index = 0; index < 4; index++) {
		load(&recordings[index], paths[index]);
		pthread_create(&threads[index], NULL, read_in_thread, &recordings[index]);
	}
	for (size_t index = 0; index < 4; index++) {
		pthread_join(threads[index], NULL);
		unload(&recordings[index]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First, so that libxml2 is set up by several threads at once. */
		cmocka_unit_test(listings_are_read_beside_each_other),
		cmocka_unit_test(recorded_listings_yield_what_the_directory_had),
		cmocka_unit_test(media_type_may_be_missing),
		cmocka_unit_test(cutting_the_body_changes_nothing),
		cmocka_unit_test(a_listing_cut_short_does_no_harm),
		cmocka_unit_test(long_listings_are_read_as_they_come),
		cmocka_unit_test(other_types_are_no_listings),
		cmocka_unit_test(documents_without_entries_are_no_listings),
		cmocka_unit_test(what_does_not_parse_is_refused),
		cmocka_unit_test(an_error_stays),
		cmocka_unit_test(impossible_names_are_counted_and_left_out),
		cmocka_unit_test(json_names_keep_their_octets),
		cmocka_unit_test(only_strong_entity_tags_become_validators),
		cmocka_unit_test(s3_tells_the_next_page),
		cmocka_unit_test(an_s3_page_without_its_token_is_refused),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
