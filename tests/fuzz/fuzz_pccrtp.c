/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The header lines of Peer Distribution, both sides. The first octet chooses what the server offers
 * and what is written; each line after it is one of a header, which its own first octet names: A
 * for Accept-Encoding or Content-Encoding, P for X-P2P-PeerDist, E for X-P2P-PeerDistEx. The same
 * lists on one line, in the other case, and with something unknown in them must mean the same; what
 * is written must be read back.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "origin/pccrtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE_MAX_HERE 4096
#define LINES_MAX 24

struct header {
	const char *lines[LINES_MAX + 1];
	unsigned count;
};
enum { ENCODING, PEERDIST, PEERDIST_EX, HEADERS };

struct message {
	struct header headers[HEADERS];
};

struct verdict {
	struct pccrtp_request request;
	struct pccrtp_answer answer;
};

static void check(int holds)
{
	if (!holds)
		abort();
}

static struct verdict judge(const struct message *message, unsigned offered)
{
	struct pccrtp_fields fields = {message->headers[ENCODING].lines,
				       message->headers[PEERDIST].lines,
				       message->headers[PEERDIST_EX].lines};
	struct pccrtp_answer_fields answer_fields = {message->headers[ENCODING].lines,
						     message->headers[PEERDIST].lines,
						     message->headers[PEERDIST_EX].lines};
	struct verdict verdict;

	pccrtp_request_read(&fields, offered, &verdict.request);
	pccrtp_answer_read(&answer_fields, &verdict.answer);
	return verdict;
}

static void check_same(struct verdict one, struct verdict other)
{
	check(one.request.welcome == other.request.welcome &&
	      one.request.later == other.request.later &&
	      one.request.hash_request == other.request.hash_request &&
	      one.request.content_version == other.request.content_version &&
	      one.request.protocol_minor == other.request.protocol_minor);
	check(one.answer.spoke == other.answer.spoke &&
	      one.answer.encoded == other.answer.encoded &&
	      one.answer.stacked == other.answer.stacked && one.answer.make == other.answer.make &&
	      one.answer.length == other.answer.length);
}

/* What no input may lead to. */
static void check_sane(struct verdict verdict, unsigned offered)
{
	struct pccrtp_request request = verdict.request;

	if (!request.welcome)
		check(!request.later && !request.hash_request && request.content_version == 0 &&
		      request.protocol_minor == 0);
	else
		check(request.content_version >= 1 && request.content_version <= 2 &&
		      (offered & request.content_version) && request.protocol_minor <= 1 &&
		      request.later == (request.protocol_minor == 1) &&
		      (request.protocol_minor == 1 || request.content_version == 1));
	check(!(verdict.answer.encoded && verdict.answer.stacked));
	check(verdict.answer.length >= -1);
	check(verdict.answer.spoke || (verdict.answer.length == -1 && !verdict.answer.make));
}

/* All lines of a header on one, and another item behind, if any. */
static char *joined(const struct header *header, const char *more)
{
	static const char empty[] = "";
	size_t size = 1 + strlen(more);
	char *text, *at;

	for (unsigned i = 0; i < header->count; i++)
		size += strlen(header->lines[i]) + 1;
	text = malloc(size);
	check(text != NULL);
	at = text;
	for (unsigned i = 0; i < header->count; i++) {
		at = stpcpy(at, header->lines[i]);
		at = stpcpy(at, i + 1 < header->count ? "," : empty);
	}
	strcpy(at, more);
	return text;
}

static void check_joined(const struct message *message, unsigned offered, const char *more,
			 struct verdict expected)
{
	struct message other = {0};
	char *texts[HEADERS] = {NULL};

	for (unsigned i = 0; i < HEADERS; i++) {
		if (message->headers[i].count == 0)
			continue;
		texts[i] = joined(&message->headers[i], i == ENCODING ? "" : more);
		other.headers[i].lines[0] = texts[i];
	}
	check_same(judge(&other, offered), expected);
	for (unsigned i = 0; i < HEADERS; i++)
		free(texts[i]);
}

