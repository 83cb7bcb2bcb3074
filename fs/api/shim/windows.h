/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For Windows' sources: what programs of the Peer Distribution API need of it is in peerdist.h.
 */
#include <peerdist.h>
#include <stddef.h>

/* Conventions of calling, of which there is one here. */
#ifndef __cdecl
#define __cdecl
#endif
#ifndef __stdcall
#define __stdcall
#endif

/* From the OVERLAPPED of a completion to the structure that it is a part of. */
#ifndef CONTAINING_RECORD
#define CONTAINING_RECORD(address, type, field)                                                    \
	((type *)(void *)((char *)(address)-offsetof(type, field)))
#endif
#ifndef FIELD_OFFSET
#define FIELD_OFFSET(type, field) ((LONG)offsetof(type, field))
#endif
#ifndef ARRAYSIZE
#define ARRAYSIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif
