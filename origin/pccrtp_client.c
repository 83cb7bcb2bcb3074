/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The client's side: the question, and what an answer's headers say.
 */
#include "origin/pccrtp.h"

#include <stdio.h>
#include <strings.h>

#include "origin/pccrtp_list.h"

/* Our choices: content information is about 1/2000 of the content in version 1.0 and 1/1000 in
 * version 2.0 with the smallest segments there are; short contents need some room for heads. */
#define LIMIT_SHARE 16
#define LIMIT_LEAST (64u << 10)

void pccrtp_question_write(unsigned accepted, bool hash_request, char line_out[PCCRTP_EX_LINE_MAX])
{
	snprintf(line_out, PCCRTP_EX_LINE_MAX,
		 "X-P2P-PeerDistEx: MinContentInformation=%s, MaxContentInformation=%s%s",
		 accepted & PCCRTP_CONTENT_1 ? "1.0" : "2.0",
		 accepted & PCCRTP_CONTENT_2 ? "2.0" : "1.0",
		 hash_request ? ", HashRequest=true" : "");
}

/* Anywhere in the item: what is not understood and speaks of it is not to be guessed at. */
static bool names_encoding(struct pccrtp_text item)
{
	const size_t length = sizeof(PCCRTP_ENCODING) - 1;

	for (size_t i = 0; i + length <= item.length; i++)
		if (strncasecmp(item.at + i, PCCRTP_ENCODING, length) == 0)
			return true;
	return false;
}

static void read_encoding(const char *const *lines, struct pccrtp_answer *answer)
{
	struct pccrtp_list list;
	struct pccrtp_text item;
	bool named = false, exact = false;
	unsigned count = 0;

	pccrtp_list_begin(lines, &list);
	while (pccrtp_list_next(&list, &item)) {
		count++;
		exact = pccrtp_text_is(item, PCCRTP_ENCODING);
		named |= names_encoding(item);
	}
	answer->encoded = exact && count == 1;
	answer->stacked = named && !answer->encoded;
}

/* The server's own version matters for nothing, if only it is one. */
static int64_t read_length(const char *const *lines)
{
	struct pccrtp_parameter parameters[] = {{.name = "ContentLength"}, {.name = "Version"}};
	struct pccrtp_version version;
	int64_t length;

	if (!pccrtp_parameters_read(lines, parameters, 2))
		return -1;
	if (parameters[1].value.at != NULL && !pccrtp_version_read(parameters[1].value, &version))
		return -1;
	return pccrtp_length_read(parameters[0].value, &length) ? length : -1;
}

static bool read_make(const char *const *lines)
{
	struct pccrtp_parameter parameter = {.name = "MakeHashRequest"};

	return pccrtp_parameters_read(lines, &parameter, 1) &&
	       pccrtp_text_is(parameter.value, "true");
}

void pccrtp_answer_read(const struct pccrtp_answer_fields *fields, struct pccrtp_answer *answer_out)
{
	struct pccrtp_answer answer = {0};

	answer.spoke = (fields->peerdist != NULL && fields->peerdist[0] != NULL) ||
		       (fields->peerdist_ex != NULL && fields->peerdist_ex[0] != NULL);
	answer.length = read_length(fields->peerdist);
	answer.make = read_make(fields->peerdist_ex);
	read_encoding(fields->content_encoding, &answer);
	*answer_out = answer;
}

uint64_t pccrtp_limit(uint64_t content_length, uint64_t limit)
{
	uint64_t share = content_length / LIMIT_SHARE + LIMIT_LEAST;

	return share < limit ? share : limit;
}
