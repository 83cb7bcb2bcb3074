/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cache packages in files. The file is opened here, with the rights of who calls; the daemon sees
 * octets only.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/log.h"
#include "fs/cli_option.h"
#include "fs/cli_package.h"

static const char export_usage[] =
	"usage: peerdist export [OPTION] FILE PATH...\n"
	"Writes what is cached of PATHs in a mount, files or directories with all below them, "
	"into\n"
	"FILE (-: standard output), as a package for peerdist import. What has no content\n"
	"information is left out.\n\n"
	"  --control DIR   of the cache of the process that serves DIR, such as peerdist hosted:\n"
	"                  all of it, where no PATH is named\n"
	"  --json          what went through as JSON\n";
static const char import_usage[] =
	"usage: peerdist import [OPTION] FILE [MOUNTPOINT]\n"
	"Takes a package of peerdist export from FILE (-: standard input) into the cache of a "
	"mount.\n"
	"Every block in it is verified; content information in it is believed as the origin's "
	"would\n"
	"be, so import only what comes from somebody whom you trust.\n\n"
	"  --control DIR   into the cache of the process that serves DIR, such as peerdist hosted\n"
	"  --json          what went through as JSON\n";

struct request {
	const char *usage;   /* one line */
	const char *control; /* NULL: none */
	const char *file;
	char **paths; /* as they were named */
	int count;
	bool json;
};

/* ---- what went through ---- */

static uint64_t figure(const char *figures, const char *name)
{
	size_t length = strlen(name);
	const char *at = figures;

	while ((at = strstr(at, name)) && !((at == figures || at[-1] == ' ') && at[length] == ' '))
		at += length;
	return at ? strtoull(at + length, NULL, 10) : 0;
}

