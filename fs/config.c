/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From the arguments to a whole configuration: the order of the sources, what follows from what was
 * given, and what is refused as a whole.
 */
#include "fs/config.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/config_private.h"
#include "fs/version.h"
#include "peer/offering.h"

#define CONTROL_MODE 0600
#define CONTROL_MODE_OTHER 0666
#define UMASK 022
#define UMASK_CREDENTIALS 077

struct config *config_create(const char *base)
{
	struct config *config = calloc(1, sizeof(*config));
	struct config_source source = {.base = "/"};
	struct config_problem problem;

	_Static_assert(sizeof(config->given) * 8 >= 64, "one bit a key");
	if (!config)
		return NULL;
	config->base = strdup(base);
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (config->base && key->initial &&
		    !key->type->read(key, key->initial, source.base, (char *)config + key->field,
				     &problem))
			continue;
		if (config->base && !key->initial)
			continue;
		config_free(config);
		return NULL;
	}
	return config;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config_key_count; i++)
		config_key_clear(config, &config_keys[i]);
	config_list_free(config->options);
	config_list_free(config->fuse_words);
	free(config->origin);
	free(config->mountpoint);
	free(config->config_file);
	free(config->fuse_options);
	free(config->base);
	free(config->scope);
	free(config);
}

int config_apply(struct config *config, char *const *options, bool expanded,
		 struct config_problem *problem)
{
	struct config_source source = {.base = config->base, .expanded = expanded};
	int error = 0;

	if (config->config_file)
		error = config_file_apply(config, config->config_file, problem);
	for (size_t i = 0; !error && options && options[i]; i++) {
		char *option = NULL;

		error = config_option(config, &source, options[i], &option, problem);
		if (!error && config_list_add(&config->options, option))
			error = config_no_memory(problem);
	}
	if (config->debug)
		config->log_level = LOG_LEVEL_DEBUG;
	return error;
}

/* Takes TEXT, which was made for it, over. */
static int worked_out(char **place, char *text, struct config_problem *problem)
{
	if (!text)
		return config_no_memory(problem);
	*place = text;
	return 0;
}

static int default_cache(struct config *config, struct config_problem *problem)
{
	char *home = config_home("XDG_CACHE_HOME", ".cache", "/var/cache");
	char name[NAME_MAX + 1];
	char *path = NULL;

	if (!home)
		return config_fail(problem, CONFIG_FAILED,
				   "no place for the cache: there is no home directory; name one "
				   "with -o cache=DIR");
	if (config_cache_name(config, name, sizeof(name)) ||
	    asprintf(&path, "%s/peerdistfs/%s", home, name) < 0)
		path = NULL;
	free(home);
	return worked_out(&config->cache_dir, path, problem);
}

char *config_key_place(void)
{
	char *home = config_home("XDG_STATE_HOME", ".local/state", "/var/lib");
	char *path = NULL;

	if (!home || asprintf(&path, "%s/peerdistfs/secret.key", home) < 0)
		path = NULL;
	free(home);
	return path;
}

static int finish_texts(struct config *config, struct config_problem *problem)
{
	bool root = geteuid() == 0;
	const struct passwd *self;
	int error = config_scope_make(config, problem);

	if (!error && !config->cache_dir)
		error = default_cache(config, problem);
	/* Nobody needs it yet, so a missing home is no reason to fail. */
	if (!error && !config->key)
		config->key = config_key_place();
	if (!error && !config->log_target)
		error = worked_out(&config->log_target,
				   strdup(config->foreground ? "stderr" : "syslog"), problem);
	if (!error && !config->run_as && root && getpwnam(CONFIG_ACCOUNT))
		error = worked_out(&config->run_as, strdup(CONFIG_ACCOUNT), problem);
	if (!error && !config->run_as && (self = getpwuid(geteuid())))
		error = worked_out(&config->run_as, strdup(self->pw_name), problem);
	return error ? error : config_fuse_options(config, problem);
}

int config_finish_mode(struct config *config, struct config_problem *problem)
{
	const char *name;

	/* Naming a hosted cache is asking for it. */
	if (config->hosted && !config_given(config, "mode"))
		config->mode = CONFIG_MODE_HOSTED;
	name = config_mode_name(config->mode);
	if (config_mode_is_hosted(config->mode) && !config->hosted)
		return config_fail(problem, CONFIG_USAGE,
				   "mode=%s: which hosted cache? name it with hosted=HOST", name);
	if (config->mode == CONFIG_MODE_DISTRIBUTED && config->hosted)
		return config_fail(problem, CONFIG_USAGE,
				   "mode=%s asks no hosted caches; leave hosted= away, or use "
				   "mode=hosted or mode=hosted+distributed",
				   name);
	if (config_list_length(config->hosted) > OFFERING_SERVERS_MAX)
		return config_fail(problem, CONFIG_USAGE, "hosted: name %u hosted caches at most",
				   OFFERING_SERVERS_MAX);
	return 0;
}

