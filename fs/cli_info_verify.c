/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `info verify`: whether a file is what content information says, block by block on all cores.
 * This thread asks for the blocks of a round, then all threads read and hash them.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/content_v2.h"
#include "cache/crew.h"
#include "cache/file_octets.h"
#include "cache/log.h"
#include "fs/cli_info.h"

enum {
	/* Our choices. */
	ROUND = 64,       /* blocks in a round, of 8 MiB at most */
	RANGES_SHOWN = 10 /* that do not match */
};

/* No block is longer: version 2.0 has the longer ones. */
#define BLOCK_MAX CONTENT_V2_SEGMENT_MAX

struct verdict {
	bool whole;
	uint64_t file_size;
	uint64_t blocks, bad_blocks;
	uint64_t missing, excess; /* octets that the file has too few or too many */
	uint64_t ranges;          /* of blocks that do not match, neighbours as one */
	struct {
		uint64_t start, end;
	} first[RANGES_SHOWN];
	uint64_t bad_end; /* of the last of them */
};

struct round {
	struct crew_batch batch;
	const struct content *content;
	int file;
	struct content_block blocks[ROUND];
	int errors[ROUND]; /* 0, -EBADMSG: does not match, or of reading */
	uint8_t *data;     /* BLOCK_MAX octets each */
};

static int check(const struct round *round, uint32_t index)
{
	const struct content_block *block = &round->blocks[index];
	uint8_t *data = round->data + (size_t)index * BLOCK_MAX;
	int error = file_octets_read(round->file, block->offset, data, block->length);

	if (error != 0)
		return error == -ENODATA ? -EBADMSG : error;
	return content_block_check(round->content, block, data, block->length);
}

static void check_piece(struct crew_batch *batch, uint32_t index)
{
	struct round *round = (struct round *)batch;

	round->errors[index] = check(round, index);
}

static void note_bad(struct verdict *verdict, uint64_t start, uint64_t end)
{
	bool goes_on = verdict->ranges > 0 && start <= verdict->bad_end;

	if (!goes_on) {
		if (verdict->ranges < RANGES_SHOWN)
			verdict->first[verdict->ranges].start = start;
		verdict->ranges++;
	}
	if (verdict->ranges <= RANGES_SHOWN)
		verdict->first[verdict->ranges - 1].end = end;
	verdict->bad_end = end;
}

/* 0 or a negative errno. */
static int take_round(const struct round *round, struct verdict *verdict)
{
	for (uint32_t i = 0; i < round->batch.pieces; i++) {
		const struct content_block *block = &round->blocks[i];

		if (round->errors[i] && round->errors[i] != -EBADMSG)
			return round->errors[i];
		verdict->blocks++;
		if (!round->errors[i])
			continue;
		verdict->bad_blocks++;
		note_bad(verdict, block->offset, block->offset + block->length);
	}
	return 0;
}

/* The next blocks that the file reaches into, from *AT on. 0 or a negative errno. */
static int fill_round(struct round *round, uint64_t *at, uint64_t stop)
{
	round->batch.pieces = 0;
	while (round->batch.pieces < ROUND && *at < stop) {
		struct content_block *block = &round->blocks[round->batch.pieces];
		int error = content_block_at(round->content, *at, block);

		if (error)
			return error;
		*at = block->offset + block->length;
		round->batch.pieces++;
	}
	return 0;
}

/* INFO_ERROR_OUT: content information could not be read; the result: the file could not. */
static int check_blocks(struct round *round, struct crew *crew, struct verdict *verdict,
			int *info_error_out)
{
	uint64_t start = content_start(round->content), stop = content_end(round->content);
	uint64_t at = start;
	struct cli_progress progress;
	int error = 0;

	if (verdict->file_size < stop)
		stop = verdict->file_size;
	cli_progress_start(&progress);
	while (at < stop && !error) {
		cli_progress_show(&progress, at - start, stop - start);
		*info_error_out = fill_round(round, &at, stop);
		if (*info_error_out)
			break;
		crew_submit(crew, &round->batch);
		crew_wait(crew, &round->batch);
		error = take_round(round, verdict);
	}
	cli_progress_end(&progress);
	return error;
}

/* What the length of the file alone says. */
static void check_length(const struct content *content, struct verdict *verdict)
{
	uint64_t start = content_start(content), end = content_end(content);
	uint64_t size = verdict->file_size;

	if (size < end) {
		verdict->missing = end - size;
		note_bad(verdict, size > start ? size : start, end);
	} else if (verdict->whole) {
		verdict->excess = size - end;
	}
}

static int run(struct round *round, struct verdict *verdict, int *info_error_out)
{
	struct pool *pool = NULL;
	struct crew *crew = NULL;
	int error = pool_create(0, &pool);

	if (!error)
		error = crew_create(pool, POOL_READER, &crew);
	if (!error)
		error = check_blocks(round, crew, verdict, info_error_out);
	crew_destroy(crew);
	pool_destroy(pool);
	if (!error && !*info_error_out)
		check_length(round->content, verdict);
	return error;
}

