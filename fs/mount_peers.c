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

int mount_join_peers(struct mount *mount, char *message, size_t message_size)
{
	const struct config *config = mount->config;
	char reason[512];

	if (config->mode != CONFIG_MODE_DISTRIBUTED)
		return 0;
	int error = neighbours_on(mount->neighbours, reason, sizeof reason);
	if (error == 0)
		return 0;
	if (config->listen != NULL) {
		snprintf(message, message_size, "%s", reason);
		return error;
	}
	log_write(LOG_LEVEL_WARNING, "there are no peers for now (see `mode`): %s", reason);
	return 0;
}

static int change_mode(struct mount *mount, enum config_mode mode, char *message,
		       size_t message_size)
{
	struct neighbours *neighbours = mount->neighbours;
	bool distributed = mode == CONFIG_MODE_DISTRIBUTED;

	if (distributed && !neighbours_are_on(neighbours)) {
		int error = neighbours_on(neighbours, message, message_size);
		if (error != 0)
			return error;
	}
	pthread_mutex_lock(&mount->config_lock);
	bool changed = mount->config->mode != mode;
	mount->config->mode = mode;
	pthread_mutex_unlock(&mount->config_lock);
	/* First: what is pending ends because of the mode, not because nobody is asked any more. */
	mount_service_changed(mount);
	if (!distributed && neighbours_are_on(neighbours))
		neighbours_off(neighbours);
	if (changed)
		log_write(LOG_LEVEL_INFO, "mode %s", config_mode_name(mode));
	return 0;
}

int mount_change_mode(struct mount *mount, enum config_mode mode, char *message,
		      size_t message_size)
{
	pthread_mutex_lock(&mount->mode_lock);
	int error = change_mode(mount, mode, message, message_size);
	pthread_mutex_unlock(&mount->mode_lock);
	return error;
}
