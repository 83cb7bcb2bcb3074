/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A real HTTP server on loopback. The handler answers by the target:
 *
 *   /pieces          octets and parts of the scene's file, mixed: http_scene_pieces() gives the
 * body /whole           the scene's file /304 /204        such a status, with a body given that
 * must not be sent /later           is kept; the test answers by http_scene_answer_kept()
 *   /parts           the whole file SCENE_PARTS times, by one descriptor
 *   /anew            an answer that fails is taken back, then as below
 *   /stream...       is kept likewise, for http_reply_begin()
 *   anything else    "METHOD TARGET MINOR BODY"
 */
#ifndef TESTS_UNIT_HTTP_SCENE_H
#define TESTS_UNIT_HTTP_SCENE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "origin/http_server.h"

#define SCENE_FILE_SIZE (3u << 20)
#define SCENE_KEPT_MAX 64u
#define SCENE_PARTS 16u /* more than sockets hold */

struct scene {
	struct http_server *server;
	char address[96];
	unsigned port;
	int file;
	char file_path[64];
	unsigned char *content; /* of the file */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct http_served *kept[SCENE_KEPT_MAX]; /* guarded by lock */
	unsigned kept_count, requests;
};

/* Changes to the options are made by ADJUST, which may be NULL. */
void http_scene_start(struct scene *scene, void (*adjust)(struct http_server_options *options));
void http_scene_end(struct scene *scene);
/* Frees the server only. */
void http_scene_free_server(struct scene *scene);
/* Waits for the next one. */
struct http_served *http_scene_take_kept(struct scene *scene);
void http_scene_answer_kept(struct http_served *served, const char *text);
unsigned http_scene_requests(struct scene *scene);
/* What /pieces answers; malloc'd. */
unsigned char *http_scene_pieces(const struct scene *scene, size_t *size_out);

/* Certificate and key, self-signed, in files that the caller removes. */
void http_scene_make_certificate(const char *cert_path, const char *key_path);

/* Who answers by a stream. */
struct giver {
	struct http_served *served;
	sem_t room, gone;
	bool whole;
	unsigned gone_count;
};

/* Takes the next kept exchange. */
void http_scene_begin(struct scene *scene, struct giver *giver, int64_t length);
void http_scene_begin_here(struct scene *scene, struct giver *giver, bool made_here);
/* Gives the scene's file; returns how often it had to wait. */
unsigned http_scene_give_file(struct scene *scene, struct giver *giver);
/* Returns once gone() has come. */
void http_scene_finish(struct giver *giver, bool whole);
void http_scene_wait(sem_t *semaphore);
/* For pthread_create(): begins, gives the scene's file in chunks, and finishes. */
void *http_scene_give_in_thread(void *scene);

#endif
