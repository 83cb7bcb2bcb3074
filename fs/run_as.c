/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/run_as.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

int run_as_find(const char *name, struct run_as *run_as_out)
{
	struct run_as run_as = {.name = name};

	if (name != NULL && geteuid() == 0) {
		const struct passwd *user = getpwnam(name);

		if (user == NULL)
			return -ENOENT;
		run_as.needed = user->pw_uid != 0;
		run_as.uid = user->pw_uid;
		run_as.gid = user->pw_gid;
	}
	*run_as_out = run_as;
	return 0;
}

int run_as_become(const struct run_as *run_as)
{
	if (!run_as->needed)
		return 0;
	if (initgroups(run_as->name, run_as->gid) != 0 ||
	    setresgid(run_as->gid, run_as->gid, run_as->gid) != 0 ||
	    setresuid(run_as->uid, run_as->uid, run_as->uid) != 0)
		return -errno;
	return 0;
}
