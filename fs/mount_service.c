/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The API of a mount: the service behind `control`, and when it is there for whom.
 *
 * Its status follows from the mode, and from whether the mount answers: not yet, or not any more,
 * is UNAVAILABLE, whatever the mode.
 */
#include "fs/mount.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/log.h"
#include "fs/server_key.h"

/* How often reads are looked at whose time may be over: how late they may end. */
#define TICK_MS 50

/* ---- the server secret ---- */

/* WHAT: cannot be done without it. */
static void load_secret(struct mount *mount, const char *what)
{
	const struct config *config = mount->config;
	char message[SERVER_KEY_MESSAGE] = "there is no place for this machine's key: see key=";
	char *place = config_key_place();
	bool named = place == NULL || config->key == NULL || strcmp(place, config->key) != 0;

	if (config->key == NULL || server_key_load(named ? config->key : NULL, true, &mount->secret,
						   message, sizeof message) != 0)
		log_write(LOG_LEVEL_WARNING, "%s: %s", what, message);
	free(place);
}

static const struct secret *get_secret(struct mount *mount, const char *what)
{
	pthread_mutex_lock(&mount->secret_lock);
	if (!mount->secret_sought)
		load_secret(mount, what);
	mount->secret_sought = true;
	const struct secret *secret = mount->secret;
	pthread_mutex_unlock(&mount->secret_lock);
	return secret;
}

/* Whether this process will be somebody else, who may not read or make the key. */
static bool becomes_another(const struct config *config)
{
	const struct passwd *user =
		geteuid() == 0 && config->run_as != NULL ? getpwnam(config->run_as) : NULL;

	return user != NULL && user->pw_uid != 0;
}

const struct secret *mount_secret_at_start(struct mount *mount)
{
	const struct config *config = mount->config;

	if (config->key == NULL || config->mode == CONFIG_MODE_OFF)
		return NULL;
	if (config->compute != 0)
		return get_secret(mount, "no content information will be computed");
	if (becomes_another(config))
		get_secret(mount, "nothing can be published");
	return NULL;
}

static const struct secret *secret_for_service(void *owner)
{
	return get_secret(owner, "nothing can be published");
}

/* ---- the service ---- */

static void tick(void *context)
{
	struct mount *mount = context;

	service_tick(mount->service, loop_clock_ms());
}

int mount_create_service(struct mount *mount)
{
	const struct service_options options = {
		.store = mount->store,
		.pool = mount->pool,
		.fetch = mount->fetch,
		.neighbours = mount->neighbours,
		.secret = secret_for_service,
		.owner = mount,
		.versions = mount->config->versions,
	};
	int error = service_create(&options, &mount->service);

	if (error != 0)
		return error;
	return loop_every(mount->loop, TICK_MS, tick, mount);
}

void mount_service_changed(struct mount *mount)
{
	pthread_mutex_lock(&mount->service_lock);
	pthread_mutex_lock(&mount->config_lock);
	bool off = mount->config->mode == CONFIG_MODE_OFF;
	pthread_mutex_unlock(&mount->config_lock);
	if (mount->service_begun && !mount->service_ended)
		service_set_status(mount->service, off ? SERVICE_DISABLED : SERVICE_AVAILABLE);
	pthread_mutex_unlock(&mount->service_lock);
}

void mount_service_begin(struct mount *mount)
{
	pthread_mutex_lock(&mount->service_lock);
	mount->service_begun = true;
	pthread_mutex_unlock(&mount->service_lock);
	mount_service_changed(mount);
}

bool mount_service_heard(struct mount *mount)
{
	struct service_counters counters = {0};

	if (mount->service != NULL)
		service_counters(mount->service, &counters);
	return counters.operations == 0;
}

void mount_service_end(struct mount *mount)
{
	if (mount->service == NULL)
		return;
	pthread_mutex_lock(&mount->service_lock);
	mount->service_ended = true;
	pthread_mutex_unlock(&mount->service_lock);
	service_stop(mount->service);
}
