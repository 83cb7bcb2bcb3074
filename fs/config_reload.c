/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading the -c file again while mounted. The whole is read anew, beside, so that a line that was
 * taken out gives its default back and an error changes nothing.
 */
#include <errno.h>
#include <string.h>

#include "fs/config_private.h"

/* Keys that are worked out when they are not given differ only if they were given. */
static bool differs(const struct config *config, const struct config *fresh,
		    const struct config_key *key)
{
	uint64_t bit = UINT64_C(1) << (key - config_keys);

	if (!((config->given | fresh->given) & bit))
		return false;
	return (config->given ^ fresh->given) & bit || !config_key_equal(config, fresh, key);
}

static void name_key(const char *name, char *message, size_t size)
{
	size_t length = strlen(message);

	if (length < size)
		snprintf(message + length, size - length, "%s%s",
			 length ? ", " : "a new mount is needed for: ", name);
}

/* What was before goes with FRESH. */
static void exchange(char *one, char *other, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char octet = one[i];

		one[i] = other[i];
		other[i] = octet;
	}
}

static unsigned take_over(struct config *config, struct config *fresh, char *message,
			  size_t message_size)
{
	unsigned changed = 0;

	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (key->changed && !config_key_equal(config, fresh, key)) {
			exchange((char *)config + key->field, (char *)fresh + key->field,
				 key->type->size);
			changed |= key->changed;
		} else if (!key->changed && differs(config, fresh, key)) {
			name_key(key->name, message, message_size);
		}
	}
	return changed;
}

int config_reload(struct config *config, unsigned *changed_out, char *message, size_t message_size)
{
	struct config_problem problem = {0};
	struct config *fresh;
	int error;

	if (!config->config_file) {
		snprintf(message, message_size,
			 "there is nothing to reload: mounted without -c FILE");
		return -ENOENT;
	}
	fresh = config_create(config->base);
	if (fresh) {
		fresh->config_file = strdup(config->config_file);
		fresh->debug = config->debug;
	}
	error = fresh && fresh->config_file ? config_apply(fresh, config->options, true, &problem)
					    : config_no_memory(&problem);
	if (!error)
		error = config_finish_mode(fresh, &problem);
	if (error) {
		snprintf(message, message_size, "%s", problem.text);
	} else {
		*message = '\0';
		*changed_out = take_over(config, fresh, message, message_size);
	}
	config_free(fresh);
	return error;
}
