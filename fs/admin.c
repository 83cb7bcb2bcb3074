/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/admin.h"

#include <errno.h>
#include <string.h>

#include "cache/log.h"
#include "fs/admin_api.h"
#include "fs/admin_explain.h"
#include "fs/admin_info.h"
#include "fs/admin_package.h"
#include "fs/admin_package_mount.h"
#include "fs/admin_peers.h"
#include "fs/admin_store.h"
#include "fs/control.h"
#include "fs/mount.h"
#include "fs/warm.h"

static int do_clear(const struct control *control, struct job *job, const char *argument)
{
	struct mount *mount = control->owner;
	const char *path = argument != NULL ? argument : "";
	uint64_t freed = 0;

	if (*path == '\0')
		names_distrust(mount->names);
	fetch_forget(mount->fetch);
	int error = store_clear(mount->store, *path != '\0' ? path : NULL, &freed);
	if (error == 0)
		error = catalog_forget(mount->catalog, path);
	mount_forget_kernel(mount, path);
	if (mount->ledger != NULL)
		ledger_forget(mount->ledger, path);
	if (error == 0)
		job_print(job, "ok freed %llu\n", (unsigned long long)freed);
	return error;
}

static int do_verify(const struct control *control, struct job *job, const char *argument)
{
	const struct mount *mount = control->owner;

	return admin_store_verify(mount->store, job, argument);
}

static int do_warm(const struct control *control, struct job *job, const char *argument)
{
	int error = warm_path(control->owner, job, argument);
	char name[LOG_NAME_MAX];

	log_escape(name, sizeof name, argument);
	if (error == 0)
		job_print(job, "ok\n");
	else if (error == -ENOENT)
		job_explain(job, "/%s: the origin has no such file or directory", name);
	else if (error == -ENOSPC)
		job_explain(job, "/%s does not fit into the cache: see resize", name);
	else if (error != -ECANCELED)
		job_explain(job, "/%s or something below it cannot be fetched; the log says what",
			    name);
	return error;
}

static int do_info(const struct control *control, struct job *job, const char *argument)
{
	return admin_info(control->owner, job, argument);
}

static int do_explain(const struct control *control, struct job *job, const char *argument)
{
	return admin_explain(control->owner, job, argument);
}

static int do_mode_check(const struct control *control, struct job *job, const char *argument)
{
	(void)control;
	return admin_mode_check(job, argument);
}

static int do_mode(const struct control *control, struct job *job, const char *argument)
{
	return admin_mode(control->owner, job, argument);
}

static int do_peers(const struct control *control, struct job *job, const char *argument)
{
	(void)argument;
	return admin_peers(control->owner, job);
}

static int do_trust(const struct control *control, struct job *job, const char *argument)
{
	return admin_trust(control->owner, job, argument);
}

static int do_resize(const struct control *control, struct job *job, const char *argument)
{
	struct mount *mount = control->owner;
	config_capacity capacity;
	int error = admin_store_resize(mount->store, mount->config->cache_dir, job, argument,
				       &capacity);

	if (error != 0)
		return error;
	pthread_mutex_lock(&mount->config_lock);
	mount->config->cache_size = capacity;
	pthread_mutex_unlock(&mount->config_lock);
	mount_limit_changed(mount);
	return 0;
}

static int pin(struct mount *mount, struct job *job, const char *path, bool pinned)
{
	int error = store_pin(mount->store, path, pinned);

	if (error == 0)
		job_print(job, "ok\n");
	return error;
}

static int do_pin(const struct control *control, struct job *job, const char *argument)
{
	return pin(control->owner, job, argument, true);
}

static int do_unpin(const struct control *control, struct job *job, const char *argument)
{
	return pin(control->owner, job, argument, false);
}

/* "1", "1.0", "2" or "2.0"; 0: something else. */
static unsigned content_version_of(const char *text, size_t length)
{
	bool minor = length == 3 && strncmp(text + 1, ".0", 2) == 0;

	return (length == 1 || minor) && (*text == '1' || *text == '2') ? (unsigned)(*text - '0')
									: 0;
}

