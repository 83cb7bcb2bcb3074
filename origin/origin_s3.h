/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The URLs of ListObjectsV2. A bucket is http://bucket.host/ or http://host/bucket/; ORIGIN is the
 * bucket or a folder in it. Pure.
 */
#ifndef ORIGIN_ORIGIN_S3_H
#define ORIGIN_ORIGIN_S3_H

#include "origin/origin_url.h"

/* How much of ORIGIN's URL is the bucket. */
enum s3_bucket {
	S3_BUCKET_ALL,  /* all */
	S3_BUCKET_HOST, /* the host; the path is a folder */
	S3_BUCKET_PATH, /* the host and the first part of the path; the rest is a folder */
};

/* One page of the names in PATH; TOKEN: of the page before, NULL for the first. Owned by the
 * caller; NULL: no memory. */
char *origin_s3_list_url(const struct origin_root *root, enum s3_bucket bucket, const char *path,
			 const char *token);
/* Asks only whether anything lies below PATH. */
char *origin_s3_probe_url(const struct origin_root *root, enum s3_bucket bucket, const char *path);
/* Whether ORIGIN's path is long enough for BUCKET to differ from S3_BUCKET_ALL. */
bool origin_s3_possible(const struct origin_root *root, enum s3_bucket bucket);

#endif
