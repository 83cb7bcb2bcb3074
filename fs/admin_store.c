/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/admin_store.h"

#include <errno.h>
#include <string.h>

struct verifying {
	struct job *job;
	uint64_t total;
};

static bool goes_on(void *context, const struct store_progress *progress)
{
	struct verifying *verifying = context;

	job_progress(verifying->job, progress->checked, verifying->total);
	return !job_cancelled(verifying->job);
}

int admin_store_verify(struct store *store, struct job *job, const char *path)
{
	struct verifying verifying = {.job = job};
	struct store_progress progress = {0};
	struct store_usage usage;

	store_usage(store, &usage);
	verifying.total = usage.used;
	int error = store_verify(store, path, goes_on, &verifying, &progress);
	if (error == 0)
		job_print(job, "ok checked %llu bad %llu\n", (unsigned long long)progress.checked,
			  (unsigned long long)progress.bad);
	return error;
}

int admin_store_resize(struct store *store, const char *directory, struct job *job,
		       const char *argument, config_capacity *capacity_out)
{
	config_capacity capacity;
	uint64_t limit;
	int error = config_capacity_parse(argument, &capacity);

	if (error != 0)
		job_explain(job, "%s is no size: octets with K, M, G or T, or 5%% of the volume",
			    argument);
	if (error == 0)
		error = config_capacity_octets(capacity, directory, &limit);
	if (error == 0) {
		error = store_resize(store, limit);
		if (error == -EBUSY)
			job_explain(job, "%s: what is pinned does not fit into it; unpin something",
				    argument);
		else if (error == -EINVAL)
			job_explain(job, "%s: a cache needs 1M at least", argument);
	}
	if (error != 0)
		return error;
	*capacity_out = capacity;
	job_print(job, "ok limit %llu\n", (unsigned long long)limit);
	return 0;
}

int admin_trust_check(struct job *job, const char *argument)
{
	if (strcmp(argument, "reset") == 0)
		return 0;
	job_explain(job, "%s: trust can only be reset", argument);
	return -EINVAL;
}
