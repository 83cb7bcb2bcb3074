/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/origin_s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

/* Octets of the root's path that are the bucket's, the slash behind included if there is one. */
static size_t bucket_length(const struct origin_root *root, enum s3_bucket bucket)
{
	const char *slash;

	switch (bucket) {
	case S3_BUCKET_HOST:
		return 1;
	case S3_BUCKET_PATH:
		slash = strchr(root->path + 1, '/');
		return slash != NULL ? (size_t)(slash + 1 - root->path) : strlen(root->path);
	case S3_BUCKET_ALL:
		break;
	}
	return strlen(root->path);
}

bool origin_s3_possible(const struct origin_root *root, enum s3_bucket bucket)
{
	return bucket_length(root, bucket) < strlen(root->path);
}

/* In a query a slash is encoded too: some servers split there. */
static char *encode_value(const char *text)
{
	char *encoded = malloc(3 * strlen(text) + 1), *value, *to;

	if (encoded == NULL)
		return NULL;
	origin_url_encode(encoded, text);
	value = to = malloc(3 * strlen(encoded) + 1);
	for (const char *at = encoded; to != NULL && *at != '\0'; at++) {
		if (*at == '/')
			to = stpcpy(to, "%2F");
		else
			*to++ = *at;
	}
	if (to != NULL)
		*to = '\0';
	free(encoded);
	return value;
}

/* What all keys in PATH begin with: the folder that ORIGIN is, PATH, and a slash. */
static char *key_prefix(const char *folder, const char *path)
{
	char *decoded = curl_easy_unescape(NULL, folder, 0, NULL), *prefix = NULL, *value = NULL;
	size_t length = decoded != NULL ? strlen(decoded) : 0;

	if (length > 0 && decoded[length - 1] == '/')
		decoded[--length] = '\0';
	if (decoded != NULL && asprintf(&prefix, "%s%s%s%s", decoded, length > 0 ? "/" : "", path,
					path[0] != '\0' ? "/" : "") < 0)
		prefix = NULL;
	if (prefix != NULL)
		value = encode_value(prefix);
	free(prefix);
	curl_free(decoded);
	return value;
}

static char *list_query(const char *prefix, const char *more, const char *token)
{
	char *continuation = encode_value(token != NULL ? token : ""), *query = NULL;

	if (prefix != NULL && continuation != NULL &&
	    asprintf(&query, "list-type=2&delimiter=%%2F&encoding-type=url%s&prefix=%s%s%s", more,
		     prefix, token != NULL ? "&continuation-token=" : "", continuation) < 0)
		query = NULL;
	free(continuation);
	return query;
}

static char *list_url(const struct origin_root *root, enum s3_bucket bucket, const char *path,
		      const char *more, const char *token)
{
	size_t length = bucket_length(root, bucket);
	char *prefix = key_prefix(root->path + length, path);
	char *query = list_query(prefix, more, token), *url = NULL;
	struct origin_root bucket_root = *root;

	bucket_root.path = strndup(root->path, length);
	if (query != NULL && bucket_root.path != NULL)
		url = origin_url_make(&bucket_root, "", ORIGIN_URL_DIRECTORY, query);
	free(bucket_root.path);
	free(query);
	free(prefix);
	return url;
}

char *origin_s3_list_url(const struct origin_root *root, enum s3_bucket bucket, const char *path,
			 const char *token)
{
	return list_url(root, bucket, path, "", token);
}

char *origin_s3_probe_url(const struct origin_root *root, enum s3_bucket bucket, const char *path)
{
	return list_url(root, bucket, path, "&max-keys=1", NULL);
}
