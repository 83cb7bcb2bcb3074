/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The secret key of a server, what is derived from it, and its files (content-information.md
 * sections 4 and 5). The key is 1 to 65535 octets; Ks is its hash, Kp and Ke the secret of a
 * segment, HoHoDk its public name. Sizes of all derived values: digest_size. A key and what was
 * made on the way are overwritten when they are no longer needed. No logging of any of it.
 * A struct secret is immutable, so any thread may read it.
 */
#ifndef CACHE_SECRET_H
#define CACHE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cache/digest.h"

#define SECRET_SIZE_MAX 65535u

struct secret;

/* -EINVAL: no octet, or more than SECRET_SIZE_MAX. The key is copied. */
int secret_create(const void *key, size_t size, struct secret **secret_out);
/* 32 random octets, as Windows makes them. */
int secret_create_random(struct secret **secret_out);
/* The UTF-16LE octets of TEXT, which is UTF-8, without NUL: what Windows makes of `set key TEXT`.
 * -EILSEQ when TEXT is not UTF-8. */
int secret_create_passphrase(const char *text, struct secret **secret_out);
void secret_free(struct secret *secret);

const uint8_t *secret_key(const struct secret *secret);
size_t secret_size(const struct secret *secret);

/* A file of the raw key. -EPERM: others than the owner may use it, or it belongs to neither the
 * caller nor root, and the caller is not root; -EINVAL: empty, too long, or not a plain file. */
int secret_load(const char *path, struct secret **secret_out);
/* Mode 0600, and never half a key, whenever the machine ends. A file that is there is replaced
 * only if REPLACE, else -EEXIST. */
int secret_save(const struct secret *secret, const char *path, bool replace);
/* The same, the file being OWNER's and GROUP's from the moment it has its name. For root. */
int secret_save_for(const struct secret *secret, const char *path, bool replace, uid_t owner,
		    gid_t group);
/* Loads, or makes a random key there; two that make it at once get the same one. */
int secret_load_or_create(const char *path, struct secret **secret_out);

/* The key file that Windows exports. -EBADMSG: wrong passphrase or not a key file, which cannot be
 * told apart; -EILSEQ: PASSPHRASE is not UTF-8. */
int secret_import(const void *file, size_t size, const char *passphrase,
		  struct secret **secret_out);
/* FILE_OUT is malloc'ed. */
int secret_export(const struct secret *secret, const char *passphrase, uint8_t **file_out,
		  size_t *size_out);

/* Ks. Wipe it after use. */
int secret_server(const struct secret *secret, enum digest_algorithm algorithm, uint8_t *ks_out);
/* Kp from Ks and HoD. */
int secret_segment(enum digest_algorithm algorithm, const uint8_t *ks, const uint8_t *hash_of_data,
		   uint8_t *kp_out);
/* HoHoDk from Kp and HoD. */
int secret_segment_id(enum digest_algorithm algorithm, const uint8_t *kp,
		      const uint8_t *hash_of_data, uint8_t *id_out);

#endif
