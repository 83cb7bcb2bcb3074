/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Shared by secret*.c only.
 */
#ifndef CACHE_SECRET_PRIVATE_H
#define CACHE_SECRET_PRIVATE_H

#include "cache/secret.h"

/* secret.c: digest_hash that leaves no trace of DATA in a context that lives on. */
int secret_hash(enum digest_algorithm algorithm, const void *data, size_t size, uint8_t *hash_out);

/* secret_export.c: TEXT, which is UTF-8, as UTF-16LE without NUL. For OPENSSL_clear_free.
 * -EILSEQ: it is not UTF-8. */
int secret_widen(const char *text, uint8_t **wide_out, size_t *size_out);

#endif
