/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `info show`: everything that content information says, segment after segment as it is read, so
 * that the memory does not grow with it. Segment secrets are as secret as the content, so they are
 * shown only when asked for. The JSON has nothing but numbers, names of ours and hexadecimal in it,
 * so nothing in it needs escaping; its names are those of the format where it has some.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/secret.h"
#include "fs/cli_info.h"

struct show {
	const char *path;
	bool json, blocks, secrets;
	const struct content *content;
	unsigned version;
	enum digest_algorithm algorithm;
	bool whole;
};

struct hexadecimal {
	char text[2 * DIGEST_SIZE_MAX + 1];
};

static const char *hex(const struct show *show, const uint8_t *octets, struct hexadecimal *buffer)
{
	static const char digits[] = "0123456789abcdef";
	size_t size = digest_size(show->algorithm);

	for (size_t i = 0; i < size; i++) {
		buffer->text[2 * i] = digits[octets[i] >> 4];
		buffer->text[2 * i + 1] = digits[octets[i] & 15];
	}
	buffer->text[2 * size] = '\0';
	return buffer->text;
}

/* dwHashAlgo and bHashAlgo */
static unsigned algorithm_number(const struct show *show)
{
	return show->version == 2 ? 4 : 0x800c + (unsigned)show->algorithm;
}

static void show_header(const struct show *show, uint64_t first_offset)
{
	const struct content_header *header = content_header(show->content);
	uint64_t start = content_start(show->content), end = content_end(show->content);

	printf("version         %u.0\n", show->version);
	printf("hash            %s (%#x)\n", digest_name(show->algorithm), algorithm_number(show));
	printf("encoded form    %" PRIu64 " octets\n", header->size);
	printf("speaks for      octets %" PRIu64 " to %" PRIu64 ", %" PRIu64 " of them, %s\n",
	       start, end, end - start,
	       show->whole ? "the whole content" : "a part of the content");
	printf("header          dwOffsetInFirstSegment %" PRIu32 "\n", header->skip);
	if (show->version == 1) {
		printf("                dwReadBytesInLastSegment %" PRIu64 "\n", header->length);
	} else {
		printf("                ullLengthOfRange %" PRIu64 "\n", header->length);
		printf("                ullStartInContent %" PRIu64 "\n", first_offset);
		printf("                ullIndexOfFirstSegment %" PRIu64 "\n",
		       header->first_segment);
		printf("chunks          %" PRIu32 "\n", header->chunks);
	}
	printf("segments        %" PRIu32 "%s\n", content_segments(show->content),
	       show->secrets ? "" : "; their secrets Kp are shown by --secrets");
}

static void show_header_json(const struct show *show, uint64_t first_offset)
{
	const struct content_header *header = content_header(show->content);
	uint64_t start = content_start(show->content), end = content_end(show->content);

	printf("{\n \"version\": %u,\n \"hash\": \"%s\",\n \"size\": %" PRIu64 ",\n", show->version,
	       digest_name(show->algorithm), header->size);
	printf(" \"range\": [%" PRIu64 ", %" PRIu64 "],\n \"whole\": %s,\n", start, end - start,
	       show->whole ? "true" : "false");
	printf(" \"dwOffsetInFirstSegment\": %" PRIu32 ",\n", header->skip);
	if (show->version == 1) {
		printf(" \"dwHashAlgo\": %u,\n \"dwReadBytesInLastSegment\": %" PRIu64
		       ",\n \"cSegments\": %" PRIu32 ",\n",
		       algorithm_number(show), header->length, content_segments(show->content));
	} else {
		printf(" \"bHashAlgo\": %u,\n \"ullStartInContent\": %" PRIu64
		       ",\n \"ullIndexOfFirstSegment\": %" PRIu64
		       ",\n \"ullLengthOfRange\": %" PRIu64 ",\n \"chunks\": %" PRIu32 ",\n",
		       algorithm_number(show), first_offset, header->first_segment, header->length,
		       header->chunks);
	}
	printf(" \"segments\": [");
}

/* Those that are listed. 0 or a negative errno. */
static int show_blocks(const struct show *show, const struct content_segment *segment)
{
	struct content_block block;
	struct hexadecimal text;

	for (uint32_t i = 0; i < segment->listed; i++) {
		int error = content_block_listed(show->content, segment, segment->first_listed + i,
						 &block);

		if (error)
			return error;
		if (show->json)
			printf("%s\"%s\"", i ? ", " : "", hex(show, block.hash, &text));
		else
			printf("  block %-7" PRIu32 " offset %" PRIu64 ", length %" PRIu32 ", %s\n",
			       block.block, block.offset, block.length,
			       hex(show, block.hash, &text));
	}
	return 0;
}