static bool matches(const struct verdict *verdict)
{
	return verdict->ranges == 0 && verdict->excess == 0;
}

static uint64_t shown(const struct verdict *verdict)
{
	return verdict->ranges < RANGES_SHOWN ? verdict->ranges : RANGES_SHOWN;
}

static void show_json(const struct content *content, const struct verdict *verdict)
{
	uint64_t start = content_start(content);

	printf("{\n \"match\": %s,\n", matches(verdict) ? "true" : "false");
	printf(" \"range\": [%" PRIu64 ", %" PRIu64 "],\n \"whole\": %s,\n", start,
	       content_end(content) - start, verdict->whole ? "true" : "false");
	printf(" \"file_size\": %" PRIu64 ",\n \"missing\": %" PRIu64 ",\n \"excess\": %" PRIu64
	       ",\n",
	       verdict->file_size, verdict->missing, verdict->excess);
	printf(" \"blocks\": %" PRIu64 ",\n \"bad_blocks\": %" PRIu64 ",\n \"bad_ranges\": %" PRIu64
	       ",\n \"first_bad_ranges\": [",
	       verdict->blocks, verdict->bad_blocks, verdict->ranges);
	for (uint64_t i = 0; i < shown(verdict); i++)
		printf("%s[%" PRIu64 ", %" PRIu64 "]", i ? ", " : "", verdict->first[i].start,
		       verdict->first[i].end - verdict->first[i].start);
	printf("]\n}\n");
}

static void show(const struct content *content, const struct verdict *verdict)
{
	if (matches(verdict))
		printf("matches: octets %" PRIu64 " to %" PRIu64 ", %" PRIu64 " blocks\n",
		       content_start(content), content_end(content), verdict->blocks);
	for (uint64_t i = 0; i < shown(verdict); i++)
		printf("does not match: octets %" PRIu64 " to %" PRIu64 "\n",
		       verdict->first[i].start, verdict->first[i].end);
	if (verdict->ranges > RANGES_SHOWN)
		printf("does not match: %" PRIu64 " more ranges\n", verdict->ranges - RANGES_SHOWN);
	if (verdict->missing)
		printf("too short by %" PRIu64 "\n", verdict->missing);
	if (verdict->excess)
		printf("too long by %" PRIu64 "\n", verdict->excess);
}

static int complain_of_mismatch(const char *info, const char *path, const struct verdict *verdict)
{
	char info_escaped[LOG_NAME_MAX], escaped[LOG_NAME_MAX], length[64] = "";

	if (verdict->missing)
		snprintf(length, sizeof(length), ", and it is too short by %" PRIu64,
			 verdict->missing);
	if (verdict->excess)
		snprintf(length, sizeof(length), ", and it is too long by %" PRIu64,
			 verdict->excess);
	return cli_complain(CLI_FAILED,
			    "%s does not match %s: %" PRIu64 " of %" PRIu64
			    " blocks differ%s; it was changed or cut, or is another version",
			    log_escape(escaped, sizeof(escaped), path),
			    log_escape(info_escaped, sizeof(info_escaped), info),
			    verdict->bad_blocks, verdict->blocks, length);
}

static int verify(const char *info, const char *path, const struct content *content, int file,
		  const struct stat *status, bool json)
{
	struct round *round = calloc(1, sizeof(*round));
	struct verdict verdict = {.file_size = (uint64_t)status->st_size};
	int error, info_error = 0, result = cli_info_whole(info, content, &verdict.whole);

	if (!result && round && (round->data = malloc((size_t)ROUND * BLOCK_MAX))) {
		round->batch.piece = check_piece;
		round->content = content;
		round->file = file;
		error = run(round, &verdict, &info_error);
		if (info_error)
			result = cli_info_unreadable(info, info_error);
		else if (error)
			result = cli_info_unreadable(path, error);
		else
			result = cli_info_unchanged(path, file, status);
	} else if (!result) {
		result = cli_complain(CLI_FAILED, "out of memory");
	}
	if (round)
		free(round->data);
	free(round);
	if (result)
		return result;
	if (json)
		show_json(content, &verdict);
	else
		show(content, &verdict);
	return matches(&verdict) ? CLI_DONE : complain_of_mismatch(info, path, &verdict);
}

int cli_info_verify(const struct cli_action *action, int count, char **words)
{
	static const struct cli_option options[] = {{"json", no_argument, cli_option_flag, 0, 0, 0},
						    CLI_OPTIONS_END};
	struct content *content;
	struct stat status;
	bool json = false;
	int file, result = cli_options(count, words, options, &json);

	if (result)
		return result;
	if (count - optind != 2)
		return cli_action_usage(action);
	result = cli_info_load(words[optind], &content);
	if (result)
		return result;
	result = cli_info_open_content(words[optind + 1], &file, &status);
	if (!result) {
		result = verify(words[optind], words[optind + 1], content, file, &status, json);
		close(file);
	}
	content_put(content);
	return result;
}
