/* SPDX-License-Identifier: BSD-2-Clause
 *
 * NULL-terminated arrays of strings; NULL is the empty one. Strings may hold secrets, so they are
 * wiped before their memory goes back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/config_private.h"

size_t config_list_length(char *const *list)
{
	size_t length = 0;

	while (list && list[length])
		length++;
	return length;
}

int config_list_add(char ***list, char *text)
{
	size_t length = config_list_length(*list);
	char **longer = text ? reallocarray(*list, length + 2, sizeof(*longer)) : NULL;

	if (!longer) {
		config_wipe(text);
		return -ENOMEM;
	}
	longer[length] = text;
	longer[length + 1] = NULL;
	*list = longer;
	return 0;
}

void config_list_free(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		config_wipe(list[i]);
	free(list);
}

void config_wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}
