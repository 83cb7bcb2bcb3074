/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/consumer_scene.h"

#include "tests/unit/store_content_fixture.h"

#define SPARE 4096u

/* ---- nearby ---- */

static struct near *near_of(struct nearby *nearby)
{
	return (struct near *)nearby;
}

static struct consumer_scene *scene_of(struct near *near)
{
	return (struct consumer_scene *)((char *)near - offsetof(struct consumer_scene, near));
}

static unsigned why_not(struct nearby *nearby)
{
	struct near *near = near_of(nearby);

	pthread_mutex_lock(&near->lock);
	unsigned why = near->why;
	pthread_mutex_unlock(&near->lock);
	return why;
}

/* Whose octets are WANT's: what it is sought for may be a part of the content that counts from its
 * own beginning. NULL: nobody's here. */
static const uint8_t *find_octets(const struct consumer_scene *scene,
				  const struct neighbours_want *want)
{
	struct content_block block;
	struct content_segment segment;

	assert_int_equal(content_block_at(want->content, want->offset, &block), 0);
	if (want->offset <= scene->size && block.length <= scene->size - want->offset &&
	    content_block_check(want->content, &block, scene->octets + want->offset,
				block.length) == 0)
		return scene->octets + want->offset;
	for (uint32_t i = 0; i < content_segments(scene->near.cut); i++) {
		assert_int_equal(content_segment(scene->near.cut, i, &segment), 0);
		if (segment.length == block.length &&
		    content_block_check(want->content, &block, scene->octets + segment.offset,
					block.length) == 0)
			return scene->octets + segment.offset;
	}
	return NULL;
}

static void bring(struct near *near, struct neighbours_want *want)
{
	static const struct xaddr from = {.family = XADDR_IPV4, .octets = {10, 0, 0, 1}};
	const uint8_t *octets = find_octets(scene_of(near), want);

	if (octets == NULL) {
		want->refused(&want, 1, SEEKER_NO_ANSWER);
		return;
	}
	uint8_t *memory = malloc(want->head_room + want->length);
	memcpy(memory + want->head_room, octets, want->length);
	want->came(want, memory, &from, false);
}

static void answer(struct near *near, struct neighbours_want *want, enum near_mode mode)
{
	if (mode == NEAR_WILLING)
		bring(near, want);
	else
		want->refused(&want, 1, mode == NEAR_EMPTY ? SEEKER_EMPTY : SEEKER_NO_ANSWER);
}

static void seek(struct nearby *nearby, struct neighbours_want *const *wants, unsigned count)
{
	struct near *near = near_of(nearby);

	for (unsigned i = 0; i < count; i++) {
		pthread_mutex_lock(&near->lock);
		enum near_mode mode = near->mode;
		near->asked++;
		if (mode == NEAR_SILENT) {
			assert_true(near->count < NEAR_WANTS);
			near->wants[near->count++] = wants[i];
		}
		pthread_mutex_unlock(&near->lock);
		if (mode != NEAR_SILENT)
			answer(near, wants[i], mode);
	}
}

static void hurry(struct nearby *nearby, struct neighbours_want *want)
{
	(void)nearby;
	(void)want;
}

static bool drop(struct nearby *nearby, struct neighbours_want *want)
{
	struct near *near = near_of(nearby);
	bool found = false;

	pthread_mutex_lock(&near->lock);
	for (unsigned i = 0; i < near->count && !found; i++)
		if (near->wants[i] == want) {
			near->wants[i] = near->wants[--near->count];
			found = true;
		}
	pthread_mutex_unlock(&near->lock);
	return found;
}

static void fetched(struct nearby *nearby, const struct content *content, uint64_t offset)
{
	(void)nearby;
	(void)content;
	(void)offset;
}

static void origin(struct nearby *nearby, uint64_t octets_per_second, unsigned first_ms)
{
	(void)nearby;
	(void)octets_per_second;
	(void)first_ms;
}

