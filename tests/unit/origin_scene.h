/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For tests of the HTTP origin: a scripted server, an origin that looks at it, and one outcome.
 */
#ifndef TESTS_UNIT_ORIGIN_SCENE_H
#define TESTS_UNIT_ORIGIN_SCENE_H

#include "tests/unit/origin_outcome.h"
#include "tests/unit/scripted_server.h"

#define OLD "Tue, 15 Nov 1994 12:45:26 GMT"
#define NOW "Tue, 15 Nov 2022 12:45:26 GMT"
#define CONTENT "0123456789"

struct scene {
	struct scripted_server *server;
	struct rig rig;
	struct outcome outcome;
};

/* ANSWER gets SCENE as its context. PATH: of the origin's URL. */
void scene_open_with(struct scene *scene, scripted_answer *answer, unsigned timeout,
		     struct origin_options options, const char *path);
void scene_open(struct scene *scene, scripted_answer *answer);
void scene_close(struct scene *scene);
/* Makes room for the outcome of another request. */
void scene_next(struct scene *scene);
int scene_read_all(struct scene *scene);

bool scene_method(const struct scripted_request *request, const char *method);
/* Answers as an honest server of CONTENT. */
scripted_answer scene_honest;

#endif
