/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the tests of the publisher share: a directory, a pool that can be held up, files, and
 * waiting for what is made. What goes wrong here fails the test.
 */
#ifndef TESTS_UNIT_PUBLISH_SCENE_H
#define TESTS_UNIT_PUBLISH_SCENE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "origin/publish.h"
#include "tests/unit/content_vectors.h"

#define PUBLISH_BOTH 3u /* versions */

/* Set up anew for each test. */
struct publish_scene {
	char folder[64];    /* for the test's own files */
	char directory[80]; /* of hashes */
	struct pool *pool;
	struct secret *secret;
	struct publish *publish; /* of PUBLISH_BOTH, once opened */
};
extern struct publish_scene publish_scene;
int publish_scene_begin(void **state);
int publish_scene_end(void **state);

/* With the scene's secret and directory. */
struct publish *publish_scene_open(unsigned versions, uint64_t limit);
struct publish *publish_scene_open_with(const char *directory, const struct secret *secret,
					unsigned versions, uint64_t limit);
struct secret *publish_scene_secret(const char *key);

/* An open file of the folder, and its subject. */
int publish_scene_file(const char *name, const void *data, size_t size,
		       struct publish_subject *subject_out);
struct octets publish_scene_random(size_t size, uint32_t seed);
void publish_scene_subject(const char *name, const char *state, uint64_t size,
			   struct publish_subject *subject_out);

/* Who waits for makings. */
struct publish_told {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned count;
	int last;            /* error */
	unsigned order[512]; /* what was told first, second, ...: the numbers of publish_told_number
			      */
	struct telling {
		struct publish_told *told;
		unsigned number;
	} tellings[512];
};
void publish_told_init(struct publish_told *told);
/* DONE's context for number NUMBER. */
struct telling *publish_told_number(struct publish_told *told, unsigned number);
void publish_told_done(void *context, int error);
/* Until COUNT were told; returns what the last of them was. */
int publish_told_wait(struct publish_told *told, unsigned count);
/* Asks for it and waits. */
int publish_scene_make(struct publish *publish, const struct publish_subject *subject, int file);
/* By a stream. */
int publish_scene_stream(struct publish *publish, const struct publish_subject *subject,
			 const void *data, size_t portion);

/* All threads of the pool do nothing until let go. */
void publish_scene_hold(void);
void publish_scene_let_one_go(void);
void publish_scene_let_go(void);

/* For octets_free. */
struct octets publish_scene_octets(const struct publish_form *form);
/* The form of VERSION; for octets_free. */
struct octets publish_scene_form(struct publish *publish, const struct publish_subject *subject,
				 unsigned version);
bool publish_scene_same(const struct octets *left, const struct octets *right);
/* Path of the only kept file. */
void publish_scene_kept(char *path, size_t size);
unsigned publish_scene_kept_count(void);
uint64_t publish_scene_hashed(struct publish *publish);
struct publish_counters publish_scene_counters(struct publish *publish);

#endif