void consumer_scene_become(struct consumer_scene *scene, enum near_mode mode)
{
	struct near *near = &scene->near;

	pthread_mutex_lock(&near->lock);
	near->mode = mode;
	while (mode != NEAR_SILENT && near->count > 0) {
		struct neighbours_want *want = near->wants[--near->count];
		pthread_mutex_unlock(&near->lock);
		answer(near, want, mode);
		pthread_mutex_lock(&near->lock);
	}
	pthread_mutex_unlock(&near->lock);
}

unsigned consumer_scene_asked(struct consumer_scene *scene)
{
	pthread_mutex_lock(&scene->near.lock);
	unsigned asked = scene->near.asked;
	pthread_mutex_unlock(&scene->near.lock);
	return asked;
}

/* ---- the scene ---- */

void consumer_scene_begin(struct consumer_scene *scene, size_t size)
{
	memset(scene, 0, sizeof *scene);
	/* And some more, that are not of it. */
	scene->octets = make_octets(size + SPARE, 7);
	scene->size = size;
	uint32_t cut_size;
	uint8_t *cut = consumer_scene_information(scene, 2, 0, size, &cut_size);
	assert_int_equal(
		content_decode(cut, cut_size, CONTENT_LIMIT_DEFAULT, &scene->near.cut, NULL), 0);
	free(cut);
	pthread_mutex_init(&scene->near.lock, NULL);
	scene->near.nearby = (struct nearby){why_not, seek, hurry, drop, fetched, origin};
	assert_int_equal(
		neighbours_create(&(struct neighbours_options){0}, &scene->near.neighbours), 0);
	const struct scene_options options = {.nearby = &scene->near.nearby,
					      .neighbours = scene->near.neighbours};
	service_scene_begin(&scene->scene, &options);
	scene->program = scene->scene.program;
}

void consumer_scene_end(struct consumer_scene *scene)
{
	consumer_scene_become(scene, NEAR_NOBODY);
	service_scene_end(&scene->scene);
	neighbours_free(scene->near.neighbours);
	content_put(scene->near.cut);
	pthread_mutex_destroy(&scene->near.lock);
	free(scene->octets);
}

uint8_t *consumer_scene_information(const struct consumer_scene *scene, unsigned version,
				    uint64_t start, uint64_t length, uint32_t *size_out)
{
	struct encoded *encoded = encode_range(scene->octets, scene->size, version, start, length);
	uint8_t *data = malloc(encoded->size);

	assert_non_null(data);
	memcpy(data, encoded->data, encoded->size);
	*size_out = (uint32_t)encoded->size;
	free(encoded);
	return data;
}

/* ---- calls ---- */

uint64_t consumer_scene_open(struct scene_program *program, uint8_t tag)
{
	struct pdc_tag message = {.tag = {tag}};

	assert_int_equal(
		service_scene_call(program, OPERATION_open_content, &message, sizeof message), 0);
	assert_int_not_equal(message.hdr.handle, 0);
	return message.hdr.handle;
}

uint32_t consumer_scene_submit_input(struct scene_program *program, enum operation_opcode opcode,
				     uint64_t handle, uint64_t offset, uint32_t length,
				     uint32_t *number_out)
{
	struct pdc_input message = {.hdr = {.op = service_scene_number(program), .handle = handle},
				    .offset = offset,
				    .length = length};

	*number_out = message.hdr.op;
	return service_scene_call(program, opcode, &message, sizeof message);
}

uint32_t consumer_scene_input(struct scene_program *program, enum operation_opcode opcode,
			      uint64_t handle, uint64_t offset, const void *data, uint32_t length,
			      uint32_t portion)
{
	uint32_t number;
	uint32_t status =
		consumer_scene_submit_input(program, opcode, handle, offset, length, &number);

	if (status != ERROR_IO_PENDING)
		return status;
	int error = service_scene_feed(program, number, data, length, portion);
	assert_true(error == 0 || error == -ENOENT); /* it has failed already */
	struct pdc_completion completion = service_scene_reap(program);
	assert_int_equal(completion.op, number);
	assert_int_equal(completion.bytes, completion.status == 0 ? length : 0);
	return completion.status;
}