static int refuse(const struct config *config, struct config_problem *problem)
{
	if (config->run_as && geteuid() != 0)
		return config_fail(problem, CONFIG_FAILED,
				   "run_as=%s: only root can become another user; mount as root or "
				   "leave it away",
				   config->run_as);
	for (size_t i = 0; config->interfaces && config->interfaces[i]; i++)
		if (if_nametoindex(config->interfaces[i]) == 0)
			return config_fail(problem, CONFIG_FAILED,
					   "interface=%s: there is no such network interface; ip "
					   "link shows them",
					   config->interfaces[i]);
	return 0;
}

/* What follows from all that was given: defaults that are worked out, fuse_options, scope. */
static int finish(struct config *config, struct config_problem *problem)
{
	int error = config_finish_mode(config, problem);

	if (!error)
		error = refuse(config, problem);
	if (error)
		return error;
	config->unkept = config->mode == CONFIG_MODE_OFF;
	if (!config_given(config, "uid"))
		config->uid = getuid();
	if (!config_given(config, "gid"))
		config->gid = getgid();
	if (!config_given(config, "umask"))
		config->umask = config_has_credentials(config) ? UMASK_CREDENTIALS : UMASK;
	if (!config_given(config, "control_mode"))
		config->control_mode = config->allow_other ? CONTROL_MODE_OTHER : CONTROL_MODE;
	if (!config_given(config, "control_group"))
		config->control_gid = config->gid;
	if (!config_given(config, "admin_group"))
		config->admin_gid = config->gid;
	return finish_texts(config, problem);
}

static int need_arguments(const struct config_arguments *arguments, struct config_problem *problem)
{
	if (arguments->mountpoint)
		return 0;
	return config_fail(problem, CONFIG_USAGE,
			   "%s is missing; usage: peerdistfs [-f] [-d] [-c FILE] "
			   "[-o KEY=VALUE,...] ORIGIN MOUNTPOINT",
			   arguments->origin ? "MOUNTPOINT" : "ORIGIN");
}

/* The configuration that ARGUMENTS ask for. CONFIG has its defaults. */
static int fill(struct config *config, const struct config_arguments *arguments,
		struct config_problem *problem)
{
	int error;

	config->foreground = arguments->foreground;
	config->debug = arguments->debug;
	if (arguments->config_file) {
		config->config_file = config_absolute(arguments->config_file, config->base);
		if (!config->config_file)
			return config_no_memory(problem);
	}
	error = config_apply(config, arguments->options, false, problem);
	if (!error)
		error = need_arguments(arguments, problem);
	if (!error)
		error = config_origin(config, arguments->origin, problem);
	if (!error)
		error = finish(config, problem);
	if (!error)
		error = config_mountpoint(config, arguments->mountpoint, problem);
	if (!error && !arguments->fake)
		error = config_cache_make(config, problem);
	return error;
}

static int make(const struct config_arguments *arguments, struct config **config_out,
		struct config_problem *problem)
{
	char *base = getcwd(NULL, 0);
	struct config *config = config_create(base ? base : "/");
	int error;

	free(base);
	if (!config)
		return config_no_memory(problem);
	error = fill(config, arguments, problem);
	if (error || arguments->fake) {
		config_free(config);
		return error;
	}
	*config_out = config;
	return 0;
}

/* CONFIG_OUT stays as it is where there is nothing to mount. */
static int parse(int argc, char **argv, struct config **config_out, struct config_problem *problem)
{
	struct config_arguments arguments;
	int error = config_argv_parse(argc, argv, &arguments, problem);

	if (error)
		return error;
	if (arguments.help)
		config_help(stdout);
	else if (arguments.version)
		printf("peerdistfs %s\n", PEERDISTFS_VERSION);
	else
		error = make(&arguments, config_out, problem);
	config_arguments_free(&arguments);
	return error;
}

bool config_parse(int argc, char **argv, struct config **config_out, int *status_out)
{
	struct config_problem problem = {0};
	struct config *config = NULL;
	char **copies = NULL;
	int error = 0;

	for (int i = 0; i < argc && !error; i++)
		error = config_list_add(&copies, strdup(argv[i]));
	config_argv_hide(argc, argv);
	error = error ? config_no_memory(&problem) : parse(argc, copies, &config, &problem);
	config_list_free(copies);
	if (error)
		fprintf(stderr, "peerdistfs: %s\n", problem.text);
	if (!config) {
		*status_out = error ? problem.status : 0;
		return false;
	}
	*config_out = config;
	return true;
}
