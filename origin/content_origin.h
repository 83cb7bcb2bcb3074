/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Another HTTP server as a source of contents: what it has is passed on, and hashed as it passes,
 * so that any web server can be published.
 *
 * A version is the origin's validator (origin_validator.h): a strong ETag goes on as it is, so does
 * Last-Modified. What was said of a path is believed for a moment (content_looks.h); each read asks
 * for its version, so the octets of an answer are of the version that its head names. What has no
 * validator is passed on, but has no content information.
 *
 * Bodies stream: a client that takes its octets slowly slows the read from the origin. Nothing of
 * the client's request but path and range goes to the origin, its Authorization least of all.
 *
 * A content that passes from its first octet on is hashed; if it does not, and somebody asks for
 * its hashes, it is read once for them, few at a time.
 */
#ifndef ORIGIN_CONTENT_ORIGIN_H
#define ORIGIN_CONTENT_ORIGIN_H

#include "cache/pool.h"
#include "origin/content_source.h"
#include "origin/origin.h"
#include "origin/publish.h"

struct content_origin_options {
	const struct origin_options *origin; /* its url ends in a slash */
	struct pool *pool;
	struct publish *publish;
	uint64_t min_size; /* as of content_server_options */
};

/* 0, or a negative errno with a MESSAGE. Does not connect. POOL and PUBLISH may be gone when the
 * source, which was stopped then, is closed. */
int content_origin_open(const struct content_origin_options *options,
			struct content_source **source_out, char *message, size_t message_size);

#endif
