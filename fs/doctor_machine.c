/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a mount needs of the machine itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "fs/doctor.h"

/* 2026: this program is not older. */
#define CLOCK_LEAST 1767225600

static void look_at_device(struct doctor *doctor)
{
	int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	int error = device < 0 ? errno : 0;

	if (device >= 0)
		close(device);
	if (!error) {
		doctor_find(doctor, DOCTOR_FINE, "fuse", "/dev/fuse can be opened");
		return;
	}
	doctor_find(doctor, DOCTOR_WRONG, "fuse", "/dev/fuse cannot be opened: %s",
		    strerror(error));
	if (error == EACCES || error == EPERM)
		doctor_mend(doctor, "make it usable for this user (chmod 666 /dev/fuse); in a "
				    "container the device must be allowed");
	else
		doctor_mend(doctor, "modprobe fuse; a container must be given the device "
				    "(--device /dev/fuse)");
}

/* Where NAME is in PATH, as STATUS_OUT says. */
static bool find_program(const char *name, char *path, size_t size, struct stat *status_out)
{
	const char *list = getenv("PATH");

	for (const char *folder = list ? list : "/usr/bin:/bin"; *folder;) {
		size_t length = strcspn(folder, ":");

		snprintf(path, size, "%.*s/%s", (int)length, folder, name);
		if (!stat(path, status_out) && S_ISREG(status_out->st_mode) && !access(path, X_OK))
			return true;
		folder += length + (folder[length] == ':');
	}
	return false;
}

static void look_at_helper(struct doctor *doctor)
{
	struct stat status;
	char path[4096];
	bool root = geteuid() == 0;

	if (!find_program("fusermount3", path, sizeof(path), &status)) {
		doctor_find(doctor, root ? DOCTOR_NOTE : DOCTOR_WRONG, "fuse",
			    "there is no fusermount3, by which who is not root mounts and "
			    "unmounts");
		doctor_mend(doctor, "install the package fuse3");
	} else if (!root && !(status.st_mode & S_ISUID)) {
		doctor_find(doctor, DOCTOR_WRONG, "fuse", "%s has not the rights of root", path);
		doctor_mend(doctor, "as root: chmod u+s %s", path);
	} else {
		doctor_find(doctor, DOCTOR_FINE, "fuse", "%s is there", path);
	}
}

void doctor_look_at_fuse(struct doctor *doctor)
{
	look_at_device(doctor);
	look_at_helper(doctor);
}

void doctor_look_at_clock(struct doctor *doctor)
{
	struct timex state = {0};
	time_t now = time(NULL);
	struct tm date;
	char text[64] = "";

	if (gmtime_r(&now, &date))
		strftime(text, sizeof(text), "%F %T UTC", &date);
	if (now < CLOCK_LEAST) {
		doctor_find(doctor, DOCTOR_WRONG, "clock",
			    "it says %s, before this program was made: certificates are not "
			    "valid yet, and what is cached has no age",
			    text);
		doctor_mend(doctor, "set it, best by timedatectl set-ntp true");
	} else if (adjtimex(&state) == TIME_ERROR || state.status & STA_UNSYNC) {
		doctor_find(doctor, DOCTOR_NOTE, "clock", "%s, which nothing keeps right", text);
		doctor_mend(doctor, "timedatectl set-ntp true, unless something else sees to it");
	} else {
		doctor_find(doctor, DOCTOR_FINE, "clock", "%s", text);
	}
}
