/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One option, "key=value" or a word alone: which key it is, what @FILE holds, what to say when it
 * is none. And the cutting of -o at its commas.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/config_private.h"
#include "fs/suggest.h"

/* Octets of a value that messages quote. */
#define QUOTED_MAX 200

static int unknown(const char *name, struct config_problem *problem)
{
	struct suggestion suggestion = {.misspelt = name};
	const char *word;
	char escaped[QUOTED_MAX];

	for (size_t i = 0; i < config_key_count; i++)
		suggest_consider(&suggestion, config_keys[i].name);
	for (size_t i = 0; (word = config_fuse_word_at(i)); i++)
		suggest_consider(&suggestion, word);
	log_escape(escaped, sizeof(escaped), name);
	if (suggestion.nearest)
		return config_fail(problem, CONFIG_USAGE, "unknown option `%s`; did you mean `%s`?",
				   escaped, suggestion.nearest);
	if (strcmp(name, "1") == 0 || strcmp(name, "2") == 0) /* of versions=1,2 or compute=1,2 */
		return config_fail(problem, CONFIG_USAGE,
				   "unknown option `%s`; a comma in a value of -o is written \\,",
				   escaped);
	return config_fail(problem, CONFIG_USAGE,
			   "unknown option `%s`; peerdistfs --help lists all that there are",
			   escaped);
}

/* TEXT_OUT gets a copy of VALUE, or what the file holds that it names. */
static int expand(const struct config_source *source, const char *value, char **text_out,
		  struct config_problem *problem)
{
	char *path, *text;
	size_t length;
	int error;

	if (source->expanded || *value != '@') {
		*text_out = strdup(value);
		return *text_out ? 0 : config_no_memory(problem);
	}
	path = config_absolute(value + 1, source->base);
	if (!path)
		return config_no_memory(problem);
	error = config_read(path, CONFIG_VALUE_MAX, &text, problem);
	free(path);
	if (error)
		return error;
	length = strlen(text);
	if (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	if (length > 0 && text[length - 1] == '\r')
		text[length - 1] = '\0';
	*text_out = text;
	return 0;
}

/* Puts the key, and the value if others may see it, before what is wrong. */
static int blame(const struct config_source *source, const struct config_key *key,
		 const char *value, struct config_problem *problem)
{
	bool secret = key->flags & CONFIG_KEY_SECRET && (*value != '@' || source->expanded);
	struct config_problem reason = *problem;
	char escaped[QUOTED_MAX];

	log_escape(escaped, sizeof(escaped), value);
	return config_fail(problem, reason.status, "%s%s%s: %s", key->name,
			   secret || !*value ? "" : "=", secret ? "" : escaped, reason.text);
}

static int assign(struct config *config, struct config_source *source, const struct config_key *key,
		  const char *text, struct config_problem *problem)
{
	uint64_t bit = UINT64_C(1) << (key - config_keys);
	int error;

	if (!(source->seen & bit) && key->flags & CONFIG_KEY_REPEATS)
		config_key_clear(config, key);
	error = key->type->read(key, text, source->base, (char *)config + key->field, problem);
	if (error)
		return error;
	source->seen |= bit;
	config->given |= bit;
	return 0;
}

static int join(const char *name, const char *text, char **option_out,
		struct config_problem *problem)
{
	if (!option_out)
		return 0;
	if (asprintf(option_out, "%s=%s", name, text) < 0)
		return config_no_memory(problem);
	return 0;
}

static int key_option(struct config *config, struct config_source *source,
		      const struct config_key *key, const char *value, char **option_out,
		      struct config_problem *problem)
{
	char *text = NULL;
	int error;

	if (value ? !*value : key->type != &config_type_flag) {
		config_fail(problem, CONFIG_USAGE, "needs a value: %s=%s", key->name,
			    key->argument ? key->argument : "yes");
		return blame(source, key, "", problem);
	}
	if (!value)
		value = "yes";
	error = expand(source, value, &text, problem);
	if (!error)
		error = assign(config, source, key, text, problem);
	if (error == -EINVAL)
		error = blame(source, key, value, problem);
	if (!error)
		error = join(key->name, text, option_out, problem);
	config_wipe(text);
	return error;
}

static int word_option(struct config *config, const char *option, char **option_out,
		       struct config_problem *problem)
{
	enum config_word word = config_fuse_word(option);
	char name[SUGGEST_WORD_MAX + 1];

	if (word == CONFIG_WORD_UNKNOWN) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(option, "="), option);
		return unknown(name, problem);
	}
	if (word == CONFIG_WORD_PASSED && config_list_add(&config->fuse_words, strdup(option)))
		return config_no_memory(problem);
	if (option_out) {
		*option_out = strdup(option);
		return *option_out ? 0 : config_no_memory(problem);
	}
	return 0;
}

int config_option(struct config *config, struct config_source *source, const char *option,
		  char **option_out, struct config_problem *problem)
{
	const char *equals = strchr(option, '=');
	size_t length = equals ? (size_t)(equals - option) : strlen(option);
	const struct config_key *key = NULL;
	char name[SUGGEST_WORD_MAX + 1];

	if (length < sizeof(name)) {
		memcpy(name, option, length);
		name[length] = '\0';
		key = config_key_find(name);
	}
	/* "user" alone is fstab's: users may mount. */
	if (!key || (!equals && config_fuse_word(option) != CONFIG_WORD_UNKNOWN))
		return word_option(config, option, option_out, problem);
	return key_option(config, source, key, equals ? equals + 1 : NULL, option_out, problem);
}

int config_options_split(const char *text, char ***list)
{
	char *piece = malloc(strlen(text) + 1);
	size_t length = 0;
	int error = piece ? 0 : -ENOMEM;

	for (; !error; text++) {
		if (*text == '\\' && (text[1] == ',' || text[1] == '\\')) {
			piece[length++] = *++text;
			continue;
		}
		if (*text && *text != ',') {
			piece[length++] = *text;
			continue;
		}
		piece[length] = '\0';
		if (length > 0)
			error = config_list_add(list, strdup(piece));
		length = 0;
		if (!*text)
			break;
	}
	config_wipe(piece);
	return error;
}