static void print_json(const char *figures)
{
	json_t *object = json_object();
	char name[32];
	unsigned long long number;
	int length;

	for (; sscanf(figures, " %31s %llu%n", name, &number, &length) == 2; figures += length)
		json_object_set_new(object, name, json_integer((json_int_t)number));
	json_dumpf(object, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(object);
}

static void tell(const struct request *request, const char *figures)
{
	if (request->json)
		print_json(figures);
	else
		puts(figures);
}

/* ---- export ---- */

static bool is_stream(const struct request *request)
{
	return !strcmp(request->file, "-");
}

/* PATH, which begins with a slash, as one word of the command. */
static void put_path(FILE *stream, const char *path)
{
	fputs(" /", stream);
	for (path += strspn(path, "/"); *path; path++) {
		unsigned char octet = (unsigned char)*path;

		if (iscntrl(octet) || octet == '\\' || octet == ' ')
			fprintf(stream, "\\x%02x", octet);
		else
			putc(octet, stream);
	}
}

static bool same_mount(const struct cli_mount *one, const struct cli_mount *other)
{
	struct stat first, second;

	return !fstat(one->control, &first) && !fstat(other->control, &second) &&
	       first.st_dev == second.st_dev;
}

/* Adds PATH, which must be of MOUNT; the first one's becomes MOUNT. */
static int add_path(FILE *stream, const char *path, struct cli_mount *mount)
{
	char one[LOG_NAME_MAX], two[LOG_NAME_MAX];
	struct cli_mount found;
	int status = cli_mount_find(path, &found);

	if (status)
		return status;
	put_path(stream, found.path);
	if (!mount->root) {
		*mount = found;
		return CLI_DONE;
	}
	if (!same_mount(mount, &found))
		status = cli_complain(CLI_FAILED, "export: %s is of another mount than %s",
				      log_escape(one, sizeof(one), path),
				      log_escape(two, sizeof(two), mount->root));
	cli_mount_close(&found);
	return status;
}

static int add_paths(const struct request *request, FILE *stream, struct cli_mount *mount)
{
	int status = CLI_DONE;

	if (request->control)
		status = cli_mount_find(request->control, mount);
	if (request->control && request->count == 0)
		put_path(stream, "/");
	for (int i = 0; i < request->count && !status; i++) {
		if (request->control)
			put_path(stream, request->paths[i]);
		else
			status = add_path(stream, request->paths[i], mount);
	}
	return status;
}

/* LINE_OUT for free(), set whatever happens. */
static int command_line(const struct request *request, struct cli_mount *mount, char **line_out)
{
	size_t size = 0;
	FILE *stream;
	int status;

	*line_out = NULL;
	stream = open_memstream(line_out, &size);
	if (!stream)
		return cli_complain(CLI_FAILED, "out of memory");
	fputs("export", stream);
	status = add_paths(request, stream, mount);
	putc('\n', stream);
	if (fclose(stream) && !status)
		status = cli_complain(CLI_FAILED, "out of memory");
	return status;
}

static int receive(const struct request *request, struct cli_conversation *conversation,
		   const char *line)
{
	struct cli_output output;
	char escaped[LOG_NAME_MAX];
	int error = 0, refusal;
	int status = cli_output_open(request->file, &output);

	if (status)
		return status;
	cli_progress_start(&conversation->progress);
	refusal = cli_conversation_say(conversation, line);
	status = cli_conversation_follow(conversation, refusal, cli_output_put, &output, &error);
	if (error)
		status = cli_complain(CLI_FAILED, "%s cannot be written: %s",
				      log_escape(escaped, sizeof(escaped), request->file),
				      strerror(-error));
	status = cli_output_close(&output, status);
	if (!status && !is_stream(request))
		tell(request, conversation->figures);
	return status;
}

static int export(const struct request *request)
{
	struct cli_conversation conversation = {.verb = "export", .admin = -1};
	struct cli_mount mount = {.control = -1};
	char *line;
	int status = command_line(request, &mount, &line);

	if (!status)
		status = cli_admin_open(&mount, &conversation.admin);
	if (!status)
		status = receive(request, &conversation, line);
	if (conversation.admin >= 0)
		close(conversation.admin);
	cli_mount_close(&mount);
	free(line);
	return status;
}

/* ---- import ---- */

static int open_file(const struct request *request, int *file_out)
{
	char escaped[LOG_NAME_MAX];
	struct stat status;
	int file = is_stream(request) ? dup(STDIN_FILENO)
				      : open(request->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	log_escape(escaped, sizeof(escaped), request->file);
	if (file < 0)
		return cli_complain(CLI_FAILED, "%s cannot be read: %m", escaped);
	if (!fstat(file, &status) && S_ISDIR(status.st_mode)) {
		close(file);
		return cli_complain(CLI_FAILED, "%s is a directory; name a package", escaped);
	}
	*file_out = file;
	return CLI_DONE;
}

static int send_file(const struct request *request, struct cli_conversation *conversation, int file)
{
	char escaped[LOG_NAME_MAX];
	int error = 0, refusal = cli_conversation_say(conversation, "import\n"), status;

	cli_progress_start(&conversation->progress);
	if (!refusal)
		error = cli_conversation_give(conversation, file, &refusal);
	if (error) {
		cli_progress_end(&conversation->progress);
		return cli_complain(
			CLI_FAILED, "%s cannot be read: %s; what came before was taken in",
			log_escape(escaped, sizeof(escaped), request->file), strerror(-error));
	}
	status = cli_conversation_follow(conversation, refusal, NULL, NULL, &error);
	if (status)
		return status;
	tell(request, conversation->figures);
	if (figure(conversation->figures, "bad") > 0)
		return cli_complain(CLI_FAILED,
				    "import: %llu records of %s do not hold; the others were taken "
				    "in",
				    (unsigned long long)figure(conversation->figures, "bad"),
				    log_escape(escaped, sizeof(escaped), request->file));
	return CLI_DONE;
}

static int import(const struct request *request)
{
	char escaped[LOG_NAME_MAX], subject[LOG_NAME_MAX + sizeof("import: ")];
	struct cli_conversation conversation = {.verb = subject, .admin = -1};
	const char *named = request->count > 0 ? request->paths[0] : NULL;
	struct cli_mount mount;
	int file = -1, status = open_file(request, &file);

	if (status)
		return status;
	snprintf(subject, sizeof(subject), "import: %s",
		 log_escape(escaped, sizeof(escaped), request->file));
	status = cli_mount_find(request->control ? request->control : named, &mount);
	if (status) {
		close(file);
		return status;
	}
	status = cli_admin_open(&mount, &conversation.admin);
	if (!status)
		status = send_file(request, &conversation, file);
	if (conversation.admin >= 0)
		close(conversation.admin);
	cli_mount_close(&mount);
	close(file);
	return status;
}

/* ---- the command line ---- */

static const struct cli_option options[] = {
	CLI_TEXT("control", struct request, control),
	CLI_FLAG("json", struct request, json),
	CLI_OPTIONS_END,
};

/* MOST -1: any number of words. */
static int take_words(struct request *request, int count, char **words, int least, int most)
{
	int status = cli_options(count, words, options, request);

	if (status)
		return status;
	count -= optind;
	if (count < least - (request->control && least > 1) || (most >= 0 && count > most))
		return cli_complain(CLI_USAGE, "usage: peerdist %s; see --help", request->usage);
	request->file = words[optind];
	request->paths = words + optind + 1;
	request->count = count - 1;
	return CLI_DONE;
}

int cli_export(int count, char **words)
{
	struct request request = {.usage = "export [OPTION] FILE PATH..."};
	int status;

	if (cli_help_wanted(count, words)) {
		fputs(export_usage, stdout);
		return CLI_DONE;
	}
	status = take_words(&request, count, words, 2, -1);
	if (status)
		return status;
	if (request.json && is_stream(&request))
		return cli_complain(CLI_USAGE, "export: --json and a package both want standard "
					       "output; name a FILE");
	return export(&request);
}

int cli_import(int count, char **words)
{
	struct request request = {.usage = "import [OPTION] FILE [MOUNTPOINT]"};
	int status;

	if (cli_help_wanted(count, words)) {
		fputs(import_usage, stdout);
		return CLI_DONE;
	}
	status = take_words(&request, count, words, 1, 2);
	if (status)
		return status;
	if (request.control && request.count > 0)
		return cli_complain(CLI_USAGE, "import: either --control DIR or a MOUNTPOINT");
	return import(&request);
}
