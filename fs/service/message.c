/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/service/message.h"

#include <errno.h>
#include <string.h>

/* By layout of the list: the size of the struct, and whether a tail follows. */
enum {
#define LAYOUT(layout, has_tail)                                                                   \
	SIZE_##layout = sizeof(struct pdc_##layout), TAIL_##layout = (has_tail)
	LAYOUT(hdr, 0),
	LAYOUT(startup, 0),
	LAYOUT(status, 0),
	LAYOUT(result, 0),
	LAYOUT(tag, 0),
	LAYOUT(input, 1),
	LAYOUT(read, 0),
	LAYOUT(info, 0),
	LAYOUT(id, 1),
	LAYOUT(publish, 1),
	LAYOUT(open_ci, 1),
	LAYOUT(reap, 1),
	LAYOUT(xfer, 1),
#undef LAYOUT
};

struct form {
	uint8_t size; /* 0: no such opcode */
	bool tail;
	enum operation_handle handle;
	unsigned rules;
	const struct request_call *call;
};

static const struct form forms[] = {
#define X(opcode, name, function, layout, handle, rules)                                           \
	[opcode] = {SIZE_##layout, TAIL_##layout, handle, rules, &call_##name},
	OPERATIONS(X) OPERATIONS_TRANSPORT(X)
#undef X
};
#define FORMS (sizeof forms / sizeof *forms)

/* What the struct of OPCODE says of its tail of TAIL octets, and has reserved. */
static int check_inside(enum operation_opcode opcode, const void *message, size_t tail)
{
	const struct pdc_hdr *header = message;
	const struct pdc_status *status = message;
	const struct pdc_input *input = message;
	const struct pdc_id *id = message;
	const struct pdc_publish *publish = message;
	const struct pdc_open_ci *open = message;
	const struct pdc_xfer *transfer = message;
	bool fits = true;

	switch ((int)opcode) {
	case OPERATION_get_status:
	case OPERATION_get_status_ex:
		fits = status->reserved == 0;
		break;
	case OPERATION_add_information:
	case OPERATION_add_data:
	case OPERATION_add_to_stream:
		fits = input->inline_len <= tail && input->inline_len <= input->length;
		break;
	case OPERATION_unpublish:
	case OPERATION_server_cancel:
		fits = id->id_len <= tail && id->reserved == 0;
		break;
	case OPERATION_publish_stream:
		fits = publish->id_len <= tail && (publish->flags & ~PDC_PUBLISH_KEEP) == 0;
		break;
	case OPERATION_open_information:
	case OPERATION_open_information_ex:
		fits = open->id_len <= tail && open->reserved == 0;
		break;
	case OPERATION_push:
		fits = transfer->length <= tail;
		break;
	}
	return fits && header->status == 0 ? 0 : -EINVAL;
}

static bool is_zero(const uint8_t *octets, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (octets[i] != 0)
			return false;
	return true;
}

int message_decode(uint32_t command, const void *message, size_t size, struct message *message_out)
{
	unsigned opcode = _IOC_NR(command);

	if (_IOC_TYPE(command) != PDC_TYPE || _IOC_DIR(command) != (_IOC_READ | _IOC_WRITE) ||
	    opcode >= FORMS || forms[opcode].size == 0)
		return -ENOTTY;
	const struct form *form = &forms[opcode];
	if (size != _IOC_SIZE(command) || size < form->size)
		return -EINVAL;
	size_t tail = size - form->size;
	int error = check_inside((enum operation_opcode)opcode, message, tail);
	if (error != 0)
		return error;
	if (!form->tail && !is_zero((const uint8_t *)message + form->size, tail))
		return -E2BIG;
	message_out->opcode = (enum operation_opcode)opcode;
	message_out->handle = form->handle;
	message_out->rules = form->rules;
	message_out->call = form->call;
	message_out->tail = tail;
	return 0;
}
