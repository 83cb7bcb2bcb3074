/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/http_scene.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_OFFSET 1000u
#define PIECE_LENGTH 100000u
#define PORTION 100000u
/* Seconds after which a test that waits in vain fails. */
#define PATIENCE 60

static void fail(const char *what)
{
	perror(what);
	abort();
}

/* ---- the server ---- */

static int scene_file(const struct scene *scene)
{
	int file = dup(scene->file);

	if (file < 0)
		fail("dup");
	return file;
}

static void reply_pieces(struct scene *scene, struct http_served *served)
{
	http_reply_bytes(served, "begin", 5);
	http_reply_file(served, scene_file(scene), PIECE_OFFSET, PIECE_LENGTH);
	http_reply_bytes(served, "middle", 6);
	http_reply_file(served, scene_file(scene), 7, 11);
	http_reply_file(served, scene_file(scene), 0, SCENE_FILE_SIZE);
	http_reply_bytes(served, "end", 3);
	http_reply(served, 206);
}

unsigned char *http_scene_pieces(const struct scene *scene, size_t *size_out)
{
	unsigned char *body = malloc(SCENE_FILE_SIZE + PIECE_LENGTH + 25), *at = body;

	if (body == NULL)
		fail("malloc");
	at = mempcpy(at, "begin", 5);
	at = mempcpy(at, scene->content + PIECE_OFFSET, PIECE_LENGTH);
	at = mempcpy(at, "middle", 6);
	at = mempcpy(at, scene->content + 7, 11);
	at = mempcpy(at, scene->content, SCENE_FILE_SIZE);
	at = mempcpy(at, "end", 3);
	*size_out = (size_t)(at - body);
	return body;
}

static void reply_parts(struct scene *scene, struct http_served *served)
{
	http_reply_file(served, scene_file(scene), 0, SCENE_FILE_SIZE);
	for (unsigned i = 1; i < SCENE_PARTS; i++)
		http_reply_file_again(served, 0, SCENE_FILE_SIZE);
	http_reply(served, 206);
}

static void reply_anew(struct scene *scene, struct http_served *served)
{
	http_reply_header(served, "X-Given", "two\nlines");
	http_reply_file(served, scene_file(scene), 0, SCENE_FILE_SIZE);
	http_reply_anew(served);
}

static void keep(struct scene *scene, struct http_served *served)
{
	pthread_mutex_lock(&scene->lock);
	if (scene->kept_count == SCENE_KEPT_MAX)
		fail("too many kept");
	scene->kept[scene->kept_count++] = served;
	pthread_cond_broadcast(&scene->changed);
	pthread_mutex_unlock(&scene->lock);
}

static void reply_echo(struct http_served *served)
{
	char minor[] = {' ', (char)('0' + http_served_minor(served)), ' '};
	const char *method = http_served_method(served), *target = http_served_target(served);
	size_t size;
	const void *body = http_served_body(served, &size);

	http_reply_bytes(served, method, strlen(method));
	http_reply_bytes(served, " ", 1);
	http_reply_bytes(served, target, strlen(target));
	http_reply_bytes(served, minor, sizeof(minor));
	http_reply_bytes(served, body, size);
	http_reply(served, 200);
}

static void handle(void *context, struct http_served *served)
{
	struct scene *scene = context;
	const char *target = http_served_target(served);

	pthread_mutex_lock(&scene->lock);
	scene->requests++;
	pthread_mutex_unlock(&scene->lock);
	if (strcmp(target, "/pieces") == 0) {
		reply_pieces(scene, served);
	} else if (strcmp(target, "/parts") == 0) {
		reply_parts(scene, served);
	} else if (strcmp(target, "/whole") == 0) {
		http_reply_header(served, "X-Given", "%d", 7);
		http_reply_file(served, scene_file(scene), 0, SCENE_FILE_SIZE);
		http_reply(served, 200);
	} else if (strcmp(target, "/304") == 0 || strcmp(target, "/204") == 0) {
		http_reply_bytes(served, "not to be sent", 14);
		http_reply(served, atoi(target + 1));
	} else if (strcmp(target, "/later") == 0 || strncmp(target, "/stream", 7) == 0) {
		keep(scene, served);
	} else {
		if (strcmp(target, "/anew") == 0)
			reply_anew(scene, served);
		reply_echo(served);
	}
}

struct http_served *http_scene_take_kept(struct scene *scene)
{
	struct http_served *served;

	pthread_mutex_lock(&scene->lock);
	while (scene->kept_count == 0)
		pthread_cond_wait(&scene->changed, &scene->lock);
	served = scene->kept[--scene->kept_count];
	pthread_mutex_unlock(&scene->lock);
	return served;
}

void http_scene_answer_kept(struct http_served *served, const char *text)
{
	http_reply_bytes(served, text, strlen(text));
	http_reply(served, 200);
}

unsigned http_scene_requests(struct scene *scene)
{
	unsigned requests;

	pthread_mutex_lock(&scene->lock);
	requests = scene->requests;
	pthread_mutex_unlock(&scene->lock);
	return requests;
}

