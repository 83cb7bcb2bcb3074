/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The ORIGIN argument, and the identity under which its bytes are cached.
 */
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "fs/config_private.h"

#define DIGEST_SIZE 32
/* A directory's name and a status show part of the scope to others, so that guessing a password
 * from it must be slow: our choice, some 20 ms. */
#define STRETCH_ROUNDS 100000
/* Octets of the host in a directory's name, of 255. */
#define HOST_MAX 200
#define SCOPE_DIGITS 16

static int bad_origin(const char *text, const char *reason, struct config_problem *problem)
{
	char masked[LOG_NAME_MAX], escaped[LOG_NAME_MAX];

	config_url_masked(text, masked, sizeof(masked));
	return config_fail(problem, CONFIG_USAGE,
			   "ORIGIN `%s`: %s; give http://HOST/DIR/, https://HOST/DIR/, file:///DIR "
			   "or none",
			   log_escape(escaped, sizeof(escaped), masked), reason);
}

static bool scheme_known(const char *text)
{
	static const char *const schemes[] = {"http://", "https://", "file:///"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		/* curl would take the word behind a third slash for the host. */
		if (!strncasecmp(text, schemes[i], strlen(schemes[i])) &&
		    text[strlen(schemes[i])] != '/')
			return true;
	return false;
}

/* The value of PART, or NULL when the URL has none. For curl_free(). */
static char *part_of(CURLU *url, CURLUPart part, unsigned flags)
{
	char *value = NULL;

	return curl_url_get(url, part, &value, flags) ? NULL : value;
}

static int take_user(struct config *config, CURLU *url, struct config_problem *problem)
{
	char *user = part_of(url, CURLUPART_USER, CURLU_URLDECODE);
	char *password = part_of(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
	char *both = NULL;
	int error = 0;

	if ((user || password) && !config->user) {
		if (asprintf(&both, "%s:%s", user ? user : "", password ? password : "") < 0)
			error = config_no_memory(problem);
		else
			error = config_type_user.read(NULL, both, NULL, &config->user, problem);
		config_wipe(both);
	}
	curl_free(user);
	curl_free(password);
	curl_url_set(url, CURLUPART_USER, NULL, 0);
	curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
	curl_url_set(url, CURLUPART_OPTIONS, NULL, 0);
	return error;
}

/* Hosts are the same in any case (RFC 3986 section 3.2.2); their caches should be as well. */
static CURLUcode lower_host(CURLU *url)
{
	char *host = part_of(url, CURLUPART_HOST, 0);
	CURLUcode code = CURLUE_OK;

	if (!host)
		return CURLUE_OK;
	for (char *at = host; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	code = curl_url_set(url, CURLUPART_HOST, host, 0);
	curl_free(host);
	return code;
}

static int take_url(struct config *config, CURLU *url, const char *text,
		    struct config_problem *problem)
{
	char *query = part_of(url, CURLUPART_QUERY, 0);
	char *fragment = part_of(url, CURLUPART_FRAGMENT, 0);
	bool extra = query || fragment;
	char *whole;

	curl_free(query);
	curl_free(fragment);
	if (extra)
		return bad_origin(text,
				  "it has a query or a fragment, which files below it "
				  "could not have",
				  problem);
	if (take_user(config, url, problem))
		return bad_origin(text, "its user part cannot be used", problem);
	whole = lower_host(url) ? NULL : part_of(url, CURLUPART_URL, CURLU_NO_DEFAULT_PORT);
	if (!whole)
		return bad_origin(text, "it is malformed", problem);
	free(config->origin);
	config->origin = strdup(whole);
	curl_free(whole);
	return config->origin ? 0 : config_no_memory(problem);
}

int config_origin(struct config *config, const char *text, struct config_problem *problem)
{
	CURLUcode code;
	CURLU *url;
	int error;

	if (!strcmp(text, "none")) {
		free(config->origin);
		config->origin = strdup(text);
		return config->origin ? 0 : config_no_memory(problem);
	}
	if (!scheme_known(text))
		return bad_origin(text, "it does not begin with a scheme that is served", problem);
	url = curl_url();
	if (!url)
		return config_no_memory(problem);
	code = curl_url_set(url, CURLUPART_URL, text, 0);
	error = code ? bad_origin(text, curl_url_strerror(code), problem)
		     : take_url(config, url, text, problem);
	curl_url_cleanup(url);
	return error;
}

bool config_has_credentials(const struct config *config)
{
	return config->user || config->netrc || config->cert || config->headers;
}

static void put_item(FILE *stream, const char *name, const char *value)
{
	if (value)
		fprintf(stream, "%s=%s%c", name, value, 0);
}

/* Who we are to the origin, as one text. */
static int identity(const struct config *config, char **identity_out, size_t *size_out)
{
	char *text = NULL;
	FILE *stream = open_memstream(&text, size_out);

	if (!stream)
		return -ENOMEM;
	put_item(stream, "user", config->user);
	put_item(stream, "netrc", config->netrc);
	put_item(stream, "cert", config->cert);
	for (size_t i = 0; config->headers && config->headers[i]; i++)
		put_item(stream, "header", config->headers[i]);
	if (fclose(stream)) {
		free(text);
		return -ENOMEM;
	}
	*identity_out = text;
	return 0;
}

static bool digest(const struct config *config, unsigned char *digest_out)
{
	const unsigned char *origin = (const unsigned char *)config->origin;
	char *who;
	size_t size;
	int good;

	if (!config_has_credentials(config))
		return EVP_Digest(origin, strlen(config->origin), digest_out, NULL, EVP_sha256(),
				  NULL) == 1;
	if (identity(config, &who, &size))
		return false;
	good = PKCS5_PBKDF2_HMAC(who, (int)size, origin, (int)strlen(config->origin),
				 STRETCH_ROUNDS, EVP_sha256(), DIGEST_SIZE, digest_out);
	OPENSSL_cleanse(who, size);
	free(who);
	return good == 1;
}

int config_scope_make(struct config *config, struct config_problem *problem)
{
	unsigned char octets[DIGEST_SIZE];
	char *scope = calloc(1, 2 * DIGEST_SIZE + 1);

	if (!scope || !digest(config, octets)) {
		free(scope);
		return config_no_memory(problem);
	}
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		snprintf(scope + 2 * i, 3, "%02x", octets[i]);
	free(config->scope);
	config->scope = scope;
	return 0;
}

const char *config_scope(const struct config *config)
{
	return config->scope;
}

int config_cache_name(const struct config *config, char *buffer, size_t size)
{
	CURLU *url = curl_url();
	char *host = NULL;

	if (!url)
		return -ENOMEM;
	if (!curl_url_set(url, CURLUPART_URL, config->origin, 0))
		host = part_of(url, CURLUPART_HOST, 0);
	curl_url_cleanup(url);
	for (char *at = host; at && *at; at++)
		if (!isalnum((unsigned char)*at) && *at != '.' && *at != '-')
			*at = '_';
	/* file:// and none have no host. */
	snprintf(buffer, size, "%.*s-%.*s", HOST_MAX,
		 host && *host ? host : (strcmp(config->origin, "none") ? "file" : "none"),
		 SCOPE_DIGITS, config->scope);
	curl_free(host);
	return 0;
}

struct origin_options config_origin_options(const struct config *config, const char *url)
{
	return (struct origin_options){
		.url = url,
		.connections = config->connections,
		.timeout = config->timeout,
		.headers = (const char *const *)config->headers,
		.user = config->user,
		.netrc = config->netrc,
		.cacert = config->cacert,
		.cert = config->cert,
		.certkey = config->certkey,
		.proxy = config->proxy,
		.insecure = config->insecure,
	};
}
