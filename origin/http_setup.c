/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/http_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "origin/netrc.h"

/* Our choices. A receive buffer of 128 to 512 KiB costs the same per octet on loopback, within
 * noise. */
#define RECEIVE_BUFFER (256L << 10)
#define CONNECT_TIMEOUT_MAX_MS 10000L
#define SLOW_OCTETS_PER_SECOND 1024L
#define CREDENTIAL_FILE_MAX (1u << 20)

struct http_setup {
	char *host, *user, *proxy;
	char *interface; /* as CURLOPT_INTERFACE has it; NULL: any */
	struct curl_slist *headers;
	struct curl_blob cacert, cert, certkey; /* data owned; NULL: none */
	long timeout_ms;
	bool insecure, bare;
};

static void free_secret(void *data, size_t length)
{
	if (data != NULL)
		explicit_bzero(data, length);
	free(data);
}

void http_setup_free(struct http_setup *setup)
{
	if (setup == NULL)
		return;
	for (struct curl_slist *line = setup->headers; line != NULL; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_slist_free_all(setup->headers);
	free(setup->host);
	free(setup->interface);
	free_secret(setup->user, setup->user != NULL ? strlen(setup->user) : 0);
	free_secret(setup->proxy, setup->proxy != NULL ? strlen(setup->proxy) : 0);
	free_secret(setup->cacert.data, setup->cacert.len);
	free_secret(setup->cert.data, setup->cert.len);
	free_secret(setup->certkey.data, setup->certkey.len);
	free(setup);
}

static int read_descriptor(int fd, char **text_out, size_t *length_out)
{
	char *text = malloc(CREDENTIAL_FILE_MAX + 1);
	size_t length = 0;
	ssize_t got = 0;

	if (text == NULL)
		return -ENOMEM;
	while (length < CREDENTIAL_FILE_MAX) {
		got = read(fd, text + length, CREDENTIAL_FILE_MAX - length);
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	if (got != 0) {
		int error = got < 0 ? -errno : -EFBIG;

		free_secret(text, length);
		return error;
	}
	text[length] = '\0';
	*text_out = text;
	*length_out = length;
	return 0;
}

static int read_credential(const char *option, const char *path, char **text_out,
			   size_t *length_out, char *message, size_t message_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int error = fd < 0 ? -errno : read_descriptor(fd, text_out, length_out);

	if (fd >= 0)
		close(fd);
	if (error < 0)
		snprintf(message, message_size, "%s: cannot read %s: %s", option, path,
			 strerror(-error));
	return error;
}

static int read_blob(const char *option, const char *path, struct curl_blob *blob, char *message,
		     size_t message_size)
{
	char *text;
	int error;

	if (path == NULL)
		return 0;
	error = read_credential(option, path, &text, &blob->len, message, message_size);
	if (error < 0)
		return error;
	blob->data = text;
	blob->flags = CURL_BLOB_NOCOPY;
	return 0;
}

/* user= wins over netrc=. */
static int take_user(struct http_setup *setup, const struct origin_options *options,
		     const char *host, char *message, size_t message_size)
{
	char *text;
	size_t length;
	int error;

	if (options->user != NULL) {
		setup->user = strdup(options->user);
		return setup->user != NULL ? 0 : -ENOMEM;
	}
	if (options->netrc == NULL)
		return 0;
	error = read_credential("netrc", options->netrc, &text, &length, message, message_size);
	if (error < 0)
		return error;
	error = netrc_find(text, host, &setup->user);
	free_secret(text, length);
	return error == -ENOENT ? 0 : error;
}

static int take_headers(struct http_setup *setup, const char *const *headers, char *message,
			size_t message_size)
{
	for (; headers != NULL && *headers != NULL; headers++) {
		struct curl_slist *longer;

		if (strchr(*headers, ':') == NULL || strpbrk(*headers, "\r\n") != NULL) {
			snprintf(message, message_size,
				 "header: must be one line of the form NAME: VALUE");
			return -EINVAL;
		}
		longer = curl_slist_append(setup->headers, *headers);
		if (longer == NULL)
			return -ENOMEM;
		setup->headers = longer;
	}
	return 0;
}

static int take_files(struct http_setup *setup, const struct origin_options *options, char *message,
		      size_t message_size)
{
	int error = read_blob("cacert", options->cacert, &setup->cacert, message, message_size);

	if (error == 0)
		error = read_blob("cert", options->cert, &setup->cert, message, message_size);
	if (error == 0)
		error = read_blob("certkey", options->certkey, &setup->certkey, message,
				  message_size);
	return error;
}

int http_setup_create(const struct origin_options *options, const char *host,
		      struct http_setup **setup_out, char *message, size_t message_size)
{
	struct http_setup *setup = calloc(1, sizeof(*setup));
	int error;

	if (setup == NULL)
		return -ENOMEM;
	setup->timeout_ms = (long)options->timeout * 1000;
	setup->insecure = options->insecure;
	setup->host = strdup(host);
	setup->proxy = strdup(options->proxy != NULL ? options->proxy : "");
	error = setup->host != NULL && setup->proxy != NULL ? 0 : -ENOMEM;
	if (error == 0)
		error = take_headers(setup, options->headers, message, message_size);
	if (error == 0)
		error = take_user(setup, options, host, message, message_size);
	if (error == 0)
		error = take_files(setup, options, message, message_size);
	if (error < 0)
		http_setup_free(setup);
	else
		*setup_out = setup;
	return error;
}

static int take_address(struct http_setup *setup, const char *address)
{
	char *interface;

	if (address == NULL)
		return 0;
	if (asprintf(&interface, "host!%s", address) < 0)
		return -ENOMEM;
	setup->interface = interface;
	return 0;
}

int http_setup_create_bare(const struct http_setup_bare *options, struct http_setup **setup_out,
			   char *message, size_t message_size)
{
	struct http_setup *setup = calloc(1, sizeof(*setup));
	int error;

	if (setup == NULL)
		return -ENOMEM;
	setup->bare = true;
	setup->timeout_ms = (long)options->timeout * 1000;
	setup->host = strdup("");
	setup->proxy = strdup("");
	error = setup->host != NULL && setup->proxy != NULL ? 0 : -ENOMEM;
	if (error == 0)
		error = take_address(setup, options->address);
	if (error == 0)
		error = read_blob(options->option, options->cacert, &setup->cacert, message,
				  message_size);
	if (error < 0)
		http_setup_free(setup);
	else
		*setup_out = setup;
	return error;
}

static void set_limits(const struct http_setup *setup, CURL *handle)
{
	long half_ms = setup->timeout_ms / 2, half_seconds = half_ms / 1000;

	curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
			 half_ms < CONNECT_TIMEOUT_MAX_MS ? half_ms : CONNECT_TIMEOUT_MAX_MS);
	curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, SLOW_OCTETS_PER_SECOND);
	curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, half_seconds > 0 ? half_seconds : 1);
	curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(handle, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
}

