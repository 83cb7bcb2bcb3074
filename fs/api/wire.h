/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The control file's messages (peerdist-api.md 11.5 and 11.6; the manual is peerdist_control(4)).
 * For programs that speak to it without the library, and for both of its ends. Installed as
 * <peerdist/control.h>; needs nothing but <stdint.h> and <sys/ioctl.h>.
 *
 * A message is a header, a body, and for some a tail of octets. Request and reply share its memory,
 * and the number of the ioctl says how long it is, PDC_SIZE_MAX octets at most:
 *
 *	ioctl(control, PDC_MESSAGE(opcode, size), message)
 *
 * All integers are little-endian and lie at multiples of their size. There are no pointers. What is
 * reserved is zero. On a machine with another order the program converts them itself.
 */
#ifndef PEERDIST_CONTROL_H
#define PEERDIST_CONTROL_H

#include <stdint.h>
#include <sys/ioctl.h>

#define PDC_ABI 1
#define PDC_TYPE 0xBC
#define PDC_SIZE_MAX 16383u
#define PDC_MESSAGE(opcode, size) _IOC(_IOC_READ | _IOC_WRITE, PDC_TYPE, opcode, size)

/* Octets of a frame's payload at most: the kernel cuts requests at 1 MiB and at 256 pages, header
 * and a payload's first and last page included. */
#define PDC_FRAME_MAX (1048576u - 12288u)
#define PDC_READ_MAX 1048576u /* what one operation brings at most */
#define PDC_ID_MAX 8192u      /* octets of a content identifier */
#define PDC_OPERATIONS_MAX 1024u
#define PDC_HANDLES_MAX 1024u

struct pdc_hdr {
	uint32_t status; /* in: 0; out: a Win32 code */
	uint32_t op;     /* number of the operation, the caller's choice, 1 to 2^31-1; or 0 */
	uint64_t handle; /* object, or 0; out: made by an open */
};

struct pdc_startup {
	struct pdc_hdr hdr;
	uint32_t abi, version_requested;
	/* out */
	uint32_t version_supported, abi_min, abi_max, max_ops, max_handles, max_id, max_frame,
		max_read;
};

struct pdc_status {
	struct pdc_hdr hdr;
	uint32_t status, min_ver, max_ver, reserved; /* out */
};

#define PDC_OUTPUT 1u  /* pdc_completion.flags: output waits to be fetched */
#define PDC_SERVICE 2u /* svc_* are valid */
struct pdc_completion {
	uint32_t op, status;
	uint64_t offset;
	uint32_t bytes;
	uint8_t flags, svc_status, svc_min, svc_max;
};

struct pdc_result {
	struct pdc_hdr hdr;
	struct pdc_completion completion; /* out */
};

struct pdc_tag {
	struct pdc_hdr hdr;
	uint8_t tag[16];
};

struct pdc_input {
	struct pdc_hdr hdr;
	uint64_t offset;
	uint32_t length, inline_len; /* out: inline_len, how much of it was taken */
	uint8_t data[];
};

struct pdc_read {
	struct pdc_hdr hdr;
	uint64_t offset;
	uint32_t max_bytes, timeout_ms;
};

struct pdc_info {
	struct pdc_hdr hdr;
	uint32_t info_class, out_len;
	uint8_t data[16]; /* out */
};

struct pdc_id {
	struct pdc_hdr hdr;
	uint32_t id_len, reserved;
	uint8_t id[];
};

#define PDC_PUBLISH_KEEP 1u /* pdc_publish.flags: keep the data too and serve it to peers */
struct pdc_publish {
	struct pdc_hdr hdr;
	uint64_t length;
	uint32_t opt_version, opt_flags, id_len, flags;
	uint8_t id[];
};

struct pdc_open_ci {
	struct pdc_hdr hdr;
	uint64_t offset, length;
	uint32_t ci_min, ci_max, id_len, reserved;
	uint8_t id[];
};

struct pdc_reap {
	struct pdc_hdr hdr;
	uint32_t count, more; /* out */
	struct pdc_completion completions[];
};

struct pdc_xfer {
	struct pdc_hdr hdr;
	uint32_t pos, length;
	uint8_t data[];
};

/* Before the payload of a pwrite() at offset 0. */
struct pdc_frame {
	uint32_t op, pos, length, reserved;
};

/* The offset of a pread() that fetches the output of OP from POS on. */
#define PDC_OUTPUT_AT(op, pos) ((uint64_t)(op) << 32 | (pos))

#endif
