/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/pccrtp_list.h"

#include <string.h>
#include <strings.h>

/* Our choice (http-extension.md section 2): so that a number cannot overflow. */
#define VERSION_DIGITS_MAX 9

static bool is_white(char octet)
{
	return octet == ' ' || octet == '\t';
}

static struct pccrtp_text trimmed(const char *at, size_t length)
{
	while (length > 0 && is_white(*at)) {
		at++;
		length--;
	}
	while (length > 0 && is_white(at[length - 1]))
		length--;
	return (struct pccrtp_text){.at = at, .length = length};
}

bool pccrtp_text_is(struct pccrtp_text text, const char *word)
{
	return text.length == strlen(word) && text.at != NULL &&
	       strncasecmp(text.at, word, text.length) == 0;
}

bool pccrtp_text_cut(struct pccrtp_text text, char mark, struct pccrtp_text *head_out,
		     struct pccrtp_text *tail_out)
{
	const char *found = text.length > 0 ? memchr(text.at, mark, text.length) : NULL;
	size_t head = found != NULL ? (size_t)(found - text.at) : text.length;

	*head_out = trimmed(text.at, head);
	*tail_out = (struct pccrtp_text){0};
	if (found != NULL)
		*tail_out = trimmed(found + 1, text.length - head - 1);
	return found != NULL;
}

void pccrtp_list_begin(const char *const *lines, struct pccrtp_list *list_out)
{
	*list_out = (struct pccrtp_list){.line = lines};
}

static bool next_line(struct pccrtp_list *list)
{
	if (list->line == NULL || *list->line == NULL)
		return false;
	list->rest = trimmed(*list->line, strlen(*list->line));
	list->line++;
	return true;
}

bool pccrtp_list_next(struct pccrtp_list *list, struct pccrtp_text *item_out)
{
	do {
		while (list->rest.length > 0) {
			struct pccrtp_text item;

			pccrtp_text_cut(list->rest, ',', &item, &list->rest);
			if (item.length == 0)
				continue;
			*item_out = item;
			return true;
		}
	} while (next_line(list));
	return false;
}

static bool take_parameter(struct pccrtp_text item, struct pccrtp_parameter *parameters,
			   size_t count)
{
	struct pccrtp_text name, value;
	bool valued = pccrtp_text_cut(item, '=', &name, &value);

	for (size_t i = 0; i < count; i++) {
		if (!pccrtp_text_is(name, parameters[i].name))
			continue;
		if (!valued || parameters[i].value.at != NULL)
			return false;
		parameters[i].value = value;
	}
	return true;
}

bool pccrtp_parameters_read(const char *const *lines, struct pccrtp_parameter *parameters,
			    size_t count)
{
	struct pccrtp_list list;
	struct pccrtp_text item;

	pccrtp_list_begin(lines, &list);
	while (pccrtp_list_next(&list, &item))
		if (!take_parameter(item, parameters, count))
			return false;
	return true;
}

/* Digits and nothing else. */
static bool read_number(struct pccrtp_text text, int64_t *number_out)
{
	int64_t number = 0;

	if (text.length == 0)
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (text.at[i] < '0' || text.at[i] > '9' ||
		    __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, text.at[i] - '0', &number))
			return false;
	*number_out = number;
	return true;
}

static bool read_version_part(struct pccrtp_text text, uint32_t *part_out)
{
	int64_t number;

	if (text.length > VERSION_DIGITS_MAX || !read_number(text, &number))
		return false;
	*part_out = (uint32_t)number;
	return true;
}

/* Not by pccrtp_text_cut(), which would allow white space beside the point. */
bool pccrtp_version_read(struct pccrtp_text text, struct pccrtp_version *version_out)
{
	const char *point = text.length > 0 ? memchr(text.at, '.', text.length) : NULL;
	struct pccrtp_text major, minor;
	struct pccrtp_version version;

	if (point == NULL)
		return false;
	major = (struct pccrtp_text){text.at, (size_t)(point - text.at)};
	minor = (struct pccrtp_text){point + 1, text.length - major.length - 1};
	if (!read_version_part(major, &version.major) || !read_version_part(minor, &version.minor))
		return false;
	*version_out = version;
	return true;
}

bool pccrtp_length_read(struct pccrtp_text text, int64_t *length_out)
{
	return read_number(text, length_out);
}
