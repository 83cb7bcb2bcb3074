/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opaque blocks written, read and dropped. A block is written to its pack without any lock; then
 * its row takes the place of the former one. Whatever is read is checked: the header under its own
 * checksum, which says of which segment it is, and the data under theirs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "cache/store_opaque_private.h"

/* Our choice: how often room is made on a full disk for one block. */
enum { WRITE_ATTEMPTS = 4 };

/* The shortest id: what cache/digest.h gives at least. */
#define ID_SIZE_MIN 32u

static bool id_possible(size_t id_size, uint32_t block)
{
	return id_size >= ID_SIZE_MIN && id_size <= DIGEST_SIZE_MAX && block < STORE_SEGMENT_BLOCKS;
}

static XXH128_hash_t header_sum(const struct opaque_header *header)
{
	return unit_sum(header, offsetof(struct opaque_header, sum));
}

/* ---- reading ---- */

/* Whether HEADER is of the block that ROW stands for. */
static bool header_fits(const struct store *store, const struct opaque_row *row,
			const struct opaque_header *header)
{
	return header->magic == OPAQUE_MAGIC && XXH128_isEqual(header_sum(header), header->sum) &&
	       header->size == row->length && id_possible(header->id_size, header->block) &&
	       opaque_row_id(store, header->id, header->id_size, header->block) == row->id;
}

static int read_block(const struct store *store, int fd, const struct opaque_row *row,
		      struct opaque_header *header, void *data)
{
	int error = file_read(fd, header, sizeof(*header), row->start);

	if (error == 0 && !header_fits(store, row, header))
		error = -EBADMSG;
	if (error == 0)
		error = file_read(fd, data, row->length, (uint64_t)row->start + sizeof(*header));
	if (error == 0 && !XXH128_isEqual(unit_sum(data, row->length), header->data_sum))
		error = -EBADMSG;
	return error;
}

/* Drops what ROW stands for, if it is still there. Neither lock held. */
static bool drop_row(struct store *store, const struct opaque_row *row)
{
	int state;

	index_lock(&store->index);
	state = opaque_rows_end(store, opaque_row_drop(store, row));
	index_unlock(&store->index);
	return state > 0;
}

static int drop_bad(struct store *store, const struct opaque_row *row)
{
	static struct log_limit limit;

	if (!drop_row(store, row))
		return -EBADMSG;
	store_lock(store);
	store->checksum_errors++;
	store_unlock(store);
	log_limited(&limit, LOG_LEVEL_WARNING,
		    "a block that was given to the cache was altered on disk: dropped");
	return -EBADMSG;
}

/* From PACK, which is pinned, and left. Neither lock held. */
static int load_from(struct store *store, struct pack *pack, const struct opaque_row *row,
		     bool touch, struct opaque_header *header, void *data)
{
	int64_t now = store->now();
	int fd, error = -EBADMSG;

	store_lock(store);
	fd = file_acquire(store, &pack->file, FILE_READ, 0);
	store_unlock(store);
	if (fd < 0)
		error = fd;
	else if (row->length > 0)
		error = read_block(store, fd, row, header, data);
	store_lock(store);
	if (fd >= 0)
		file_release(store, &pack->file);
	if (error == 0 && touch)
		run_touch(store, &pack->run, now);
	pack_unpin(store, pack);
	store_unlock(store);
	/* Nothing is known about the block then. */
	if (error == -EMFILE || error == -ENFILE || error == -ENOMEM)
		return -ENOENT;
	return error != 0 ? drop_bad(store, row) : 0;
}

/* The pack of ROW, pinned; NULL: it is gone, and the row with it. index.lock held. */
static struct pack *pin_pack(struct store *store, const struct opaque_row *row)
{
	struct pack *pack;

	store_lock(store);
	pack = pack_pin_indexed(store, row->pack);
	store_unlock(store);
	if (pack == NULL)
		(void)opaque_rows_end(store, opaque_row_drop(store, row));
	return pack;
}

int opaque_load(struct store *store, const struct opaque_row *row, bool touch,
		struct opaque_header *header_out, void *data)
{
	struct pack *pack;

