/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether programs can use the mounts that are there: the API as they have it, by the library.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "fs/api/peerdist.h"
#include "fs/control.h"
#include "fs/doctor.h"
#include "fs/mounts.h"

#define CHECK "api"

static void tell_status(struct doctor *doctor, const char *mountpoint,
			const PEERDIST_STATUS_INFO *info)
{
	switch (info->status) {
	case PEERDIST_STATUS_AVAILABLE:
		doctor_find(doctor, DOCTOR_FINE, CHECK,
			    "%s answers programs, in content information %u to %u", mountpoint,
			    info->dwMinVer, info->dwMaxVer);
		break;
	case PEERDIST_STATUS_DISABLED:
		doctor_find(doctor, DOCTOR_NOTE, CHECK, "%s is off for programs", mountpoint);
		doctor_mend(doctor, "peerdist mode distributed %s", mountpoint);
		break;
	case PEERDIST_STATUS_UNAVAILABLE:
		doctor_find(doctor, DOCTOR_WRONG, CHECK, "%s does not answer programs", mountpoint);
		doctor_mend(doctor, "its log says why; if its daemon has died: fusermount3 -u %s",
			    mountpoint);
		break;
	}
}

static void tell_refusal(struct doctor *doctor, const char *mountpoint, DWORD code)
{
	if (code == ERROR_ACCESS_DENIED) {
		doctor_find(doctor, DOCTOR_NOTE, CHECK, "%s is not for this user's programs",
			    mountpoint);
		doctor_mend(doctor, "mount it with allow_other, or with control_group=");
		return;
	}
	const char *name = PeerDistLinuxErrorName(code);
	doctor_find(doctor, DOCTOR_WRONG, CHECK, "%s refuses programs: %s", mountpoint,
		    name != NULL ? name : "an unknown error");
	doctor_mend(doctor, "its daemon may be older than this program: mount it anew");
}

static int look(void *context, const struct mntent *mount)
{
	PEERDIST_STATUS_INFO info = {.cbSize = sizeof info};
	PEERDIST_INSTANCE_HANDLE instance;
	struct doctor *doctor = context;
	char path[PATH_MAX];

	if (strcmp(mount->mnt_type, MOUNTS_TYPE) != 0)
		return 0;
	snprintf(path, sizeof path, "%s/" CONTROL_DIRECTORY "/control", mount->mnt_dir);
	DWORD code = PeerDistLinuxSetControlPath(path);
	if (code == ERROR_SUCCESS)
		code = PeerDistStartup(PEERDIST_VERSION, &instance, NULL);
	if (code != ERROR_SUCCESS) {
		tell_refusal(doctor, mount->mnt_dir, code);
		return 0;
	}
	code = PeerDistGetStatusEx(instance, &info);
	if (code == ERROR_SUCCESS)
		tell_status(doctor, mount->mnt_dir, &info);
	else
		tell_refusal(doctor, mount->mnt_dir, code);
	PeerDistShutdown(instance);
	return 0;
}

void doctor_look_at_api(struct doctor *doctor)
{
	if (mounts_each(look, doctor) != 0)
		doctor_find(doctor, DOCTOR_NOTE, CHECK, "the list of mounts cannot be read");
}
