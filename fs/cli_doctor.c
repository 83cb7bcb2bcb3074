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
#include "fs/cli_option.h"
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

static int take_keys(const struct cli_option *option, char *text, void *field)
{
	(void)option;
	return config_options_split(text, field) ? cli_complain(CLI_FAILED, "out of memory")
						 : CLI_DONE;
}

static int take_file(const struct cli_option *option, char *text, void *field)
{
	struct config *config = *(struct config **)field;

	(void)option;
	free(config->config_file);
	config->config_file = config_absolute(text, config->base);
	return CLI_DONE;
}

static const struct cli_option options[] = {
	CLI_VALUE("o", take_keys, struct request, options),
	CLI_VALUE("c", take_file, struct request, config),
	CLI_FLAG("firewall", struct request, firewall),
	CLI_FLAG("json", struct request, json),
	CLI_OPTIONS_END,
};

static int parse(int count, char **words, struct request *request)
{
	int status = cli_options(count, words, options, request);

	if (status)
		return status;
	if (count - optind > 1)
		return cli_complain(CLI_USAGE, "usage: peerdist doctor [OPTION] [ORIGIN]");
	if (request->firewall && request->json)
		return cli_complain(CLI_USAGE, "--firewall prints rules, which have no --json");
	return CLI_DONE;
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
	char *base, **copies;
	int status;

	if (cli_help_wanted(count, words)) {
		fputs(usage, stdout);
		return CLI_DONE;
	}
	base = getcwd(NULL, 0);
	copies = copy_words(count, words);
	request.config = config_create(base ? base : "/");
	free(base);
	if (request.config && copies)
		status = parse(count, copies, &request);
	else
		status = cli_complain(CLI_FAILED, "out of memory");
	if (status == CLI_DONE)
		status = apply(&request, optind < count ? copies[optind] : NULL);
	if (status == CLI_DONE)
		status = run(&request);
	config_list_free(request.options);
	config_list_free(copies);
	config_free(request.config);
	return status;
}
