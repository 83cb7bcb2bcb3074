/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For Windows' sources: the codes, which are in peerdist.h.
 */
#include <peerdist.h>
