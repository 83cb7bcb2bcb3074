/* SPDX-License-Identifier: BSD-2-Clause */
#include "cache/package_record.h"

#include <errno.h>
#include <string.h>

#include <xxhash.h>

#include "cache/bytes.h"

enum { HEADER_SIZE = 40, SUM_SIZE = 8, SUMMED = PACKAGE_HEAD_SIZE - SUM_SIZE, FORM = 1 };

static const char magic[16] = "peerdist package";

/* ---- writing ---- */

int package_write_header(struct package_writer *writer, uint64_t octets)
{
	uint8_t header[HEADER_SIZE];
	struct bytes_out out = bytes_out(header, sizeof(header));

	bytes_put(&out, magic, sizeof(magic));
	bytes_put_le32(&out, FORM);
	bytes_put_le32(&out, 0);
	bytes_put_le64(&out, octets);
	bytes_put_le64(&out, XXH3_64bits(header, HEADER_SIZE - SUM_SIZE));
	return writer->put(writer->owner, header, sizeof(header));
}

int package_write_record(struct package_writer *writer, enum package_kind kind, size_t size)
{
	uint8_t *record = writer->record;
	struct bytes_out out = bytes_out(record, PACKAGE_HEAD_SIZE);

	bytes_put_le32(&out, kind);
	bytes_put_le32(&out, (uint32_t)size);
	bytes_put_le64(&out, XXH3_64bits_withSeed(package_body(writer), size, writer->number));
	bytes_put_le64(&out, XXH3_64bits_withSeed(record, SUMMED, writer->number));
	writer->number++;
	return writer->put(writer->owner, record, PACKAGE_HEAD_SIZE + size);
}

int package_write_end(struct package_writer *writer)
{
	struct bytes_out out = bytes_out(package_body(writer), sizeof(uint64_t));

	bytes_put_le64(&out, writer->number);
	return package_write_record(writer, PACKAGE_END, sizeof(uint64_t));
}

/* ---- reading ---- */

/* 0; -EBADMSG: it ends before. */
static int take_all(struct package_reader *reader, void *data, size_t size)
{
	uint8_t *at = data;

	while (size > 0) {
		long taken = reader->take(reader->owner, at, size);

		if (taken < 0)
			return (int)taken;
		if (taken == 0)
			return -EBADMSG;
		at += taken;
		size -= (size_t)taken;
	}
	return 0;
}

int package_read_header(struct package_reader *reader, uint64_t *octets_out)
{
	uint8_t header[HEADER_SIZE];
	int error = take_all(reader, header, sizeof(header));
	struct bytes_in in = bytes_in(header + sizeof(magic), sizeof(header) - sizeof(magic));

	if (error != 0)
		return error == -EBADMSG ? -EPROTO : error;
	bool known = bytes_le32(&in) == FORM && bytes_le32(&in) == 0;
	uint64_t octets = bytes_le64(&in);
	if (memcmp(header, magic, sizeof(magic)) != 0 || !known ||
	    bytes_le64(&in) != XXH3_64bits(header, HEADER_SIZE - SUM_SIZE))
		return -EPROTO;
	*octets_out = octets;
	return 0;
}

int package_read_record(struct package_reader *reader)
{
	uint8_t head[PACKAGE_HEAD_SIZE];
	struct bytes_in in = bytes_in(head, sizeof(head));
	int error = take_all(reader, head, sizeof(head));

	if (error != 0)
		return error;
	reader->kind = bytes_le32(&in);
	reader->size = bytes_le32(&in);
	uint64_t sum = bytes_le64(&in);
	if (bytes_le64(&in) != XXH3_64bits_withSeed(head, SUMMED, reader->number) ||
	    reader->size > sizeof(reader->body))
		return -EBADMSG;
	error = take_all(reader, reader->body, reader->size);
	if (error != 0)
		return error;
	reader->holds = XXH3_64bits_withSeed(reader->body, reader->size, reader->number) == sum;
	reader->number++;
	return 0;
}
