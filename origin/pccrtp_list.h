/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The lists that the headers of Peer Distribution over HTTP are made of, and those that it goes
 * along with: items between commas, over any number of lines, empty ones not counted. Nothing is
 * quoted in them. Pure.
 */
#ifndef ORIGIN_PCCRTP_LIST_H
#define ORIGIN_PCCRTP_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of a line, without white space at its ends. */
struct pccrtp_text {
	const char *at; /* NULL: not given */
	size_t length;
};
bool pccrtp_text_is(struct pccrtp_text text, const char *word); /* without case */
/* Cuts TEXT in two at the first MARK, which goes. False: there is none; HEAD_OUT is then all of it
 * and TAIL_OUT is not given. */
bool pccrtp_text_cut(struct pccrtp_text text, char mark, struct pccrtp_text *head_out,
		     struct pccrtp_text *tail_out);

struct pccrtp_list {
	const char *const *line; /* the next one */
	struct pccrtp_text rest; /* of the one before */
};
/* LINES: NULL-terminated; NULL: an empty list. */
void pccrtp_list_begin(const char *const *lines, struct pccrtp_list *list_out);
bool pccrtp_list_next(struct pccrtp_list *list, struct pccrtp_text *item_out);

/* Items "NAME=VALUE". */
struct pccrtp_parameter {
	const char *name;
	struct pccrtp_text value;
};
/* Fills in the values of the COUNT parameters that are known; others do not count. False: one of
 * the known is there twice or has no "=". */
bool pccrtp_parameters_read(const char *const *lines, struct pccrtp_parameter *parameters,
			    size_t count);

struct pccrtp_version {
	uint32_t major, minor;
};
/* Both: false when TEXT is not of the form, OUT is then untouched. */
bool pccrtp_version_read(struct pccrtp_text text, struct pccrtp_version *version_out);
bool pccrtp_length_read(struct pccrtp_text text, int64_t *length_out);

#endif