	index_lock(&store->index);
	pack = pin_pack(store, row);
	index_unlock(&store->index);
	return pack != NULL ? load_from(store, pack, row, touch, header_out, data) : -ENOENT;
}

int store_opaque_read(struct store *store, const uint8_t *id, size_t id_size, uint32_t block,
		      struct store_opaque *block_out, void *data)
{
	struct opaque_header header;
	struct pack *pack = NULL;
	struct opaque_row row;
	int state, error;

	if (opaque_none(store) || !id_possible(id_size, block))
		return -ENOENT;
	index_lock(&store->index);
	state = opaque_row_find(store, opaque_row_id(store, id, id_size, block), &row);
	if (state == 1)
		pack = pin_pack(store, &row);
	index_unlock(&store->index);
	if (pack == NULL)
		return -ENOENT;
	error = load_from(store, pack, &row, true, &header, data);
	if (error == 0 && (header.id_size != id_size || memcmp(header.id, id, id_size) != 0))
		error = -ENOENT; /* another id came to the same number */
	if (error != 0)
		return error;
	block_out->block = header.block;
	block_out->algorithm = header.algorithm;
	block_out->segment_size = header.segment_size;
	block_out->cipher = header.cipher;
	memcpy(block_out->iv, header.iv, sizeof(header.iv));
	block_out->size = header.size;
	return 0;
}

/* ---- dropping ---- */

int store_opaque_drop(struct store *store, const uint8_t *id, size_t id_size, uint32_t block)
{
	struct opaque_row row;
	int state;

	if (opaque_none(store) || !id_possible(id_size, block))
		return -ENOENT;
	index_lock(&store->index);
	state = opaque_row_find(store, opaque_row_id(store, id, id_size, block), &row);
	if (state == 1)
		state = opaque_rows_end(store, opaque_row_drop(store, &row));
	index_unlock(&store->index);
	return state < 0 ? state : state == 0 ? -ENOENT : 0;
}

/* ---- writing ---- */

struct writing {
	struct store *store;
	struct opaque_giver *giver;
	struct opaque_header header;
	const void *data;
	struct opaque_row row;
	/* Of what was there before. */
	bool had;
	struct store_giver former;
};

static bool is_possible(const struct store_opaque *block, enum store_opaque_room room)
{
	return id_possible(block->id_size, block->block) && block->size > 0 &&
	       block->size <= STORE_OPAQUE_MAX && block->algorithm < DIGEST_ALGORITHMS &&
	       (room == STORE_OPAQUE_ROOM_OF_ALL || room == STORE_OPAQUE_ROOM_OF_GIVERS);
}

static void fill_header(const struct store_opaque *block, const void *data,
			struct opaque_header *header)
{
	memset(header, 0, sizeof(*header));
	header->magic = OPAQUE_MAGIC;
	header->size = block->size;
	header->segment_size = block->segment_size;
	header->block = (uint16_t)block->block;
	header->id_size = (uint8_t)block->id_size;
	header->cipher = block->cipher;
	memcpy(header->iv, block->iv, sizeof(header->iv));
	memcpy(header->id, block->id, block->id_size);
	header->algorithm = block->algorithm;
	header->data_sum = unit_sum(data, block->size);
	header->sum = header_sum(header);
}

/* Of the file of PACK, which is pinned. Neither lock held. */
static int write_pack(struct writing *writing, struct pack *pack)
{
	struct store *store = writing->store;
	uint64_t start = writing->row.start, length;
	int fd, error;

	store_lock(store);
	/* A file that is there already must not become shorter. */
	length = store_pack_octets(store) > pack->octets ? store_pack_octets(store) : pack->octets;
	fd = file_acquire(store, &pack->file, FILE_WRITE, length);
	store_unlock(store);
	if (fd < 0)
		return fd;
	error = file_write(fd, &writing->header, sizeof(writing->header), start);
	if (error == 0)
		error = file_write(fd, writing->data, writing->header.size,
				   start + sizeof(writing->header));
	store_lock(store);
	file_release(store, &pack->file);
	store_unlock(store);
	return error;
}

