/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A retrieval client on a loop, a scripted server, and what tests ask of it: retrievals that the
 * test's thread starts and waits for. There is one scene at a time.
 */
#ifndef TESTS_UNIT_ASKING_SCENE_H
#define TESTS_UNIT_ASKING_SCENE_H

#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "origin/loop.h"
#include "peer/retrieval_client.h"
#include "tests/unit/scripted_server.h"

#define ASKED_BLOCK 3u

struct asking {
	struct loop *loop;
	struct retrieval_client *client;
	struct scripted_server *server; /* may be NULL */
	struct xaddr place;             /* its address */
};

struct asked {
	struct retrieval retrieval;
	struct asking *scene;
	/* Instead of what follows; called on the loop. */
	void (*then)(struct asked *asked);
	sem_t over;
	unsigned times; /* that done was called */
	int error;
	struct pccrr_answer answer;
	uint8_t *body; /* freed by asked_end() */
	size_t size;
};

/* ANSWER NULL: no server. TIMEOUT_MS 0: so long that it is not what ends anything. CONNECTIONS: as
 * in retrieval_client_options. */
void asking_begin(struct asking *scene, scripted_answer *answer, void *context, unsigned timeout_ms,
		  unsigned connections);
void asking_end(struct asking *scene);
/* Runs RUN on the loop and waits for its end. */
void asking_on_loop(struct asking *scene, void (*run)(void *context), void *context);

/* For ASKED_BLOCK of the segment that all tests ask for. */
struct pccrr_request asking_for_block(void);
/* The same for the scene's server. */
void asked_prepare(struct asking *scene, struct asked *asked);
void asked_start(struct asked *asked);
void asked_wait(struct asked *asked);
/* Prepares, starts and waits: the error. */
int asked_block(struct asking *scene, struct asked *asked);
void asked_cancel(struct asked *asked);
void asked_end(struct asked *asked);
/* Asks for a block, which must come. */
void assert_block_comes(struct asking *scene);
/* Asks for a block, which must end in ERROR. */
void assert_block_fails(struct asking *scene, int error);

/* The body of the answer that has a block of SIZE octets, all of them 'b'. To be freed. */
uint8_t *body_of_block(uint32_t size, size_t *size_out);
/* Sends HEAD (with the ends of its lines, without the empty one) and a short block's body; with
 * Content-Length if HEAD is NULL. */
void give_block(struct scripted_request *request, const char *head);
void give_versions(struct scripted_request *request, uint16_t least, uint16_t most);
/* An answer that is always a block; keeps the connection. */
scripted_answer block_given;

#endif
