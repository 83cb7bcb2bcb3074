/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The hash functions of content information (content-information.md section 3), as a table.
 * Fetched from OpenSSL once per process, since a fetch costs more than hashing a small block. Any
 * thread may call; each keeps its own contexts until it ends. Calls give 0; -ENOMEM; -ENOSYS when
 * OpenSSL has not the function.
 */
#ifndef CACHE_DIGEST_H
#define CACHE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum digest_algorithm {
	DIGEST_SHA256, /* version 1.0; the only one that we write there */
	DIGEST_SHA384,
	DIGEST_SHA512,
	/* Version 2.0: the first 32 octets of SHA-512, which is not SHA-512/256 of FIPS 180-4. An
	 * HMAC is cut the same way, and only its result is. */
	DIGEST_SHA512_TRUNC256,
	DIGEST_ALGORITHMS
};

#define DIGEST_SIZE_MAX 64u

/* Octets of a result. */
size_t digest_size(enum digest_algorithm algorithm);
/* "sha256", ..., "sha512-trunc256". */
const char *digest_name(enum digest_algorithm algorithm);

/* HASH_OUT gets digest_size octets; it may be the data. */
int digest_hash(enum digest_algorithm algorithm, const void *data, size_t size, uint8_t *hash_out);
/* 0 when the hash of DATA is EXPECTED, -EBADMSG when it is another. */
int digest_check(enum digest_algorithm algorithm, const void *data, size_t size,
		 const uint8_t *expected);
int digest_hmac(enum digest_algorithm algorithm, const void *key, size_t key_size, const void *data,
		size_t size, uint8_t *hash_out);

/* A hash of octets that come in portions. One thread at a time; may move between threads. */
struct digest_stream;
int digest_stream_create(enum digest_algorithm algorithm, struct digest_stream **stream_out);
int digest_stream_add(struct digest_stream *stream, const void *data, size_t size);
/* The hash of all since creation or the last end; the stream then begins anew. */
int digest_stream_end(struct digest_stream *stream, uint8_t *hash_out);
void digest_stream_free(struct digest_stream *stream);

#endif
