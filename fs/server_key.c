/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The default place of the server secret, and whose file it is.
 */
#include "fs/server_key.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/log.h"
#include "fs/config.h"

struct place {
	char *path;
	bool standard;
	uid_t owner; /* of what is made there; -1: who makes it */
	gid_t group;
};

static int find_place(const char *named, struct place *place_out)
{
	char *path = named ? strdup(named) : config_key_place();
	const struct passwd *account;
	struct stat status;

	if (!path)
		return named ? -ENOMEM : -ENOENT;
	*place_out = (struct place){path, !named, (uid_t)-1, (gid_t)-1};
	if (geteuid() != 0)
		return 0;
	account = named ? NULL : getpwnam(CONFIG_ACCOUNT);
	if (account) {
		place_out->owner = account->pw_uid;
		place_out->group = account->pw_gid;
	} else if (!stat(path, &status) && S_ISREG(status.st_mode)) {
		place_out->owner = status.st_uid;
		place_out->group = status.st_gid;
	}
	return 0;
}

/* Makes what is missing above the key, for its owner alone; only the last of these directories is
 * ours in name too, and becomes the owner's. */
static int make_folder(const struct place *place)
{
	char *path = strdup(place->path);
	int error = 0;

	if (!path)
		return -ENOMEM;
	for (char *slash = strchr(path + 1, '/'); slash && !error; slash = strchr(slash + 1, '/')) {
		bool last = !strchr(slash + 1, '/');

		*slash = '\0';
		if (!mkdir(path, 0700)) {
			/* Nobody else could have put another in its place: what is above it is
			 * root's. */
			if (last && place->owner != (uid_t)-1 &&
			    lchown(path, place->owner, place->group))
				error = -errno;
		} else if (errno != EEXIST && last) {
			error = -errno;
		}
		*slash = '/';
	}
	free(path);
	return error;
}

static int save(const struct place *place, const struct secret *secret, bool replace)
{
	int error = place->standard ? make_folder(place) : 0;

	if (error)
		return error;
	return secret_save_for(secret, place->path, replace, place->owner, place->group);
}

/* Two that do it at once load the same one. */
static int make(const struct place *place)
{
	struct secret *secret;
	int error = secret_create_random(&secret);

	if (error)
		return error;
	error = save(place, secret, false);
	secret_free(secret);
	return error == -EEXIST ? 0 : error;
}

static int explain(int error, bool loading, const struct place *place, char *message, size_t size)
{
	char path[LOG_NAME_MAX];

	if (!place->path) {
		snprintf(message, size, "%s",
			 error == -ENOENT ? "no place for the key: there is no home directory; "
					    "name a file with --key"
					  : "out of memory");
		return error;
	}
	log_escape(path, sizeof(path), place->path);
	if (loading && error == -ENOENT)
		snprintf(message, size, "there is no key %s; `peerdist key new` makes one", path);
	else if (loading && error == -EPERM)
		snprintf(message, size,
			 "key %s is open to others than its owner, or somebody else's; make it its "
			 "user's own (chown) and closed (chmod 600)",
			 path);
	else if (loading && error == -EINVAL)
		snprintf(message, size, "key %s is empty, longer than %u octets or no plain file",
			 path, SECRET_SIZE_MAX);
	else if (error == -EEXIST)
		snprintf(message, size, "there is a key in %s already", path);
	else
		snprintf(message, size, "key %s cannot be %s: %s", path,
			 loading ? "read" : "written", strerror(-error));
	return error;
}

int server_key_load(const char *named, bool wanted, struct secret **secret_out, char *message,
		    size_t size)
{
	struct place place = {0};
	bool loading = true;
	int error = find_place(named, &place);

	if (!error)
		error = secret_load(place.path, secret_out);
	if (error == -ENOENT && place.path && wanted) {
		error = make(&place);
		loading = !error;
		if (!error)
			error = secret_load(place.path, secret_out);
	}
	if (error)
		explain(error, loading, &place, message, size);
	free(place.path);
	return error;
}

int server_key_save(const struct secret *secret, const char *named, bool replace, char *message,
		    size_t size)
{
	struct place place = {0};
	int error = find_place(named, &place);

	if (!error)
		error = save(&place, secret, replace);
	if (error)
		explain(error, false, &place, message, size);
	free(place.path);
	return error;
}
