/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For Windows' sources: what programs of the Peer Distribution API need of it is in peerdist.h.
 */
#include <peerdist.h>

/* Conventions of calling, of which there is one here. */
#ifndef __cdecl
#define __cdecl
#endif
#ifndef __stdcall
#define __stdcall
#endif
