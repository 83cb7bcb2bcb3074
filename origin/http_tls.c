/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What all TLS connections of a server share: versions, certificate, key. The files are read once,
 * when the server is made, so that it may give up its privileges afterwards.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>

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

static SSL_CTX *new_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (context == NULL)
		return NULL;
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
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

int http_tls_create(const char *cert, const char *key, SSL_CTX **context_out, char *message,
		    size_t message_size)
{
	SSL_CTX *context = new_context();

	if (context == NULL) {
		ERR_clear_error();
		snprintf(message, message_size, "cannot prepare TLS: out of memory");
		return -ENOMEM;
	}
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(context, cert) != 1)
		return refuse(context, message, message_size, cert,
			      "cannot be used as certificate chain; give a readable PEM file");
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(context) != 1)
		return refuse(context, message, message_size, key,
			      "cannot be used as key of the certificate; give a readable PEM file "
			      "without passphrase");
	*context_out = context;
	return 0;
}
