/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The verb `doctor`. It takes -c and -o as a mount does, so that it looks at what that would use.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/log.h"
#include "fs/cli.h"
#include "fs/config_private.h"
#include "fs/doctor.h"

static const char usage[] =
	"usage: peerdist doctor [OPTION] [ORIGIN]\n"
	"Looks for what usually goes wrong with mounts, peers and hosted caches, and says how to "
	"mend\n"
	"it; of the URL of an ORIGIN, too. Changes nothing.\n\n"
	"  -o KEY=VALUE,...  keys of the mount, see peerdistfs(8)\n"
	"  -c FILE           take them from the [mount] section of FILE\n"
	"  --firewall        print rules for nft(8) and firewalld that let others in, and no more\n"
	"  --json            the findings as JSON\n";

struct request {
	struct config *config;
	char **options;
	bool firewall, json, origin;
};

static const struct option options[] = {{"firewall", no_argument, NULL, 'w'},
					{"json", no_argument, NULL, 'j'},
					CLI_HELP_OPTION,
					CLI_OPTIONS_END};

/* False: STATUS_OUT is the exit status. */
static bool take_options(int count, char **words, struct request *request, int *status_out)
{
	int letter;

	*status_out = CLI_USAGE;
	optind = 0;
	while ((letter = cli_option(count, words, ":o:c:h", options)) >= 0) {
		switch (letter) {
		case 'w':
			request->firewall = true;
			break;
		case 'j':
			request->json = true;
			break;
		case 'o':
			if (!config_options_split(optarg, &request->options))
				break;
			*status_out = cli_complain(CLI_FAILED, "out of memory");
			return false;
		case 'c':
			free(request->config->config_file);
			request->config->config_file =
				config_absolute(optarg, request->config->base);
			break;
		case 'h':
			fputs(usage, stdout);
			*status_out = CLI_DONE;
			return false;
		default:
			return false;
		}
	}
	if (count - optind > 1)
		cli_complain(CLI_USAGE, "usage: peerdist doctor [OPTION] [ORIGIN]");
	else if (request->firewall && request->json)
		cli_complain(CLI_USAGE, "--firewall prints rules, which have no --json");
	else
		return true;
	return false;
}

static int apply(struct request *request, const char *origin)
{
	struct config_problem problem;
	int error = config_apply(request->config, request->options, false, &problem);

	if (!error && origin) {
		error = config_origin(request->config, origin, &problem);
		request->origin = true;
	}
	if (!error)
		error = config_finish_mode(request->config, &problem);
	return error ? cli_complain(problem.status, "%s", problem.text) : CLI_DONE;
}

static int print_rules(struct doctor *doctor, const struct config *config)
{
	struct doctor_network *network;
	char *text = NULL;
	int error = doctor_network_create(doctor, config, &network);

	if (!error) {
		error = doctor_firewall(network, &text);
		doctor_network_free(network);
	}
	if (error == -EINVAL)
		return cli_complain(CLI_FAILED, "listen=0 takes any port, which no firewall can "
						"be told; choose one");
	if (error)
		return cli_complain(CLI_FAILED, "no rules: %s", strerror(-error));
	fputs(text, stdout);
	free(text);
	return CLI_DONE;
}

static void examine(struct doctor *doctor, const struct request *request)
{
	struct doctor_network *network;

	doctor_look_at_fuse(doctor);
	doctor_look_at_clock(doctor);
	doctor_look_at_api(doctor);
	if (!doctor_network_create(doctor, request->config, &network)) {
		if (request->config->mode != CONFIG_MODE_HOSTED) {
			doctor_look_at_interfaces(doctor, network);
			doctor_look_at_discovery(doctor, network);
		}
		doctor_look_at_retrieval(doctor, network);
		doctor_network_free(network);
	}
	doctor_look_at_hosted(doctor, request->config);
	if (request->origin)
		doctor_look_at_origin(doctor, request->config);
}

static int run(const struct request *request)
{
	struct doctor *doctor;
	bool quiet = request->json || request->firewall;
	int status = CLI_DONE;

	/* What goes wrong is told by the findings. */
	log_open("stderr", LOG_LEVEL_ERROR);
	if (doctor_create(quiet ? NULL : stdout, &doctor))
		return cli_complain(CLI_FAILED, "out of memory");
	if (request->firewall) {
		status = print_rules(doctor, request->config);
	} else {
		examine(doctor, request);
		if (request->json && doctor_json(doctor, stdout))
			status = cli_complain(CLI_FAILED, "cannot write the answer: %m");
		else if (doctor_wrong(doctor) > 0)
			status = cli_complain(CLI_FAILED, "doctor: %u wrong", doctor_wrong(doctor));
	}
	doctor_free(doctor);
	return status;
}

/* Copies of WORDS, whose secrets are overwritten. */
static char **copy_words(int count, char **words)
{
	char **copies = NULL;
	int error = 0;

	for (int i = 0; i < count && !error; i++)
		error = config_list_add(&copies, strdup(words[i]));
	config_argv_hide(count, words);
	if (!error)
		return copies;
	config_list_free(copies);
	return NULL;
}

int cli_doctor(int count, char **words)
{
	struct request request = {0};
	char *base = getcwd(NULL, 0), **copies = copy_words(count, words);
	int status = CLI_FAILED;

	request.config = config_create(base ? base : "/");
	free(base);
	if (!request.config || !copies) {
		cli_complain(CLI_FAILED, "out of memory");
	} else if (take_options(count, copies, &request, &status)) {
		status = apply(&request, optind < count ? copies[optind] : NULL);
		if (status == CLI_DONE)
			status = run(&request);
	}
	config_list_free(request.options);
	config_list_free(copies);
	config_free(request.config);
	return status;
}
