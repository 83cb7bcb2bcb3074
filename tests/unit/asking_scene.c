/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/asking_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SHORT_BLOCK 48u
#define ENDLESS_MS 600000u

static const uint8_t id_octets[32] = "the segment that tests ask for..";
static const struct pccrr_id id = {id_octets, sizeof(id_octets)};

/* ---- the scene ---- */

struct errand {
	struct loop_task task;
	void (*run)(void *context);
	void *context;
	sem_t over;
};

static void run_errand(struct loop_task *task)
{
	struct errand *errand = (struct errand *)task;

	errand->run(errand->context);
	sem_post(&errand->over);
}

static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0)
		;
}

void asking_on_loop(struct asking *scene, void (*run)(void *context), void *context)
{
	struct errand errand = {.task.run = run_errand, .run = run, .context = context};

	sem_init(&errand.over, 0, 0);
	loop_post(scene->loop, &errand.task);
	wait_for(&errand.over);
	sem_destroy(&errand.over);
}

static struct xaddr at_loopback(unsigned port)
{
	return (struct xaddr){
		.family = XADDR_IPV4, .port = (uint16_t)port, .octets = {127, 0, 0, 1}};
}

void asking_begin(struct asking *scene, scripted_answer *answer, void *context, unsigned timeout_ms,
		  unsigned connections)
{
	struct retrieval_client_options options = {
		.timeout_ms = timeout_ms > 0 ? timeout_ms : ENDLESS_MS, .connections = connections};

	memset(scene, 0, sizeof(*scene));
	if (answer != NULL) {
		scene->server = scripted_start(answer, context);
		scene->place = at_loopback(scripted_port(scene->server));
	}
	assert_int_equal(loop_create(&scene->loop), 0);
	options.loop = scene->loop;
	assert_int_equal(retrieval_client_create(&options, &scene->client), 0);
}

static void free_client(void *context)
{
	retrieval_client_free(context);
}

void asking_end(struct asking *scene)
{
	asking_on_loop(scene, free_client, scene->client);
	loop_destroy(scene->loop);
	if (scene->server != NULL)
		scripted_stop(scene->server);
}

/* ---- asking ---- */

struct pccrr_request asking_for_block(void)
{
	return (struct pccrr_request){.type = PCCRR_ASK_BLOCK,
				      .cipher = CIPHER_AES_128,
				      .segment = id,
				      .block = ASKED_BLOCK};
}

static void done(struct retrieval *retrieval, int error, const struct pccrr_answer *answer,
		 uint8_t *body, size_t size)
{
	struct asked *asked = (struct asked *)retrieval;

	asked->times++;
	asked->error = error;
	if (error == 0)
		asked->answer = *answer;
	asked->body = body;
	asked->size = size;
	if (asked->then != NULL)
		asked->then(asked);
	else
		sem_post(&asked->over);
}

void asked_prepare(struct asking *scene, struct asked *asked)
{
	memset(asked, 0, sizeof(*asked));
	asked->scene = scene;
	asked->retrieval.server = scene->place;
	asked->retrieval.request = asking_for_block();
	asked->retrieval.done = done;
	sem_init(&asked->over, 0, 0);
}

static void start(void *context)
{
	struct asked *asked = context;
	unsigned before = asked->times;

	retrieval_start(asked->scene->client, &asked->retrieval);
	assert_int_equal(asked->times, before); /* never from inside */
	assert_non_null(asked->retrieval.exchange);
}

void asked_start(struct asked *asked)
{
	asking_on_loop(asked->scene, start, asked);
}

void asked_wait(struct asked *asked)
{
	wait_for(&asked->over);
}

static void cancel(void *context)
{
	struct asked *asked = context;

	retrieval_cancel(&asked->retrieval);
	assert_null(asked->retrieval.exchange);
}

void asked_cancel(struct asked *asked)
{
	asking_on_loop(asked->scene, cancel, asked);
}

int asked_block(struct asking *scene, struct asked *asked)
{
	asked_prepare(scene, asked);
	asked_start(asked);
	asked_wait(asked);
	return asked->error;
}

void asked_end(struct asked *asked)
{
	free(asked->body);
	asked->body = NULL;
	sem_destroy(&asked->over);
}

void assert_block_comes(struct asking *scene)
{
	struct asked asked;

	assert_int_equal(asked_block(scene, &asked), 0);
	assert_int_equal(asked.answer.type, PCCRR_BLOCK);
	assert_int_equal(asked.answer.block, ASKED_BLOCK);
	assert_int_equal(asked.answer.size, SHORT_BLOCK);
	assert_true(asked.answer.data > asked.body && asked.answer.data < asked.body + asked.size);
	for (uint32_t i = 0; i < SHORT_BLOCK; i++)
		assert_int_equal(asked.answer.data[i], 'b');
	asked_end(&asked);
}

void assert_block_fails(struct asking *scene, int error)
{
	struct asked asked;

	assert_int_equal(asked_block(scene, &asked), error);
	assert_null(asked.body);
	assert_null(asked.retrieval.exchange);
	asked_end(&asked);
}

/* ---- answering ---- */

static uint8_t *body_of(const struct pccrr_answer *answer, size_t *size_out)
{
	uint8_t *body;

	*size_out = pccrr_answer_size(answer);
	body = malloc(*size_out);
	if (body == NULL)
		abort();
	pccrr_answer_write(answer, body);
	return body;
}

uint8_t *body_of_block(uint32_t size, size_t *size_out)
{
	struct pccrr_request request = asking_for_block();
	struct pccrr_answer answer;
	uint8_t *block = malloc(size), *body;

	if (block == NULL)
		abort();
	memset(block, 'b', size);
	pccrr_answer_begin(&request, CIPHER_AES_128, &answer);
	answer.data = block;
	answer.size = size;
	body = body_of(&answer, size_out);
	free(block);
	return body;
}

static void give(struct scripted_request *request, const char *head, const uint8_t *body,
		 size_t size)
{
	if (head != NULL)
		scripted_send(request, "%s\r\n", head);
	else
		scripted_send(request, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
	scripted_send_octets(request, body, size);
}

void give_block(struct scripted_request *request, const char *head)
{
	size_t size;
	uint8_t *body = body_of_block(SHORT_BLOCK, &size);

	give(request, head, body, size);
	free(body);
}

void give_versions(struct scripted_request *request, uint16_t least, uint16_t most)
{
	struct pccrr_answer answer;
	uint8_t *body;
	size_t size;

	pccrr_answer_versions(&answer);
	answer.least.major = least;
	answer.most.major = most;
	body = body_of(&answer, &size);
	give(request, NULL, body, size);
	free(body);
}

bool block_given(struct scripted_request *request)
{
	give_block(request, NULL);
	return true;
}