/* The block counts in PACK. index.lock held. -EAGAIN: PACK was cleared meanwhile. */
static int join_pack(struct store *store, struct pack *pack, uint32_t length)
{
	bool gone;

	store_lock(store);
	gone = pack->run.gone;
	if (!gone) {
		pack->live++;
		pack->run.used = store->now();
		store->unrecorded += length;
	}
	store_unlock(store);
	return gone ? -EAGAIN : record_pack(store, pack);
}

/* Takes what is there under the same number away. index.lock held. */
static int leave_former(struct writing *writing)
{
	struct store *store = writing->store;
	struct opaque_row former;
	int state = opaque_row_find(store, writing->row.id, &former);

	writing->had = false;
	if (state != 1)
		return state;
	state = opaque_row_giver(store, former.pack, &writing->former);
	writing->had = state == 1;
	if (state >= 0)
		state = opaque_row_drop(store, &former);
	return state < 0 ? state : 0;
}

static int record_block(struct writing *writing, struct pack *pack)
{
	struct store *store = writing->store;
	int error;

	index_lock(&store->index);
	error = join_pack(store, pack, (uint32_t)sizeof(writing->header) + writing->row.length);
	if (error == -EAGAIN) {
		index_unlock(&store->index);
		return error;
	}
	if (error == 0)
		error = leave_former(writing);
	if (error == 0)
		error = opaque_row_add(store, &writing->row, &writing->header);
	if (error == 0)
		error = opaque_giver_add(store, writing->giver, writing->row.length);
	error = opaque_rows_end(store, error);
	if (error != 0) {
		store_lock(store);
		pack->live--;
		store_unlock(store);
	}
	index_unlock(&store->index);
	return error;
}

static int write_reserved(struct writing *writing, uint64_t reserved)
{
	struct store *store = writing->store;
	uint32_t length = (uint32_t)sizeof(writing->header) + writing->header.size;
	struct pack *pack;
	int error;

	error = opaque_place(store, writing->giver, length, reserved, &pack, &writing->row.start);
	if (error != 0)
		return error;
	writing->row.pack = pack->run.owner;
	error = write_pack(writing, pack);
	if (error == 0)
		error = record_block(writing, pack);
	store_lock(store);
	pack_unpin(store, pack);
	store_unlock(store);
	return error;
}

static int write_block(struct writing *writing, enum store_opaque_room room)
{
	struct store *store = writing->store;
	uint64_t giver = room == STORE_OPAQUE_ROOM_OF_GIVERS ? writing->giver->id : 0;
	/* Its blocks, those at its ends, the file system's own. */
	uint64_t reserved = room_rounded(store, sizeof(writing->header) + writing->header.size) +
			    3 * store->block;
	int error;

	for (unsigned attempt = 0; attempt < WRITE_ATTEMPTS; attempt++) {
		error = room_reserve_of(store, reserved, giver);
		if (error != 0)
			return error;
		error = write_reserved(writing, reserved);
		if (error == 0)
			return 0;
		if (error != -EAGAIN && room_trouble_of(store, error, giver) != 0)
			return -ENOSPC;
	}
	return -ENOSPC;
}

int store_opaque_write(struct store *store, const struct store_opaque *block, const void *data,
		       enum store_opaque_room room, bool *had_out, struct store_giver *former_out)
{
	struct writing writing = {.store = store, .data = data};
	int error;

	if (!is_possible(block, room))
		return -EINVAL;
	fill_header(block, data, &writing.header);
	writing.row.id = opaque_row_id(store, block->id, block->id_size, block->block);
	writing.row.length = block->size;
	error = opaque_giver_get(store, &block->giver, &writing.giver);
	if (error != 0)
		return -ENOSPC;
	error = write_block(&writing, room);
	opaque_giver_put(store, writing.giver);
	if (error != 0)
		return error;
	if (had_out != NULL)
		*had_out = writing.had;
	if (former_out != NULL && writing.had)
		*former_out = writing.former;
	return 0;
}
