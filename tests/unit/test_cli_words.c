/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What peerdist makes of the words that it is called with, secrets among them.
 */
#include <fcntl.h>

#include "tests/unit/cli_fixture.h"

#include "fs/cli_action.c"
#include "fs/cli_hashing.c"
#include "fs/cli_option.c"
#include "fs/cli_secret.c"

struct wanted {
	const char *key, *o;
	bool force;
	unsigned count;
	struct cli_hashing hashing;
};
static const struct cli_option known[] = {
	CLI_TEXT("key", struct wanted, key),
	CLI_TEXT("o", struct wanted, o),
	CLI_FLAG("force", struct wanted, force),
	CLI_NUMBER("count", struct wanted, count, 2, 60),
	CLI_VALUE("versions", cli_hashing_versions, struct wanted, hashing.versions),
	CLI_VALUE("min-size", cli_hashing_octets, struct wanted, hashing.min_size),
	CLI_OPTIONS_END,
};

/* What becomes of the options among two words; SECOND NULL: of one. */
static int options_of(const char *first, const char *second, struct wanted *wanted)
{
	static char words[2][64];
	char name[] = "verb";
	char *vector[] = {name, words[0], words[1], NULL};

	snprintf(words[0], sizeof(words[0]), "%s", first);
	snprintf(words[1], sizeof(words[1]), "%s", second ? second : "");
	complaint[0] = '\0';
	return cli_options(second ? 3 : 2, vector, known, wanted);
}

static void a_wrong_option_is_named(void **state)
{
	static const struct {
		const char *first, *second, *said;
	} faults[] = {
		{"--kez", NULL, "unknown option `--kez`; see --help"},
		{"word", "--kez", "unknown option `--kez`; see --help"},
		{"word", "-xy", "unknown option `-x`; see --help"},
		{"--key", NULL, "--key needs a value; see --help"},
		{"word", "-o", "-o needs a value; see --help"},
		{"--force=yes", NULL, "--force takes no value; see --help"},
		{"-\n", NULL, "unknown option `-\\x0a`; see --help"},
	};

	struct wanted wanted = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		assert_int_equal(options_of(faults[i].first, faults[i].second, &wanted), CLI_USAGE);
		assert_string_equal(complaint, faults[i].said);
	}
	assert_null(wanted.key);
	assert_false(wanted.force);
}

static void values_go_where_the_table_says(void **state)
{
	struct wanted wanted = {0};

	(void)state;
	assert_int_equal(options_of("word", "--key=x", &wanted), CLI_DONE);
	assert_string_equal(wanted.key, "x");
	assert_int_equal(optind, 2); /* where the word is now */
	assert_int_equal(options_of("-o", "y", &wanted), CLI_DONE);
	assert_string_equal(wanted.o, "y");
	assert_int_equal(options_of("--force", "--count=60", &wanted), CLI_DONE);
	assert_true(wanted.force);
	assert_int_equal(wanted.count, 60);
	assert_int_equal(options_of("--versions=2,1", "--min-size=3K", &wanted), CLI_DONE);
	assert_int_equal(wanted.hashing.versions, 3);
	assert_int_equal(wanted.hashing.min_size, 3072);
	/* Behind a double dash there are none. */
	assert_int_equal(options_of("--", "--count=1", &wanted), CLI_DONE);
	assert_int_equal(optind, 2);
	assert_string_equal(complaint, "");
}

static void a_value_out_of_bounds_is_refused(void **state)
{
	static const char *const bad[] = {
		"--count=1",         "--count=61",   "--count=",     "--count=-3",
		"--count=4x",        "--versions=",  "--versions=3", "--versions=1,",
		"--versions=12",     "--min-size=0", "--min-size=x", "--min-size=10%",
		"--count=0000000003"};
	struct wanted wanted = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (options_of(bad[i], NULL, &wanted) != CLI_USAGE || !strstr(complaint, ": give "))
			fail_msg("%s: %s", bad[i], complaint);
	assert_int_equal(wanted.count, 0);
	assert_int_equal(wanted.hashing.versions, 0);
	assert_int_equal(wanted.hashing.min_size, 0);
}

static void the_value_of_a_misspelt_option_is_not_told(void **state)
{
	struct wanted wanted = {0};

	(void)state;
	assert_int_equal(options_of("--secrt=6e6f", NULL, &wanted), CLI_USAGE);
	assert_string_equal(complaint, "unknown option `--secrt`; see --help");
}

static void help_is_wanted_before_a_double_dash(void **state)
{
	char *asked[] = {"make", "file", "--help"}, *named[] = {"make", "--", "--help"};

	(void)state;
	assert_true(cli_help_wanted(3, asked));
	assert_false(cli_help_wanted(3, named));
	assert_false(cli_help_wanted(1, asked + 2));
}

static int run_of(const struct cli_action *action, int count, char **words)
{
	(void)action;
	return count * 10 + (strcmp(words[0], "make") ? 1 : 0);
}