/* A version that is there twice is no version. */
static void check_twice(const struct message *message, unsigned offered)
{
	struct message other = *message;
	struct header *header = &other.headers[PEERDIST];
	struct verdict verdict;

	if (header->count >= LINES_MAX)
		return;
	header->lines[header->count] = "Version=1.1";
	header->lines[header->count + 1] = NULL;
	verdict = judge(&other, offered);
	check(!verdict.request.welcome);
}

static void flip_case(char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (isalpha((unsigned char)text[i]))
			text[i] ^= 0x20;
}

/* TEXT is cut up, and the message points into it. */
static void cut(char *text, struct message *message)
{
	*message = (struct message){0};
	for (char *line; (line = strsep(&text, "\n")) != NULL;) {
		const char *names = "APE", *name = strchr(names, toupper((unsigned char)*line));
		struct header *header;

		if (*line == '\0' || name == NULL)
			continue;
		header = &message->headers[name - names];
		if (header->count < LINES_MAX)
			header->lines[header->count++] = line + 1;
	}
}

static void check_reading(const uint8_t *data, size_t size, unsigned offered)
{
	char *text = strndup((const char *)data, size);
	struct message message;
	struct verdict verdict;

	check(text != NULL);
	cut(text, &message);
	verdict = judge(&message, offered);
	check_sane(verdict, offered);
	check_joined(&message, offered, "", verdict);
	check_joined(&message, offered, ", Unknown=1", verdict);
	if (verdict.request.welcome)
		check_twice(&message, offered);
	free(text);
	text = strndup((const char *)data, size);
	check(text != NULL);
	flip_case(text, strlen(text));
	cut(text, &message);
	check_same(judge(&message, offered), verdict);
	free(text);
}

static void check_question(unsigned offered, unsigned accepted, bool hash_request)
{
	char line[PCCRTP_EX_LINE_MAX];
	struct message message = {
		.headers = {[ENCODING] = {{"peerdist"}, 1}, [PEERDIST] = {{"Version=1.1"}, 1}}};
	unsigned both = offered & accepted, content = both & PCCRTP_CONTENT_2 ? 2 : both;
	struct verdict verdict;

	pccrtp_question_write(accepted, hash_request, line);
	message.headers[PEERDIST_EX] = (struct header){{strchr(line, ':') + 1}, 1};
	verdict = judge(&message, offered);
	check(verdict.request.content_version == content &&
	      verdict.request.welcome == (content != 0) &&
	      verdict.request.hash_request == (content != 0 && hash_request));
}

static void check_answer(const uint8_t *data, size_t size, unsigned minor)
{
	struct pccrtp_request request = {.protocol_minor = minor};
	char field[PCCRTP_FIELD_MAX];
	struct message message = {
		.headers = {[ENCODING] = {{PCCRTP_ENCODING}, 1}, [PEERDIST] = {{field}, 1}}};
	uint64_t length = 0;
	struct verdict verdict;

	memcpy(&length, data, size < sizeof(length) ? size : sizeof(length));
	pccrtp_answer_write(&request, length, field);
	verdict = judge(&message, 0);
	check(verdict.answer.length == (length > INT64_MAX ? -1 : (int64_t)length));
	check(verdict.answer.spoke && verdict.answer.encoded && !verdict.answer.make);
	check(pccrtp_limit(length, 1u << 28) <= 1u << 28);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned choice;

	if (size == 0 || size > SIZE_MAX_HERE)
		return 0;
	choice = data[0];
	check_reading(data + 1, size - 1, choice & 3);
	check_answer(data + 1, size - 1, choice >> 2 & 1);
	if (choice >> 3 & 3)
		check_question(choice & 3, choice >> 3 & 3, choice >> 5 & 1);
	return 0;
}
