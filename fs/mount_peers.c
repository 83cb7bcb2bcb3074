/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The peers of a mount: made from its configuration, on if its mode says so.
 */
#include "fs/mount.h"

#include <errno.h>

#include "cache/log.h"
#include "fs/source_peers.h"

int mount_create_peers(struct mount *mount)
{
	const struct config *config = mount->config;
	int error = listen_place_read(config->listen, &mount->listen);

	if (error != 0)
		return error;
	const struct neighbours_options options = {
		.loop = mount->loop,
		.pool = mount->pool,
		.store = mount->store,
		.interfaces = (const char *const *)config->interfaces,
		.address = listen_place_address(&mount->listen),
		.port_first = mount->listen.port_first,
		.port_last = mount->listen.port_last,
		.uploads = config->uploads,
		.upload_rate = config->upload_rate,
		.plaintext = config->plaintext,
		.discovery_port = config->discovery_port,
		.thinning = config->thinning,
	};
	if ((error = ledger_create(&mount->ledger)) != 0 ||
	    (error = neighbours_create(&options, &mount->neighbours)) != 0)
		return error;
	return source_peers_create(mount->neighbours, &mount->nearby);
}

static unsigned sides_of(enum config_mode mode)
{
	switch (mode) {
	case CONFIG_MODE_DISTRIBUTED:
		return NEIGHBOURS_LAN;
	case CONFIG_MODE_HOSTED:
		return NEIGHBOURS_HOSTED;
	case CONFIG_MODE_HOSTED_DISTRIBUTED:
		return NEIGHBOURS_LAN | NEIGHBOURS_HOSTED;
	default:
		return 0;
	}
}

/* On, off, or switched, as MODE says, with HOSTS as hosted caches. */
static int take_part(struct mount *mount, enum config_mode mode, char *const *hosts, char *message,
		     size_t message_size)
{
	const struct config *config = mount->config;
	const struct neighbours_hosted hosted = {
		.hosts = (const char *const *)hosts,
		.tls_port = config->hosted_tls,
		.cacert = config->hosted_cacert,
	};
	unsigned sides = sides_of(mode);

	if (sides == 0) {
		neighbours_off(mount->neighbours);
		return 0;
	}
	return neighbours_on(mount->neighbours, sides,
			     (sides & NEIGHBOURS_HOSTED) != 0 ? &hosted : NULL, message,
			     message_size);
}

int mount_join_peers(struct mount *mount, char *message, size_t message_size)
{
	const struct config *config = mount->config;
	char reason[512];

	int error = take_part(mount, config->mode, config->hosted, reason, sizeof reason);
	if (error == 0)
		return 0;
	if (config->listen != NULL) {
		snprintf(message, message_size, "%s", reason);
		return error;
	}
	log_write(LOG_LEVEL_WARNING, "there are no peers for now (see `mode`): %s", reason);
	return 0;
}

/* What the configuration says from now on. HOSTS is taken over, and given back are the former ones.
 */
static bool set_mode(struct mount *mount, enum config_mode mode, char ***hosts)
{
	struct config *config = mount->config;

	pthread_mutex_lock(&mount->config_lock);
	bool changed = config->mode != mode;
	config->mode = mode;
	if (*hosts != NULL) {
		char **former = config->hosted;
		config->hosted = *hosts;
		*hosts = former;
	}
	pthread_mutex_unlock(&mount->config_lock);
	return changed;
}

static int change_mode(struct mount *mount, enum config_mode mode, char ***hosts, char *message,
		       size_t message_size)
{
	enum config_mode former = mount->config->mode;
	char **caches = *hosts != NULL ? *hosts : mount->config->hosted;
	char ignored[512];

	if (config_mode_is_hosted(mode) && caches == NULL) {
		snprintf(message, message_size,
			 "mode %s: which hosted cache? name it behind the mode",
			 config_mode_name(mode));
		return -EINVAL;
	}
	if (sides_of(mode) != 0) {
		int error = take_part(mount, mode, caches, message, message_size);
		if (error != 0) {
			take_part(mount, former, mount->config->hosted, ignored, sizeof ignored);
			return error;
		}
	}
	bool changed = set_mode(mount, mode, hosts);
	/* First: what is pending ends because of the mode, not because nobody is asked any more. */
	mount_service_changed(mount);
	if (sides_of(mode) == 0)
		neighbours_off(mount->neighbours);
	if (changed)
		log_write(LOG_LEVEL_INFO, "mode %s", config_mode_name(mode));
	return 0;
}

int mount_change_mode_locked(struct mount *mount, enum config_mode mode, char *const *hosts,
			     char *message, size_t message_size)
{
	char **copy;
	int error = config_hosts_copy(hosts, &copy);

	if (error != 0) {
		snprintf(message, message_size, "out of memory");
		return error;
	}
	error = change_mode(mount, mode, &copy, message, message_size);
	config_hosts_free(copy);
	return error;
}

int mount_change_mode(struct mount *mount, enum config_mode mode, char *const *hosts, char *message,
		      size_t message_size)
{
	pthread_mutex_lock(&mount->mode_lock);
	int error = mount_change_mode_locked(mount, mode, hosts, message, message_size);
	pthread_mutex_unlock(&mount->mode_lock);
	return error;
}
