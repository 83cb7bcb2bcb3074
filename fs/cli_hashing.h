/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the verbs that hash files for others are asked for alike, and the publisher that they make
 * of it.
 */
#ifndef FS_CLI_HASHING_H
#define FS_CLI_HASHING_H

#include <stdint.h>

#include "fs/cli_option.h"
#include "origin/publish.h"

struct cli_hashing {
	const char *key;    /* file of the server secret; NULL: this machine's */
	const char *hashes; /* directory; NULL: the usual place */
	unsigned versions;  /* bits */
	uint64_t min_size, hashes_size;
};

#define CLI_HASHING_INITIAL                                                                        \
	{                                                                                          \
		.versions = 3, .min_size = CLI_HASHING_MIN_SIZE, .hashes_size = CLI_HASHING_SIZE   \
	}
/* One block of version 1; http-extension.md section 3, step 10. */
#define CLI_HASHING_MIN_SIZE 65536
/* Our choice: for a terabyte of files, about half of it. */
#define CLI_HASHING_SIZE (1u << 30)

/* HASHING: the struct in REQUEST. */
#define CLI_HASHING_OPTIONS(request, hashing)                                                      \
	CLI_TEXT("key", request, hashing.key), CLI_TEXT("hashes", request, hashing.hashes),        \
		CLI_VALUE("versions", cli_hashing_versions, request, hashing.versions),            \
		CLI_VALUE("min-size", cli_hashing_octets, request, hashing.min_size),              \
		CLI_VALUE("hashes-size", cli_hashing_octets, request, hashing.hashes_size)
cli_take_option cli_hashing_versions, cli_hashing_octets;

/* 0, or a negative errno with a MESSAGE. SECRET and POOL outlive the publisher. */
int cli_hashing_create(const struct cli_hashing *hashing, const struct secret *secret,
		       struct pool *pool, struct publish **publish_out, char *message,
		       size_t message_size);

#endif
