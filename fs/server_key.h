/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file of this machine's server secret, which all that name segments share: mounts, `serve`,
 * `publish` and `info make`. Where nothing is named (NULL) it is in the default place, and made
 * with the directories above it at first use.
 *
 * Whose it is: in the default place, when root makes or replaces it, CONFIG_ACCOUNT's if there is
 * that user, as is a directory that is made for it, since that is whom a daemon becomes. Elsewhere
 * a file that root replaces stays whose it was. Otherwise who makes a file has it.
 *
 * Calls return 0, or a negative errno with what to say in MESSAGE.
 */
#ifndef FS_SERVER_KEY_H
#define FS_SERVER_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/secret.h"

/* Room for any MESSAGE that tells all. */
#define SERVER_KEY_MESSAGE 1536

/* MAKE: a random one if there is none; else that is -ENOENT. */
int server_key_load(const char *named, bool make, struct secret **secret_out, char *message,
		    size_t size);
/* -EEXIST: there is one, and REPLACE was not wanted. */
int server_key_save(const struct secret *secret, const char *named, bool replace, char *message,
		    size_t size);

#endif
