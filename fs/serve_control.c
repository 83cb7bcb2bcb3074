/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/serve_control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "fs/control_mount.h"
#include "fs/numbers.h"
#include "fs/version.h"

/* Room for "[ADDRESS%INTERFACE]:PORT". */
#define ADDRESS_SIZE 128

struct serve_control {
	struct control_mount *mount;
	char *source, *config;
	struct content_server *server;
	struct publish *publish;
};

/* ---- telling ---- */

struct numbers {
	struct content_server_counters served;
	struct publish_counters hashes;
	uint64_t none;
};

static const struct number list[] = {
#define AT(field) offsetof(struct numbers, field)
	{{"served", "", "bytes"},
	 "served_bytes_total",
	 NULL,
	 "Octets of files given as they are.",
	 AT(served.octets)},
	/* Those who serve peers count them; the same names for all. */
	{{"served", "", "blocks"}, "served_blocks_total", NULL, "Blocks given to peers.", AT(none)},
	{{"served", "", "requests"},
	 "served_requests_total",
	 NULL,
	 "Requests of all kinds.",
	 AT(served.requests)},
	{{"served", "", "information"},
	 "served_information_total",
	 NULL,
	 "Answers that were content information.",
	 AT(served.informations)},
	{{"served", "", "information_bytes"},
	 "served_information_bytes_total",
	 NULL,
	 "Octets of content information given.",
	 AT(served.information_octets)},
	{{"hashes", "", "made"},
	 "hashes_made_total",
	 NULL,
	 "Contents whose content information was made.",
	 AT(hashes.made)},
	{{"hashes", "", "queued"},
	 "hashes_queued",
	 NULL,
	 "Contents that wait for it.",
	 AT(hashes.queued)},
	{{"hashes", "", "failed"},
	 "hashes_failed_total",
	 NULL,
	 "Contents for which it could not be made.",
	 AT(hashes.failed)},
	{{"hashes", "", "octets_hashed"},
	 "hashed_bytes_total",
	 NULL,
	 "Octets that were hashed.",
	 AT(hashes.octets_hashed)},
#define ERRORS(kind, field)                                                                        \
	{                                                                                          \
		{"errors", "", kind}, "errors_total", "kind", "Errors, by kind.", AT(field)        \
	}
	ERRORS("source", served.unreadable),
	ERRORS("busy", served.busy),
#undef ERRORS
#undef AT
	{{NULL, NULL, NULL}, NULL, NULL, NULL, 0},
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

static const struct control_answerer answerer = {
	.text = {[CONTROL_STATUS] = make_status,
		 [CONTROL_METRICS] = make_metrics,
		 [CONTROL_CONFIG] = make_config},
	.commands = commands,
};

/* ---- beginning and end ---- */

int serve_control_start(const struct serve_control_options *options,
			struct serve_control **control_out, char *message, size_t message_size)
{
	struct serve_control *control = calloc(1, sizeof *control);
	const struct control_mount_options mount = {.directory = options->directory,
						    .others = options->others,
						    .answerer = &answerer,
						    .owner = control};
	int error = -ENOMEM;

	snprintf(message, message_size, "cannot serve a control directory: out of memory");
	if (control == NULL)
		return error;
	control->source = strdup(options->source);
	control->config = strdup(options->config);
	control->server = options->server;
	control->publish = options->publish;
	if (control->source != NULL && control->config != NULL)
		error = control_mount_start(&mount, &control->mount, message, message_size);
	if (error != 0) {
		serve_control_end(control);
		return error;
	}
	*control_out = control;
	return 0;
}

void serve_control_end(struct serve_control *control)
{
	if (control == NULL)
		return;
	control_mount_end(control->mount);
	free(control->source);
	free(control->config);
	free(control);
}