static void show_listed(const struct content_segment *segment)
{
	if (segment->listed == segment->blocks)
		printf("all");
	else
		printf("%" PRIu32 " from block %" PRIu32 " on", segment->listed,
		       segment->first_listed);
}

static int show_segment(const struct show *show, uint32_t index,
			const struct content_segment *segment, const uint8_t *id)
{
	struct hexadecimal text;

	printf("\nsegment %-7" PRIu32 " offset %" PRIu64 ", length %" PRIu32, index,
	       segment->offset, segment->length);
	if (show->version == 1) {
		printf(", %" PRIu32 " blocks, hashes listed: ", segment->blocks);
		show_listed(segment);
	}
	printf("\n  id HoHoDk     %s\n", hex(show, id, &text));
	printf("  HoD           %s\n", hex(show, segment->hash_of_data, &text));
	if (show->secrets)
		printf("  secret Kp     %s\n", hex(show, segment->secret, &text));
	OPENSSL_cleanse(&text, sizeof(text));
	/* In version 2.0 HoD is the hash of the only block. */
	return show->blocks && show->version == 1 ? show_blocks(show, segment) : 0;
}

static int show_segment_json(const struct show *show, uint32_t index,
			     const struct content_segment *segment, const uint8_t *id)
{
	struct hexadecimal text;
	int error = 0;

	printf("%s\n  {\"offset\": %" PRIu64 ", \"length\": %" PRIu32 ", \"blocks\": %" PRIu32
	       ",\n",
	       index ? "," : "", segment->offset, segment->length, segment->blocks);
	printf("   \"hod\": \"%s\",\n", hex(show, segment->hash_of_data, &text));
	if (show->secrets)
		printf("   \"kp\": \"%s\",\n", hex(show, segment->secret, &text));
	printf("   \"id\": \"%s\"", hex(show, id, &text));
	OPENSSL_cleanse(&text, sizeof(text));
	if (show->version == 1) {
		printf(",\n   \"first_block\": %" PRIu32 ", \"block_count\": %" PRIu32
		       ", \"complete\": %s,\n   \"block_hashes\": [",
		       segment->first_listed, segment->listed,
		       segment->listed == segment->blocks ? "true" : "false");
		error = show_blocks(show, segment);
		putchar(']');
	}
	putchar('}');
	return error;
}

/* 0 or a negative errno. */
static int show_one(const struct show *show, uint32_t index)
{
	struct content_segment segment;
	uint8_t id[DIGEST_SIZE_MAX];
	int error = content_segment(show->content, index, &segment);

	if (!error)
		error = secret_segment_id(show->algorithm, segment.secret, segment.hash_of_data,
					  id);
	if (error)
		return error;
	error = show->json ? show_segment_json(show, index, &segment, id)
			   : show_segment(show, index, &segment, id);
	OPENSSL_cleanse(segment.secret, sizeof(segment.secret));
	return error;
}

static int show_all(const struct show *show)
{
	struct content_segment first;
	int error = content_segment(show->content, 0, &first);

	if (!error && show->json)
		show_header_json(show, first.offset);
	else if (!error)
		show_header(show, first.offset);
	/* Nobody may read it any more: no reason to go on for a million segments. */
	for (uint32_t i = 0; i < content_segments(show->content) && !error && !ferror(stdout); i++)
		error = show_one(show, i);
	if (!error && show->json)
		printf("\n ]\n}\n");
	OPENSSL_cleanse(first.secret, sizeof(first.secret));
	return error ? cli_info_unreadable(show->path, error) : CLI_DONE;
}

static int parse(const struct cli_action *action, int count, char **words, struct show *show)
{
	static const struct cli_option options[] = {
		CLI_FLAG("json", struct show, json),
		CLI_FLAG("blocks", struct show, blocks),
		CLI_FLAG("secrets", struct show, secrets),
		CLI_OPTIONS_END,
	};
	int status = cli_options(count, words, options, show);

	if (status)
		return status;
	if (count - optind != 1)
		return cli_action_usage(action);
	show->path = words[optind];
	return CLI_DONE;
}

int cli_info_show(const struct cli_action *action, int count, char **words)
{
	struct show show = {0};
	struct content *content = NULL;
	int status = parse(action, count, words, &show);

	if (!status)
		status = cli_info_load(show.path, &content);
	if (status)
		return status;
	show.content = content;
	show.version = content_version(content);
	show.algorithm = content_algorithm(content);
	status = cli_info_whole(show.path, content, &show.whole);
	if (!status)
		status = show_all(&show);
	content_put(content);
	return status;
}
