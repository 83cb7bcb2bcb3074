/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/taker_scene.h"

#include <netdb.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "origin/http_server.h"

#define DAY 86400L

static void fail(const char *what)
{
	perror(what);
	abort();
}

/* ---- messages ---- */

static void keep(struct taker *taker, struct http_served *served)
{
	struct taken *taken = calloc(1, sizeof(*taken));
	const char *fields[1];
	const void *body;
	unsigned version;

	if (taken == NULL)
		fail("calloc");
	body = http_served_body(served, &taken->size);
	taken->tls = http_served_tls(served);
	taken->credentials = http_served_fields(served, "Authorization", fields, 1) > 0;
	if (getnameinfo(http_served_source(served), sizeof(struct sockaddr_in), taken->peer,
			sizeof(taken->peer), NULL, 0, NI_NUMERICHOST) != 0)
		fail("getnameinfo");
	if (body != NULL && taken->size <= sizeof(taken->octets))
		memcpy(taken->octets, body, taken->size);
	version = pchc_path_version(http_served_target(served));
	if (strcmp(http_served_method(served), "POST") == 0 && version != 0 &&
	    pchc_request_read(taken->octets, taken->size, version, &taken->request) == PCHC_VALID)
		taken->version = version;
	if (taker->count >= TAKEN_MAX)
		fail("messages");
	taker->taken[taker->count++] = taken;
	pthread_cond_broadcast(&taker->more);
}

static void answer(struct http_served *served, enum taker_manner manner, enum pchc_type type)
{
	static const char many[4096];
	uint8_t body[PCHC_RESPONSE_SIZE];

	switch (manner) {
	case TAKER_WRONG:
		http_reply_bytes(served, "hello", 5);
		break;
	case TAKER_SHORT:
		http_reply_bytes(served, "\0\0\0\1", 4);
		break;
	case TAKER_ENDLESS:
		for (unsigned i = 0; i < 256; i++)
			http_reply_bytes(served, many, sizeof(many));
		break;
	case TAKER_DENIES:
		http_reply_header(served, "WWW-Authenticate", "Negotiate");
		http_reply(served, 401);
		return;
	case TAKER_ELSEWHERE:
		http_reply_header(served, "Location", "%s", http_served_target(served));
		http_reply(served, 307);
		return;
	case TAKER_CUTS:
		http_reply_none(served);
		return;
	default:
		pchc_response_write(manner == TAKER_INTERESTED && type == PCHC_INITIAL_OFFER
					    ? PCHC_INTERESTED
					    : PCHC_OK,
				    body);
		http_reply_bytes(served, body, sizeof(body));
	}
	http_reply(served, 200);
}

static void handle(void *context, struct http_served *served)
{
	struct taker *taker = context;

	pthread_mutex_lock(&taker->lock);
	keep(taker, served);
	enum pchc_type type = taker->taken[taker->count - 1]->request.type;
	enum taker_manner manner = taker->ending ? TAKER_CUTS : taker->manner;
	if (manner == TAKER_SILENT)
		taker->kept[taker->silent++] = served;
	pthread_mutex_unlock(&taker->lock);
	if (manner != TAKER_SILENT)
		answer(served, manner, type);
}

struct taker *taker_begin(const char *address, const char *cert, const char *key)
{
	struct taker *taker = calloc(1, sizeof(*taker));
	const char *const listen[] = {address, NULL}, *const none[] = {NULL};
	const struct http_server_options options = {.listen = cert == NULL ? listen : none,
						    .tls_listen = cert != NULL ? listen : NULL,
						    .tls_cert = cert,
						    .tls_key = key,
						    .threads = 1,
						    .timeout = TAKER_PATIENCE,
						    .body_limit = PCHC_REQUEST_MAX,
						    .handle = handle,
						    .context = taker};
	char text[256] = "";

	if (taker == NULL)
		fail("calloc");
	pthread_mutex_init(&taker->lock, NULL);
	pthread_cond_init(&taker->more, NULL);
	if (http_server_create(&options, &taker->server, text, sizeof(text)) != 0 ||
	    http_server_address(taker->server, 0, text, sizeof(text)) != 0) {
		fprintf(stderr, "%s\n", text);
		abort();
	}
	taker->port = (unsigned)strtoul(strrchr(text, ':') + 1, NULL, 10);
	return taker;
}

