/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The files that tell, and the status for people. Members that the JSON lacks show as 0 or nothing:
 * the daemon may be of another version.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/log.h"
#include "fs/cli.h"

/* Largest answer that we take: our choice. */
#define FILE_MAX (64u << 20)
#define CHUNK 65536

/* 0 or a negative errno. */
static int read_to_end(int file, FILE *stream)
{
	char chunk[CHUNK];
	size_t length = 0;

	for (;;) {
		ssize_t got = read(file, chunk, sizeof(chunk));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : 0;
		length += (size_t)got;
		if (length > FILE_MAX)
			return -EFBIG;
		fwrite(chunk, 1, (size_t)got, stream);
	}
}

int cli_file_read(const struct cli_mount *mount, const char *name, char **text_out)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream;
	int error;
	int file = openat(mount->control, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (file < 0 && errno == ENOENT)
		return cli_complain(CLI_FAILED, "%s has no file %s; mounts have it", mount->root,
				    name);
	if (file < 0)
		return cli_complain(CLI_FAILED, "the %s of %s cannot be read: %m", name,
				    mount->root);
	stream = open_memstream(&text, &size);
	error = stream ? read_to_end(file, stream) : -ENOMEM;
	close(file);
	if (stream && fclose(stream) && !error)
		error = -ENOMEM;
	if (error) {
		free(text);
		return cli_complain(CLI_FAILED, "the %s of %s cannot be read: %s", name,
				    mount->root, strerror(-error));
	}
	*text_out = text;
	return CLI_DONE;
}

static void human_size(int64_t octets, char *buffer, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double amount = (double)octets;
	size_t unit = 0;

	while (amount >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		amount /= 1024;
		unit++;
	}
	snprintf(buffer, size, "%.*f %s", unit ? 1 : 0, amount, units[unit]);
}

static int64_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void show_text(const json_t *status, const char *name)
{
	const char *text = json_string_value(json_object_get(status, name));
	char escaped[LOG_NAME_MAX];

	if (text)
		printf("%-10s  %s\n", name, log_escape(escaped, sizeof(escaped), text));
}

static void show_cache(const json_t *cache)
{
	const char *directory = json_string_value(json_object_get(cache, "dir"));
	char used[32], limit[32], escaped[LOG_NAME_MAX];

	human_size(number(cache, "used"), used, sizeof(used));
	human_size(number(cache, "limit"), limit, sizeof(limit));
	printf("%-10s  %s of %s, %" PRId64 " contents, in %s\n", "cache", used, limit,
	       number(cache, "contents"),
	       log_escape(escaped, sizeof(escaped), directory ? directory : ""));
}

static void show_sources(json_t *sources)
{
	const char *name;
	json_t *source;
	char octets[32];

	printf("\n%-10s %12s %12s\n", "source", "given", "blocks");
	json_object_foreach(sources, name, source)
	{
		human_size(number(source, "bytes"), octets, sizeof(octets));
		printf("%-10s %12s %12" PRId64 "\n", name, octets, number(source, "blocks"));
	}
}

static void show_numbers(const char *title, json_t *numbers)
{
	const char *name;
	json_t *count;
	bool first = true;

	printf("%-10s ", title);
	json_object_foreach(numbers, name, count)
	{
		if (!json_is_integer(count))
			continue;
		printf("%s %s %lld", first ? "" : ",", name, json_integer_value(count));
		first = false;
	}
	putchar('\n');
}

static void show_addresses(const json_t *status, const char *name)
{
	const json_t *addresses = json_object_get(status, name);
	char escaped[LOG_NAME_MAX];

	for (size_t i = 0; i < json_array_size(addresses); i++) {
		const char *address = json_string_value(json_array_get(addresses, i));

		printf("%-10s  %s\n", name,
		       log_escape(escaped, sizeof(escaped), address ? address : ""));
	}
}

/* Of a mount that takes part in discovery. */
static void show_peers(json_t *status)
{
	json_t *discovery = json_object_get(status, "discovery");
	size_t count = json_array_size(json_object_get(status, "peers"));

	if (!json_object_get(discovery, "verdict"))
		return;
	putchar('\n');
	show_numbers("served", json_object_get(status, "served"));
	show_numbers("discovery", discovery);
	show_text(discovery, "verdict");
	printf("%-10s  %zu that gave us blocks; peerdist peers lists them\n", "peers", count);
}

static void show_hosted_cache(const json_t *cache)
{
	const char *host = json_string_value(json_object_get(cache, "host"));
	const char *address = json_string_value(json_object_get(cache, "address"));
	char name[LOG_NAME_MAX];

	log_escape(name, sizeof(name), host ? host : "");
	printf("%-10s  %s (%s), blocks %" PRId64 ", bad %" PRId64 ", failures %" PRId64 "%s\n",
	       "hosted", name, address ? address : "no address yet", number(cache, "blocks"),
	       number(cache, "bad"), number(cache, "failures"),
	       json_is_true(json_object_get(cache, "banned")) ? ", put out for now" : "");
}

/* Of a mount that has some. */
static void show_hosted_caches(const json_t *status)
{
	const json_t *caches = json_object_get(status, "hosted_caches");

	if (json_array_size(caches) == 0)
		return;
	putchar('\n');
	for (size_t i = 0; i < json_array_size(caches); i++)
		show_hosted_cache(json_array_get(caches, i));
	show_numbers("offers", json_object_get(status, "offers"));
}

static void show_mount(json_t *status)
{
	show_cache(json_object_get(status, "cache"));
	show_sources(json_object_get(status, "sources"));
	show_peers(status);
	show_hosted_caches(status);
}

static void show_server(json_t *status)
{
	show_addresses(status, "listen");
	putchar('\n');
	show_numbers("served", json_object_get(status, "served"));
	show_numbers("hashes", json_object_get(status, "hashes"));
}

static void show_hosted(json_t *status)
{
	char opaque[32];

	show_addresses(status, "listen");
	show_addresses(status, "tls_listen");
	show_cache(json_object_get(status, "cache"));
	human_size(number(json_object_get(status, "cache"), "opaque"), opaque, sizeof(opaque));
	printf("%-10s  %s of it, which only clients can verify\n", "opaque", opaque);
	putchar('\n');
	show_numbers("served", json_object_get(status, "served"));
	show_numbers("offers", json_object_get(status, "offers"));
	show_numbers("pulled", json_object_get(status, "pulled"));
	show_numbers("exchanges", json_object_get(status, "exchanges"));
	printf("%-10s  %zu that offered; peerdist peers lists them\n", "peers",
	       json_array_size(json_object_get(status, "peers")));
}

int cli_status_show(const char *text)
{
	static const char *const texts[] = {"version", "source", "origin", "mountpoint",
					    "mode",    "state",  "listen"};
	json_error_t error;
	json_t *status = json_loads(text, 0, &error);

	if (!json_is_object(status)) {
		json_decref(status);
		return cli_complain(CLI_FAILED, "the status is no JSON: %s", error.text);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		show_text(status, texts[i]);
	if (json_object_get(status, "hashes"))
		show_server(status);
	else if (json_object_get(status, "offers") && json_object_get(status, "pulled"))
		show_hosted(status);
	else
		show_mount(status);
	putchar('\n');
	show_numbers("errors", json_object_get(status, "errors"));
	json_decref(status);
	return CLI_DONE;
}
