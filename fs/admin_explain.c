/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/admin_explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "cache/store_content.h"
#include "fs/admin_object.h"
#include "fs/ledger.h"
#include "fs/mount.h"
#include "fs/peer_address.h"

/* More of them are not shown one by one: our choice, some megabytes of text. */
#define RUNS_MAX 50000u
/* How often it is begun anew because the file is being cut anew meanwhile. */
#define TRIES_MAX 5u
/* Blocks after which it is looked whether anybody still wants to know. */
#define CANCEL_BLOCKS 4096u

/* What is to be said of a block. */
struct saying {
	bool present;
	struct ledger_entry entry; /* of those that are; unknown: given GIVEN_CACHE */
};

struct sum {
	uint64_t blocks, octets;
};

struct explanation {
	struct mount *mount;
	struct job *job;
	const char *path, *validator;
	struct object *object;
	const struct cutting *cutting;
	FILE *text;
	uint32_t runs;
	struct saying saying; /* of the run that is growing */
	uint64_t offset, octets;
	uint32_t blocks; /* 0: there is none */
	struct sum absent, sums[GIVEN_KINDS][LEDGER_WHYS];
};

static const char *given_name(enum given given)
{
	static const char *const names[GIVEN_KINDS] = {
		[GIVEN_CACHE] = "cache",
		[GIVEN_PEER] = "peer",
		[GIVEN_HOSTED] = "hosted",
		[GIVEN_ORIGIN] = "origin",
	};

	return names[given];
}

static const char *why_name(const struct ledger_entry *entry)
{
	return entry->given == GIVEN_ORIGIN ? ledger_why_name(entry->why) : "-";
}

/* ---- runs ---- */

static bool same_saying(const struct saying *one, const struct saying *other)
{
	if (one->present != other->present)
		return false;
	return !one->present ||
	       (one->entry.given == other->entry.given && one->entry.why == other->entry.why &&
		xaddr_same(&one->entry.from, &other->entry.from));
}

static void print_run(struct explanation *explanation)
{
	const struct saying *saying = &explanation->saying;
	const struct ledger_entry *entry = &saying->entry;
	char address[PEER_ADDRESS_MAX] = "-";

	fprintf(explanation->text, "%llu\t%llu\t%u\t", (unsigned long long)explanation->offset,
		(unsigned long long)explanation->octets, explanation->blocks);
	if (explanation->runs == RUNS_MAX)
		fputs("more\t-\t-\t-\n", explanation->text);
	else if (!saying->present)
		fputs("absent\t-\t-\t-\n", explanation->text);
	else
		fprintf(explanation->text, "cached\t%s\t%s\t%s\n", given_name(entry->given),
			entry->from.family != 0 ? peer_address_text(&entry->from, address)
						: address,
			why_name(entry));
}

static void end_run(struct explanation *explanation)
{
	if (explanation->blocks == 0)
		return;
	print_run(explanation);
	explanation->runs++;
	explanation->blocks = 0;
	explanation->octets = 0;
}

/* BLOCKS neighbouring ones of OCTETS in all, behind those before. */
static void add_blocks(struct explanation *explanation, uint64_t offset, uint64_t octets,
		       uint32_t blocks, const struct saying *saying)
{
	struct sum *sum = saying->present
				  ? &explanation->sums[saying->entry.given][saying->entry.why]
				  : &explanation->absent;

	sum->blocks += blocks;
	sum->octets += octets;
	if (explanation->blocks != 0 && explanation->runs < RUNS_MAX &&
	    !same_saying(&explanation->saying, saying))
		end_run(explanation);
	if (explanation->blocks == 0) {
		explanation->saying = *saying;
		explanation->offset = offset;
	}
	explanation->blocks += blocks;
	explanation->octets += octets;
}

static void add_present(struct explanation *explanation, uint32_t unit)
{
	const struct cutting *cutting = explanation->cutting;
	struct saying saying = {.present = true};

	if (explanation->mount->ledger != NULL)
		ledger_look(explanation->mount->ledger, explanation->path, explanation->validator,
			    cutting, unit, &saying.entry);
	add_blocks(explanation, cutting_offset(cutting, unit), cutting_length(cutting, unit), 1,
		   &saying);
}

static void add_absent(struct explanation *explanation, uint32_t first, uint32_t count)
{
	const struct cutting *cutting = explanation->cutting;
	const struct saying saying = {.present = false};
	uint64_t offset = cutting_offset(cutting, first);
	uint64_t end = cutting_offset(cutting, first + count - 1) +
		       cutting_length(cutting, first + count - 1);

	add_blocks(explanation, offset, end - offset, count, &saying);
}

/* ---- a file ---- */

