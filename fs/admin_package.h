/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The administrator's commands `export PATH...` and `import` (cache/package.h), for whoever has a
 * store. The package goes through the open `admin` file, as fs/control.h says, so that no file is
 * opened here: it is its owner's, who may be another user or see other mounts.
 *
 * A table has them by ADMIN_PACKAGE_EXPORT(DO) and ADMIN_PACKAGE_IMPORT(DO), where DO is the long
 * work that fills a struct admin_package from its control's owner and calls what is below.
 */
#ifndef FS_ADMIN_PACKAGE_H
#define FS_ADMIN_PACKAGE_H

#include "fs/command.h"

struct content;
struct object;
struct store;

struct admin_package {
	struct store *store;
	bool opaque; /* a hosted cache: opaque blocks too */
	bool places; /* a hosted cache: paths mean nothing */
	/* As of struct package_options; a mount's. */
	void (*undescribed)(void *owner, struct object *object, const char *path,
			    const char *validator);
	int (*describe)(void *owner, struct object *object, const char *path, const char *validator,
			struct content *content);
	void (*kept)(void *owner, const char *path, const char *validator, uint64_t size);
	void *owner;
};

int admin_package_export(const struct admin_package *package, struct job *job,
			 const char *argument);
int admin_package_import(const struct admin_package *package, struct job *job);

/* Before the work starts. */
int admin_package_check_export(const struct control *control, struct job *job,
			       const char *argument);
int admin_package_check_import(const struct control *control, struct job *job,
			       const char *argument);

#define ADMIN_PACKAGE_EXPORT(DO)                                                                   \
	{                                                                                          \
		"export", " PATH...", "what is cached of them, as a package", COMMAND_WORDS,       \
			admin_package_check_export, DO                                             \
	}
#define ADMIN_PACKAGE_IMPORT(DO)                                                                   \
	{                                                                                          \
		"import", "", "take a package in", COMMAND_NONE, admin_package_check_import, DO    \
	}

#endif