static void set_connection(const struct http_setup *setup, CURL *handle)
{
	curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	/* A resolver that hangs must not hold up the loop when its transfer is given up. */
	curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(handle, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(handle, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(handle, CURLOPT_PROXY, setup->proxy);
	curl_easy_setopt(handle, CURLOPT_NOPROXY, "");
	curl_easy_setopt(handle, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	curl_easy_setopt(handle, CURLOPT_USERAGENT, "peerdistfs");
	curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, setup->insecure ? 0L : 1L);
	curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, setup->insecure ? 0L : 2L);
	if (setup->cacert.data != NULL)
		curl_easy_setopt(handle, CURLOPT_CAINFO_BLOB, &setup->cacert);
	if (setup->interface != NULL)
		curl_easy_setopt(handle, CURLOPT_INTERFACE, setup->interface);
	if (setup->bare)
		curl_easy_setopt(handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

static void set_credentials(const struct http_setup *setup, CURL *handle)
{
	if (setup->user != NULL) {
		curl_easy_setopt(handle, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(handle, CURLOPT_USERPWD, setup->user);
	}
	if (setup->cert.data != NULL)
		curl_easy_setopt(handle, CURLOPT_SSLCERT_BLOB, &setup->cert);
	if (setup->certkey.data != NULL)
		curl_easy_setopt(handle, CURLOPT_SSLKEY_BLOB, &setup->certkey);
	else if (setup->cert.data != NULL) /* one file with both */
		curl_easy_setopt(handle, CURLOPT_SSLKEY_BLOB, &setup->cert);
}

CURL *http_setup_handle(const struct http_setup *setup, bool home)
{
	CURL *handle = curl_easy_init();

	if (handle == NULL)
		return NULL;
	set_limits(setup, handle);
	set_connection(setup, handle);
	if (home)
		set_credentials(setup, handle);
	return handle;
}

void http_setup_coding(CURL *handle, bool as_sent)
{
	long version = as_sent ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS;

	curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, version);
	curl_easy_setopt(handle, CURLOPT_ACCEPT_ENCODING, as_sent ? NULL : "identity");
}

struct curl_slist *http_setup_headers(const struct http_setup *setup)
{
	return setup->headers;
}

const char *http_setup_host(const struct http_setup *setup)
{
	return setup->host;
}

bool http_setup_proxied(const struct http_setup *setup)
{
	return setup->proxy[0] != '\0';
}

bool http_setup_is_bare(const struct http_setup *setup)
{
	return setup->bare;
}
