/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information of a consumer's content: taken in as it comes, in a lane, judged as early as
 * it can be (peerdist-api.md 5.4, 8.3, 8.4).
 *
 * Where the content ends (8.5) is known when its last segment is described. What says so: in
 * version 1.0 a last described segment that is shorter than a full one; a full one may be followed
 * by others, whatever the range says, since a range that ends with a segment is written like one
 * that ends with the content. In version 2.0 a length of 0 in the header, which is only written for
 * all that there is; segments have any length there and a range with a length of its own tells
 * nothing.
 */
#include <errno.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "cache/content_v1.h"
#include "fs/service/consumer.h"

/* Context of both operations. */
struct informing {
	bool begun; /* instance->lock: it has or is about to have an effect */
};

static struct consumer *consumer_for(const struct operation *operation)
{
	return (struct consumer *)operation->handle;
}

static uint32_t status_of(int error)
{
	switch (error) {
	case -EBADMSG:
		return PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO;
	case -ENOMEM:
		return ERROR_NOT_ENOUGH_MEMORY;
	default: /* larger than is accepted, no room in the cache, the user has too much of it */
		return ERROR_NO_SYSTEM_RESOURCES;
	}
}

/* What ends OPERATION before it has an effect. One that adds may have been submitted just behind
 * one that completes, when that had not begun to be seen. instance->lock held. */
static uint32_t refusal(const struct consumer *consumer, const struct operation *operation)
{
	if (consumer->state == CONSUMER_FAILED)
		return consumer->failure;
	if (operation->opcode == OPERATION_add_information &&
	    (consumer->state == CONSUMER_VERIFYING || consumer->state == CONSUMER_READY))
		return PEERDIST_ERROR_ALREADY_COMPLETED;
	return ERROR_SUCCESS;
}

/* An effect is about to begin. False: it was ended from outside, or what came before it does not
 * let it. */
static bool begin(struct operation *operation)
{
	struct consumer *consumer = consumer_for(operation);
	struct instance *instance = operation->instance;
	struct informing *informing = operation->context;

	pthread_mutex_lock(&instance->lock);
	bool pending = operation->state == OPERATION_PENDING;
	uint32_t failure = refusal(consumer, operation);
	informing->begun |= pending && failure == ERROR_SUCCESS;
	pthread_mutex_unlock(&instance->lock);
	if (failure != ERROR_SUCCESS)
		operation_complete(operation, failure, 0, 0);
	return pending && failure == ERROR_SUCCESS;
}

void consumer_information_cancelled(struct consumer *consumer, const struct operation *operation)
{
	const struct informing *informing = operation->context;

	if (operation->opcode == OPERATION_add_information && informing->begun) {
		/* A part of it is in, and nobody can tell which. */
		if (consumer->state == CONSUMER_EMPTY || consumer->state == CONSUMER_COMPLETING) {
			consumer->state = CONSUMER_FAILED;
			consumer->failure = PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO;
		}
	} else if (operation->opcode == OPERATION_complete_information && !informing->begun) {
		if (consumer->state == CONSUMER_COMPLETING)
			consumer->state = CONSUMER_EMPTY;
	}
}

static void fail(struct operation *operation, uint32_t failure)
{
	struct consumer *consumer = consumer_for(operation);

	consumer_set_state(consumer, CONSUMER_FAILED, failure);
	/* It is of no use any more; a content is put with the consumer. */
	if (consumer->content == NULL) {
		gathering_free(consumer->gathering);
		consumer->gathering = NULL;
	}
	operation_complete(operation, failure, 0, 0);
}

/* Adding */

/* Whether the version is, or may still be, one that is supported and enabled here. */
static bool take_version(struct consumer *consumer, const uint8_t *octets, uint32_t length)
{
	unsigned enabled = service_versions(consumer->handle.instance->service);

	while (consumer->version_octets < sizeof consumer->version && length > 0) {
		consumer->version[consumer->version_octets++] = *octets++;
		length--;
		if (consumer->version_octets < sizeof consumer->version)
			continue;
		/* The minor, then the major; bits of the enabled ones. */
		uint8_t minor = consumer->version[0], major = consumer->version[1];
		if (minor != 0 || major < 1 || major > 2 || !(enabled & major))
			return false;
	}
	return true;
}

static int feed(struct consumer *consumer, const void *data, uint32_t length)
{
	struct instance *instance = consumer->handle.instance;
	int error = 0;

	if (consumer->gathering == NULL)
		error = gathering_create(instance->service->options.store, instance->user,
					 &consumer->gathering);
	return error == 0 ? gathering_feed(consumer->gathering, data, length) : error;
}

static void add_step(struct operation *operation)
{
	struct consumer *consumer = consumer_for(operation);
	const void *data;
	uint32_t length, done = 0;
	bool last = false;

	while (!last) {
		if (done >= CONSUMER_STEP_MAX) {
			operation_wake(operation);
			return;
		}
		data = operation_take(operation, &length, &last);
		if (data == NULL || !begin(operation))
			return;
		if (!take_version(consumer, data, length)) {
			fail(operation, PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED);
			return;
		}
		int error = feed(consumer, data, length);
		if (error != 0) {
			fail(operation, status_of(error));
			return;
		}
		done += length;
	}
	operation_complete(operation, ERROR_SUCCESS, 0, operation->length);
}