static void make_file(struct scene *scene)
{
	uint32_t number = 1;

	scene->content = malloc(SCENE_FILE_SIZE);
	if (scene->content == NULL)
		fail("malloc");
	for (size_t i = 0; i < SCENE_FILE_SIZE; i++) {
		number = number * 1664525 + 1013904223;
		scene->content[i] = (unsigned char)(number >> 24);
	}
	strcpy(scene->file_path, "/tmp/http-scene-XXXXXX");
	scene->file = mkstemp(scene->file_path);
	if (scene->file < 0 ||
	    write(scene->file, scene->content, SCENE_FILE_SIZE) != SCENE_FILE_SIZE)
		fail(scene->file_path);
	unlink(scene->file_path);
}

void http_scene_start(struct scene *scene, void (*adjust)(struct http_server_options *options))
{
	static const char *const listen[] = {"127.0.0.1:0", NULL};
	struct http_server_options options = {
		.listen = listen,
		.threads = 2,
		.timeout = PATIENCE,
		.body_limit = 100000,
		.handle = handle,
		.context = scene,
	};
	char message[256];

	alarm(2 * PATIENCE);
	memset(scene, 0, sizeof(*scene));
	pthread_mutex_init(&scene->lock, NULL);
	pthread_cond_init(&scene->changed, NULL);
	make_file(scene);
	if (adjust != NULL)
		adjust(&options);
	if (http_server_create(&options, &scene->server, message, sizeof(message)) < 0) {
		fprintf(stderr, "%s\n", message);
		abort();
	}
	if (http_server_address(scene->server, 0, scene->address, sizeof(scene->address)) < 0)
		fail("http_server_address");
	scene->port = (unsigned)atoi(strrchr(scene->address, ':') + 1);
}

void http_scene_free_server(struct scene *scene)
{
	http_server_free(scene->server);
	scene->server = NULL;
}

void http_scene_end(struct scene *scene)
{
	http_scene_free_server(scene);
	close(scene->file);
	free(scene->content);
	pthread_cond_destroy(&scene->changed);
	pthread_mutex_destroy(&scene->lock);
	alarm(0);
}

void http_scene_make_certificate(const char *cert_path, const char *key_path)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	FILE *file;

	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
				   0);
	X509_set_issuer_name(cert, name);
	if (X509_sign(cert, key, EVP_sha256()) == 0)
		fail("X509_sign");
	file = fopen(cert_path, "w");
	if (file == NULL || PEM_write_X509(file, cert) != 1 || fclose(file) != 0)
		fail(cert_path);
	file = fopen(key_path, "w");
	if (file == NULL || PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    fclose(file) != 0)
		fail(key_path);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* ---- streams ---- */

void http_scene_wait(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0)
		if (errno != EINTR)
			fail("sem_wait");
}

static void note_room(void *context)
{
	sem_post(&((struct giver *)context)->room);
}

static void note_gone(void *context, bool whole)
{
	struct giver *giver = context;

	giver->whole = whole;
	giver->gone_count++;
	sem_post(&giver->room); /* nobody is to wait for it any more */
	sem_post(&giver->gone);
}

static void begin(struct scene *scene, struct giver *giver, int64_t length, bool made_here)
{
	struct http_stream stream = {note_room, note_gone, giver, made_here};

	memset(giver, 0, sizeof(*giver));
	sem_init(&giver->room, 0, 0);
	sem_init(&giver->gone, 0, 0);
	giver->served = http_scene_take_kept(scene);
	http_reply_begin(giver->served, 200, length, &stream);
}

void http_scene_begin(struct scene *scene, struct giver *giver, int64_t length)
{
	begin(scene, giver, length, false);
}

void http_scene_begin_here(struct scene *scene, struct giver *giver, bool made_here)
{
	begin(scene, giver, -1, made_here);
}

unsigned http_scene_give_file(struct scene *scene, struct giver *giver)
{
	unsigned waits = 0;

	for (size_t at = 0; at < SCENE_FILE_SIZE; at += PORTION) {
		size_t left = SCENE_FILE_SIZE - at;
		int result = http_reply_more(giver->served, scene->content + at,
					     left < PORTION ? left : PORTION);

		if (result == -EPIPE)
			break;
		if (result == -EAGAIN) {
			waits++;
			http_scene_wait(&giver->room);
		}
	}
	return waits;
}

void http_scene_finish(struct giver *giver, bool whole)
{
	http_reply_end(giver->served, whole);
	http_scene_wait(&giver->gone);
	sem_destroy(&giver->room);
	sem_destroy(&giver->gone);
	if (giver->gone_count != 1)
		fail("gone() came more than once");
}

void *http_scene_give_in_thread(void *scene)
{
	struct giver giver;

	http_scene_begin(scene, &giver, -1);
	http_scene_give_file(scene, &giver);
	http_scene_finish(&giver, true);
	if (!giver.whole)
		fail("stream was not sent whole");
	return NULL;
}