void taker_end(struct taker *taker)
{
	if (taker == NULL)
		return;
	http_server_stop(taker->server);
	pthread_mutex_lock(&taker->lock);
	taker->ending = true;
	for (unsigned i = 0; i < taker->silent; i++)
		http_reply_none(taker->kept[i]);
	pthread_mutex_unlock(&taker->lock);
	http_server_free(taker->server);
	for (unsigned i = 0; i < taker->count; i++)
		free(taker->taken[i]);
	pthread_cond_destroy(&taker->more);
	pthread_mutex_destroy(&taker->lock);
	free(taker);
}

void taker_behave(struct taker *taker, enum taker_manner manner)
{
	pthread_mutex_lock(&taker->lock);
	taker->manner = manner;
	pthread_mutex_unlock(&taker->lock);
}

unsigned taker_count(struct taker *taker)
{
	pthread_mutex_lock(&taker->lock);
	unsigned count = taker->count;
	pthread_mutex_unlock(&taker->lock);
	return count;
}

const struct taken *taker_wait(struct taker *taker, unsigned index)
{
	struct timespec until;
	int error = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += TAKER_PATIENCE;
	pthread_mutex_lock(&taker->lock);
	while (taker->count <= index && error == 0)
		error = pthread_cond_timedwait(&taker->more, &taker->lock, &until);
	const struct taken *taken = error == 0 ? taker->taken[index] : NULL;
	pthread_mutex_unlock(&taker->lock);
	if (taken == NULL) {
		fprintf(stderr, "message %u did not come\n", index);
		abort();
	}
	return taken;
}

unsigned taker_segments(struct taker *taker)
{
	unsigned count = 0;

	pthread_mutex_lock(&taker->lock);
	for (unsigned i = 0; i < taker->count; i++)
		if (taker->taken[i]->request.type == PCHC_BATCHED_OFFER)
			count += taker->taken[i]->request.offers.count;
	pthread_mutex_unlock(&taker->lock);
	return count;
}

/* ---- certificates ---- */

static EVP_PKEY *authority_key;

static void set_name(X509_NAME *name, const char *text)
{
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1,
				   0);
}

static void extend(X509 *cert, int extension, const char *value)
{
	X509_EXTENSION *made = X509V3_EXT_conf_nid(NULL, NULL, extension, value);

	if (made == NULL || X509_add_ext(cert, made, -1) != 1)
		fail(value);
	X509_EXTENSION_free(made);
}

static X509 *make(EVP_PKEY *key, const char *subject, long from, long to)
{
	static long serial;
	X509 *cert = X509_new();

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), from);
	X509_gmtime_adj(X509_getm_notAfter(cert), to);
	X509_set_pubkey(cert, key);
	set_name(X509_get_subject_name(cert), subject);
	set_name(X509_get_issuer_name(cert), "authority");
	return cert;
}

static void sign_and_write(X509 *cert, EVP_PKEY *signer, const char *directory, const char *file)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s.pem", directory, file);
	if (X509_sign(cert, signer, EVP_sha256()) == 0 || (out = fopen(path, "w")) == NULL ||
	    PEM_write_X509(out, cert) != 1 || fclose(out) != 0)
		fail(path);
	X509_free(cert);
}

void taker_authority(const char *directory)
{
	EVP_PKEY_free(authority_key);
	authority_key = EVP_EC_gen("P-256");
	X509 *cert = make(authority_key, "authority", -DAY, DAY);
	extend(cert, NID_basic_constraints, "critical,CA:TRUE");
	extend(cert, NID_key_usage, "critical,keyCertSign");
	sign_and_write(cert, authority_key, directory, "authority");
}

void taker_certify(const char *directory, const char *file, enum taker_certificate which,
		   const char *alternative_name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	X509 *cert = which == TAKER_EXPIRED ? make(key, "cache", -2 * DAY, -DAY)
					    : make(key, "cache", -DAY, DAY);
	char path[512];
	FILE *out;

	extend(cert, NID_subject_alt_name, alternative_name);
	sign_and_write(cert, which == TAKER_UNKNOWN ? other : authority_key, directory, file);
	snprintf(path, sizeof(path), "%s/%s.key", directory, file);
	if ((out = fopen(path, "w")) == NULL ||
	    PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) != 1 || fclose(out) != 0)
		fail(path);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}