static int do_versions(const struct control *control, struct job *job, const char *argument)
{
	struct mount *mount = control->owner;
	size_t length = strcspn(argument, " ");
	const char *rest = argument + length + strspn(argument + length, " ");
	unsigned least = content_version_of(argument, length);
	unsigned most = content_version_of(rest, strlen(rest));

	if (least == 0 || most < least) {
		job_explain(job, "%s: the least and the highest version accepted, each 1 or 2",
			    argument);
		return -EINVAL;
	}
	unsigned versions =
		(least == 1 ? CONFIG_VERSION_1 : 0) | (most == 2 ? CONFIG_VERSION_2 : 0);
	pthread_mutex_lock(&mount->config_lock);
	mount->config->versions = versions;
	pthread_mutex_unlock(&mount->config_lock);
	inform_set_versions(mount->inform, versions);
	service_set_versions(mount->service, versions);
	job_print(job, "ok\n");
	return 0;
}

static int do_instances(const struct control *control, struct job *job, const char *argument)
{
	(void)argument;
	return admin_instances(control->owner, job);
}

static int do_kick(const struct control *control, struct job *job, const char *argument)
{
	return admin_kick(control->owner, job, argument);
}

static int do_publications(const struct control *control, struct job *job, const char *argument)
{
	(void)argument;
	return admin_publications(control->owner, job);
}

static int do_unpublish(const struct control *control, struct job *job, const char *argument)
{
	return admin_unpublish(control->owner, job, argument);
}

static int do_read_timeout(const struct control *control, struct job *job, const char *argument)
{
	return admin_read_timeout(control->owner, job, argument);
}

static int do_reload(const struct control *control, struct job *job, const char *argument)
{
	struct mount *mount = control->owner;
	char message[1024];
	int error = mount_reload(mount, message, sizeof message);

	(void)argument;
	if (error == 0)
		job_print(job, "ok\n%s%s", message, *message != '\0' ? "\n" : "");
	else
		job_explain(job, "%s",
			    *message != '\0' ? message
					     : "the mount has no configuration file (-c)");
	return error;
}

const struct command admin_commands[] = {
	{"clear", " [PATH]", "flush everything, or PATH and below", COMMAND_MAYBE, NULL, do_clear},
	{"pin", " PATH", "never evict PATH and what is below", COMMAND_ONE, do_pin, NULL},
	{"unpin", " PATH", "take that back", COMMAND_ONE, do_unpin, NULL},
	{"warm", " PATH", "fetch PATH and all below now", COMMAND_ONE, NULL, do_warm},
	{"verify", " [PATH]", "check every cached block, drop what is bad", COMMAND_MAYBE, NULL,
	 do_verify},
	ADMIN_PACKAGE_EXPORT(admin_mount_export),
	ADMIN_PACKAGE_IMPORT(admin_mount_import),
	{"info", " PATH", "its content information, in base64", COMMAND_ONE, NULL, do_info},
	{"explain", " PATH", "where its blocks came from, and why not from a peer", COMMAND_ONE,
	 NULL, do_explain},
	{"mode", " MODE [HOST...]", "off, local, distributed, hosted or hosted+distributed",
	 COMMAND_ONE, do_mode_check, do_mode},
	{"peers", "", "the machines that gave us blocks", COMMAND_NONE, do_peers, NULL},
	{"trust", " reset", "forget what peers did wrong", COMMAND_ONE, do_trust, NULL},
	{"resize", " SIZE", "change the limit of the cache", COMMAND_ONE, do_resize, NULL},
	{"versions", " MIN MAX", "content information to accept and to give, 1 or 2", COMMAND_ONE,
	 do_versions, NULL},
	{"instances", "", "the programs that use the API", COMMAND_NONE, do_instances, NULL},
	{"kick", " ID", "end one such program's use of it", COMMAND_ONE, do_kick, NULL},
	{"publications", "", "what they publish", COMMAND_NONE, do_publications, NULL},
	{"unpublish", " UID HEX", "end one publication", COMMAND_ONE, do_unpublish, NULL},
	{"read-timeout", " MS", "how long programs' reads look for peers by default", COMMAND_ONE,
	 do_read_timeout, NULL},
	{"reload", "", "read the configuration file again", COMMAND_NONE, do_reload, NULL},
	{NULL, NULL, NULL, COMMAND_NONE, NULL, NULL},
};