uint32_t consumer_scene_complete(struct scene_program *program, uint64_t handle)
{
	uint32_t number = service_scene_number(program);
	uint32_t status =
		service_scene_simple(program, OPERATION_complete_information, handle, number);

	if (status != ERROR_IO_PENDING)
		return status;
	struct pdc_completion completion = service_scene_reap(program);
	assert_int_equal(completion.op, number);
	assert_int_equal(completion.bytes, 0);
	return completion.status;
}

uint64_t consumer_scene_ready_content(struct consumer_scene *scene, struct scene_program *program,
				      uint8_t tag, unsigned version, uint64_t start,
				      uint64_t length)
{
	uint64_t handle = consumer_scene_open(program, tag);
	uint32_t size;
	uint8_t *information = consumer_scene_information(
		scene, version, start, length > 0 ? length : scene->size - start, &size);

	assert_int_equal(consumer_scene_input(program, OPERATION_add_information, handle, 0,
					      information, size, 1 << 20),
			 0);
	assert_int_equal(consumer_scene_complete(program, handle), 0);
	free(information);
	return handle;
}

uint32_t consumer_scene_add(struct consumer_scene *scene, struct scene_program *program,
			    uint64_t handle, uint64_t offset, uint32_t length)
{
	return consumer_scene_input(program, OPERATION_add_data, handle, offset,
				    scene->octets + offset, length, 1000000);
}

uint32_t consumer_scene_submit_read(struct scene_program *program, enum operation_opcode opcode,
				    uint64_t handle, uint64_t offset, uint32_t length,
				    uint32_t timeout_ms, uint32_t *number_out)
{
	struct pdc_read message = {.hdr = {.op = service_scene_number(program), .handle = handle},
				   .offset = opcode == OPERATION_stream_read ? 0 : offset,
				   .max_bytes = length,
				   .timeout_ms = timeout_ms};

	*number_out = message.hdr.op;
	return service_scene_call(program, opcode, &message, sizeof message);
}

struct pdc_completion consumer_scene_reap(struct consumer_scene *scene,
					  struct scene_program *program)
{
	struct pdc_completion completion = service_scene_reap(program);

	if (completion.flags & PDC_OUTPUT) {
		assert_int_equal(completion.status, 0);
		assert_in_range(completion.bytes, 1, scene->size - completion.offset);
		void *output = service_scene_output(program, completion.op, completion.bytes);
		assert_memory_equal(output, scene->octets + completion.offset, completion.bytes);
		free(output);
	}
	return completion;
}

struct pdc_completion consumer_scene_read(struct consumer_scene *scene,
					  struct scene_program *program,
					  enum operation_opcode opcode, uint64_t handle,
					  uint64_t offset, uint32_t length, uint32_t timeout_ms)
{
	uint32_t number;

	assert_int_equal(consumer_scene_submit_read(program, opcode, handle, offset, length,
						    timeout_ms, &number),
			 ERROR_IO_PENDING);
	struct pdc_completion completion = consumer_scene_reap(scene, program);
	assert_int_equal(completion.op, number);
	return completion;
}

void consumer_scene_expect(struct consumer_scene *scene, enum operation_opcode opcode,
			   uint64_t handle, uint64_t at, uint32_t length, uint32_t timeout_ms,
			   uint32_t status, uint64_t offset, uint32_t bytes)
{
	struct pdc_completion completion =
		consumer_scene_read(scene, scene->program, opcode, handle, at, length, timeout_ms);

	assert_int_equal(completion.status, status);
	assert_int_equal(completion.bytes, bytes);
	if (status != PEERDIST_ERROR_NO_MORE)
		assert_int_equal(completion.offset, offset);
	assert_int_equal(completion.flags & PDC_OUTPUT, status == 0 && length > 0 ? PDC_OUTPUT : 0);
}

uint32_t consumer_scene_flush(struct scene_program *program, uint8_t tag)
{
	struct pdc_tag message = {.hdr.op = service_scene_number(program), .tag = {tag}};

	assert_int_equal(
		service_scene_call(program, OPERATION_flush_content, &message, sizeof message),
		ERROR_IO_PENDING);
	struct pdc_completion completion = service_scene_reap(program);
	assert_int_equal(completion.op, message.hdr.op);
	return completion.status;
}