static const struct cli_action two[] = {{"make", run_of, "info make", "", ""},
					{"show", run_of, "info show", "", ""},
					{NULL, NULL, NULL, NULL, NULL}};

static void actions_are_found_by_name(void **state)
{
	char *words[] = {"info", "make", "x"}, *misspelt[] = {"info", "shwo"};
	char *other[] = {"info", "zzzzzz"};

	(void)state;
	assert_int_equal(cli_actions(two, 3, words), 20);
	assert_int_equal(cli_actions(two, 2, misspelt), CLI_USAGE);
	assert_string_equal(complaint, "info cannot `shwo`; did you mean `show`?");
	assert_int_equal(cli_actions(two, 2, other), CLI_USAGE);
	assert_int_equal(cli_actions(two, 1, words), CLI_USAGE);
}

static void hexadecimal_is_read_and_covered(void **state)
{
	char word[] = "00fFa9";
	struct secret *secret;

	(void)state;
	assert_int_equal(cli_secret_hex(word, &secret), CLI_DONE);
	assert_int_equal(secret_size(secret), 3);
	assert_memory_equal(secret_key(secret), "\x00\xff\xa9", 3);
	assert_memory_equal(word, "\0\0\0\0\0\0", 6);
	secret_free(secret);
}

static void what_is_not_hexadecimal_is_refused_and_covered(void **state)
{
	static const char *const bad[] = {"", "0", "0g", "g0", " 00", "0x00", "000"};
	struct secret *secret = NULL;
	char word[16], *larger;
	size_t size = 2 * (SECRET_SIZE_MAX + 1);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(word, sizeof(word), "%s", bad[i]);
		assert_int_equal(cli_secret_hex(word, &secret), CLI_USAGE);
		assert_int_equal(*word, '\0');
	}
	larger = malloc(size + 1);
	memset(larger, 'a', size);
	larger[size] = '\0';
	assert_int_equal(cli_secret_hex(larger, &secret), CLI_USAGE);
	assert_null(secret);
	free(larger);
}

/* Has TEXT come on standard input; what cli_passphrase() says. */
static int hear(const char *text, size_t size, char **passphrase_out)
{
	FILE *file = tmpfile();
	int kept = dup(STDIN_FILENO), status;

	fwrite(text, 1, size, file);
	fflush(file);
	lseek(fileno(file), 0, SEEK_SET);
	dup2(fileno(file), STDIN_FILENO);
	fclose(file);
	status = cli_passphrase(NULL, true, passphrase_out);
	dup2(kept, STDIN_FILENO);
	close(kept);
	return status;
}

static void a_passphrase_is_the_first_line(void **state)
{
	static const char *const inputs[] = {"two words", "two words\n", "two words\nand more\n"};
	char *passphrase;

	(void)state;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		assert_int_equal(hear(inputs[i], strlen(inputs[i]), &passphrase), CLI_DONE);
		assert_string_equal(passphrase, "two words");
		cli_passphrase_free(passphrase);
	}
}

static void a_passphrase_that_cannot_be_is_refused(void **state)
{
	char *passphrase = NULL, *longer = malloc(PASSPHRASE_MAX + 1), empty[] = "";

	(void)state;
	memset(longer, 'x', PASSPHRASE_MAX + 1);
	assert_int_equal(hear("", 0, &passphrase), CLI_FAILED);
	assert_int_equal(hear("\nx", 2, &passphrase), CLI_FAILED);
	assert_int_equal(hear("a\0b\n", 4, &passphrase), CLI_FAILED);
	assert_int_equal(hear(longer, PASSPHRASE_MAX + 1, &passphrase), CLI_FAILED);
	assert_int_equal(cli_passphrase(empty, true, &passphrase), CLI_FAILED);
	assert_null(passphrase);
	free(longer);
}

static void a_passphrase_on_the_command_line_is_covered(void **state)
{
	char word[] = "secret", *passphrase;

	(void)state;
	assert_int_equal(cli_passphrase(word, false, &passphrase), CLI_DONE);
	assert_string_equal(passphrase, "secret");
	assert_memory_equal(word, "\0\0\0\0\0\0", 6);
	cli_passphrase_free(passphrase);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_option_is_named),
		cmocka_unit_test(values_go_where_the_table_says),
		cmocka_unit_test(a_value_out_of_bounds_is_refused),
		cmocka_unit_test(the_value_of_a_misspelt_option_is_not_told),
		cmocka_unit_test(help_is_wanted_before_a_double_dash),
		cmocka_unit_test(actions_are_found_by_name),
		cmocka_unit_test(hexadecimal_is_read_and_covered),
		cmocka_unit_test(what_is_not_hexadecimal_is_refused_and_covered),
		cmocka_unit_test(a_passphrase_is_the_first_line),
		cmocka_unit_test(a_passphrase_that_cannot_be_is_refused),
		cmocka_unit_test(a_passphrase_on_the_command_line_is_covered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