static uint32_t add_check(const struct request *request)
{
	const struct pdc_input *message = (const struct pdc_input *)request->header;

	return message->offset == 0 && message->length > 0 ? ERROR_SUCCESS
							   : ERROR_INVALID_PARAMETER;
}

/* Whether content information may be added, or completed with BECOMES. */
static uint32_t check_state(struct consumer *consumer, enum consumer_state becomes)
{
	struct instance *instance = consumer->handle.instance;
	uint32_t status = PEERDIST_ERROR_ALREADY_COMPLETED;

	pthread_mutex_lock(&instance->lock);
	if (consumer->state == CONSUMER_EMPTY) {
		consumer->state = becomes;
		status = ERROR_SUCCESS;
	} else if (consumer->state == CONSUMER_FAILED) {
		status = consumer->failure;
	}
	pthread_mutex_unlock(&instance->lock);
	return status;
}

static uint32_t submit(struct request *request, void (*step)(struct operation *operation),
		       uint32_t length)
{
	struct operation_wish wish = {.lane = &consumer_of(request)->information,
				      .step = step,
				      .context = calloc(1, sizeof(struct informing)),
				      .length = length};

	return wish.context != NULL ? operation_submit(request, &wish) : ERROR_NOT_ENOUGH_MEMORY;
}

static uint32_t add(struct request *request)
{
	const struct pdc_input *message = (const struct pdc_input *)request->header;
	uint32_t status = check_state(consumer_of(request), CONSUMER_EMPTY);

	return status == ERROR_SUCCESS ? submit(request, add_step, message->length) : status;
}

/* Completing */

static uint64_t size_of(const struct content *content, const struct content_segment *last)
{
	uint64_t end = last->offset + last->length;
	bool reached = content_version(content) == 1 ? last->length < CONTENT_V1_SEGMENT
						     : content_header(content)->length == 0;

	return reached ? end : CONSUMER_SIZE_UNKNOWN;
}

/* What is known of the content from its content information. */
static int learn(struct consumer *consumer)
{
	struct content *content = consumer->content;
	struct content_segment segment;
	struct content_block first, last;

	consumer->start = content_start(content);
	consumer->end = content_end(content);
	int error = content_segment(content, content_segments(content) - 1, &segment);
	consumer->size = error == 0 ? size_of(content, &segment) : CONSUMER_SIZE_UNKNOWN;
	OPENSSL_cleanse(&segment, sizeof segment);
	if (error == 0)
		error = content_block_at(content, consumer->start, &first);
	if (error == 0)
		error = content_block_at(content, consumer->end - 1, &last);
	if (error != 0)
		return error;
	consumer->covered_start = first.offset;
	consumer->covered_end = last.offset + last.length;
	atomic_store(&consumer->position, consumer->start);
	return 0;
}

static int open_parts(struct consumer *consumer)
{
	struct instance *instance = consumer->handle.instance;
	struct service_options *options = &instance->service->options;
	struct parts_owner owner = {.uid = instance->opener.uid};

	for (size_t i = 0; i < sizeof owner.tag; i++)
		owner.tag[i] = consumer->tag[i];
	return parts_open(options->fetch, options->store, consumer->content, &owner,
			  &consumer->parts);
}

/* Where the store has the same content information already, our own is not kept besides. */
static void use_kept_content(struct consumer *consumer)
{
	struct content *kept = parts_kept(consumer->parts);

	if (kept == NULL)
		return;
	content_get(kept);
	content_put(consumer->content);
	consumer->content = kept;
	gathering_free(consumer->gathering);
	consumer->gathering = NULL;
}

static void complete_step(struct operation *operation)
{
	struct consumer *consumer = consumer_for(operation);

	if (!begin(operation))
		return;
	int error = consumer->gathering != NULL
			    ? gathering_end(consumer->gathering, &consumer->content)
			    : -EBADMSG;
	if (error != 0) {
		fail(operation, status_of(error));
		return;
	}
	error = learn(consumer);
	if (error == 0)
		error = open_parts(consumer);
	if (error != 0) {
		/* It was right a moment ago: our own trouble. */
		fail(operation,
		     error == -ENOMEM ? ERROR_NOT_ENOUGH_MEMORY : ERROR_NO_SYSTEM_RESOURCES);
		return;
	}
	use_kept_content(consumer);
	consumer->crowd = consumer_crowd_create(consumer);
	consumer_set_state(consumer, CONSUMER_VERIFYING, 0);
	consumer_enter_others(consumer);
	consumer_verify_loose(consumer);
	consumer_set_state(consumer, CONSUMER_READY, 0);
	operation_complete(operation, ERROR_SUCCESS, 0, 0);
}

static uint32_t complete(struct request *request)
{
	struct consumer *consumer = consumer_of(request);
	struct instance *instance = request->instance;
	uint32_t status = check_state(consumer, CONSUMER_COMPLETING);

	if (status != ERROR_SUCCESS)
		return status;
	status = submit(request, complete_step, 0);
	if (status == ERROR_IO_PENDING)
		return status;
	pthread_mutex_lock(&instance->lock);
	if (consumer->state == CONSUMER_COMPLETING)
		consumer->state = CONSUMER_EMPTY;
	pthread_mutex_unlock(&instance->lock);
	return status;
}

const struct request_call call_add_information = {add_check, add};
const struct request_call call_complete_information = {.act = complete};
