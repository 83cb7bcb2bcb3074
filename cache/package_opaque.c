/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opaque blocks of a package. Nobody can verify them; who gave them is not carried along, since the
 * name for him means something in one cache only.
 */
#include <errno.h>
#include <string.h>

#include "cache/bytes.h"
#include "cache/package_private.h"
#include "cache/store_opaque.h"

/* ---- out ---- */

static int write_opaque(void *context, const struct store_opaque *block, const void *data)
{
	struct package_exporting *exporting = context;
	struct package_writer *writer = &exporting->writer;
	struct bytes_out out = bytes_out(package_body(writer), PACKAGE_BODY_MAX);

	bytes_put_le32(&out, block->block);
	bytes_put_le32(&out, block->segment_size);
	bytes_put_u8(&out, block->algorithm);
	bytes_put_u8(&out, block->cipher);
	bytes_put_le16(&out, (uint16_t)block->id_size);
	bytes_put(&out, block->iv, sizeof(block->iv));
	bytes_put(&out, block->id, block->id_size);
	bytes_put(&out, data, block->size);
	if (out.failed)
		return -EINVAL;
	int error = package_write_record(writer, PACKAGE_OPAQUE, PACKAGE_BODY_MAX - out.left);
	if (error != 0)
		return error;
	exporting->figures->opaque++;
	return package_exported(exporting, block->size);
}

int package_export_opaque(struct package_exporting *exporting)
{
	return store_opaque_walk(exporting->store, write_opaque, exporting);
}

/* ---- in ---- */

/* False: it is none. */
static bool parse(const struct package_reader *reader, struct store_opaque *block_out,
		  const uint8_t **data_out)
{
	struct bytes_in in = bytes_in(reader->body, reader->size);
	struct store_opaque block = {.block = bytes_le32(&in)};

	block.segment_size = bytes_le32(&in);
	block.algorithm = bytes_u8(&in);
	block.cipher = bytes_u8(&in);
	block.id_size = bytes_le16(&in);
	bytes_copy(&in, block.iv, sizeof(block.iv));
	block.id = bytes_take(&in, block.id_size);
	if (in.failed || in.left == 0 || in.left > STORE_OPAQUE_MAX || block.id_size < 32 ||
	    block.id_size > DIGEST_SIZE_MAX || block.block >= STORE_SEGMENT_BLOCKS ||
	    block.algorithm >= DIGEST_ALGORITHMS)
		return false;
	block.size = (uint32_t)in.left;
	*data_out = in.at;
	*block_out = block;
	return true;
}

/* What a client gave this cache is newer than what another one carried here, perhaps. */
static bool is_held(struct package_importing *importing, const struct store_opaque *block)
{
	uint64_t held[STORE_SEGMENT_WORDS] = {0};

	store_opaque_held(importing->store, block->id, block->id_size, held, NULL);
	return (held[block->block / 64] >> block->block % 64 & 1) != 0;
}

int package_import_opaque(struct package_importing *importing)
{
	struct package_figures *figures = importing->figures;
	struct store_opaque block;
	const uint8_t *data;
	int error;

	if (!parse(&importing->reader, &block, &data)) {
		figures->bad++;
		return 0;
	}
	importing->done += block.size;
	if (!importing->options->opaque) {
		figures->unfit++;
		return 0;
	}
	if (is_held(importing, &block)) {
		figures->present++;
		return 0;
	}
	error = store_opaque_write(importing->store, &block, data, STORE_OPAQUE_ROOM_OF_ALL, NULL,
				   NULL);
	if (error == -EINVAL) {
		figures->bad++;
		return 0;
	}
	if (error == 0) {
		figures->opaque++;
		figures->octets += block.size;
	}
	return error;
}
