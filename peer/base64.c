/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/base64.h"

#include <errno.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define PADDING '='
#define GROUP 4u /* characters, for up to three octets */

void base64_write(const void *data, size_t size, struct bytes_out *out)
{
	struct bytes_in in = bytes_in(data, size);

	while (in.left > 0) {
		size_t count = in.left < 3 ? in.left : 3;
		uint32_t bits = (uint32_t)(bytes_big(&in, count) << 8 * (3 - count));

		for (size_t i = 0; i < GROUP; i++)
			bytes_put_u8(out, i <= count ? (uint8_t)alphabet[bits >> (18 - 6 * i) & 63]
						     : PADDING);
	}
}

static bool is_space(char character)
{
	return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

/* The six bits of a character, or -1. */
static int six_bits(char character)
{
	if (character >= 'A' && character <= 'Z')
		return character - 'A';
	if (character >= 'a' && character <= 'z')
		return character - 'a' + 26;
	if (character >= '0' && character <= '9')
		return character - '0' + 52;
	if (character == '+')
		return 62;
	return character == '/' ? 63 : -1;
}

/* Octets of a whole group whose last PADDED characters were padding. */
static int put_group(uint32_t bits, unsigned padded, struct bytes_out *out)
{
	if (padded > 2 || (bits & ((1u << 8 * padded) - 1)) != 0)
		return -EBADMSG;
	bytes_put_big(out, bits >> 8 * padded, 3 - padded);
	return out->failed ? -ENOBUFS : 0;
}

int base64_read(const char *text, size_t length, uint8_t *data, size_t room, size_t *size_out)
{
	struct bytes_out out = bytes_out(data, room);
	uint32_t bits = 0;
	unsigned filled = 0, padded = 0;

	for (size_t i = 0; i < length; i++) {
		int value = six_bits(text[i]), error;

		if (is_space(text[i]))
			continue;
		if ((value < 0 && text[i] != PADDING) || (value >= 0 && padded > 0))
			return -EBADMSG;
		padded += value < 0;
		bits = bits << 6 | (uint32_t)(value < 0 ? 0 : value);
		if (++filled < GROUP)
			continue;
		error = put_group(bits, padded, &out);
		if (error != 0)
			return error;
		bits = 0;
		filled = 0;
	}
	if (filled > 0)
		return -EBADMSG;
	*size_out = room - out.left;
	return 0;
}
