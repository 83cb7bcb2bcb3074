/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finding, opening and starting the control file (peerdist-api.md 6.1, 11.4). No state but the path
 * that the program may have set.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/api/client.h"

static const char control_name[] = "/.peerdist/control";
static const char mount_type[] = "fuse.peerdistfs";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *chosen; /* NULL: none; guarded by lock */

PUBLIC DWORD PeerDistLinuxSetControlPath(const char *pszPath)
{
	char *copy = NULL, *old;

	if (pszPath && (!*pszPath || strlen(pszPath) >= PATH_MAX))
		return ERROR_INVALID_PARAMETER;
	if (pszPath) {
		copy = strdup(pszPath);
		if (!copy)
			return ERROR_NOT_ENOUGH_MEMORY;
	}
	pthread_mutex_lock(&lock);
	old = chosen;
	chosen = copy;
	pthread_mutex_unlock(&lock);
	free(old);
	return ERROR_SUCCESS;
}

void attach_before_fork(void)
{
	pthread_mutex_lock(&lock);
}

void attach_after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

/* For dlclose(). */
__attribute__((destructor)) static void on_unload(void)
{
	PeerDistLinuxSetControlPath(NULL);
}

/* mountinfo(5) writes space, tab, newline and backslash as three octal digits. In place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
		    from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
			*to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 |
				       (from[3] - '0'));
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

/* The mount point in LINE, if it is of our type; else NULL. LINE is written over. */
static char *mount_point(char *line)
{
	char *type = strstr(line, " - "), *save = NULL, *word;

	if (!type)
		return NULL;
	type += 3;
	if (strncmp(type, mount_type, sizeof(mount_type) - 1) != 0 ||
	    type[sizeof(mount_type) - 1] != ' ')
		return NULL;
	/* number, parent, device, root, mount point */
	word = strtok_r(line, " ", &save);
	for (int i = 1; i < 5 && word; i++)
		word = strtok_r(NULL, " ", &save);
	if (word)
		unescape(word);
	return word;
}

/* The control file of the first mount there is. */
static char *find_mount(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *point = NULL, *path = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	while (!point && getline(&line, &size, file) > 0)
		point = mount_point(line);
	if (point && asprintf(&path, "%s%s", point, control_name) < 0)
		path = NULL;
	free(line);
	fclose(file);
	return path;
}

/* To be freed; NULL: there is none. */
static char *find_control(void)
{
	const char *environment = secure_getenv("PEERDIST_CONTROL");
	char *path;

	pthread_mutex_lock(&lock);
	path = chosen ? strdup(chosen) : NULL;
	pthread_mutex_unlock(&lock);
	if (!path && environment && *environment)
		path = strdup(environment);
	return path ? path : find_mount();
}

static DWORD open_error(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return ERROR_ACCESS_DENIED;
	case ENOMEM:
		return ERROR_NOT_ENOUGH_MEMORY;
	case EMFILE:
	case ENFILE:
		return ERROR_NO_SYSTEM_RESOURCES;
	default: /* not there, not mounted, its daemon gone */
		return PEERDIST_ERROR_SERVICE_UNAVAILABLE;
	}
}

/* Of the STARTUP message (11.4). */
static DWORD start_error(int error)
{
	switch (error) {
	case ENOTTY:
	case EINVAL:
	case E2BIG:
	case EBADF:
		return PEERDIST_ERROR_VERSION_UNSUPPORTED;
	case EFAULT:
		return ERROR_INVALID_PARAMETER;
	default:
		return open_error(error);
	}
}

static DWORD start(int control, DWORD version, uint32_t *frame_max_out)
{
	struct pdc_startup message = {.abi = PDC_ABI, .version_requested = version};
	int result;

	do
		result = ioctl(control, PDC_MESSAGE(OPERATION_startup, sizeof(message)), &message);
	while (result < 0 && errno == EINTR);
	if (result < 0)
		return start_error(errno);
	if (message.hdr.status != ERROR_SUCCESS)
		return message.hdr.status;
	*frame_max_out = message.max_frame < PDC_FRAME_MAX ? message.max_frame : PDC_FRAME_MAX;
	return ERROR_SUCCESS;
}

int attach_open(DWORD version, uint32_t *frame_max_out, DWORD *error_out)
{
	char *path = find_control();
	int control;

	*error_out = PEERDIST_ERROR_SERVICE_UNAVAILABLE;
	if (!path)
		return -1;
	do
		control = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	while (control < 0 && errno == EINTR);
	if (control < 0)
		*error_out = open_error(errno);
	free(path);
	if (control < 0)
		return -1;
	*error_out = start(control, version, frame_max_out);
	if (*error_out == ERROR_SUCCESS)
		return control;
	close(control);
	return -1;
}
