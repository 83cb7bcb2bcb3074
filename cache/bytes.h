/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Bounded cursors for codecs. The first step beyond the end fails the cursor, and that sticks:
 * from then on reading gives zeros and nothing is written, so a codec reads like the table in its
 * specification and asks once, at the end, whether all went well. Nothing is allocated.
 */
#ifndef CACHE_BYTES_H
#define CACHE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes_in {
	const uint8_t *at;
	size_t left;
	bool failed;
};

struct bytes_out {
	uint8_t *at;
	size_t left;
	bool failed;
};

static inline struct bytes_in bytes_in(const void *data, size_t size)
{
	return (struct bytes_in){.at = data, .left = size};
}

static inline struct bytes_out bytes_out(void *data, size_t size)
{
	return (struct bytes_out){.at = data, .left = size};
}

/* SIZE octets in place, or NULL. */
static inline const uint8_t *bytes_take(struct bytes_in *in, size_t size)
{
	const uint8_t *taken = in->at;

	if (in->failed || size > in->left) {
		in->failed = true;
		return NULL;
	}
	if (size == 0) /* moves nothing, and adding to a NULL start is not allowed */
		return taken;
	in->at += size;
	in->left -= size;
	return taken;
}

/* Zeros on failure. */
static inline void bytes_copy(struct bytes_in *in, void *data, size_t size)
{
	const uint8_t *taken = bytes_take(in, size);

	if (size == 0)
		return;
	if (taken == NULL)
		memset(data, 0, size);
	else
		memcpy(data, taken, size);
}

/* All was there, and nothing is left. */
static inline bool bytes_complete(const struct bytes_in *in)
{
	return !in->failed && in->left == 0;
}

static inline uint64_t bytes_big(struct bytes_in *in, size_t size)
{
	const uint8_t *taken = bytes_take(in, size);
	uint64_t value = 0;

	for (size_t i = 0; taken != NULL && i < size; i++)
		value = value << 8 | taken[i];
	return value;
}

static inline uint64_t bytes_little(struct bytes_in *in, size_t size)
{
	const uint8_t *taken = bytes_take(in, size);
	uint64_t value = 0;

	for (size_t i = size; taken != NULL && i > 0; i--)
		value = value << 8 | taken[i - 1];
	return value;
}

static inline uint8_t bytes_u8(struct bytes_in *in)
{
	return (uint8_t)bytes_big(in, 1);
}

static inline uint16_t bytes_be16(struct bytes_in *in)
{
	return (uint16_t)bytes_big(in, 2);
}

static inline uint32_t bytes_be32(struct bytes_in *in)
{
	return (uint32_t)bytes_big(in, 4);
}

static inline uint64_t bytes_be64(struct bytes_in *in)
{
	return bytes_big(in, 8);
}

static inline uint16_t bytes_le16(struct bytes_in *in)
{
	return (uint16_t)bytes_little(in, 2);
}

static inline uint32_t bytes_le32(struct bytes_in *in)
{
	return (uint32_t)bytes_little(in, 4);
}

static inline uint64_t bytes_le64(struct bytes_in *in)
{
	return bytes_little(in, 8);
}

/* Room for SIZE octets, which the caller fills, or NULL. */
static inline uint8_t *bytes_room(struct bytes_out *out, size_t size)
{
	uint8_t *room = out->at;

	if (out->failed || size > out->left) {
		out->failed = true;
		return NULL;
	}
	if (size == 0)
		return room;
	out->at += size;
	out->left -= size;
	return room;
}

static inline void bytes_put(struct bytes_out *out, const void *data, size_t size)
{
	uint8_t *room = bytes_room(out, size);

	if (room != NULL && size > 0)
		memcpy(room, data, size);
}

static inline void bytes_put_big(struct bytes_out *out, uint64_t value, size_t size)
{
	uint8_t *room = bytes_room(out, size);

	for (size_t i = size; room != NULL && i > 0; i--, value >>= 8)
		room[i - 1] = (uint8_t)value;
}

static inline void bytes_put_little(struct bytes_out *out, uint64_t value, size_t size)
{
	uint8_t *room = bytes_room(out, size);

	for (size_t i = 0; room != NULL && i < size; i++, value >>= 8)
		room[i] = (uint8_t)value;
}

static inline void bytes_put_u8(struct bytes_out *out, uint8_t value)
{
	bytes_put_big(out, value, 1);
}

static inline void bytes_put_be16(struct bytes_out *out, uint16_t value)
{
	bytes_put_big(out, value, 2);
}

static inline void bytes_put_be32(struct bytes_out *out, uint32_t value)
{
	bytes_put_big(out, value, 4);
}

static inline void bytes_put_be64(struct bytes_out *out, uint64_t value)
{
	bytes_put_big(out, value, 8);
}

static inline void bytes_put_le16(struct bytes_out *out, uint16_t value)
{
	bytes_put_little(out, value, 2);
}

static inline void bytes_put_le32(struct bytes_out *out, uint32_t value)
{
	bytes_put_little(out, value, 4);
}

static inline void bytes_put_le64(struct bytes_out *out, uint64_t value)
{
	bytes_put_little(out, value, 8);
}

#endif
