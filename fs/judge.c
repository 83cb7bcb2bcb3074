/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A block from the origin that its content information contradicts. Something between the origin
 * and here may alter octets, at the same place of each answer, even; so the block is read again,
 * each time without one octet more at both ends, and two readings that agree are the origin's. Then
 * its content information is asked for anew, past caches: if that says something else it is taken,
 * else the origin contradicts itself. What is not the block is never given out. Where content
 * information itself arrived damaged, readings that agree are all there is.
 */
#include "fs/inform_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Our choice: further readings of a block before it is given up. */
#define READINGS_MAX 3u

struct judgement {
	struct inform *inform;
	struct fetch_file *file; /* a reference */
	uint64_t offset;
	size_t length;
	unsigned skip; /* octets that the reading under way leaves out at each end: its number */
	size_t filled;
	int error;
	char *former, *octets; /* two readings */
	struct pool_job job;
};

static void judgement_end(struct judgement *judgement, enum fetch_verdict verdict)
{
	struct fetch_file *file = judgement->file;

	fetch_judge(file, verdict, judgement->octets);
	free(judgement->former);
	free(judgement->octets);
	free(judgement);
	fetch_file_put(file);
}

static bool describes(const struct content *content, const struct judgement *judgement)
{
	struct content_block block;

	return content_block_at(content, judgement->offset, &block) == 0 &&
	       content_block_check(content, &block, judgement->octets, judgement->length) == 0;
}

/* Whether there is content information to judge by; RIGHT_OUT: the last reading is what it says. */
static bool is_described(const struct judgement *judgement, bool *right_out)
{
	struct content *content = fetch_file_content(judgement->file);

	*right_out = content != NULL && describes(content, judgement);
	content_put(content);
	return content != NULL;
}

/* Whether CONTENT says of the block's octets anything else than what is in force. Where it cuts
 * elsewhere, whether it describes them cannot be told from the block alone. */
static bool says_otherwise(struct judgement *judgement, const struct content *content)
{
	struct content *former = fetch_file_content(judgement->file);
	struct content_block now, before;
	bool other = former == NULL || content_version(former) != content_version(content) ||
		     content_block_at(former, judgement->offset, &before) != 0 ||
		     content_block_at(content, judgement->offset, &now) != 0 ||
		     now.offset != before.offset || now.length != before.length ||
		     memcmp(now.hash, before.hash, digest_size(content_algorithm(content))) != 0;

	content_put(former);
	return other;
}

/* Of two readings that agree: whether the origin has other content information by now. */
static void asked_again(void *context, struct content *content)
{
	struct judgement *judgement = context;

	if (content != NULL && says_otherwise(judgement, content))
		/* If it is taken, who waits begins anew, and the verdict is for nobody. */
		(void)fetch_describe(judgement->file, content);
	else
		content_put(content);
	judgement_end(judgement, FETCH_CONTRADICTED);
}

static void read_again(struct judgement *judgement);

static bool agree(const struct judgement *judgement)
{
	size_t skip = judgement->skip;

	return memcmp(judgement->former + skip, judgement->octets + skip,
		      judgement->length - 2 * skip) == 0;
}

static void compare(struct pool_job *job)
{
	struct judgement *judgement =
		(struct judgement *)((char *)job - offsetof(struct judgement, job));

	bool right, described = is_described(judgement, &right);

	if (judgement->error == -ENODATA && !described)
		judgement_end(judgement, FETCH_RIGHT); /* a few octets: nothing speaks against */
	else if (judgement->error != 0 || judgement->filled < judgement->length - judgement->skip)
		judgement_end(judgement, FETCH_UNRELIABLE);
	else if (right || (!described && agree(judgement)))
		judgement_end(judgement, FETCH_RIGHT);
	else if (agree(judgement))
		inform_ask_again(judgement->inform, judgement->file, asked_again, judgement);
	else if (judgement->skip == READINGS_MAX)
		judgement_end(judgement, FETCH_UNRELIABLE);
	else
		read_again(judgement);
}

static int begin(void *context, const struct entry *entry, uint64_t start, int64_t length)
{
	struct judgement *judgement = context;

	(void)entry;
	(void)length;
	return start == judgement->offset + judgement->skip ? 0 : -EBADMSG;
}

static int bytes(void *context, const void *data, size_t length)
{
	struct judgement *judgement = context;

	if (length > judgement->length - judgement->skip - judgement->filled)
		return -EBADMSG;
	memcpy(judgement->octets + judgement->filled, data, length);
	judgement->filled += length;
	return 0;
}

static void done(void *context, int error)
{
	struct judgement *judgement = context;

	judgement->error = error;
	judgement->job.run = compare;
	pool_submit(judgement->inform->options.pool, POOL_READER, &judgement->job);
}

static const struct origin_reader reader = {.begin = begin, .bytes = bytes, .done = done};

static void read_again(struct judgement *judgement)
{
	struct fetch_file *file = judgement->file;

	memcpy(judgement->former, judgement->octets, judgement->length);
	if (2 * (judgement->skip + 1) >= judgement->length) {
		/* So short a block cannot be read in another way. */
		done(judgement, -ENODATA);
		return;
	}
	judgement->skip++;
	judgement->filled = judgement->skip;
	if (origin_read(judgement->inform->options.origin, fetch_file_path(file),
			fetch_file_validator(file), judgement->offset + judgement->skip,
			judgement->length - 2 * judgement->skip, ORIGIN_MISSING_DATA, ORIGIN_READER,
			&reader, judgement) == NULL)
		done(judgement, -ENOMEM);
}

void judge_doubt(void *owner, struct fetch_file *file, uint64_t offset, const void *data,
		 size_t length)
{
	struct judgement *judgement = calloc(1, sizeof *judgement);
	char *former = malloc(length), *octets = malloc(length);

	if (judgement == NULL || former == NULL || octets == NULL) {
		free(judgement);
		free(former);
		free(octets);
		fetch_judge(file, FETCH_UNRELIABLE, NULL);
		return;
	}
	*judgement = (struct judgement){.inform = owner,
					.file = fetch_file_get(file),
					.offset = offset,
					.length = length,
					.former = former,
					.octets = octets};
	memcpy(octets, data, length);
	read_again(judgement);
}
