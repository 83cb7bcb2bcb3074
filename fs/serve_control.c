/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/serve_control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "fs/numbers.h"
#include "fs/version.h"

/* Room for "[ADDRESS%INTERFACE]:PORT". */
#define ADDRESS_SIZE 128

/* ---- telling ---- */

struct numbers {
	struct content_server_counters served;
	struct publish_counters hashes;
	uint64_t none;
};

static const struct number list[] = {
	NUMBER("served", "bytes", "served_bytes_total", "Octets of files given as they are.",
	       served.octets),
	/* Those who serve peers count them; the same names for all. */
	NUMBER("served", "blocks", "served_blocks_total", "Blocks given to peers.", none),
	NUMBER("served", "requests", "served_requests_total", "Requests of all kinds.",
	       served.requests),
	NUMBER("served", "information", "served_information_total",
	       "Answers that were content information.", served.informations),
	NUMBER("served", "information_bytes", "served_information_bytes_total",
	       "Octets of content information given.", served.information_octets),
	NUMBER("hashes", "made", "hashes_made_total",
	       "Contents whose content information was made.", hashes.made),
	NUMBER("hashes", "queued", "hashes_queued", "Contents that wait for it.", hashes.queued),
	NUMBER("hashes", "failed", "hashes_failed_total",
	       "Contents for which it could not be made.", hashes.failed),
	NUMBER("hashes", "octets_hashed", "hashed_bytes_total", "Octets that were hashed.",
	       hashes.octets_hashed),
	NUMBER_OF_ERRORS("source", served.unreadable),
	NUMBER_OF_ERRORS("busy", served.busy),
	NUMBERS_END,
};

static void gather(const struct serve_control *control, struct numbers *numbers_out)
{
	memset(numbers_out, 0, sizeof *numbers_out);
	content_server_counters(control->server, &numbers_out->served);
	publish_counters(control->publish, &numbers_out->hashes);
}

static json_t *addresses(const struct content_server *server)
{
	json_t *array = json_array();
	char address[ADDRESS_SIZE];

	for (unsigned i = 0; content_server_address(server, i, address, sizeof address) == 0; i++)
		json_array_append_new(array, json_string(address));
	return array;
}

static int make_status(void *owner, char **text_out, size_t *length_out)
{
	const struct serve_control *control = owner;
	struct numbers numbers;
	json_t *status = json_pack("{s:s, s:o, s:o, s:s}", "version", PEERDISTFS_VERSION, "source",
				   numbers_string(control->source), "listen",
				   addresses(control->server), "state", "available");

	gather(control, &numbers);
	numbers_put(status, list, &numbers);
	return numbers_status(status, text_out, length_out);
}

static int make_metrics(void *owner, char **text_out, size_t *length_out)
{
	struct numbers numbers;

	gather(owner, &numbers);
	return numbers_print(list, &numbers, text_out, length_out);
}

static int make_config(void *owner, char **text_out, size_t *length_out)
{
	const struct serve_control *control = owner;
	char *text = strdup(control->config);

	if (text == NULL)
		return -ENOMEM;
	*text_out = text;
	*length_out = strlen(text);
	return 0;
}

/* ---- commands ---- */

/* Whether PATH has a name "", "." or "..", which no content has. */
static bool leads_about(const char *path)
{
	for (;; path++) {
		size_t length = strcspn(path, "/");

		if (length == strspn(path, ".") && length < 3)
			return true;
		path += length;
		if (*path == '\0')
			return false;
	}
}

static int forget(const struct serve_control *serve, struct job *job, const char *path)
{
	char name[LOG_NAME_MAX];
	int error = leads_about(path) ? -ENOENT : content_server_forget(serve->server, path);

	log_escape(name, sizeof name, path);
	if (error == -ENODATA) {
		job_explain(job, "/%s is no file that could have hashes", name);
		return -EINVAL;
	}
	if (error != 0)
		job_explain(job, "/%s cannot be found by the server", name);
	return error;
}

static int do_clear(const struct control *control, struct job *job, const char *argument)
{
	const struct serve_control *serve = control->owner;
	bool all = argument == NULL || *argument == '\0';
	int error = all ? publish_clear(serve->publish) : forget(serve, job, argument);

	if (error == 0)
		job_print(job, "ok\n");
	return error;
}

static const struct command commands[] = {
	{"clear", " [PATH]", "forget all hashes, or those of the file PATH", COMMAND_MAYBE, NULL,
	 do_clear},
	{NULL, NULL, NULL, COMMAND_NONE, NULL, NULL},
};

const struct control_answerer serve_control_answerer = {
	.text = {[CONTROL_STATUS] = make_status,
		 [CONTROL_METRICS] = make_metrics,
		 [CONTROL_CONFIG] = make_config},
	.commands = commands,
};
