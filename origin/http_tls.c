/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What all TLS connections of a server share: versions, certificate, key. The files are read when
 * the server is made, so that it may give up its privileges afterwards, and when it is told to read
 * them anew. A connection keeps what it began with.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "origin/http_server_private.h"

/* Nobody is there to type it; a prompt would stop a daemon for ever. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return 0;
}

static void set_versions(SSL_CTX *context, bool old)
{
	/* at its usual level OpenSSL 3 has no signature left for what is below 1.2 */
	if (old)
		SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_min_proto_version(context, old ? TLS1_VERSION : TLS1_2_VERSION);
}

static SSL_CTX *new_context(bool old)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (context == NULL)
		return NULL;
	set_versions(context, old);
	/* Clients that just hang up are usual and no error; lengths tell whether all has come. */
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					     SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_default_passwd_cb(context, no_passphrase);
	return context;
}

static int refuse(SSL_CTX *context, char *message, size_t message_size, const char *file,
		  const char *what)
{
	unsigned long code = ERR_peek_error();
	const char *reason;

	if (ERR_SYSTEM_ERROR(code))
		reason = strerror(ERR_GET_REASON(code));
	else
		reason = ERR_reason_error_string(code);
	snprintf(message, message_size, "%s: %s (%s)", file, what,
		 reason != NULL ? reason : "no reason given");
	ERR_clear_error();
	SSL_CTX_free(context);
	return -EINVAL;
}

static int no_memory(char *message, size_t message_size)
{
	ERR_clear_error();
	snprintf(message, message_size, "cannot prepare TLS: out of memory");
	return -ENOMEM;
}

static int read_files(const struct http_tls *tls, SSL_CTX **context_out, char *message,
		      size_t message_size)
{
	SSL_CTX *context = new_context(tls->old);

	if (context == NULL)
		return no_memory(message, message_size);
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(context, tls->cert) != 1)
		return refuse(context, message, message_size, tls->cert,
			      "cannot be used as certificate chain; give a readable PEM file");
	if (SSL_CTX_use_PrivateKey_file(context, tls->key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(context) != 1)
		return refuse(context, message, message_size, tls->key,
			      "cannot be used as key of the certificate; give a readable PEM file "
			      "without passphrase");
	*context_out = context;
	return 0;
}

static int read_anew(struct http_tls *tls, char *message, size_t message_size)
{
	SSL_CTX *context = NULL, *former;
	int error = read_files(tls, &context, message, message_size);

	if (error < 0)
		return error;
	pthread_mutex_lock(&tls->lock);
	former = tls->context;
	tls->context = context;
	pthread_mutex_unlock(&tls->lock);
	SSL_CTX_free(former); /* its connections have it too */
	return 0;
}

void http_tls_begin(struct http_tls *tls)
{
	pthread_mutex_init(&tls->lock, NULL);
}

void http_tls_end(struct http_tls *tls)
{
	SSL_CTX_free(tls->context);
	free(tls->cert);
	free(tls->key);
	pthread_mutex_destroy(&tls->lock);
}

int http_tls_set(struct http_tls *tls, const struct http_server_options *options, char *message,
		 size_t message_size)
{
	if (options->tls_cert == NULL || options->tls_key == NULL) {
		snprintf(message, message_size,
			 "TLS needs a certificate and its key; give both files");
		return -EINVAL;
	}
	tls->old = options->tls_old;
	tls->cert = strdup(options->tls_cert);
	tls->key = strdup(options->tls_key);
	if (tls->cert == NULL || tls->key == NULL)
		return no_memory(message, message_size);
	return read_anew(tls, message, message_size);
}

SSL *http_tls_new(struct http_tls *tls)
{
	SSL_CTX *context;
	SSL *ssl;

	pthread_mutex_lock(&tls->lock);
	context = tls->context;
	SSL_CTX_up_ref(context);
	pthread_mutex_unlock(&tls->lock);
	ssl = SSL_new(context);
	SSL_CTX_free(context);
	if (ssl == NULL)
		ERR_clear_error();
	return ssl;
}

int http_server_reload_tls(struct http_server *server, char *message, size_t message_size)
{
	return server->tls.cert != NULL ? read_anew(&server->tls, message, message_size) : 0;
}