/* -EAGAIN: it has been cut anew meanwhile. */
static int walk_units(struct explanation *explanation)
{
	uint32_t count = cutting_count(explanation->cutting), looked = 0;

	for (uint32_t unit = 0; unit < count;) {
		bool present;
		uint32_t here = count - unit < CANCEL_BLOCKS ? count - unit : CANCEL_BLOCKS;

		here = object_extent(explanation->object, unit, here, &present);
		if (here == 0)
			return -EAGAIN;
		if (!present)
			add_absent(explanation, unit, here);
		for (uint32_t i = 0; present && i < here; i++)
			add_present(explanation, unit + i);
		unit += here;
		looked += here;
		if (looked >= CANCEL_BLOCKS) {
			looked = 0;
			if (job_cancelled(explanation->job))
				return -ECANCELED;
		}
	}
	end_run(explanation);
	return object_cutting(explanation->object) == explanation->cutting ? 0 : -EAGAIN;
}

static void print_sum(FILE *text, const char *from, const char *why, const struct sum *sum)
{
	if (sum->blocks != 0)
		fprintf(text, "%s\t%s\t%llu\t%llu\n", from, why, (unsigned long long)sum->blocks,
			(unsigned long long)sum->octets);
}

static void print_sums(struct explanation *explanation)
{
	fputs("\nfrom\twhy\tblocks\tbytes\n", explanation->text);
	for (unsigned given = 0; given < GIVEN_KINDS; given++)
		for (unsigned why = 0; why < LEDGER_WHYS; why++)
			print_sum(explanation->text, given_name(given),
				  given == GIVEN_ORIGIN ? ledger_why_name(why) : "-",
				  &explanation->sums[given][why]);
	print_sum(explanation->text, "absent", "-", &explanation->absent);
}

/* What describes the file, for the line with "ok". */
static void print_content(struct explanation *explanation)
{
	struct content *content =
		explanation->object != NULL ? object_content(explanation->object) : NULL;

	if (content != NULL)
		fprintf(explanation->text, "ok content information of version %u, %u segments\n",
			content_version(content), content_segments(content));
	else if (explanation->object != NULL)
		fprintf(explanation->text, "ok no content information\n");
	else
		fprintf(explanation->text, "ok nothing of it is cached\n");
	content_put(content);
}

static int explain_once(struct explanation *explanation)
{
	print_content(explanation);
	fputs("offset\tlength\tblocks\tstate\tfrom\taddress\twhy\n", explanation->text);
	int error = explanation->object != NULL ? walk_units(explanation) : 0;
	/* Of what was never read it is not known yet how it will be cut. */
	if (explanation->object == NULL && explanation->cutting != NULL &&
	    cutting_count(explanation->cutting) > 0) {
		add_absent(explanation, 0, cutting_count(explanation->cutting));
		end_run(explanation);
	}
	print_sums(explanation);
	return error;
}

/* TEXT_OUT for free(), also on failure. */
static int explain_text(const struct explanation *subject, char **text_out)
{
	struct explanation explanation = *subject;
	size_t length;

	*text_out = NULL;
	explanation.text = open_memstream(text_out, &length);
	if (explanation.text == NULL)
		return -ENOMEM;
	if (explanation.object != NULL)
		explanation.cutting = object_cutting(explanation.object);
	int error = explain_once(&explanation);
	if (fclose(explanation.text) != 0 && error == 0)
		error = -ENOMEM;
	return error;
}

static int explain_file(struct explanation *subject)
{
	char name[LOG_NAME_MAX];
	int error = -EAGAIN;

	for (unsigned tries = 0; error == -EAGAIN && tries < TRIES_MAX; tries++) {
		char *text;

		error = explain_text(subject, &text);
		if (error == 0)
			job_print(subject->job, "%s", text);
		free(text);
	}
	if (error == -EAGAIN)
		job_explain(subject->job, "/%s: what describes it comes and goes; ask again",
			    log_escape(name, sizeof name, subject->path));
	return error;
}

static int check_entry(struct mount *mount, struct job *job, const char *path,
		       struct entry *entry_out)
{
	char name[LOG_NAME_MAX];
	int error = *path == '\0' ? -EISDIR : admin_entry_find(mount, path, entry_out);

	log_escape(name, sizeof name, path);
	if (error == 0 && entry_out->kind != ENTRY_FILE)
		error = -EISDIR;
	if (error == -EISDIR)
		job_explain(job, "/%s is a directory; name a file", name);
	else if (error == -ENOENT)
		job_explain(job, "/%s: nothing is known of such a file; ls or read it first", name);
	return error;
}

int admin_explain(struct mount *mount, struct job *job, const char *path)
{
	struct explanation *subject = calloc(1, sizeof *subject);
	struct cutting *unread = NULL;
	struct entry entry;

	if (subject == NULL)
		return -ENOMEM;
	int error = check_entry(mount, job, path, &entry);
	if (error == 0) {
		error = admin_object_find(mount, path, &entry, &subject->object);
		if (error == -ENOENT)
			error = entry.size >= 0 ? cutting_uniform((uint64_t)entry.size, &unread)
						: 0;
	}
	if (error == 0) {
		subject->mount = mount;
		subject->job = job;
		subject->path = path;
		subject->validator = entry.validator;
		subject->cutting = unread;
		error = explain_file(subject);
	}
	object_put(subject->object);
	cutting_free(unread);
	free(subject);
	return error;
}
